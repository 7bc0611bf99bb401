"""A feed that reads a table of any database that SQLAlchemy knows."""

from __future__ import annotations

from dataclasses import dataclass

from assay.contract.feed_kinds.table import TableFeed


@dataclass(frozen=True, kw_only=True)
class DatabaseTable(TableFeed):
    """A table of a database, by an url of SQLAlchemy.

    Attributes:
        longest_transaction: Seconds that no transaction of a writer lasts longer than; None where nobody said so.
    """

    longest_transaction: float | None = None
