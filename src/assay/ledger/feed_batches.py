"""What the ledger knows of the files of a feed: which batches are loaded, wherever their files are by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.contract.names import literal
from assay.ledger.content_identity import bytes_of
from assay.ledger.folds import FOLDED, MOMENT, Span

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class LedgerBatch:
    """A landed batch as the ledger has it.

    Attributes:
        sha256: Of its bytes; None where they could not be read. Several where its file was replaced.
        size_bytes: As it was when it was seen last.
        mtime_ns: Its time, likewise.
        is_loaded: Whether its rows are stored.
        status: What became of it last.
    """

    sha256: tuple[str, ...]
    size_bytes: int
    mtime_ns: int
    is_loaded: bool
    status: str


def feed_batches(
    connection: duckdb.DuckDBPyConnection, source: str, folded: Sequence[Span] = ()
) -> Mapping[str, LedgerBatch]:
    """Every path of a source that was ever seen, but for those that are folded: these are loaded.

    Args:
        connection: To what is published.
        source: The source that the feed fetches.
        folded: What its folds hold.
    """
    name = literal(source)  # a parameter would make DuckDB import pandas and Arrow, 85 MB in the process of each feed
    rows = connection.execute(
        "select path, list(distinct content_hash order by content_hash) filter (where content_hash is not null), "
        "arg_max(size_bytes, sighting_id), arg_max(mtime_ns, sighting_id), "
        f"coalesce(bool_or(file_id in (select file_id from ops.files where source = {name} and status = 'loaded')), "
        "false), "
        f"arg_max(status, sighting_id) from ops.files where source = {name} and {_is_not(folded)} group by path"
    ).fetchall()
    return {
        path: LedgerBatch(tuple(map(bytes_of, hashes or ())), int(size or 0), int(mtime or 0), bool(loaded), status)
        for path, hashes, size, mtime, loaded, status in rows
    }


def _is_not(folded: Sequence[Span]) -> str:
    """SQL of the condition that a path is neither that of a fold nor in one."""
    moments: dict[str, list[str]] = {}
    for span in folded:
        first, last = map(literal, span.moments)
        moments.setdefault(span.folder, []).append(
            f"left(split_part(path, '/', -1), {MOMENT}) between {first} and {last}"
        )
    spans = (f"starts_with(path, {literal(f'{of}/')}) and ({' or '.join(these)})" for of, these in moments.items())
    return " and ".join([f"not contains(path, '/{FOLDED}/')", *(f"not ({span})" for span in spans)])
