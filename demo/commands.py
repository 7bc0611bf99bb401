"""`assay demo` and `assay replay`: the commands of this project, which `assay.toml` adds to those of the engine."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import typer

from assay.cli.console import out, progress, stoppable

FIRST_DAY = date(2017, 1, 1)

app = typer.Typer()


@app.command()
def replay(
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="First day, as 2017-01-01.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Last day, included.")],
) -> None:
    """Write the demo's files that would have arrived on these days."""
    from assay.base.settings import Settings
    from demo.replay import replay as write_files

    done = write_files(Settings.from_env().landing, _day(first), _day(last))
    out.print(f"{done.written} files written, {done.unchanged} were there already", highlight=False)


@app.command()
def demo(days: Annotated[int, typer.Option(help="How many days of receipts.", min=1)] = 28) -> None:
    """Replay real receipts a week at a time and load each week."""
    raise typer.Exit(stoppable(lambda: replay_and_run(days)))


def replay_and_run(days: int) -> int:
    """Replay and run, a week at a time; 0 when every run succeeded."""
    from assay.cli import incidents, score_card
    from assay.cli.outcome import report
    from assay.cli.running import prepare, run_once
    from demo.replay import replay as write_files

    settings = prepare()
    for start in range(0, days, 7):
        first = FIRST_DAY + timedelta(days=start)
        last = FIRST_DAY + timedelta(days=min(start + 7, days) - 1)
        out.print(f"[bold]{first:%d %B} to {last:%d %B %Y}[/]", highlight=False)
        with progress("files arrive") as tell:
            write_files(settings.landing, first, last)
            outcome = run_once(settings, "", [], tell=tell)
        report(outcome)
        if not outcome.success:
            break
    incidents.look_after_run(settings)
    if outcome.success:
        score_card.show(as_json=False)
    return 0 if outcome.success else 1


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date such as 2017-01-31") from None
