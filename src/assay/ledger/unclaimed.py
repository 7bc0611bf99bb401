"""Files below the landing zone that no source claims and no rule ignores: nothing loads them, so they are listed.

Belongs here: the walk and what is said of a file. Names are matched by `contract/file_glob.py`, rules are in
`ignored.py`, likely reasons in `unclaimed_hints.py`. The walk costs some 20 ms for 10,000 claimed files and one `stat`
for each unclaimed one; it follows no link.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from assay.base import clock
from assay.base.printable import printable
from assay.contract.contract import Contract
from assay.contract.file_glob import WITHIN, FileGlob, Positions, file_glob, may_be_claimed
from assay.ledger.archives import Archive
from assay.ledger.folds import is_fold
from assay.ledger.ignored import IgnoreFile, is_ignored_file, is_ignored_folder, read_ignore_file
from assay.ledger.unclaimed_hints import hint_for

Archives = Mapping[str, Archive]
"""Archives that were opened, by path below the landing zone."""
_NONE: Archives = MappingProxyType({})
NAMED = 3
"""Files that a run names."""
ON_PAGE = 50
"""Files that the page names."""
LISTED = 1_000
"""Files that a list names; the others are counted."""


@dataclass(frozen=True, slots=True)
class UnclaimedFile:
    """A path that no source claims.

    Attributes:
        name: Relative to the landing zone, as the operating system gives it; a folder's ends in `/`.
        size_bytes: As `stat` says, 0 for what is not a file.
        since: When the file was written or put there last, by the file system's clock; None where that is not known.
        reason: Why it cannot be a source's file whatever it is called; mostly empty.
    """

    name: str
    size_bytes: int
    since: datetime | None
    reason: str = ""

    @property
    def path(self) -> str:
        """The name as the ledger writes names: bytes that are not UTF-8 as `\\xff`."""
        return os.fsencode(self.name).decode("utf-8", "backslashreplace")

    @property
    def shown(self) -> str:
        """The name on one line, with nothing that a terminal would obey; in quotes where a blank would not be seen."""
        text = printable(self.path)
        return f"'{text}'" if any(part != part.strip() for part in text.split("/")) else text


@dataclass(frozen=True)
class Unclaimed:
    """All unclaimed files of a lake.

    Attributes:
        count: Their number.
        size_bytes: Their size.
        files: The first ones in the order of their names, each with the likely reason.
        problem: Why the user's ignore file cannot be used; empty when it can.
    """

    count: int = 0
    size_bytes: int = 0
    files: tuple[tuple[UnclaimedFile, str], ...] = ()
    problem: str = ""

    def in_words(self, named: int) -> str:
        """`3 files are claimed by no source: a, b and 1 more`.

        Args:
            named: How many are named at most.
        """
        if not self.count:
            return ""
        names = ", ".join(file.shown for file, _ in self.files[:named])
        more = f" and {self.count - named:,} more" if self.count > named else ""
        subject = "1 file is" if self.count == 1 else f"{self.count:,} files are"
        return f"{subject} claimed by no source: {names}{more}"


def list_unclaimed(landing: Path, contracts: Sequence[Contract], archives: Archives = _NONE) -> Unclaimed:
    """Look through the landing zone.

    Args:
        landing: The landing zone; one that is not there holds nothing.
        contracts: Of all sources.
        archives: Those that were opened, by path.
    """
    ignore_file = read_ignore_file(landing)
    return summary(walk_unclaimed(landing, contracts, ignore_file, archives), contracts, ignore_file.problem)


def summary(
    files: Iterable[UnclaimedFile], contracts: Sequence[Contract], problem: str = "", *, listed: int = LISTED
) -> Unclaimed:
    """Count files and name the first ones.

    Args:
        files: In the order in which they are named.
        contracts: Of all sources.
        problem: Of the user's ignore file.
        listed: How many are named at most; each costs about a tenth of a millisecond.
    """
    count, size_bytes = 0, 0
    first: list[UnclaimedFile] = []
    for file in files:
        count += 1
        size_bytes += file.size_bytes
        if len(first) < listed:
            first.append(file)
    named = tuple((file, file.reason or hint_for(file.name, contracts)) for file in first)
    return Unclaimed(count, size_bytes, named, problem)


def walk_unclaimed(
    landing: Path, contracts: Sequence[Contract], ignore_file: IgnoreFile, archives: Archives = _NONE
) -> Iterator[UnclaimedFile]:
    """All unclaimed files, folder by folder in the order of their names; a folder that cannot be listed is one of them.

    Then those members of archives that a run has opened and no source claims; no archive is opened for it.

    Args:
        landing: The landing zone.
        contracts: Of all sources.
        ignore_file: What the user does not want listed.
        archives: Those that were opened, by path.
    """
    globs = [file_glob(contract.paths) for contract in contracts]
    folders = [_Folder("", tuple((glob, glob.start()) for glob in globs))]
    while folders:
        folder = folders.pop()
        below = []
        for look in _looks(landing, folder, ignore_file):
            if isinstance(look, _Folder):
                below.append(look)
            else:
                yield look
        folders += reversed(below)
    for path, archive in sorted(archives.items()):
        if os.path.lexists(landing / path):
            yield from _members(path, archive, contracts, ignore_file)


def _members(
    path: str, archive: Archive, contracts: Sequence[Contract], ignore_file: IgnoreFile
) -> Iterator[UnclaimedFile]:
    """The unclaimed members of an archive, those that cannot be read among them whatever they are called."""
    opened_by = [c for c in contracts if c.members and file_glob(c.paths).claims(path)]
    globs = [file_glob(contract.members) for contract in opened_by]
    if not globs:
        return  # the sources of today do not open it, and the walk has listed it, or a source takes it as it is
    since = clock.of_file(archive.hint.ctime_ns)
    why = f"is not among the members that {', '.join(f'{c.files!r} of {c.source}' for c in opened_by)} names"
    for member in archive.members:
        name = path + WITHIN + member.name
        *folders, last = member.name.split("/")
        is_ignored = is_ignored_file(last) or any(map(is_ignored_folder, folders)) or ignore_file.ignores(name)
        if (member.problem or not is_ignored) and not any(glob.claims(member.name) for glob in globs):
            yield UnclaimedFile(name, member.size_bytes, since, member.problem or why)


@dataclass(frozen=True)
class _Folder:
    """A folder with the globs that may claim something below it.

    Attributes:
        path: Relative to the landing zone, with `/` at its end; empty for the landing zone itself.
        globs: Each with its positions.
        is_claimable: Whether no folder on the way has a name that no source may claim.
    """

    path: str
    globs: tuple[tuple[FileGlob, Positions], ...]
    is_claimable: bool = True

    def enter(self, name: str) -> _Folder:
        entered = ((glob, glob.enter(at, name)) for glob, at in self.globs)
        alive = tuple((glob, at) for glob, at in entered if at)
        return _Folder(f"{self.path}{name}/", alive, self.is_claimable and not name.startswith("_"))

    def claims(self, name: str, *, leads_nowhere: bool = False) -> bool:
        """Whether a source claims a name here; a glob without wildcards does not see a link that leads nowhere.

        A fold is claimed where a source claims files of its feed.
        """
        if self.globs and is_fold(self.path + name):
            return True
        if not self.is_claimable or not may_be_claimed(name):
            return False
        return any(glob.takes(at, name) and not (leads_nowhere and glob.is_fixed_name) for glob, at in self.globs)


def _looks(landing: Path, folder: _Folder, ignore_file: IgnoreFile) -> Iterator[UnclaimedFile | _Folder]:
    """Unclaimed files of one folder, and its sub-folders."""
    try:
        with os.scandir(landing / folder.path) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        if not (folder.path and ignore_file.ignores(folder.path)):
            yield UnclaimedFile(folder.path or "./", 0, None, f"the folder cannot be listed: {error.strerror}")
        return
    for entry in entries:
        if _is_folder(entry):
            if not is_ignored_folder(entry.name):
                yield folder.enter(entry.name)
        elif not is_ignored_file(entry.name):
            unclaimed = _link(landing, folder, entry) if entry.is_symlink() else _file(folder, entry)
            if unclaimed is not None and not ignore_file.ignores(unclaimed.name):
                yield unclaimed


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False  # where the file system does not say it in the listing: `stat` says why not


def _file(folder: _Folder, entry: os.DirEntry[str]) -> UnclaimedFile | None:
    """What is unclaimed under a name that is not a link."""
    if folder.claims(entry.name):
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        return UnclaimedFile(folder.path + entry.name, 0, None, f"cannot be looked at: {error.strerror}")
    reason = "" if stat.S_ISREG(status.st_mode) else "is not a regular file (a pipe, socket or device)"
    size_bytes = status.st_size if not reason else 0
    return UnclaimedFile(folder.path + entry.name, size_bytes, clock.of_file(status.st_ctime_ns), reason)


def _link(landing: Path, folder: _Folder, entry: os.DirEntry[str]) -> UnclaimedFile | None:
    """What is unclaimed under the name of a link."""
    try:
        since = clock.of_file(entry.stat(follow_symlinks=False).st_ctime_ns)
    except OSError:
        return None  # gone again
    name = folder.path + entry.name
    try:
        status = os.stat(landing / name)  # noqa: PTH116 - as for the entry, and it follows the link
    except OSError as error:
        if folder.claims(entry.name, leads_nowhere=True):
            return None
        return UnclaimedFile(name, 0, since, f"is a link that leads nowhere: {error.strerror}")
    if folder.claims(entry.name):
        return None
    if not stat.S_ISDIR(status.st_mode):
        return UnclaimedFile(name, status.st_size, since)
    is_inside = (landing / name).resolve().is_relative_to(landing.resolve())
    if is_inside and folder.is_claimable and any(glob.passes_link(at, entry.name) for glob, at in folder.globs):
        return None
    where = "a folder" if is_inside else "a folder out of the landing zone"
    return UnclaimedFile(f"{name}/", 0, since, f"is a link to {where}, in which nothing is looked for")
