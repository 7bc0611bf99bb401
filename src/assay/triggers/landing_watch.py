"""Finds waiting files in the landing zone cheaply, by comparing each with the ledger as it was published last.

Nothing is remembered that could shut a file out: the answer is made anew from the files and the ledger in each look.
Only the published ledger itself is kept in memory until it is replaced.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from assay.base import clock
from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.contract.contract import Contract
from assay.contract.file_glob import FileGlob, file_glob, may_be_claimed
from assay.ledger.folded_files import find
from assay.ledger.landing_zone import ledger_name
from assay.publish.reader import open_published
from assay.triggers.published_state import Hints, Known, read_known

STILL = 0.5
"""Seconds without a change after which a run is worth while; it waits for the rest of what files have to settle."""


class LandingWatch:
    """Compares the landing zone of one lake with the published ledger, again and again.

    Args:
        settings: The lake.
        catalog: The project.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._known: tuple[object, Known] = (None, Known())
        self._new_files: dict[str, tuple[Hints, float]] = {}
        self._is_settled = True
        self._seen: tuple[object, ...] = ()

    def look(self) -> tuple[dict[str, int], Known]:
        """Number of files that wait, by source; and what the last run published.

        A file counts once it has not been written to for as long as files have to settle, or has not changed while it
        was looked at for half a second: its time may lie in the future.
        """
        self._seen = self._stamp()
        known = self.known()
        now = clock.now().timestamp()
        waiting: dict[str, int] = {}
        since: dict[str, tuple[Hints, float]] = {}
        count = 0
        for source, contract in self._catalog.contracts.items():
            try:
                new = list(self._new(contract, known.hints.get(source, {})))
            except OSError:
                waiting[source] = 0  # a folder that cannot be listed: a run says what is wrong, and is tried again
                continue
            for name, hints in new:
                before, at = self._new_files.get(name, (None, now))
                since[name] = (hints, at if before == hints else now)
            settled = sum(self._is_still(*since[name], now) for name, _ in new)
            count += settled
            if settled or source in known.waiting:
                waiting[source] = settled
        self._new_files, self._is_settled = since, count == len(since)
        return waiting, known

    def _is_still(self, hints: Hints, since: float, now: float) -> bool:
        is_old = hints[1] <= (now - self._settings.settle_seconds) * 1e9
        return is_old or abs(now - since) >= STILL

    def may_differ(self) -> bool:
        """Whether a look may find something else than the last one did; a few stats instead of one for each file.

        A file that is written over in its place does not show here, only in a look.
        """
        return not self._is_settled or self._stamp() != self._seen

    def _stamp(self) -> tuple[object, ...]:
        """When something was put into or taken from each folder, and what is published."""
        folders = {file_glob(contract.paths).fixed_folder for contract in self._catalog.contracts.values()}
        paths = [self._settings.landing, *(self._settings.landing / name for name in sorted(folders))]
        times = [_changed_at(path) for path in paths]
        return (*times, *self._links())

    def _links(self) -> list[str]:
        links = [self._settings.published / f"{kind}.duckdb" for kind in ("ops", "lake")]
        return [str(link.readlink()) if link.is_symlink() else "" for link in links]

    def differing(self, known: Known) -> set[str]:
        """Sources whose files are not those in the ledger: new, changed, still being written, or gone.

        Args:
            known: The ledger.
        """
        differing = set()
        for source, contract in self._catalog.contracts.items():
            try:
                listing = dict(self._listing(contract))
            except OSError:
                differing.add(source)  # a run says what is wrong
                continue
            if listing != known.hints.get(source, {}):
                differing.add(source)
        return differing

    def _new(self, contract: Contract, known: Mapping[str, Hints]) -> Iterator[tuple[str, Hints]]:
        """Paths of a source whose size, times or inode are not those in the ledger."""
        return ((name, hints) for name, hints in self._listing(contract) if known.get(name) != hints)

    def _listing(self, contract: Contract) -> Iterator[tuple[str, Hints]]:
        """Paths that a source claims."""
        glob = file_glob(contract.paths)
        if glob.fixed_folder != "/".join(glob.parts[:-1]):
            arrivals = find(self._settings.landing, contract.paths)
            hints = ((arrival.name, arrival.hint) for arrival in arrivals)
            return iter([(n, (h.size_bytes, h.mtime_ns, h.ctime_ns, h.inode)) for n, h in hints if h])
        return _listed(self._settings.landing, glob)

    def known(self) -> Known:
        """The ledger and the state of tables, read again only when a run has published since."""
        stamp = self._links()
        if stamp != self._known[0]:
            try:
                with open_published(self._settings.published) as connection:
                    self._known = (stamp, read_known(connection, self._catalog))
            except FileNotFoundError:
                self._known = (stamp, Known())
        return self._known[1]


def _changed_at(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _listed(landing: Path, glob: FileGlob) -> Iterator[tuple[str, Hints]]:
    """Files of one folder that a pattern of names claims; ten thousand in some thirty milliseconds."""
    folder, claims = glob.fixed_folder, glob.name_matcher
    try:
        entries = os.scandir(landing / folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            name = entry.name
            if not may_be_claimed(name) or not claims(name):
                continue
            path = f"{folder}/{name}"
            in_ledger = path if name.isascii() else ledger_name(path)
            try:
                there = _stat(entry, follows=in_ledger == path)
            except OSError:
                continue  # gone again, or it cannot be said what it is, of which a run says more
            yield in_ledger, (there.st_size, there.st_mtime_ns, there.st_ctime_ns, there.st_ino)


def _stat(entry: os.DirEntry[str], *, follows: bool) -> os.stat_result:
    """What the ledger keeps of a path: of what a link leads to, or of the link itself where that is nothing."""
    try:
        return entry.stat(follow_symlinks=follows)
    except FileNotFoundError:
        return entry.stat(follow_symlinks=False)
