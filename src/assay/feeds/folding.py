"""Folds small batches that are loaded into archives, and these into larger ones, so that landing has few files.

A fold is written aside, fsynced, read back and held against the ledger; then it is linked into place and fsynced, and
only then are the files deleted that it holds. Whoever dies in between leaves a file in two places, with the same bytes,
and the next one deletes it. Belongs here: what is folded, and when. What a fold is stands in `ledger/folds.py`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from assay.base import log
from assay.base.atomic_write import sync
from assay.base.settings import Settings
from assay.contract.feed import FOLDER, FeedDeclaration
from assay.feeds.errors import Permanent, PositionLost
from assay.feeds.fold_plan import at_once, groups_of, is_one_fold, joined, runs_of
from assay.feeds.folded import Folds
from assay.feeds.landing import BatchStore, digest
from assay.feeds.names import BatchName
from assay.feeds.places import ledger_of
from assay.feeds.pressure import reserve_of
from assay.ledger.feed_batches import LedgerBatch
from assay.ledger.fold_lookup import located
from assay.ledger.folds import (
    LOCK,
    DamagedFold,
    Folded,
    Span,
    entries,
    fold_comment,
    fold_folder,
    fold_name,
    fold_paths,
    folds,
    forget_entries,
    member_comment,
    moment_of,
)
from assay.ledger.landing_zone import Hint

_EPOCH_OF_ZIP = (1980, 1, 1, 0, 0, 0)


class Folding:
    """Folds the batches of one feed; for who holds its lock.

    Args:
        settings: The lake.
        declaration: The feed, with its policy.
        store: Its batches.
    """

    def __init__(self, settings: Settings, declaration: FeedDeclaration, store: BatchStore) -> None:
        self._settings, self._policy, self._store = settings, declaration, store
        self._landing, self._feed = settings.landing, declaration.source

    def fold(self) -> int:
        """Fold what may be folded, and first end what somebody who died began; gives the number of batches.

        Raises:
            Permanent: A file and its copy in a fold differ, or a fold is damaged.
            PositionLost: A batch has other bytes than were loaded.
            OSError: The disk is full or failed; every file is where it was, or in a fold.
        """
        if not self._is_known_to_readers():
            return 0
        try:
            self.finish()
            count = self._fold_batches() if self._policy.fold_from else 0
            while self._policy.fold_from and self._fold_folds():
                continue
        except DamagedFold as error:
            raise Permanent(f"feed {self._feed}: {error}") from error
        finally:
            forget_entries()
        return count

    def finish(self) -> None:
        """Delete what is in a fold already: files, and folds that were folded into larger ones.

        Raises:
            Permanent: A file and its copy in a fold differ.
        """
        there = Folds.of(self._landing, self._feed)
        self._delete(filter(None, (located(self._landing, path) for path in self._store.loose() if there.cover(path))))
        kept = {fold.path for fold in there.files}
        for path in fold_paths(self._landing, self._feed):
            if path not in kept:
                self._delete_replaced(path)

    def _is_known_to_readers(self) -> bool:
        """Whether readers know the lock; who began to read before it was there has ended by the next time."""
        lock = self._landing / FOLDER / self._feed / LOCK
        if lock.exists():
            return True
        if lock.parent.exists():
            lock.touch()
        return False

    def _fold_batches(self) -> int:
        ledger, loose = ledger_of(self._settings, self._feed), self._store.names()
        deleted = {path: BatchName.parse(path) for path in ledger if path not in loose}
        foldable = runs_of({**loose, **deleted}, lambda path: path in loose and self._may_fold(path, ledger.get(path)))
        if sum(map(len, foldable)) < self._policy.fold_from:
            return 0
        runs, size = at_once(foldable, {path: batch.size_bytes for path, batch in ledger.items()})
        usage = shutil.disk_usage(self._landing)
        if usage.free - size < reserve_of(self._settings, usage.total):
            return 0
        spans = [Span(run[0].path, run[-1].path, len(run)) for run in runs]
        paths = [batch.path for run in runs for batch in run]
        self._delete(self._write(0, spans, (), (self._read(path, ledger[path]) for path in paths)))
        log.info("folded", feed=self._feed, batches=len(paths), size_bytes=size)
        return len(paths)

    def _may_fold(self, path: str, known: LedgerBatch | None) -> bool:
        if known is None or not known.is_loaded or known.status not in ("loaded", "duplicate"):
            return False
        if len(known.sha256) != 1 or known.size_bytes >= self._policy.fold_below:
            return False
        return not (self._landing / path).is_symlink()

    def _read(self, path: str, known: LedgerBatch) -> tuple[str, bytes, str]:
        """The path, content and comment of a batch.

        Raises:
            PositionLost: It holds something else than was loaded.
        """
        with (self._landing / path).open("rb") as file:
            hint, content = Hint.of(os.fstat(file.fileno())), file.read()
        sha256 = hashlib.sha256(content).hexdigest()
        if (sha256,) != known.sha256:
            raise PositionLost(
                f"feed {self._feed}: {path} holds other bytes than it landed with; put the file back as it was, or "
                f"`assay feed reset {self._feed} --epoch` to read everything anew"
            )
        return path, content, member_comment(sha256, hint)

    def _fold_folds(self) -> bool:
        """Fold folds of one level into one of the next; false where there are too few of all."""
        for group in groups_of(folds(self._landing, self._feed)):
            others = {*self._store.names(), *ledger_of(self._settings, self._feed)}
            spans, names = joined(group, others), [fold.path.name for fold in group]
            if is_one_fold(spans, names):
                members = (folded for fold in group for folded in entries(fold.path).values())
                contents = ((folded.name, folded.content(), folded.comment) for folded in members)
                self._write(group[0].level + 1, spans, names, contents)
                for fold in group:
                    self._delete_replaced(fold.path)
                return True
        return False

    def _write(
        self, level: int, spans: Sequence[Span], replaces: Sequence[str], contents: Iterable[tuple[str, bytes, str]]
    ) -> list[Folded]:
        """Write a fold, durable when this returns; gives its members.

        Raises:
            OSError: The disk is full or failed; there is no fold then.
        """
        comments: dict[str, str] = {}
        with self._store.aside() as aside:
            with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.comment = fold_comment(spans, replaces)
                for path, content, comment in contents:
                    entry = zipfile.ZipInfo(path, _EPOCH_OF_ZIP)
                    entry.compress_type, entry.comment, comments[path] = zipfile.ZIP_DEFLATED, comment.encode(), comment
                    archive.writestr(entry, content)
            sync(aside)
            _read_back(aside, comments, sum(span.count for span in spans))
            moments = sorted(map(moment_of, comments))
            target = fold_folder(self._landing, self._feed) / fold_name(moments[0], moments[-1], level)
            target.parent.mkdir(exist_ok=True)
            sync(target.parent.parent)
            try:
                os.link(aside, target)
            except FileExistsError:
                raise Permanent(f"feed {self._feed}: {target} is there already and is not overwritten") from None
            sync(target.parent)
        return list(entries(target).values())

    def _delete(self, members: Iterable[Folded]) -> None:
        """Delete files that are in a fold; while somebody reads files of the feed they stay, until the next time.

        Raises:
            Permanent: One is not what is in the fold.
        """
        doomed = list(members)
        if not doomed:
            return
        with self._without_readers() as has_none:
            for folded in doomed if has_none else ():
                file = self._landing / folded.name
                self._refuse_other(file, folded)
                file.unlink(missing_ok=True)
                with suppress(OSError):
                    file.parent.rmdir()

    def _refuse_other(self, file: Path, folded: Folded) -> None:
        with suppress(FileNotFoundError):
            shown = Hint.of(file.stat())
            is_same = (shown.size_bytes, shown.mtime_ns, shown.inode) == (
                folded.hint.size_bytes,
                folded.hint.mtime_ns,
                folded.hint.inode,
            )
            if not is_same and digest(file) != folded.sha256:
                raise Permanent(
                    f"feed {self._feed}: {file} and the file of that name in {folded.fold} differ, and one is to take "
                    "the place of the other; nothing was deleted: move the file out of landing if it is not what was "
                    "loaded, else the fold"
                )

    def _delete_replaced(self, path: Path) -> None:
        """Delete a fold whose members are in another one.

        Raises:
            Permanent: One of them is not there.
        """
        others = [fold for fold in folds(self._landing, self._feed) if path.name in fold.replaces]
        if not others:
            return
        larger = entries(others[0].path)
        for name, folded in entries(path).items():
            if name not in larger or larger[name].sha256 != folded.sha256:
                raise Permanent(
                    f"feed {self._feed}: {others[0].path} says that it holds what {path} does, and {name} is not in "
                    "it; nothing was deleted: move out of landing what is not a fold of this feed"
                )
        path.unlink()

    @contextmanager
    def _without_readers(self) -> Iterator[bool]:
        """Whether nobody reads files of the feed within the block; who begins to waits for its end."""
        descriptor = os.open(self._landing / FOLDER / self._feed / LOCK, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(descriptor)


def _read_back(aside: Path, comments: Mapping[str, str], count: int) -> None:
    """Read all of a fold again before it counts.

    Raises:
        OSError: It is not what was to be written.
    """
    try:
        members = entries(aside)
        is_same = {name: folded.comment for name, folded in members.items()} == comments
        for folded in members.values():
            folded.content()
    except DamagedFold:
        is_same = False
    if not is_same or len(comments) != count:
        raise OSError(errno.EIO, "the fold does not read back as it was written", str(aside))
