"""The commands below `assay source`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.clear_values import Clear
from assay.cli.console import stoppable

source_app = typer.Typer(no_args_is_help=True, help="Begin a source, and try files of one before they are sent.")


@source_app.command("new")
def new_source(
    source: Annotated[str, typer.Argument(metavar="NAME", help="What the source is to be called.")],
    paths: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files of it, as many as there are.")],
    owner: Annotated[str, typer.Option(help="The team that answers for the source.")] = "data",
    each: Annotated[str, typer.Option(help="The list in each record of JSON that it is made of, such as /lines.")] = "",
    parent: Annotated[str, typer.Option("--of", help="The source whose records hold that list.")] = "",
    interactive: Annotated[bool, typer.Option("--interactive", help="Ask what nobody can be sure of.")] = False,
) -> None:
    """Write a contract for files that have none, and try them under it."""
    from assay.cli import source_new

    raise typer.Exit(stoppable(lambda: source_new.new(source, paths, owner, each, parent, is_interactive=interactive)))


@source_app.command("check")
def check_files(
    source: Annotated[str, typer.Argument(metavar="NAME", help="The source, e.g. transactions.")],
    paths: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files that were not sent yet.")],
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML, a case for each file.")] = None,
    clear: Clear = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What would become of files of a source; the lake is not touched."""
    from assay.cli import source_check

    raise typer.Exit(stoppable(lambda: source_check.check(source, paths, junit, as_json=as_json, is_clear=clear)))
