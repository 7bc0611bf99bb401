"""The definitions of a project, as its own `definitions.py` composes them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

import dagster as dg

from assay.base.errors import UserError
from assay.base.project import definitions_of
from assay.base.user_code import raised_by_project
from assay.orchestration.lakehouse import Lakehouse


class DefinitionsMissing(UserError):
    """A project's `definitions.py` cannot be used."""


def build_definitions(lake: Lakehouse) -> dg.Definitions:
    """Everything that a lake consists of, as its project declares it.

    Args:
        lake: The lake.

    Raises:
        DefinitionsMissing: The project's `definitions.py` cannot be imported, or has no function `build_definitions`.
    """
    path = definitions_of(lake.settings.project)
    try:
        build = getattr(_module(path), "build_definitions", None)
        made = build(lake) if _takes_a_lake(build) else None
    except Exception as error:  # whatever the project's own code raises
        if message := raised_by_project(error, path.parent):
            raise DefinitionsMissing(f"{path} cannot be used: {message}") from error
        raise
    if not isinstance(made, dg.Definitions):
        actual = f"one that gives a {type(made).__name__}" if _takes_a_lake(build) else "none that takes a lake"
        raise DefinitionsMissing(
            f"{path}: expected a function build_definitions(lake) that gives Definitions, found {actual}; "
            "`assay init` writes one to start from"
        )
    return made


def _takes_a_lake(build: object) -> TypeGuard[Callable[[Lakehouse], object]]:
    if not callable(build):
        return False
    try:
        inspect.signature(build).bind(None)
    except TypeError:
        return False
    return True


@cache
def _module(path: Path) -> ModuleType:
    """The file as a module; what it imports is looked for beside it, as Dagster does."""
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = spec_from_file_location(f"assay_project_{abs(hash(path))}", path)
    assert spec is not None  # noqa: S101 - its name ends with .py
    assert spec.loader is not None  # noqa: S101 - as above
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # Dagster looks up where a function was defined
    spec.loader.exec_module(module)
    return module
