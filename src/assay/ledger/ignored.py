"""Files below the landing zone that no source needs to claim: rules that are written down, here and by the user.

Belongs here: every reason for which an unclaimed file is not listed. `docs/adding-a-source.md` has the same list.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from assay.contract.file_glob import UNFINISHED

if TYPE_CHECKING:
    import pathspec

HIDDEN = "."
"""How names begin that programs keep for themselves; what Assay writes aside is called so, too."""
MARKER_FILES = ("_SUCCESS", "_committed_*", "_started_*", "_metadata", "_common_metadata")
MARKER_FOLDERS = ("_temporary", "_delta_log", "_spark_metadata")
"""What Spark, Databricks, Delta Lake and Dask write beside data; these hold no record."""
ARCHIVER_FOLDERS = ("__MACOSX",)
"""What macOS puts into an archive beside the files: how the Finder shows them."""
IGNORE_FILE = ".assayignore"
"""In the landing zone: patterns as in `.gitignore` of what the user does not want listed."""
LARGEST = 1_000_000
"""Bytes of an ignore file; a larger one is a mistake, and each pattern costs time for each unclaimed file."""


def is_ignored_file(name: str) -> bool:
    """Whether a file of this name is ignored, in whatever folder it is."""
    is_own = name.startswith(HIDDEN) or name.endswith(UNFINISHED)
    return is_own or (name.startswith("_") and any(fnmatchcase(name, marker) for marker in MARKER_FILES))


def is_ignored_folder(name: str) -> bool:
    """Whether everything in a folder of this name is ignored."""
    return name.startswith(HIDDEN) or name in MARKER_FOLDERS + ARCHIVER_FOLDERS


@dataclass(frozen=True)
class IgnoreFile:
    """What the user's ignore file says.

    Attributes:
        patterns: None when there are none, or when they cannot be used.
        problem: Why the file cannot be used; empty when it can or is not there.
    """

    patterns: pathspec.GitIgnoreSpec | None = None
    problem: str = ""

    def ignores(self, path: str) -> bool:
        """Whether it names a path below the landing zone; a folder's ends in `/`."""
        return self.patterns is not None and self.patterns.match_file(path)


def read_ignore_file(landing: Path) -> IgnoreFile:
    """Read the ignore file of a landing zone; one that cannot be used ignores nothing and says why."""
    path = landing / IGNORE_FILE
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:  # a pipe would be waited for
            return IgnoreFile(problem=f"{IGNORE_FILE} is not a text file of at most {LARGEST:,} bytes")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return IgnoreFile()
    except OSError as error:
        return IgnoreFile(problem=f"{IGNORE_FILE} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return IgnoreFile(problem=f"{IGNORE_FILE} is not valid UTF-8")
    return _parse(lines)


def _parse(lines: Sequence[str]) -> IgnoreFile:
    import pathspec  # noqa: PLC0415 - only who has such a file needs it

    for number, line in enumerate(lines, 1):
        try:
            pathspec.GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error):
            return IgnoreFile(problem=f"{IGNORE_FILE}: line {number}: {line.strip()!r} is not a pattern of .gitignore")
    return IgnoreFile(pathspec.GitIgnoreSpec.from_lines(lines))
