"""Where downloaded objects go in landing, and which files there may be replaced, as the published ledger says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from assay.base.atomic_write import sync
from assay.base.settings import Settings
from assay.connectors.objects.index import ObjectIndex
from assay.connectors.objects.source import OneObject, Seen, Waits
from assay.connectors.objects.told import Told
from assay.feeds.journal import Landed
from assay.feeds.landing import digest, make_durable
from assay.ledger.feed_objects import JudgedFiles, count_paths, judged_files
from assay.publish.reader import open_published

_NOTHING = JudgedFiles(frozenset(), frozenset(), frozenset())

_FOLDER = (
    "where it would stand in landing is a folder, or one of its folders is a file: one object has the name of another "
    "one's folder; rename one of the two"
)


class Placing:
    """The files of a feed of objects.

    Args:
        settings: The lake.
        feed: The feed's name.
    """

    def __init__(self, settings: Settings, feed: str) -> None:
        self._settings = settings
        self._feed = feed
        self._landing = settings.landing

    def review(self, index: ObjectIndex) -> None:
        """Hold the index against the ledger and landing: what is gone and was not loaded is forgotten.

        A ledger that knows less than it did (a lake that was made anew) is believed.
        """
        known = index.known()
        if known.loaded and self._count() < known.loaded:
            index.doubt()
        for rows in index.not_loaded():
            judged = self._judged([landed.path for _, landed in rows])
            loaded = {key for key, landed in rows if judged.has_loaded(landed)}
            index.mark_loaded(loaded)
            index.forget(key for key, landed in rows if key not in loaded and not self._is_there(landed))

    def count_waiting(self, index: ObjectIndex) -> int:
        """How many objects have landed and are not loaded, as far as is published; nothing is written."""
        waiting = 0
        for rows in index.not_loaded():
            judged = self._judged([landed.path for _, landed in rows])
            waiting += sum(not judged.has_loaded(landed) for _, landed in rows)
        return waiting

    def free(self, new: Sequence[tuple[Seen, str]], index: ObjectIndex, told: Told) -> list[tuple[Seen, str]]:
        """Those objects whose place in landing is free, or taken by a file that was loaded or refused."""
        new = _without_folders(new, told)
        taken = {path: self._there(path, index.landed(seen.key)) for seen, path in new if self._is_taken(path)}
        if not taken:
            return new
        judged, free = self._judged(list(taken)), []
        for seen, path in new:
            there = taken.get(path)
            if there is None or judged.is_done(there) or index.landed(seen.key) is None:
                free.append((seen, path))  # of what is not known the bytes may be the same
            else:
                told.waiting += 1
                told.late(seen.modified)
        return free

    def place(self, aside: Path, path: str) -> tuple[Landed, bool]:
        """Put a file that was written aside in its place, durable when this returns.

        Returns:
            What is there now, and whether that is new.

        Raises:
            OneObject: No file can be there, because another object needs it as a folder, or its folder as a file.
            Waits: What is there is not loaded yet.
            OSError: The disk is full or failed.
        """
        target = self._landing / path
        sha256 = digest(aside)
        try:
            make_durable(aside, target, self._settings.settle_seconds)
            if target.is_file() and not target.is_symlink():
                there = self._landed(path, digest(target))
                if there.sha256 == sha256:
                    return there, False
                if not self._judged([path]).is_done(there):
                    raise Waits
                aside.replace(target)
            else:
                os.link(aside, target)
        except (NotADirectoryError, IsADirectoryError, FileExistsError):
            raise OneObject(_FOLDER) from None
        sync(target.parent)
        return self._landed(path, sha256), True

    def _landed(self, path: str, sha256: str) -> Landed:
        stat = (self._landing / path).stat()
        return Landed(path, sha256, stat.st_size, stat.st_mtime_ns)

    def _is_taken(self, path: str) -> bool:
        target = self._landing / path
        try:
            return target.is_file() and not target.is_symlink()
        except OSError:
            return False

    def _there(self, path: str, noted: Landed | None) -> Landed:
        """What is at a path; its bytes are read only where it is not as it was noted."""
        if noted and noted.path == path and self._is_there(noted):
            return noted
        return self._landed(path, digest(self._landing / path))

    def _is_there(self, landed: Landed) -> bool:
        try:
            stat = (self._landing / landed.path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (stat.st_size, stat.st_mtime_ns) == (landed.size_bytes, landed.mtime_ns)

    def _judged(self, paths: Sequence[str]) -> JudgedFiles:
        try:
            with open_published(self._settings.published) as connection:
                return judged_files(connection, self._feed, paths)
        except FileNotFoundError:
            return _NOTHING

    def _count(self) -> int:
        try:
            with open_published(self._settings.published) as connection:
                return count_paths(connection, self._feed)
        except FileNotFoundError:
            return 0


def _without_folders(new: Sequence[tuple[Seen, str]], told: Told) -> list[tuple[Seen, str]]:
    """Objects of which none needs another one as a folder."""
    files = {path for _, path in new}
    kept = []
    for seen, path in new:
        if any(path[:at] in files for at, letter in enumerate(path) if letter == "/"):
            told.refuse(seen.key, _FOLDER)
        else:
            kept.append((seen, path))
    return kept
