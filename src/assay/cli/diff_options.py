"""The options of `assay diff`, and of a run on a fork, which ends with one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.clear_values import Clear
from assay.cli.console import stoppable

Fork = Annotated[
    Path | None, typer.Option("--fork", metavar="DIR", help="Run on a copy of the lake there; say what differs.")
]
Keep = Annotated[bool, typer.Option("--keep", help="Keep that copy.")]


def compare_states(
    a: Annotated[str, typer.Argument(metavar="A", help="published, published~1, published@TIME, or a lake's folder.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Likewise.")],
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table or pattern, e.g. 'gold.*'.")] = "",
    *,
    tolerance: Annotated[
        float, typer.Option(min=0, metavar="SHARE", help="By which floating-point numbers may differ, e.g. 1e-9.")
    ] = 0.0,
    examples: Annotated[int, typer.Option(min=0, max=1000, help="Rows of each kind to show of a table.")] = 3,
    load_columns: Annotated[
        bool, typer.Option("--load-columns", help="Compare _file_id, _load_id and _loaded_at, too.")
    ] = False,
    clear: Clear = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="For a pull request.")] = False,
) -> None:
    """How the tables of two lakes, or of two published states, differ; exits with 1 when they do."""
    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown exclude each other")
    from assay.cli import diffing  # noqa: PLC0415 - DuckDB and the contracts, which only this command should cost

    output = "json" if as_json else "markdown" if as_markdown else "table"
    asked = diffing.Asked(table, tolerance, examples, load_columns, output, clear)
    raise typer.Exit(stoppable(lambda: diffing.diff(a, b, asked)))
