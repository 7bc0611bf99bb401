"""The third witness of a feed's position: names of batches that landed and that the published ledger does not know yet.

A batch may be loaded and its file deleted before a run that is under way publishes the ledger; without a note of its
own it would be fetched again. A line is written and fsynced after each batch, and dropped when the ledger knows it.
Losing the journal loses nothing as long as the files or the ledger are there.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from assay.base.atomic_write import place, sync
from assay.feeds.errors import Permanent


@dataclass(frozen=True)
class Landed:
    """A batch that landed: its path below the landing zone, and what tells that the file is still the same one."""

    path: str
    sha256: str
    size_bytes: int
    mtime_ns: int


@dataclass
class Journal:
    """The lines of a journal.

    Attributes:
        file: Where it is kept.
        epoch: The epoch that was begun last.
        landed: Batches, by path.
    """

    file: Path
    epoch: int = 1
    landed: dict[str, Landed] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Journal:
        """Read a journal; none is an empty one. A last line that was not written to its end does not count.

        Raises:
            Permanent: A line before the last one is not one of a journal.
        """
        journal = cls(file)
        lines = file.read_bytes().split(b"\n") if file.exists() else []
        for number, line in enumerate(lines[:-1], 1):
            try:
                values = json.loads(line)
                if "epoch" in values:
                    journal.epoch = max(journal.epoch, int(values["epoch"]))
                else:
                    journal.landed[values["path"]] = Landed(**values)
            except (ValueError, TypeError, KeyError) as error:
                raise Permanent(
                    f"{file}: line {number} is damaged; if the files of the feed are in landing or loaded, remove "
                    "the journal"
                ) from error
        return journal

    def note(self, batch: Landed) -> None:
        """Write that a batch landed, so that it survives a power cut."""
        self.landed[batch.path] = batch
        self._append(asdict(batch))

    def begin(self, epoch: int) -> None:
        """Write that an epoch begins."""
        self.epoch = epoch
        self._append({"epoch": epoch})

    def keep(self, paths: Iterable[str]) -> None:
        """Drop all batches but some, and what was left of a line."""
        self.landed = {path: self.landed[path] for path in paths}
        lines: list[object] = [{"epoch": self.epoch}, *(asdict(batch) for batch in self.landed.values())]
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        place(self.file, text.encode(), mtime=time.time())

    def _append(self, line: object) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.file.exists()
        with self.file.open("ab") as target:
            target.write(f"{json.dumps(line)}\n".encode())
            target.flush()
            os.fsync(target.fileno())
        if is_new:
            sync(self.file.parent)
