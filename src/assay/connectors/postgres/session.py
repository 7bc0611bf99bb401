"""A session of PostgreSQL as feeds need it: read only, in UTC, exact texts, TLS, and errors without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.credentials import resolved, scrubbed
from assay.feeds.errors import FeedError, Permanent, Transient
from assay.feeds.hosts import are_here

if TYPE_CHECKING:
    import psycopg

_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "row_security": "off",  # rows that a policy would hide are an error
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "default_transaction_read_only": "on",
}
_USUAL = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "client_encoding": "UTF8",
    "application_name": "assay feed",
}
_MOST_WAIT = 300
"""Seconds for which a transaction of others may hold up the beginning of a slot."""
_NOW = ("08", "53", "55", "57", "58", "40", "25P03")
"""Beginnings of states of errors that pass: connection, resources, locks, shutdown, input and output, conflicts."""
_REFUSALS = (
    *("authentication failed", "pg_hba.conf", "does not exist", "no password", "certificate", "does not support SSL"),
    "invalid",
)
"""What libpq says of connections that will not be had by trying again; it gives no state."""


@dataclass(frozen=True)
class Session:
    """A connection, and what its errors are told with.

    Attributes:
        connection: In no transaction.
        feed: The feed that it is of.
        where: Host, port and database.
        secrets: What no message may hold.
    """

    connection: psycopg.Connection
    feed: TableFeed
    where: str
    secrets: tuple[str, ...]

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Raise errors of the driver within the block as those of a feed.

        Whoever reads rows outside of the block of `session`, as they come, has to ask for it.
        """
        with _telling(self.feed, self.where, self.secrets):
            yield


@contextmanager
def session(feed: TableFeed) -> Iterator[Session]:
    """A connection to the server of a feed.

    Raises:
        Permanent: Something has to be done first; says what. So it is when psycopg is not installed.
        Transient: The server cannot be reached, or went away within the block.
    """
    try:
        import psycopg  # noqa: PLC0415 - an extra, and only here
    except ImportError:
        raise Permanent(
            f"feed {feed.source}: PostgreSQL needs psycopg; install it: pip install 'assay-lakehouse[postgres]'"
        ) from None
    conninfo, secrets = _conninfo(feed)
    where = f"{conninfo.get('host') or 'the local socket'}:{conninfo.get('port') or 5432}/{conninfo.get('dbname', '')}"
    with _telling(feed, where, secrets), psycopg.connect(**conninfo, autocommit=True) as connection:
        connection.execute(
            "select " + ", ".join(["set_config(%s, %s, false)"] * len(_SETTINGS)),
            [text for setting in _SETTINGS.items() for text in setting],
        )
        yield Session(connection, feed, where, secrets)


@contextmanager
def replication(opened: Session) -> Iterator[psycopg.Connection]:
    """A second connection of a session, which takes commands of replication instead of queries with values.

    Raises:
        Permanent: The server does not let it be made; says why.
        Transient: The server cannot be reached, or a transaction that stays open is in its way.
    """
    import psycopg  # noqa: PLC0415 - as above

    conninfo, _ = _conninfo(opened.feed)
    options = f"{conninfo.pop('options', None) or ''} -c lock_timeout={_MOST_WAIT}s"
    with (
        opened.telling(),
        psycopg.connect(**conninfo, options=options, replication="database", autocommit=True) as connection,
    ):
        yield connection


@contextmanager
def _telling(feed: TableFeed, where: str, secrets: tuple[str, ...]) -> Iterator[None]:
    from psycopg import Error  # noqa: PLC0415 - as above

    try:
        yield
    except Error as error:
        raise _told(error, feed, where, secrets) from None


def _conninfo(feed: TableFeed) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The parameters of a connection, and the secrets among them."""
    from psycopg import ProgrammingError  # noqa: PLC0415 - as above
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - as above

    url, secrets = resolved(feed.url, f"feed {feed.source}: url")
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        raise Permanent(
            f"feed {feed.source}: url {feed.url} is not an address such as postgresql://reader:${{env:PASSWORD}}@host/shop"
        ) from None
    secrets = (*secrets, *(str(given[name]) for name in ("password", "sslpassword") if given.get(name)))
    usual = _USUAL if are_here(str(given.get("host") or "")) else {"sslmode": "require", **_USUAL}
    return {**usual, **given}, secrets


def _told(error: psycopg.Error, feed: TableFeed, where: str, secrets: tuple[str, ...]) -> FeedError:
    """An error of the driver as one of a feed, without secrets."""
    from psycopg import InterfaceError, OperationalError  # noqa: PLC0415 - as above

    state = error.sqlstate or ""
    words = scrubbed(str(error.diag.message_primary or error), secrets)
    message = f"feed {feed.source}: {scrubbed(where, secrets)}: {words}"
    if state:
        passes = state.startswith(_NOW)
    else:
        passes = isinstance(error, OperationalError | InterfaceError) and not any(text in words for text in _REFUSALS)
    if passes:
        return Transient(message)
    return Permanent(f"{message}; expected to read {'.'.join(feed.table)} there: {_advice(state, words, feed)}")


def _advice(state: str, words: str, feed: TableFeed) -> str:
    if state == "42501":
        return f"grant the role of the url `select` on {'.'.join(feed.table)} (docs/feeds.md has all that it needs)"
    if "SSL" in words:
        return "let the server speak TLS, or write ?sslmode=disable where the way to it is safe"
    if not state:
        return "correct the url, its user or password, or the server's pg_hba.conf"
    return f"see `assay feed test {feed.source}`"
