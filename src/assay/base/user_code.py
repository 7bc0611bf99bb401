"""Recognises and words the errors that a project's own Python raised."""

from __future__ import annotations

import traceback
from pathlib import Path

from assay.base.project import ENGINE


def raised_by_project(error: BaseException, project: Path) -> str:
    """The line of the project at which an error arose, and what it says; empty where code of others raised it.

    What the engine or a library raises keeps its traceback: to call it the project's would hide where it is from.

    Args:
        error: As it was caught.
        project: The folder whose files are the user's own.
    """
    if isinstance(error, SyntaxError):
        is_own = error.filename is not None and _is_own(error.filename, project)
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}" if is_own else ""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen importlib")]
    if not frames or not _is_own(frames[-1].filename, project):
        return ""
    return f"{frames[-1].filename}, line {frames[-1].lineno}: {type(error).__name__}: {error}"


def _is_own(file: str, project: Path) -> bool:
    """Whether a file is the project's own: not the engine's, which its own repository contains, and not installed."""
    path = Path(file)
    return path.is_relative_to(project) and not path.is_relative_to(ENGINE) and "site-packages" not in path.parts
