"""What a place with objects is asked: a listing in pages, and the bytes of one version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PART = 64 << 20
"""Bytes of a large object that are asked for at once."""
PIECE = 1 << 20
"""Bytes that are written at once."""
CUTS = 5
"""How often in a row a download may be cut off without a byte of progress."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as a listing shows it.

    Attributes:
        key: Its name below the place.
        version: What is another one for other bytes: an ETag, a generation, or size and time.
        size: In bytes.
        modified: When it was written, in seconds since 1970.
    """

    key: str
    version: str
    size: int
    modified: float


class OneObject(Exception):
    """One object cannot be fetched now, and the others can; the message says why."""


class Changed(OneObject):
    """It was written while it was read, or is gone: the next listing shows what it is by then."""


class Gone(OneObject):
    """It was deleted, or never was an object."""


class Waits(OneObject):
    """The older version in landing is not loaded yet."""


class Denied(OneObject):
    """It may not be read."""


class ObjectSource(Protocol):
    """A place with objects."""

    settle_seconds: float
    """For how long an object has to keep its version before it is taken; 0 where it appears at once as a whole."""
    at_once: int
    """How many downloads it takes at the same time."""

    def connected(self) -> AbstractContextManager[None]:
        """Ask it within the block.

        Raises:
            Permanent: It cannot be asked until somebody does something.
            Transient: It cannot be asked now.
        """
        ...

    def pages(self, below: str = "") -> Iterator[list[Seen]]:
        """All objects there are, some at a time; what does not come to its end is an error.

        Args:
            below: A folder, ending in `/`, whose objects are enough; empty for all.

        Raises:
            Permanent: As above.
            Transient: As above; a page is missing.
        """
        ...

    def notes(self) -> list[str]:
        """What of the last listing could not be looked at, a sentence each."""
        ...

    def download(self, seen: Seen, path: Path) -> None:
        """Write the bytes of this very version to a file that is not there yet, and verify them.

        Raises:
            Changed: There is another version by now, or none.
            OneObject: This object cannot be read.
            Permanent: Nothing can be read.
            Transient: It cannot be read now.
        """
        ...
