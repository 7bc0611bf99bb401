"""The dashboards of a project: its files are read when the page starts, and again when they change."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from assay.base.user_code import raised_by_project
from assay.page.dashboards.board import Board

FOLDER = "dashboard"
"""Of a project."""
_MARK = "_assay_dashboard"
Make = Callable[[Board], None]


@dataclass(frozen=True)
class Declared:
    """A dashboard of a project.

    Attributes:
        title: As the navigation calls it.
        path: Of its address.
        is_listed: Whether the navigation has it; others are led to by links.
        make: Puts its figures on the page; None where its file cannot be read.
        problem: Why it cannot.
    """

    title: str
    path: str
    is_listed: bool
    make: Make | None
    problem: str = ""


def dashboard(title: str, *, is_listed: bool = True) -> Callable[[Make], Make]:
    """Declare a function to be a dashboard; its address is made of the title: `Sales receipts` is `/sales-receipts`.

    Args:
        title: A word or two.
        is_listed: Whether the navigation has it; one that others link to need not be there.
    """

    def marked(make: Make) -> Make:
        setattr(make, _MARK, (title, is_listed))
        return make

    return marked


def path_of(title: str) -> str:
    """The address of a dashboard of a title."""
    return f"/{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-') or 'dashboard'}"


class Dashboards:
    """The dashboards of one project.

    Args:
        project: Its folder.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        self._read: dict[Path, tuple[int, list[Declared]]] = {}

    def all(self) -> list[Declared]:
        """Every dashboard, by file; of a file that cannot be read one that says why."""
        folder = self._project / FOLDER
        files = sorted(folder.glob("*.py")) if folder.is_dir() else []
        return [each for path in files if not path.name.startswith("_") for each in self._of(path)]

    def at(self, path: str) -> Declared | None:
        """The dashboard of an address, as its file is now."""
        return next((each for each in self.all() if each.path == path), None)

    def _of(self, path: Path) -> list[Declared]:
        stamp = path.stat().st_mtime_ns
        if path not in self._read or self._read[path][0] != stamp:
            self._read[path] = (stamp, self._load(path))
        return self._read[path][1]

    def _load(self, path: Path) -> list[Declared]:
        title = path.stem.replace("_", " ").capitalize()
        try:
            module = self._module(path)
        except Exception as error:  # whatever the project's own code raises
            if not (problem := raised_by_project(error, self._project)):
                raise
            return [Declared(title, path_of(title), is_listed=True, make=None, problem=problem)]
        marked = [make for make in vars(module).values() if getattr(make, "__module__", "") == module.__name__]
        marks = [(getattr(make, _MARK), make) for make in marked if hasattr(make, _MARK)]
        if not marks:
            problem = f"{path}: declares no dashboard; write @dashboard({title!r}) above a function that takes a board"
            return [Declared(title, path_of(title), is_listed=True, make=None, problem=problem)]
        return [Declared(name, path_of(name), is_listed, make) for (name, is_listed), make in marks]

    def _module(self, path: Path) -> ModuleType:
        if str(self._project) not in sys.path:
            sys.path.insert(0, str(self._project))
        spec = spec_from_file_location(f"assay_dashboard_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} cannot be imported")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
