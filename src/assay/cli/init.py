"""`assay init`: create a new project in one step."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from string import Template

from assay.base.errors import UserError
from assay.base.project import DISTRIBUTION, ENGINE, MARKER, TEMPLATE
from assay.base.settings import problem_of_home
from assay.cli.console import out

EXAMPLE = ENGINE / "templates" / "example"
RESERVED = ("assay", "dbt")
"""Names of dbt packages that every project has."""
TOLERATED = (".git", ".venv")
"""What may be in the folder already."""
FILLED = ("README.md", "pyproject.template", "dbt_project/dbt_project.yml")
"""Files in which the project's name stands."""
RENAMED = {"gitignore": ".gitignore", "pyproject.template": "pyproject.toml"}
"""Files that tools would take for those of the engine itself."""


class FolderInUse(UserError):
    """The folder for a new project holds files already."""


def init(folder: Path, *, has_example: bool) -> None:
    """Write a project into a folder that is empty or not there yet.

    Args:
        folder: Where; its name is that of the project.
        has_example: Whether it gets a tiny source with a file that waits in landing.

    Raises:
        FolderInUse: There is something in it.
    """
    folder = folder.expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(path.name not in TOLERATED for path in folder.iterdir())):
        raise FolderInUse(f"{folder} is not an empty folder; name one that is empty or not there yet")
    if problem := problem_of_home(folder / "data"):
        raise FolderInUse(f"{folder} cannot hold a lake: {problem}")
    name = project_name(folder.name)
    if folder.exists():  # a shell or an editor may stand in it
        _fill(folder, name, has_example=has_example)
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name[:50]}-", dir=folder.parent) as scratch:
            aside = Path(scratch) / "project"
            aside.mkdir()
            _fill(aside, name, has_example=has_example)
            aside.replace(folder)
    _say_what_next(folder, has_example=has_example)


def project_name(folder: str) -> str:
    """A name that dbt takes, made of that of a folder: `My lake (2)` is `my_lake_2`."""
    name = re.sub(r"[^a-z0-9]+", "_", folder.lower()).strip("_")
    return name if re.match(r"[a-z]", name) and name not in RESERVED else f"lake_{name}".rstrip("_")


def _fill(folder: Path, project: str, *, has_example: bool) -> None:
    files = sorted(_files(TEMPLATE), key=lambda file: file[0].name == MARKER)  # last what makes it a project
    for name, source in files:
        _copy(source, folder / name, project)
    (folder / "dbt_project" / "models").mkdir(parents=True, exist_ok=True)
    (folder / "data" / "landing").mkdir(parents=True, exist_ok=True)
    for name, source in _files(EXAMPLE) if has_example else ():
        is_data = name.parts[0] == "landing"
        _copy(source, folder / "data" / name if is_data else folder / name, project)


def _files(root: Path) -> Iterator[tuple[Path, Path]]:
    """Each file of a template by the name that it gets."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(root)
            yield name.with_name(RENAMED.get(name.name, name.name)), path


def _copy(source: Path, target: Path, project: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_relative_to(TEMPLATE) and source.relative_to(TEMPLATE).as_posix() in FILLED:
        text = Template(source.read_text(encoding="utf-8"))
        target.write_text(text.substitute(project=project, version=version(DISTRIBUTION)), encoding="utf-8")
    else:
        shutil.copyfile(source, target)


def _say_what_next(folder: Path, *, has_example: bool) -> None:
    out.print(f"made {folder}", highlight=False, markup=False)
    if has_example:
        out.print("next: cd there, then `assay run`, `assay status`, `assay dev`", highlight=False)
    else:
        out.print(
            "next: cd there, write a contract into dbt_project/models/ (`assay init --example` shows one that runs), "
            "put files into data/landing/, then `assay run`",
            highlight=False,
        )
