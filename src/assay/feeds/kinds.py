"""What reads each kind of feed; a kind brings its driver when it is asked for."""

from __future__ import annotations

from assay.base.settings import Settings
from assay.contract.feed import FeedDeclaration
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.frame import Fetcher, Fetching
from assay.feeds.sample import Sample


def fetcher_of(settings: Settings, declaration: FeedDeclaration) -> Fetching:
    """What lands the files of a declared feed.

    Raises:
        Permanent: Nothing fetches it.
    """
    match declaration:
        case TableFeed():
            from assay.feeds.postgres import PostgresFeed  # noqa: PLC0415 - see above

            return Fetcher(settings, declaration, PostgresFeed(declaration))
    raise NotImplementedError(declaration.kind)


def sample_of(declaration: FeedDeclaration, count: int) -> Sample:
    """What a declared feed would read: its columns and the first of its records; nothing is written.

    Raises:
        FeedError: It cannot be read.
    """
    match declaration:
        case TableFeed():
            from assay.feeds.postgres import PostgresFeed  # noqa: PLC0415 - see above

            return PostgresFeed(declaration).sample(count)
    raise NotImplementedError(declaration.kind)
