"""Where files of feeds are by now: whether a fold holds one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from assay.contract.feed import FOLDER
from assay.ledger.folds import PARTS, TRIES, DamagedFold, Folded, entries, fold_folder, fold_paths, may_hold


def located(landing: Path, name: str) -> Folded | None:
    """A file in the folds of its feed; None where none holds it. A fold that cannot be read holds nothing.

    Args:
        landing: The landing zone.
        name: The path below it.
    """
    parts = name.split("/")
    if len(parts) != PARTS or parts[0] != FOLDER:
        return None
    for _ in range(TRIES):
        try:
            for path in fold_paths(landing, parts[1]):
                if not may_hold(path, name):
                    continue
                try:
                    if folded := entries(path).get(name):
                        return folded
                except DamagedFold:
                    continue
            return None
        except FileNotFoundError:
            continue
    return None


def lies_in_landing(landing: Path, path: Path, name: str) -> bool:
    """Whether a file is in landing, or in a fold there.

    Args:
        landing: The landing zone.
        path: The path on disk.
        name: The path below the landing zone.
    """
    return os.path.lexists(path) or located(landing, name) is not None


def feeds_with_folds(landing: Path) -> Iterator[str]:
    """Feeds that have a folder of folds."""
    try:
        names = os.listdir(landing / FOLDER)  # noqa: PTH208 - names alone, and no stat
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in sorted(names):
        if not name.startswith(".") and fold_folder(landing, name).is_dir():
            yield name
