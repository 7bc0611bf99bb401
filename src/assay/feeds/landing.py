"""Batches as files: written aside, fsynced, and linked into place only where the name is free. Nothing is overwritten.

Belongs here: files and their witnesses. Keep out: what is in them, and what their ranges mean (`position.py`).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from assay.base.atomic_write import ASIDE_PREFIX, ASIDE_SUFFIX, CHUNK, sync
from assay.contract.feed import FOLDER
from assay.feeds.errors import Permanent
from assay.feeds.folded import Folds
from assay.feeds.journal import Landed
from assay.feeds.names import BatchName
from assay.ledger.folds import FOLDED, LOCK


class BatchStore:
    """The folder of a feed in the landing zone.

    Args:
        landing: The landing zone.
        feed: The feed's name.
        settle_seconds: How old a file is made, so that a run takes it at once.
    """

    def __init__(self, landing: Path, feed: str, settle_seconds: float) -> None:
        self._landing = landing
        self._feed = feed
        self._folder = landing / FOLDER / feed
        self._age = settle_seconds

    def names(self, folded: Folds | None = None) -> dict[str, BatchName]:
        """The batches whose files are there, by path below the landing zone, but for those that are in a fold as well.

        Args:
            folded: The folds; None to look.

        Raises:
            UnreadableName: A file has another name.
            Permanent: A fold is damaged.
        """
        there = self.loose()
        folded = folded or Folds.of(self._landing, self._feed)  # after the files: each is in one of the two
        return {path: name for path, name in there.items() if not folded.hold(path)}

    def loose(self) -> dict[str, BatchName]:
        """The batches whose files are there, by path below the landing zone.

        Raises:
            UnreadableName: A file has another name.
        """
        paths = sorted(path.relative_to(self._landing).as_posix() for path in files_below(self._folder))
        return {path: BatchName.parse(path) for path in paths}

    def clean(self) -> None:
        """Remove what a writer that died left aside, and folders that are empty; for who holds the feed's lock."""
        for path in self._folder.glob(f"{ASIDE_PREFIX}*{ASIDE_SUFFIX}"):
            path.unlink(missing_ok=True)
        for folder in sorted((path for path in self._folder.rglob("*") if path.is_dir()), reverse=True):
            with suppress(OSError):
                folder.rmdir()

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """A path to write a batch to, which is gone after the block."""
        made = [folder for folder in (self._folder, *self._folder.parents) if not folder.exists()]
        self._folder.mkdir(parents=True, exist_ok=True)
        for folder in made:
            sync(folder.parent)
        path = self._folder / f"{ASIDE_PREFIX}{secrets.token_hex(8)}{ASIDE_SUFFIX}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def land(self, aside: Path, name: BatchName) -> Landed:
        """Make a file that was written aside a batch, durable when this returns.

        Raises:
            Permanent: There is a batch of the same range already.
            OSError: The disk is full or failed; nothing is there then.
        """
        target = self._landing / name.path
        make_durable(aside, target, self._age)
        if others := [path for path in target.parent.iterdir() if path.name != target.name]:
            raise Permanent(f"feed {name.feed}: {others[0]} holds the same range as what was read now; nothing landed")
        (self._folder / LOCK).touch()  # before there is a file that somebody may read, see `ledger/folded_files.py`
        landed = Landed(name.path, digest(aside), aside.stat().st_size, aside.stat().st_mtime_ns)
        try:
            os.link(aside, target)
        except FileExistsError:
            raise Permanent(f"feed {name.feed}: {target} is there already and is not overwritten") from None
        sync(target.parent)
        return landed

    def landed(self, path: str) -> Landed:
        """What is at the path of a batch now."""
        file = self._landing / path
        stat = file.stat()
        return Landed(path, digest(file), stat.st_size, stat.st_mtime_ns)

    def is_same(self, path: str, size_bytes: int, mtime_ns: int, sha256: str) -> bool:
        """Whether a batch still holds the bytes that it had; they are read only where its size or time differs."""
        stat = (self._landing / path).stat()
        if stat.st_size != size_bytes:
            return False
        return stat.st_mtime_ns == mtime_ns or digest(self._landing / path) == sha256


def files_below(folder: Path) -> Iterator[Path]:
    """Files of a feed, but for what is aside and folds; folders that go away meanwhile have none."""

    def tell(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for at, folders, names in os.walk(folder, onerror=tell):
        if at == str(folder):
            folders[:] = [name for name in folders if name != FOLDED]
        yield from (Path(at) / name for name in names if not name.startswith(ASIDE_PREFIX))


def make_durable(aside: Path, target: Path, age_seconds: float) -> None:
    """Make a file that was written aside survive a power cut, and the folders in which it is to be.

    Args:
        aside: The file.
        target: Where it is to be.
        age_seconds: How old it is made, so that a run takes it at once.
    """
    settled = time.time() - age_seconds
    os.utime(aside, (settled, settled))
    sync(aside)
    missing = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync(folder.parent)


def digest(path: Path) -> str:
    """The sha256 of a file, in hex."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            total.update(piece)
    return total.hexdigest()
