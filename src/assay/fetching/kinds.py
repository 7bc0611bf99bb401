"""What reads each kind of feed; a kind brings its driver when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.base.settings import Settings
from assay.connectors.objects.source import ObjectSource
from assay.contract.feed import FeedDeclaration
from assay.contract.feed_kinds.database import DatabaseTable
from assay.contract.feed_kinds.objects import BucketFeed, ObjectsFeed
from assay.contract.feed_kinds.rest import RestFeed
from assay.contract.feed_kinds.sftp import SftpFeed
from assay.contract.feed_kinds.table import TableFeed
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.feeds.errors import Permanent
from assay.feeds.frame import Fetcher, Fetching
from assay.feeds.places import token_file
from assay.feeds.sample import Sample
from assay.fetching.renewing import Renewing

if TYPE_CHECKING:
    from assay.connectors.rest.feed import RestReader
    from assay.fetching.deleted_keys import HasKeys


def fetcher_of(settings: Settings, declaration: FeedDeclaration) -> Fetching:
    """What lands the files of a declared feed; a secret that is refused is tried once more as it is by then.

    Raises:
        Permanent: Nothing fetches it.
    """
    return Renewing(declaration.source, lambda: _fetcher_of(settings, declaration))


def _fetcher_of(settings: Settings, declaration: FeedDeclaration) -> Fetching:
    match declaration:
        case DatabaseTable():
            from assay.connectors.databases.feed import DatabaseFeed  # noqa: PLC0415 - see above

            return Fetcher(settings, declaration, DatabaseFeed(declaration))
        case TableFeed(mode="changes"):
            from assay.connectors.postgres.changes_fetcher import ChangesFetcher  # noqa: PLC0415 - see above

            return ChangesFetcher(settings, declaration)
        case TableFeed():
            from assay.connectors.postgres.feed import PostgresFeed  # noqa: PLC0415 - see above

            return Fetcher(settings, declaration, PostgresFeed(declaration))
        case ObjectsFeed():
            from assay.connectors.objects.fetcher import ObjectsFetcher  # noqa: PLC0415 - see above

            return ObjectsFetcher(settings, declaration, _source_of(declaration))
        case RestFeed():
            return Fetcher(settings, declaration, _rest(settings, declaration))
        case WebhookFeed():
            from assay.connectors.webhook.feed import WebhookFetcher  # noqa: PLC0415 - see above

            return WebhookFetcher(settings, declaration)
    raise NotImplementedError(declaration.kind)


def keys_of(declaration: FeedDeclaration) -> HasKeys:
    """What reads the keys of a declared feed alone.

    Raises:
        Permanent: Its files say by themselves what was deleted, or nothing does.
    """
    if not isinstance(declaration, TableFeed) or declaration.mode != "watermark":
        raise Permanent(f"feed {declaration.source}: keys are compared of `mode: watermark` alone")
    if isinstance(declaration, DatabaseTable):
        from assay.connectors.databases.feed import DatabaseFeed  # noqa: PLC0415 - see above

        return DatabaseFeed(declaration)
    from assay.connectors.postgres.feed import PostgresFeed  # noqa: PLC0415 - see above

    return PostgresFeed(declaration)


def sample_of(settings: Settings, declaration: FeedDeclaration, count: int) -> Sample:
    """What a declared feed would read: its columns and the first of its records; nothing is written.

    Raises:
        FeedError: It cannot be read.
    """
    match declaration:
        case DatabaseTable():
            from assay.connectors.databases.feed import DatabaseFeed  # noqa: PLC0415 - see above

            return DatabaseFeed(declaration).sample(count)
        case TableFeed(mode="changes"):
            from assay.connectors.postgres.changes import ChangesFeed  # noqa: PLC0415 - see above

            return ChangesFeed(declaration).sample(count)
        case TableFeed():
            from assay.connectors.postgres.feed import PostgresFeed  # noqa: PLC0415 - see above

            return PostgresFeed(declaration).sample(count)
        case ObjectsFeed():
            from assay.connectors.objects.sample import sample  # noqa: PLC0415 - see above

            return sample(declaration, _source_of(declaration), count)
        case RestFeed():
            return _rest(settings, declaration).sample(count)
    raise NotImplementedError(declaration.kind)


def _rest(settings: Settings, declaration: RestFeed) -> RestReader:
    from assay.connectors.rest.feed import RestReader  # noqa: PLC0415 - see above

    return RestReader(declaration, token_file(settings, declaration.source), settings.dbt_project)


def _source_of(declaration: ObjectsFeed) -> ObjectSource:
    match declaration:
        case BucketFeed() if declaration.scheme != "s3":
            from assay.connectors.objects.blobs import BlobSource  # noqa: PLC0415 - see above

            return BlobSource(declaration)
        case BucketFeed():
            from assay.connectors.objects.s3 import S3Source  # noqa: PLC0415 - see above

            return S3Source(declaration)
        case SftpFeed():
            from assay.connectors.objects.sftp import SftpSource  # noqa: PLC0415 - see above

            return SftpSource(declaration)
    raise NotImplementedError(declaration.kind)
