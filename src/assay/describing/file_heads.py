"""The first bytes of files, unpacked: what types, encodings and quotes are looked for in."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from assay.describing.kinds import Undescribable
from assay.text import Unreadable, content

SAMPLE = 1 << 20
"""Bytes of each file that are looked at before all of it is."""


def head_of(path: Path) -> bytes:
    """The first bytes of a file, unpacked.

    Raises:
        Undescribable: There is no such file, or it cannot be unpacked.
    """
    try:
        with closing(content(path)) as pieces:
            taken = b""
            for piece in pieces:
                taken += piece
                if len(taken) >= SAMPLE:
                    break
            return taken
    except FileNotFoundError as error:
        raise Undescribable(f"{path}: there is no such file") from error
    except Unreadable as error:
        raise Undescribable(f"{path.name}: {error}") from error
