"""Keeps a package that is installed from being imported, in processes that do without it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class _LeftOut:
    """Says of a package that it is not installed."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - what importlib gives
        target: ModuleType | None = None,  # noqa: ARG002 - likewise
    ) -> ModuleSpec | None:
        if fullname == self._package:
            raise ModuleNotFoundError(f"{fullname} is left out of this process", name=fullname)
        return None


def leave_out_pandas() -> None:
    """Have this process do without pandas, which DuckDB imports with the first parameter of a statement.

    That takes a fifth of a second and 60 MB. DuckDB and pyarrow do without it where it is not installed.
    """
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _LeftOut("pandas"))


def let_in_pandas() -> None:
    """Let this process import pandas again, before it imports what is not Assay's."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _LeftOut)]
