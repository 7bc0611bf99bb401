"""Members of a zip archive: what its directory says of each, and the content of one, verified.

The directory is read by `zipfile`. What is not is unpacked here, in pieces of bounded size: `zipfile` unpacks 64 KiB of
bzip2 at once, which may be gigabytes, and looks at no member beside the one that it opens.
"""

from __future__ import annotations

import errno
import io
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from assay.base.archive_limits import ArchiveLimits
from assay.text.compression import unpacked
from assay.text.stream import PIECE, Unreadable, open_regular

MARK = b"PK\x03\x04"
"""First bytes of an archive, and of each member in it."""
EMPTY = b"PK\x05\x06"
"""First bytes of an archive without members."""
_LOCAL = struct.Struct("<4s5H3L2H")
"""Before a member: mark, version, flags, method, time, date, CRC, sizes, lengths of name and extra field."""
_ENTRY = 512
"""Bytes that an entry of the directory may take, on the average: names are shorter."""
_ENCRYPTED = 0x1 | 0x40
_UTF8 = 0x800
_LONGEST = 255
"""Bytes of a name that a file system takes."""
_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 14: "lzma", 96: "jpeg", 97: "wavpack", 98: "ppmd", 99: "AES"}


@dataclass(frozen=True)
class Member:
    """A file within an archive, as the directory of the archive describes it.

    Attributes:
        name: With its folders, `/` between them.
        size: Bytes that it unpacks to.
        problem: Why it cannot be read; empty when that is not known to be so.
        packed: Bytes that it takes in the archive.
        offset: Where it begins there.
        method: How it is packed.
        crc: The checksum of its content.
        local_name: The bytes of the name as they have to stand before it as well.
    """

    name: str
    size: int
    problem: str
    packed: int
    offset: int
    method: int
    crc: int
    local_name: bytes

    @property
    def is_folder(self) -> bool:
        """Whether the name is that of a folder."""
        return self.name.endswith("/")


def members(path: Path, limits: ArchiveLimits) -> list[Member]:
    """What the directory of an archive lists, in its order, without folders; each name once.

    Args:
        path: The archive.
        limits: What it may be at most.

    Raises:
        Unreadable: It is not an archive, its directory is damaged, or it exceeds a limit as a whole.
        FileNotFoundError: It is gone.
    """
    with open_regular(path) as file:
        entries, end = _directory(file, limits), file.seek(0, io.SEEK_END)
    listed = [_member(entry, end, limits) for entry in entries]
    listed = [member for member in listed if member.size or not member.is_folder]
    if all(member.is_folder for member in listed):
        raise Unreadable("is a zip archive without files in it")
    _refuse_too_large(listed, limits)
    times = Counter(member.name for member in listed)
    once = {member.name: member for member in _without_overlaps(listed)}
    return [
        replace(member, problem=f"{times[name]} members of the archive have this name") if times[name] > 1 else member
        for name, member in once.items()
    ]


def _directory(file: BinaryIO, limits: ArchiveLimits) -> list[zipfile.ZipInfo]:
    try:
        return zipfile.ZipFile(_Bounded(file, limits)).infolist()
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OverflowError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # of a place before the beginning
            raise  # the disk, not the archive
        raise Unreadable(f"cannot be opened as a zip archive, it is none or damaged: {error}") from error


class _Bounded(io.RawIOBase):
    """A file of which not more is read at once than the directory of an archive may take."""

    def __init__(self, file: BinaryIO, limits: ArchiveLimits) -> None:
        self._file = file
        self._limits = limits

    def read(self, size: int = -1) -> bytes:
        if size > max(1 << 20, self._limits.members * _ENTRY):
            raise _too_many(f"its directory takes {size:,} bytes", self._limits)
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def _refuse_too_large(listed: Sequence[Member], limits: ArchiveLimits) -> None:
    if len(listed) > limits.members:
        raise _too_many(f"it has {len(listed):,}", limits)
    size = sum(member.size for member in listed)
    if size > limits.size:
        raise Unreadable(
            f"its members unpack to {size:,} bytes and archives may to {limits.size:,}; raise ASSAY_ARCHIVE_SIZE, or "
            "have it sent in several"
        )


def _too_many(what: str, limits: ArchiveLimits) -> Unreadable:
    return Unreadable(
        f"{what}, and archives may have {limits.members:,} members; raise ASSAY_ARCHIVE_MEMBERS, or have it sent in "
        "several"
    )


def _member(entry: zipfile.ZipInfo, end: int, limits: ArchiveLimits) -> Member:
    name = entry.orig_filename.partition("\0")[0]
    encoding = "utf-8" if entry.flag_bits & _UTF8 else "cp437"
    problem = _problem_of_name(entry, name) or _problem_of_kind(entry, name) or _problem_of_size(entry, limits)
    if not 0 <= entry.header_offset <= end - entry.compress_size:
        problem = problem or "the archive is cut off: the member lies outside of it"
    return Member(
        name,
        entry.file_size,
        problem,
        entry.compress_size,
        entry.header_offset,
        entry.compress_type,
        entry.CRC,
        entry.orig_filename.encode(encoding),
    )


def _problem_of_name(entry: zipfile.ZipInfo, name: str) -> str:
    parts = name.removesuffix("/").split("/")
    if name != entry.orig_filename:
        return "its name holds a NUL character"
    if {"", ".", ".."} & set(parts):
        return "its name leads out of the archive, or is no path"
    if any(len(part.encode()) > _LONGEST for part in parts):
        return f"its name is longer than the {_LONGEST} bytes that a file system takes"
    return ""


def _problem_of_kind(entry: zipfile.ZipInfo, name: str) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if name.endswith("/"):
        return "is a folder, and has content"
    if kind and not stat.S_ISREG(kind):
        return "is a link" if stat.S_ISLNK(kind) else "is not a regular file (a pipe, socket or device)"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted; have it sent without a password"
    if entry.compress_type not in _UNPACK:
        method = _METHODS.get(entry.compress_type, f"number {entry.compress_type}")
        return f"is packed by a method that cannot be unpacked ({method}); have it packed by deflate"
    return ""


def _problem_of_size(entry: zipfile.ZipInfo, limits: ArchiveLimits) -> str:
    if entry.file_size <= limits.ratio * entry.compress_size:
        return ""
    return (
        f"unpacks to {entry.file_size:,} bytes from {entry.compress_size:,}, and members may to {limits.ratio:,} for "
        "each; raise ASSAY_ARCHIVE_RATIO if it is no mistake"
    )


def _without_overlaps(listed: Sequence[Member]) -> list[Member]:
    """The members, those that share bytes of the archive marked: so little data unpacks to any size."""
    overlapping, end, last = set(), 0, None
    for member in sorted(listed, key=lambda member: member.offset):
        if last is not None and member.offset < end:
            overlapping |= {last, member}
        after = member.offset + _LOCAL.size + len(member.local_name) + member.packed
        end, last = (after, member) if after > end else (end, last)
    problem = "shares bytes of the archive with another member, as in archives that are made to fill disks"
    return [replace(m, problem=m.problem or problem) if m in overlapping else m for m in listed]


def content_of(path: Path, member: Member) -> Iterator[bytes]:
    """The content of a member, a piece at a time; whole and as it was packed once the last one has come.

    Raises:
        Unreadable: It cannot be unpacked, or is not what the directory says.
        FileNotFoundError: The archive is gone.
    """
    if member.problem:
        raise Unreadable(member.problem)
    size, crc = 0, 0
    with open_regular(path) as file:
        _begin(file, member)
        for piece in _UNPACK[member.method](_received(file, member.packed)):
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            if size > member.size:
                break
            yield piece
    if (size, crc) != (member.size, member.crc):
        raise Unreadable("its size and checksum are not those that the archive states: it is damaged")


def _begin(file: BinaryIO, member: Member) -> None:
    """Go to where the content of a member begins."""
    file.seek(member.offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(MARK):
        raise Unreadable("the archive is damaged: the member is not where its directory says")
    *_, name, extra = _LOCAL.unpack(head)
    if file.read(name) != member.local_name:
        raise Unreadable("the archive is damaged: the member has another name where it is than in the directory")
    file.seek(extra, io.SEEK_CUR)


def _received(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (piece := file.read(min(PIECE, size))):
        size -= len(piece)
        yield piece


def _inflated(received: Iterator[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in received:
            data = piece
            while data and not stream.eof:
                yield stream.decompress(data, PIECE)
                data = stream.unconsumed_tail
        yield stream.flush()
    except zlib.error as error:
        raise Unreadable(f"its deflate stream is damaged ({error})") from error


_UNPACK: Mapping[int, Callable[[Iterator[bytes]], Any]] = {
    zipfile.ZIP_STORED: iter,
    zipfile.ZIP_DEFLATED: _inflated,
    zipfile.ZIP_BZIP2: lambda received: unpacked(received, "bzip2"),
    93: lambda received: unpacked(received, "zstd"),
    95: lambda received: unpacked(received, "xz"),
}
