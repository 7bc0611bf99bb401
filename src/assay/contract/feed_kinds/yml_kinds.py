"""All kinds of feeds that a yml may declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.contract.errors import ContractError
from assay.contract.feed_kinds.yml_bucket import BucketFeedYml
from assay.contract.feed_kinds.yml_database import DatabaseFeedYml
from assay.contract.feed_kinds.yml_postgres import PostgresFeedYml
from assay.contract.feed_kinds.yml_rest import RestFeedYml
from assay.contract.feed_kinds.yml_sftp import SftpFeedYml
from assay.contract.feed_kinds.yml_webhook import WebhookFeedYml
from assay.contract.yml_feed import FeedYml

KINDS: Mapping[str, type[FeedYml]] = {
    model.kind: model
    for model in (
        PostgresFeedYml,
        DatabaseFeedYml,
        RestFeedYml,
        WebhookFeedYml,
        BucketFeedYml,
        SftpFeedYml,
    )
}
AnyFeedYml = PostgresFeedYml | DatabaseFeedYml | RestFeedYml | WebhookFeedYml | BucketFeedYml | SftpFeedYml
"""For the schema for editors: any of them."""


def feed_yml(block: Any) -> FeedYml:
    """The block `feed` of a bronze model.

    Raises:
        ContractError: It cannot be used.
    """
    if not isinstance(block, Mapping):
        return PostgresFeedYml.read(block, "feed")
    kind: Any = block.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        missing = "missing kind" if kind is None else f"kind: {kind!r} is not a kind of feed"
        raise ContractError(f"feed: {missing}; known are {', '.join(KINDS)}")
    return KINDS[kind].read(block, "feed")
