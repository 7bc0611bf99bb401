"""What is in a batch, and how it is written to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from assay.base.read_ahead import one_ahead
from assay.feeds.errors import Restart

if TYPE_CHECKING:
    import pyarrow as pa

_PARQUET: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}
"""How batches are written; a reader verifies each page."""


class Content(Protocol):
    """The records of a batch."""

    @property
    def suffix(self) -> str:
        """With which the name of the file ends; one of `names.SUFFIXES`."""
        ...

    def write(self, path: Path) -> int:
        """Write them to a file that is not there yet; gives their number."""
        ...


@dataclass(frozen=True)
class Rows:
    """Rows with types, as Parquet.

    Attributes:
        tables: Gives the rows from the first one on, a piece at a time, all of one schema; may raise `Restart`, and is
            called again then.
    """

    tables: Callable[[], Iterator[pa.Table]]
    suffix: str = ".parquet"

    def write(self, path: Path) -> int:
        """See `Content`; from the beginning again when the columns change."""
        while True:
            try:
                return self._written(path)
            except Restart:
                path.unlink(missing_ok=True)

    def _written(self, path: Path) -> int:
        import pyarrow.parquet as pq  # noqa: PLC0415 - 30 MB, when there is something to write

        writer: pq.ParquetWriter | None = None

        def add(table: pa.Table) -> int:
            nonlocal writer
            writer = writer or pq.ParquetWriter(target, table.schema, **_PARQUET)
            writer.write_table(table)
            return int(table.num_rows)

        with path.open("xb") as target:
            try:
                return sum(one_ahead(add, self.tables()))
            finally:
                if writer is not None:
                    writer.close()


@dataclass(frozen=True)
class Lines:
    """Records as the source has them: one JSON object a line, without a line end of its own.

    Attributes:
        lines: UTF-8, each without line ends.
    """

    lines: Iterable[bytes]
    suffix: str = ".jsonl"

    def write(self, path: Path) -> int:
        """See `Content`."""
        records = 0
        with path.open("xb") as target:
            for line in self.lines:
                target.write(line + b"\n")
                records += 1
        return records
