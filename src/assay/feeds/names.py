"""The name of a landed batch, which is its identity: feed, epoch, partition, and the range of positions that it holds.

`feeds/<feed>/<epoch>/<partition>/<from>~<next>/<moment>.parquet`, or `.jsonl`. The moment is when the source was read,
in UTC: of two rows of one key the one that was read later is the newer. Belongs here: names alone. Keep out: files,
and what ranges mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from assay.contract.feed import FOLDER, MOMENT
from assay.contract.moments import pattern
from assay.feeds.errors import Permanent, PositionLost

SUFFIXES = (".parquet", ".jsonl")
"""With which batches end: rows with types, or records as the source has them, a line each."""
BEGINNING = "(start)"
"""Stands for the position before everything; no position is spelled so, because parentheses are escaped."""
WHOLE = "whole"
"""The partition of batches that each hold the whole source, from its beginning to the moment of reading."""
_PLAIN = re.compile(r"[A-Za-z0-9:+_.-]")
_MOST_BYTES = 255
_PARTS = 6


class UnreadableName(PositionLost):
    """A file stands where batches of a feed stand, and its name is not one that a feed gives."""


@dataclass(frozen=True)
class BatchName:
    """The identity of a batch.

    Attributes:
        feed: The feed, which is called like its source.
        epoch: Grows by one when a feed begins anew.
        partition: A part of the source with positions of its own.
        start: The position from which the batch was read; None for the beginning of everything.
        end: Where the reader goes on.
        read_at: When the source was read, in UTC without a zone.
        suffix: How its bytes are to be read.
    """

    feed: str
    epoch: int
    partition: str
    start: str | None
    end: str
    read_at: datetime
    suffix: str = SUFFIXES[0]

    @property
    def path(self) -> str:
        """The path below the landing zone.

        Raises:
            Permanent: A position is too long for a name.
        """
        start = BEGINNING if self.start is None else escaped(self.start)
        parts = [escaped(self.partition), f"{start}~{escaped(self.end)}"]
        if long := [part for part in parts if len(part) > _MOST_BYTES]:
            raise Permanent(
                f"feed {self.feed}: a position has to fit into a name of {_MOST_BYTES} bytes; {long[0][:60]}… has "
                f"{len(long[0]):,}; choose a shorter cursor"
            )
        return "/".join([FOLDER, self.feed, str(self.epoch), *parts, f"{self.read_at.strftime(MOMENT)}{self.suffix}"])

    @classmethod
    def parse(cls, path: str) -> BatchName:
        """The identity that a path below the landing zone spells.

        Raises:
            UnreadableName: It spells none, or in another way than `path` does.
        """
        parts = path.split("/")
        name = cls._read(parts) if len(parts) == _PARTS and parts[0] == FOLDER else None
        if name is None or name.path != path:
            raise UnreadableName(
                f"{path!r} is not the name of a batch, "
                f"feeds/<feed>/<epoch>/<partition>/<from>~<next>/<moment>{SUFFIXES[0]} or {SUFFIXES[1]}; "
                "move the file out of the folder of the feed: nothing else may be put there"
            )
        return name

    @classmethod
    def _read(cls, parts: list[str]) -> BatchName | None:
        _, feed, epoch, partition, span, leaf = parts
        start, tilde, end = span.partition("~")
        suffix = next((suffix for suffix in SUFFIXES if leaf.endswith(suffix)), "")
        read_at = pattern(f"{MOMENT}{suffix}").read(leaf) if suffix else None
        if not (tilde and end and partition and read_at and epoch.isascii() and epoch.isdigit()):
            return None
        try:
            begin = None if start == BEGINNING else unescaped(start)
            return cls(feed, int(epoch), unescaped(partition), begin, unescaped(end), read_at, suffix)
        except ValueError:
            return None


def escaped(position: str) -> str:
    """A position as part of a file's name: other characters than a few as `%` and the hex of their bytes in UTF-8."""
    text = "".join(c if _PLAIN.fullmatch(c) else "".join(f"%{b:02X}" for b in c.encode()) for c in position)
    return f"%{ord(text[0]):02X}{text[1:]}" if text[:1] in (".", "_") else text  # else landing would leave it alone


def unescaped(text: str) -> str:
    """The position that `escaped` was given.

    Raises:
        ValueError: A `%` stands before something else than the hex of UTF-8.
    """
    pieces = re.split(r"%([0-9A-F]{2})", text)
    if any("%" in piece for piece in pieces[::2]):
        raise ValueError(text)
    codes = [bytes.fromhex(piece) if at % 2 else piece.encode() for at, piece in enumerate(pieces)]
    return b"".join(codes).decode()
