"""A feed that reads a table of a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from assay.contract.errors import ContractError
from assay.contract.feed import FeedDeclaration, batches_of, changes_of
from assay.contract.names import quoted

Mode = Literal["whole", "watermark", "changes"]


@dataclass(frozen=True, kw_only=True)
class TableFeed(FeedDeclaration):
    """A table of a database, whole, by watermark or by the log of its changes.

    Attributes:
        url: Where the server is, with secrets as references.
        table: The parts of the table's name, as the server has them.
        mode: `whole`: each fetch is a snapshot; `watermark`: rows whose cursor grew; `changes`: what the log says.
        cursor: The column that grows with each change; empty for a whole table.
        is_utc: Whether a cursor without a time zone is UTC.
        margin: Seconds by which clocks of writers may be behind.
        compare_seconds: After which keys are compared again; 0 for never.
        slot: Of changes: what the server keeps the log for.
        publication: Of changes: what the server publishes the table's changes as.
        has_history: Of changes: whether silver keeps each version of a row.
        key: Of changes: the columns that the contract tells rows apart by.
    """

    url: str
    table: tuple[str, ...]
    mode: Mode
    cursor: str = ""
    is_utc: bool = False
    margin: float = 1.0
    compare_seconds: float = 0.0
    slot: str = ""
    publication: str = ""
    has_history: bool = False
    key: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The url as the yml has it."""
        return self.url

    @property
    def what(self) -> str:
        """The table, and by what its changes are seen."""
        return f"{'.'.join(self.table)}, {self.mode}{f' by {self.cursor}' if self.cursor else ''}"

    @property
    def table_sql(self) -> str:
        """The table's name in SQL."""
        return ".".join(map(quoted, self.table))

    def keyed(self, key: Sequence[str]) -> TableFeed:
        """See `FeedDeclaration`."""
        return replace(self, key=tuple(key)) if self.mode == "changes" else self

    def completed(self, block: Any) -> dict[str, Any]:
        """See `FeedDeclaration`."""
        from assay.contract.yml_feed import FedContractYml  # noqa: PLC0415 - see assay.contract.yml

        FedContractYml.read(block, "contract")
        if self.mode == "watermark" and block.get("key"):
            raise ContractError(
                "key: none: a watermark reads rows again, which only a primary_key tells from other rows"
            )
        if self.mode == "changes" and block.get("key"):
            raise ContractError("key: none: a change says by the primary_key which row it is of; declare one")
        if self.mode != "whole" and "max_loss" in block:
            raise ContractError(
                f"max_loss: no file of `mode: {self.mode}` replaces another; it goes with `mode: whole`"
            )
        if self.mode == "changes":
            return {**block, **changes_of(self.source, has_history=self.has_history)}
        load = "snapshot" if self.mode == "whole" else "events"
        return {**block, **batches_of(self.source, ".parquet"), "format": {"type": "parquet"}, "load": load}
