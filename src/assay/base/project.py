"""The project: the folder that declares one lake, found from the working directory upwards."""

from __future__ import annotations

import os
from pathlib import Path

from assay.base.errors import UserError

MARKER = "assay.toml"
"""The file that makes a folder a project."""
ENGINE = Path(__file__).resolve().parents[1]
"""The package `assay`: what it brings along is below it, nothing is ever written there."""

DEFINITIONS = "definitions.py"
"""The file that declares what Dagster loads."""
TEMPLATE = ENGINE / "templates" / "project"
"""What a new project starts with; it serves a dbt project that stands alone, too."""


class ProjectNotFound(UserError):
    """No folder from the working directory upwards is a project."""


def find_project() -> Path:
    """The folder that `ASSAY_PROJECT` names, or that is around `ASSAY_DBT_PROJECT`, or the next one upwards.

    Raises:
        ProjectNotFound: There is none, or the folder that is named is not there.
    """
    if named := os.environ.get("ASSAY_PROJECT"):
        folder = Path(named).expanduser().resolve()
        if not folder.is_dir():
            raise ProjectNotFound(f"ASSAY_PROJECT names {folder}, which is not a folder")
        return folder
    if dbt_project := os.environ.get("ASSAY_DBT_PROJECT"):
        return Path(dbt_project).expanduser().resolve().parent
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / MARKER).is_file():
            return folder
    raise ProjectNotFound(
        f"there is no {MARKER} in {here} or above it, so this is not an Assay project; `assay init FOLDER` makes one, "
        "and ASSAY_PROJECT names one that is elsewhere"
    )


def definitions_of(project: Path) -> Path:
    """The file that declares a project; that of a new one where it has none."""
    own = project / DEFINITIONS
    return own if own.is_file() else TEMPLATE / DEFINITIONS
