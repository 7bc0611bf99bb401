"""The project: the folder that declares one lake, found from the working directory upwards."""

from __future__ import annotations

import os
from pathlib import Path

from assay.base.errors import UserError

DISTRIBUTION = "assay-lakehouse"
"""The package as pip knows it."""
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
        ProjectNotFound: There is none, or what is named is not one.
    """
    if named := os.environ.get("ASSAY_PROJECT"):
        folder = Path(named).expanduser().resolve()
        if not folder.is_dir():
            raise ProjectNotFound(f"the project (--project or ASSAY_PROJECT) is {folder}, which is not a folder")
        if not (folder / MARKER).is_file():
            raise ProjectNotFound(
                f"the project (--project or ASSAY_PROJECT) is {folder}, which has no {MARKER}; name the folder that "
                "`assay init` made"
            )
        return folder
    if dbt_project := os.environ.get("ASSAY_DBT_PROJECT"):
        folder = Path(dbt_project).expanduser().resolve()
        if not (folder / "dbt_project.yml").is_file():
            raise ProjectNotFound(f"ASSAY_DBT_PROJECT is {folder}, which has no dbt_project.yml")
        return folder.parent
    here = _working_directory()
    for folder in (here, *here.parents):
        if (folder / MARKER).is_file():
            return folder
    raise ProjectNotFound(
        f"there is no {MARKER} in {here} or above it, so this is not an Assay project; `assay init FOLDER` makes one, "
        "and --project or ASSAY_PROJECT names one that is elsewhere"
    )


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise ProjectNotFound("the working directory is gone; change into a folder that is there") from error


def definitions_of(project: Path) -> Path:
    """The file that declares a project; for a dbt project that stands alone, that of a new one.

    Raises:
        ProjectNotFound: The project is one that `assay init` made, and its file is gone.
    """
    own = project / DEFINITIONS
    if own.is_file():
        return own
    if (project / MARKER).is_file():
        raise ProjectNotFound(f"{own} is not there; `assay init` writes one to start from")
    return TEMPLATE / DEFINITIONS
