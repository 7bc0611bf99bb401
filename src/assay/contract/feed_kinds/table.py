"""A feed that reads a table of a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from assay.contract.errors import ContractError
from assay.contract.feed import FeedDeclaration, batches_of

Mode = Literal["whole", "watermark"]


@dataclass(frozen=True, kw_only=True)
class TableFeed(FeedDeclaration):
    """A table of a database, whole or by watermark.

    Attributes:
        url: Where the server is, with secrets as references.
        table: The parts of the table's name, as the server has them.
        mode: `whole`: each fetch is a snapshot; `watermark`: rows whose cursor grew.
        cursor: The column that grows with each change; empty for a whole table.
        is_utc: Whether a cursor without a time zone is UTC.
        margin: Seconds by which clocks of writers may be behind.
    """

    url: str
    table: tuple[str, ...]
    mode: Mode
    cursor: str = ""
    is_utc: bool = False
    margin: float = 1.0

    @property
    def where(self) -> str:
        """The url as the yml has it."""
        return self.url

    @property
    def what(self) -> str:
        """The table, and by what its changes are seen."""
        return f"{'.'.join(self.table)}, {self.mode}{f' by {self.cursor}' if self.cursor else ''}"

    def completed(self, block: Any) -> dict[str, Any]:
        """See `FeedDeclaration`."""
        from assay.contract.yml_feed import FedContractYml  # noqa: PLC0415 - see assay.contract.yml

        FedContractYml.read(block, "contract")
        if self.mode == "watermark" and block.get("key"):
            raise ContractError(
                "key: none: a watermark reads rows again, which only a primary_key tells from other rows"
            )
        if self.mode == "watermark" and "max_loss" in block:
            raise ContractError("max_loss: no file of a watermark replaces another; it goes with `mode: whole`")
        load = "snapshot" if self.mode == "whole" else "events"
        return {**block, **batches_of(self.source, ".parquet"), "format": {"type": "parquet"}, "load": load}
