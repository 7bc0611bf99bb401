"""Which paths below the landing zone a contract's `files` claims: the one decision that everything shares.

Belongs here: names alone, no file system. The run (`ledger/landing_zone.py`), the sensor
(`triggers/landing_watch.py`), `assay land` and the list of unclaimed files ask the same functions, so none of them sees
a file that another one passes over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePath, PurePosixPath

NEVER_CLAIMED = (".", "_")
"""A file or folder whose name begins so belongs to no source."""
UNFINISHED = (".tmp", ".part", ".crdownload")
"""Endings of files that are still being written."""
WILDCARDS = frozenset("*?[")
_FOLDERS = 8
"""Parts of a file's path that may stand in its name in the landing zone."""
ARCHIVE = "!"
"""At the end of a part that another one follows: the part is about zip archives, and what follows about members."""
WITHIN = f"{ARCHIVE}/"
"""Between the name of an archive and that of a member, in globs as in the ledger."""

Positions = frozenset[int]
"""How many parts of a glob may be used up in a folder: several, because `**` stands for any number of folders."""


def may_be_claimed(name: str, folders: Sequence[str] = ()) -> bool:
    """Whether a source may claim a file at all, whatever its glob says.

    Args:
        name: Of the file.
        folders: The folders that it is in, below the landing zone.
    """
    if name.startswith(NEVER_CLAIMED) or name.endswith(UNFINISHED):
        return False
    return not folders or not any(folder.startswith(NEVER_CLAIMED) for folder in folders)


class FileGlob:
    """A contract's `files`, e.g. `transactions/*.csv`.

    Args:
        pattern: The glob under the landing zone.

    Attributes:
        parts: The pattern's parts between slashes; the last one is about the file's name.
    """

    def __init__(self, pattern: str) -> None:
        self.parts = PurePosixPath(pattern).parts
        self._matches = [re.compile(translate(part)).match for part in self.parts]
        self._last = len(self.parts) - 1

    @property
    def fixed_folder(self) -> str:
        """The folder below the landing zone in which the glob begins to vary."""
        folders = self.parts[:-1]
        varying = (index for index, part in enumerate(folders) if WILDCARDS & set(part))
        return "/".join(folders[: next(varying, len(folders))])

    @property
    def name_matcher(self) -> Callable[[str], object]:
        """Gives something true for a name that the last part matches."""
        return self._matches[self._last]

    @property
    def is_fixed_name(self) -> bool:
        """Whether the file's name has no wildcard."""
        return not WILDCARDS & set(self.parts[-1])

    def claims(self, path: str) -> bool:
        """Whether a file belongs to the source.

        Args:
            path: Relative to the landing zone, `/` between folders.
        """
        *folders, name = path.split("/")
        at = self.start()
        for folder in folders:
            at = self.enter(at, folder)
        return may_be_claimed(name, folders) and self.takes(at, name)

    def name_for(self, path: PurePath) -> str:
        """The name below the landing zone under which a file from elsewhere is claimed; empty where none is.

        It has the folders of the glob that do not vary, and of those that the file is in as few as will do.

        Args:
            path: Absolute.
        """
        fixed = [part for part in self.parts[:-1] if not WILDCARDS & set(part)]
        for taken in range(1, min(_FOLDERS, len(path.parts)) + 1):
            for folders in (fixed, []):
                name = "/".join([*folders, *path.parts[-taken:]])
                if self.claims(name):
                    return name
        return ""

    def start(self) -> Positions:
        """The positions in the landing zone itself."""
        return self._closed({0})

    def enter(self, at: Positions, folder: str) -> Positions:
        """The positions in a sub-folder; empty when no file below it can match."""
        stayed = {index for index in at if self.parts[index] == "**"}
        return self._closed(stayed | self._stepped(at, folder))

    def passes_link(self, at: Positions, folder: str) -> bool:
        """Whether the glob looks into a link to a folder: `**` follows none."""
        return bool(self._stepped(at, folder))

    def takes(self, at: Positions, name: str) -> bool:
        """Whether the last part matches a name in a folder with these positions."""
        return self._last in at and self._matches[self._last](name) is not None

    def _stepped(self, at: Positions, folder: str) -> set[int]:
        fits = (index for index in at if index < self._last and self.parts[index] != "**")
        return {index + 1 for index in fits if self._matches[index](folder)}

    def _closed(self, at: Collection[int]) -> Positions:
        closed = set(at)
        for index in sorted(at):
            while self.parts[index] == "**":
                index += 1  # noqa: PLW2901 - `**` may stand for no folder
                closed.add(index)
        return frozenset(closed)


@lru_cache(maxsize=256)
def disk_and_members(files: str) -> tuple[str, str]:
    """The glob of the paths on disk, and that of the members of the archives there; empty where files are no archives.

    `in/*.zip!/*.csv` → `in/*.zip`, `*.csv`. Each is matched by itself: `**` before the mark never looks into archives.
    """
    parts = PurePosixPath(files).parts
    ends = [index for index, part in enumerate(parts[:-1]) if part.endswith(ARCHIVE)]
    if not ends:
        return files, ""
    return "/".join(parts[: ends[0] + 1]).removesuffix(ARCHIVE), "/".join(parts[ends[0] + 1 :])


@lru_cache(maxsize=256)
def file_glob(pattern: str) -> FileGlob:
    """The compiled glob of a contract."""
    return FileGlob(pattern)
