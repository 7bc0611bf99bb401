"""A session of a database by an url of SQLAlchemy: its driver, TLS, and errors without secrets."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.contract.feed_kinds.database import DatabaseTable
from assay.feeds.credentials import resolved, scrubbed
from assay.feeds.errors import FeedError, Permanent, Transient
from assay.feeds.hosts import are_here

if TYPE_CHECKING:
    import sqlalchemy as sa

    from assay.connectors.databases.dialect import Dialect

_PACKAGES = {
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
    "duckdb": "duckdb-engine",
    "snowflake": "snowflake-sqlalchemy",
    "bigquery": "sqlalchemy-bigquery",
    "databricks": "databricks-sqlalchemy",
    "redshift": "sqlalchemy-redshift",
    "clickhouse": "clickhouse-sqlalchemy",
    "trino": "trino[sqlalchemy]",
    "db2": "ibm_db_sa",
}
"""What is installed by another name than it is imported or written in an url."""


@dataclass(frozen=True)
class Session:
    """A connection, and what its errors are told with.

    Attributes:
        connection: In no transaction.
        dialect: How the database is asked.
        feed: The feed that it is of.
        where: Host, port and database.
        secrets: What no message may hold.
    """

    connection: sa.Connection
    dialect: Dialect
    feed: DatabaseTable
    where: str
    secrets: tuple[str, ...]

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Raise errors of the driver within the block as those of a feed; see `postgres/session.Session`."""
        with _telling(self.feed, self.where, self.secrets, self.dialect):
            yield


@contextmanager
def session(feed: DatabaseTable) -> Iterator[Session]:
    """A connection to the database of a feed.

    Raises:
        Permanent: Something has to be done first; says what. So it is when the driver is not installed.
        Transient: The database cannot be reached, or went away within the block.
    """
    try:
        from sqlalchemy.exc import SAWarning  # noqa: PLC0415 - an extra, and only here
    except ImportError:
        raise Permanent(
            f"feed {feed.source}: databases need SQLAlchemy; install it: pip install 'assay-lakehouse[databases]'"
        ) from None
    from assay.connectors.databases.dialects import dialect_of  # noqa: PLC0415 - as above

    url, secrets = _address(feed)
    dialect = dialect_of(url)
    where = _where(url)
    with _telling(feed, where, secrets, dialect), warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # types that it does not know are read as they come
        with _usable(feed, where, secrets):
            engine = dialect.engine(url, is_here=are_here(url.host or ""))
            if engine.dialect.is_async:
                raise ValueError(f"{url.drivername} is a driver for asyncio, which feeds do not use")
            connected = engine.connect()
        try:
            with connected as connection:
                dialect.prepare(connection, feed)
                yield Session(connection, dialect, feed, where, secrets)
        finally:
            engine.dispose()


def _address(feed: DatabaseTable) -> tuple[sa.URL, tuple[str, ...]]:
    """The url, and the secrets in it."""
    import sqlalchemy as sa  # noqa: PLC0415 - as above

    text, secrets = resolved(feed.url, f"feed {feed.source}: url")
    try:
        url = sa.make_url(text)
        backend = url.get_backend_name()
    except (sa.exc.ArgumentError, ValueError):
        raise Permanent(
            f"feed {feed.source}: url {feed.url} is not an address such as "
            "mysql+pymysql://reader:${env:PASSWORD}@host/shop or sqlite:////path/to/shop.db"
        ) from None
    if backend in ("postgresql", "postgres"):
        raise Permanent(
            f"feed {feed.source}: PostgreSQL has a kind of its own, which reads it faster and exactly: write "
            "`kind: postgres`"
        )
    return url, (*secrets, *([str(url.password)] if url.password else []))


def _where(url: sa.URL) -> str:
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()} {url.host or ''}{port}{'/' if url.host else ''}{url.database or ''}".strip()


@contextmanager
def _telling(feed: DatabaseTable, where: str, secrets: tuple[str, ...], dialect: Dialect) -> Iterator[None]:
    import sqlalchemy as sa  # noqa: PLC0415 - as above

    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _told(error, feed, where, secrets, dialect) from None
    except sa.exc.SQLAlchemyError as error:
        words = scrubbed(str(error), secrets)
        raise Permanent(f"feed {feed.source}: {scrubbed(where, secrets)}: {words}") from None


@contextmanager
def _usable(feed: DatabaseTable, where: str, secrets: tuple[str, ...]) -> Iterator[None]:
    """Tell what keeps a driver from connecting at all: it is not there, or does not take what the url says."""
    import sqlalchemy as sa  # noqa: PLC0415 - as above

    try:
        yield
    except sa.exc.NoSuchModuleError as error:
        name = str(error).rpartition(":")[2].partition(".")[0]
        raise Permanent(f"feed {feed.source}: {_to_install(name, name)}") from None
    except ModuleNotFoundError as error:
        raise Permanent(f"feed {feed.source}: {_to_install(str(error.name), where.partition(' ')[0])}") from None
    except (ImportError, RuntimeError, TypeError, ValueError, sa.exc.ArgumentError) as error:
        words = scrubbed(str(error), secrets)
        raise Permanent(
            f"feed {feed.source}: {scrubbed(where, secrets)}: {words}; correct the url, or install what "
            "its driver needs"
        ) from None


def _to_install(module: str, database: str) -> str:
    """What to do about a driver that is not there."""
    top = module.partition(".")[0]
    return f"{database} needs a driver that is not installed: pip install '{_PACKAGES.get(top, top)}'"


def _told(
    error: sa.exc.DBAPIError, feed: DatabaseTable, where: str, secrets: tuple[str, ...], dialect: Dialect
) -> FeedError:
    """An error of the driver as one of a feed, without secrets and without the statement."""
    arguments = getattr(error.orig, "args", ())
    words = scrubbed(" ".join(map(str, arguments)) or str(error.orig), secrets)
    message = f"feed {feed.source}: {scrubbed(where, secrets)}: {words}"
    if error.connection_invalidated or dialect.passes(error):
        return Transient(message)
    return Permanent(
        f"{message}; expected to read {'.'.join(feed.table)} there: correct the url, its user or password, or grant "
        "the right to read (docs/feeds_database.md has all that a feed needs)"
    )
