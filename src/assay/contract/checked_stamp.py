"""Remembers that a project's declarations were checked, because that takes longer than a run with nothing new."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import duckdb

_NAME = "catalog.checked"


class CheckedStamp:
    """A file beside the manifest that holds the hash of all that was checked and of the code that checked it.

    Args:
        target: The folder of the manifest.
        checked: Files that were checked beside the manifest: each yml of a model, each module of rules.
    """

    def __init__(self, target: Path, checked: Iterable[Path]) -> None:
        self._path = target / _NAME
        total = hashlib.sha256(duckdb.__version__.encode())  # it binds the SQL that stands in a yml
        for path in (*sorted(Path(__file__).parent.glob("*.py")), target / "manifest.json", *checked):
            total.update(f"\n{path.name}\n".encode())
            total.update(path.read_bytes() if path.is_file() else b"missing")
        self._hash = total.hexdigest()

    def is_current(self) -> bool:
        """Whether exactly this was checked without a mistake."""
        try:
            return self._path.read_text(encoding="ascii") == self._hash
        except (OSError, UnicodeDecodeError):
            return False

    def write(self) -> None:
        """Remember it, where the folder can be written; a kill leaves the old stamp or the new one."""
        aside = self._path.with_name(f".{_NAME}-{os.getpid()}")
        try:
            aside.write_text(self._hash, encoding="ascii")
            aside.replace(self._path)
        except OSError:
            return  # it is checked again next time
