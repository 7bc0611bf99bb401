"""Physical lines of a text, a block at a time, with a look ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assay.text.encoding import is_valid

_CONTINUATION = range(0x80, 0xC0)
_LEAD = range(0xC0, 0x100)
_ROOM = 8
"""Bytes kept beyond the limit: a line that was cut between characters is still longer than the limit."""


def line_end(content: Iterable[bytes]) -> bytes:
    r"""What ends the lines of a text: `\n`, or `\r` where a text has no `\n` at all but a `\r`."""
    has_return = False
    for piece in content:
        if b"\n" in piece:
            return b"\n"
        has_return = has_return or b"\r" in piece
    return b"\r" if has_return else b"\n"


def blocks(content: Iterable[bytes], end: bytes, limit: int) -> Iterator[bytes]:
    """Cut a text between lines; the end of a block's last line is left out.

    Of a line longer than `limit` bytes, at least `limit + 1` bytes are kept, so that it can be told, and memory is
    bounded.
    """
    kept: list[bytes] = []
    size = 0
    for piece in content:
        cut = piece.rfind(end)
        if cut < 0:
            if size <= limit + _ROOM:
                kept.append(piece)
            size += len(piece)
            continue
        if size > limit + _ROOM:
            rest = piece.find(end)
            yield _beginning(kept, limit)
            if rest < cut:
                yield piece[rest + 1 : cut]
        else:
            yield b"".join([*kept, piece[:cut]])
        kept = [piece[cut + 1 :]]
        size = len(kept[0])
    if size:
        yield _beginning(kept, limit) if size > limit + _ROOM else b"".join(kept)


def _beginning(kept: Iterable[bytes], size: int) -> bytes:
    return beginning(b"".join(kept), size + _ROOM)


def beginning(text: bytes, size: int) -> bytes:
    """At most the first `size` bytes of a text in UTF-8, cut between characters where it has them."""
    if len(text) <= size:
        return text
    cut = text[:size]
    for back in range(1, 5):
        if cut[-back] not in _CONTINUATION:
            return cut[:-back] if cut[-back] in _LEAD else cut
    return cut


class Lines:
    r"""The lines of a text: `lines` is the current block, of which `lines[0]` is the physical line `first`.

    Attributes:
        lines: Lines without their line end; in the careful case a `\r` of `\r\n` is still there.
        first: The physical number of `lines[0]`, from 1.
        is_plain: Whether every line is valid, not overlong, and free of NUL bytes and carriage returns.
    """

    def __init__(self, content: Iterable[bytes], end: bytes, limit: int, codec: str, quote: bytes) -> None:
        self.end = end
        self.lines: list[bytes] = []
        self.first = 1
        self.is_plain = True
        self._blocks = blocks(content, end, limit)
        self._limit = limit
        self._codec = codec
        self._quote = quote

    def advance(self) -> bool:
        """Replace the block by the next one; nothing, and False, at the end of the text."""
        return self.extend(len(self.lines))

    def extend(self, used: int) -> bool:
        """Drop the first `used` lines and add the next block behind the others; nothing, and False, at the end."""
        block = next(self._blocks, None)
        if block is None:
            return False
        self.drop(used)
        is_fresh = not self.lines
        self.is_plain = (is_fresh or self.is_plain) and self._is_clean(block)
        if self.end == b"\n" and b"\r" in block:
            if is_fresh and self._has_only_line_ends(block):
                block = block.replace(b"\r\n", b"\n").removesuffix(b"\r")
            else:
                self.is_plain = False
        self.lines += block.split(self.end)
        return True

    def drop(self, used: int) -> None:
        """Forget the first `used` lines of the block."""
        self.first += used
        self.lines = self.lines[used:]

    def _is_clean(self, block: bytes) -> bool:
        return len(block) <= self._limit and b"\0" not in block and is_valid(block, self._codec)

    def _has_only_line_ends(self, block: bytes) -> bool:
        """Whether every carriage return belongs to a line end, and none can be inside quotes."""
        if self._quote and self._quote in block:
            return False
        return block.count(b"\r") == block.count(b"\r\n") + block.endswith(b"\r")
