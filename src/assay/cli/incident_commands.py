"""`assay incidents`, and the commands below it: what people do about incidents."""

from __future__ import annotations

from typing import Annotated

import typer

incident_app = typer.Typer()
_Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `assay incidents` shows it.")]
_By = Annotated[str, typer.Option("--by", metavar="WHO", help="Default: the user of this machine.")]


@incident_app.callback(invoke_without_command=True)
def list_incidents(
    context: typer.Context,
    closed: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What is wrong now, and what to do about it."""
    if context.invoked_subcommand is None:
        from assay.cli import incidents

        incidents.show(closed=closed, as_json=as_json)


@incident_app.command("ack", epilog="Example: assay incidents ack 3")
def acknowledge(number: _Number, by: _By = "") -> None:
    """Take an incident: it waits as long as its level has from now on before it rises."""
    from assay.cli import incidents

    incidents.act(number, "ack", by)


@incident_app.command("assign", epilog="Example: assay incidents assign 3 ann")
def assign(
    number: _Number, to: Annotated[str, typer.Argument(metavar="WHO", help="Who is to do it.")], by: _By = ""
) -> None:
    """Give an incident to somebody."""
    from assay.cli import incidents

    incidents.act(number, "assign", by, to)


@incident_app.command("resolve", epilog="Example: assay incidents resolve 3 --because 'it is sent again'")
def resolve(
    number: _Number,
    because: Annotated[str, typer.Option("--because", metavar="WHY", help="Kept with it.")],
    by: _By = "",
) -> None:
    """Close an incident by hand; it is open again as soon as its problem changes."""
    from assay.cli import incidents

    incidents.act(number, "resolve", by, because=because)


@incident_app.command("reopen", epilog="Example: assay incidents reopen 3")
def reopen(
    number: _Number,
    because: Annotated[str, typer.Option("--because", metavar="WHY", help="Kept with it.")] = "",
    by: _By = "",
) -> None:
    """Open an incident again that was resolved by hand."""
    from assay.cli import incidents

    incidents.act(number, "reopen", by, because=because)
