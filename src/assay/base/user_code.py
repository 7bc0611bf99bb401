"""What to say of an error that a project's own Python raised."""

from __future__ import annotations

import traceback
from pathlib import Path


def where_raised(error: BaseException, project: Path) -> str:
    """The last line of the project that an error came through, and what it says.

    Args:
        error: As it was caught.
        project: The folder whose files are the user's own.
    """
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(project)]
    return f"{own[-1].filename}, line {own[-1].lineno}: {said}" if own else said
