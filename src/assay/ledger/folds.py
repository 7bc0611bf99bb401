"""Folds: archives that hold files of a feed which are loaded, byte for byte, so that landing has few files.

A fold is one more place for bytes that the ledger knows, and nothing is loaded twice by it: a member stands for the
file at its own path, with all that the file showed. Belongs here: what a fold is and how it is read; `feeds/folding.py`
writes them. Keep out: DuckDB and what unpacks other archives, which the process of a feed does not load.

`feeds/<feed>/_folded/<first moment>~<last moment>.<level>.zip`. The comment of a member has the sha256 of its bytes and
the hint of the file; that of the archive says without a walk through its directory which ranges it holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from assay.contract.feed import FOLDER
from assay.ledger.landing_zone import Hint

FOLDED = "_folded"
"""The folder of a feed in which its folds are; no source claims files below such a name."""
LOCK = ".folding"
"""A file in the folder of a feed: readers of its files hold it together, and who deletes folded ones holds it alone."""
MOST_COMMENT = 50_000
"""Bytes of the comment of an archive, of 65,535 that there may be."""
_END, _END_SIZE = b"PK\x05\x06", 22
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_MARK = b"PK\x03\x04"
PARTS = 6
"""Of the path of a batch: feeds, the feed, epoch, partition, range, moment."""
_FOLD_PARTS = 4
"""Of that of a fold: feeds, the feed, its folds, the archive."""
MOMENT = 26
"""Characters of the moment with which the name of a batch begins."""
_NAME = re.compile(rf"(?P<first>[0-9T.-]{{{MOMENT}}})~(?P<last>[0-9T.-]{{{MOMENT}}})\.(?P<level>\d+)\.zip")
TRIES = 5
"""Looks at folds that are folded into larger ones meanwhile."""


class DamagedFold(Exception):
    """A fold cannot be read, or a member is not what was folded; names it and says what to do."""

    def __init__(self, path: Path, why: str) -> None:
        name = "/".join(path.parts[-_FOLD_PARTS:])
        super().__init__(
            f"{name}: {why}; the fold holds files of the feed that were loaded: put it back from a copy, or move it "
            "out of landing, which is as if these files had been deleted"
        )
        self.path = path


@dataclass(frozen=True)
class Span:
    """Batches of one partition that follow each other.

    Attributes:
        first: The path of the first one below the landing zone.
        last: That of the last one.
        count: How many they are.
    """

    first: str
    last: str
    count: int

    @property
    def folder(self) -> str:
        """The folder of the partition below the landing zone."""
        return self.first.rsplit("/", 2)[0]

    @property
    def moments(self) -> tuple[str, str]:
        """When the first and the last one were read, as names say it."""
        return moment_of(self.first), moment_of(self.last)


@dataclass(frozen=True)
class Fold:
    """A fold.

    Attributes:
        path: On disk.
        size_bytes: Its size.
        spans: What it holds.
        replaces: Names of the folds whose members it has.
    """

    path: Path
    size_bytes: int
    spans: tuple[Span, ...]
    replaces: frozenset[str]

    @property
    def level(self) -> int:
        """How often what it holds was folded, less one."""
        match = _NAME.fullmatch(self.path.name)
        return int(match["level"]) if match else 0

    @property
    def count(self) -> int:
        """How many batches it holds."""
        return sum(span.count for span in self.spans)


@dataclass(frozen=True, slots=True)
class Folded:
    """A file in a fold.

    Attributes:
        name: Its path below the landing zone.
        fold: The archive.
        comment: What its entry says of it, see `member_comment`.
        offset: Where it begins in the archive.
        packed: Bytes that it takes there.
        method: How it is packed.
    """

    name: str
    fold: Path
    comment: str
    offset: int
    packed: int
    method: int

    @property
    def sha256(self) -> str:
        """Of its bytes, in hex."""
        return self.comment.partition(" ")[0]

    @property
    def hint(self) -> Hint:
        """What its path showed."""
        return Hint(*map(int, self.comment.split()[1:]))

    def content(self) -> bytes:
        """Its bytes, verified.

        Raises:
            DamagedFold: They are not those that were folded.
            FileNotFoundError: The fold is gone.
        """
        with self.fold.open("rb") as file:
            file.seek(self.offset)
            head = file.read(_LOCAL.size)
            if len(head) < _LOCAL.size or not head.startswith(_LOCAL_MARK):
                raise self._damaged("is not where the directory says")
            *_, name, extra = _LOCAL.unpack(head)
            file.seek(name + extra, os.SEEK_CUR)
            data = file.read(self.packed)
        if self.method == zipfile.ZIP_DEFLATED:
            try:
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, self.hint.size_bytes + 1)
            except zlib.error as error:
                raise self._damaged(f"cannot be unpacked ({error})") from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise self._damaged("has other bytes than the file that was folded: its sha256 differs")
        return data

    def _damaged(self, why: str) -> DamagedFold:
        return DamagedFold(self.fold, f"{self.name} {why}")


def moment_of(path: str) -> str:
    """The moment that the name of a batch says."""
    return path.rpartition("/")[2][:MOMENT]


def is_fold(path: str) -> bool:
    """Whether a path below the landing zone is that of a fold."""
    parts = path.split("/")
    return len(parts) == _FOLD_PARTS and parts[::2] == [FOLDER, FOLDED] and bool(_NAME.fullmatch(parts[-1]))


def fold_folder(landing: Path, feed: str) -> Path:
    """Where the folds of a feed are."""
    return landing / FOLDER / feed / FOLDED


def fold_name(first: str, last: str, level: int) -> str:
    """The name of a fold, by the moments of what it holds."""
    return f"{first}~{last}.{level}.zip"


def member_comment(sha256: str, hint: Hint) -> str:
    """What the entry of a member says of the file."""
    return " ".join([sha256, *map(str, astuple(hint))])


def forget_entries() -> None:
    """Give back the memory of folds that were read; for a process that seldom does."""
    _entries.cache_clear()


def fold_comment(spans: Sequence[Span], replaces: Sequence[str]) -> bytes:
    """What a fold says of itself; it may be too large for an archive."""
    return json.dumps({"spans": [astuple(span) for span in spans], "replaces": list(replaces)}).encode()


def fold_paths(landing: Path, feed: str) -> list[Path]:
    """The archives of a feed, by name; of two of which one replaces the other both."""
    try:
        names = os.listdir(fold_folder(landing, feed))  # noqa: PTH208 - names alone, and no stat
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [fold_folder(landing, feed) / name for name in sorted(names) if _NAME.fullmatch(name)]


def folds(landing: Path, feed: str) -> list[Fold]:
    """The folds of a feed, each file in one of them.

    Raises:
        DamagedFold: One cannot be read.
    """
    for _ in range(TRIES):
        try:
            every = [_fold(path, *_stamp(path)) for path in fold_paths(landing, feed)]
        except FileNotFoundError:
            continue  # it was folded into a larger one
        there = {fold.path.name for fold in every}
        replaced = {name for fold in every for name in fold.replaces} & there
        return [fold for fold in every if fold.path.name not in replaced]
    raise FileNotFoundError(fold_folder(landing, feed))


def may_hold(fold: Path, name: str) -> bool:
    """Whether a file was read between the moments of which the name of a fold says that it holds them."""
    match = _NAME.fullmatch(fold.name)
    return match is not None and match["first"] <= moment_of(name) <= match["last"]


def entries(fold: Path) -> Mapping[str, Folded]:
    """The files in a fold, by path below the landing zone.

    Raises:
        DamagedFold: It cannot be read.
        FileNotFoundError: It is gone.
    """
    return _entries(fold, *_stamp(fold))


def _stamp(path: Path) -> tuple[int, ...]:
    return astuple(Hint.of(path.stat()))


@lru_cache(maxsize=1024)
def _fold(path: Path, size: int, *_stamp: int) -> Fold:
    with path.open("rb") as file:
        file.seek(max(0, size - _END_SIZE - (1 << 16)))
        tail = file.read()
    at = tail.rfind(_END)
    is_whole = at >= 0 and at + _END_SIZE + int.from_bytes(tail[at + 20 : at + _END_SIZE], "little") == len(tail)
    try:
        if not is_whole:
            raise ValueError("the archive has no end")
        told = json.loads(tail[at + _END_SIZE :])
        spans = tuple(Span(str(first), str(last), int(count)) for first, last, count in told["spans"])
        return Fold(path, size, spans, frozenset(map(str, told["replaces"])))
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedFold(path, f"is not a fold, or damaged ({error})") from error


@lru_cache(maxsize=64)
def _entries(path: Path, *_stamp: int) -> Mapping[str, Folded]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {entry.filename: _folded(path, entry) for entry in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OverflowError, TypeError) as error:
        raise DamagedFold(path, f"is not a fold, or damaged ({error})") from error


def _folded(path: Path, entry: zipfile.ZipInfo) -> Folded:
    comment = entry.comment.decode("ascii")
    parts, size = PurePosixPath(entry.filename).parts, Hint(*map(int, comment.split()[1:])).size_bytes
    if len(parts) != PARTS or parts[0] != FOLDER or ".." in parts or entry.file_size != size:
        raise ValueError(f"{entry.filename} is not the name and size of a batch")
    return Folded(entry.filename, path, comment, entry.header_offset, entry.compress_size, entry.compress_type)
