"""A published DuckDB file: numbered, written aside, and shown by a symbolic link that is switched to it in one step."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from assay.base.atomic_write import sync
from assay.contract.names import literal

KEPT = 3
"""Files of a kind that stay in any case, for those who have them open."""
BLOCK_SIZE = 16_384
"""Bytes; DuckDB's smallest, because each column of each small table takes a block, and the default has 256 KB."""
READ_ONLY = 0o444  # a reader that opened it for writing would shut the others out, and what it wrote would be copied on


class aside:  # noqa: N801 - used as a function
    """A new file of a kind, switched in when the block succeeds and removed when it fails.

    Args:
        folder: `published/`.
        kind: As `lake`.
        number: Of the file; the next one by default.
        keep: How many files of the kind stay; None when the caller sees to that.
    """

    def __init__(self, folder: Path, kind: str, number: int | None = None, keep: int | None = KEPT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._kind = kind
        self._number = next_number(folder, kind) if number is None else number
        self._keep = keep
        self._path = folder / f".{kind}_{self._number}.duckdb"

    def __enter__(self) -> tuple[Path, str]:
        self._remove()
        return self._path, f"published_{self._kind}"

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._remove()
            return
        self._path.chmod(READ_ONLY)
        sync(self._path)
        final = self._folder / f"{self._kind}_{self._number}.duckdb"
        self._path.replace(final)
        switch_link(self._folder / f"{self._kind}.duckdb", final.name)
        if self._keep is not None:
            for _number, old in numbered_files(self._folder, self._kind)[: -self._keep]:
                old.unlink(missing_ok=True)

    def _remove(self) -> None:
        for path in (self._path, self._path.with_name(self._path.name + ".wal")):
            path.unlink(missing_ok=True)


def attach_new(connection: duckdb.DuckDBPyConnection, path: Path, alias: str) -> None:
    """Attach a file that is written aside; it is made where there is none.

    Raises:
        duckdb.InvalidInputException: What is there has blocks of another size.
    """
    connection.execute(f"attach {literal(str(path))} as {alias} (block_size {BLOCK_SIZE})")


def switch_link(link: Path, target: str) -> None:
    """Let a symbolic link name something else, in one step."""
    new = link.with_name(f".{link.name.removesuffix('.duckdb')}.link")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)
    sync(link.parent)


def next_number(folder: Path, kind: str) -> int:
    """A number that no file of a kind has."""
    return max((number for number, _ in numbered_files(folder, kind)), default=0) + 1


def numbered_files(folder: Path, kind: str) -> list[tuple[int, Path]]:
    """The files of a kind with their numbers, the oldest first."""
    matches = ((re.fullmatch(rf"{kind}_(\d+)\.duckdb", path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in matches if match)
