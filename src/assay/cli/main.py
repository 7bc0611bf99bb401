"""The command line: all commands, and the handling of errors."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from assay.base.errors import UserError
from assay.base.project import DISTRIBUTION
from assay.cli.console import complain, out, stoppable
from assay.cli.contract_commands import contract_app
from assay.cli.diff_options import Fork, Keep, compare_states
from assay.cli.feed_commands import feed_app
from assay.cli.incident_commands import incident_app
from assay.cli.project_commands import Commands
from assay.cli.source_commands import source_app

app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("diff")(compare_states)
app.add_typer(source_app, name="source")
app.add_typer(contract_app, name="contract")
app.add_typer(feed_app, name="feed")
app.add_typer(incident_app, name="incidents")
USAGE = 2


def _say_version(wanted: bool) -> None:
    if wanted:
        out.print(version(DISTRIBUTION), highlight=False)
        raise typer.Exit


def _use_folder(option: typer.CallbackParam, folder: str | None) -> None:
    """Let an option override the environment, for child processes as well, and before commands are looked up."""
    name = str(option.opts[0]).removeprefix("--")
    if folder == "":
        raise typer.BadParameter("is empty; name a folder")
    if folder is not None:
        os.environ[f"ASSAY_{name.upper()}"] = str(Path(folder).expanduser().resolve())


@app.callback()
def main_options(
    _project: Annotated[
        str | None,
        typer.Option(
            "--project", metavar="FOLDER", is_eager=True, callback=_use_folder, help="Outranks ASSAY_PROJECT."
        ),
    ] = None,
    _home: Annotated[
        str | None,
        typer.Option(
            "--home", metavar="FOLDER", is_eager=True, callback=_use_folder, help="The lake; outranks ASSAY_HOME."
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Show the version and end.")
    ] = False,
) -> None:
    """A lakehouse: files in, gold out, nothing lost."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Empty, or not there yet.")],
    example: Annotated[bool, typer.Option("--example", help="With a tiny source that runs.")] = False,
) -> None:
    """Make a project of your own."""
    from assay.cli import init as init_command

    init_command.init(folder, has_example=example)


@app.command()
def land(
    source: Annotated[str, typer.Argument(help="The source, e.g. transactions.")],
    paths: Annotated[list[str], typer.Argument(metavar="FILE…", help="Files to copy into its landing folder.")],
) -> None:
    """Put files into the landing zone, each complete at once."""
    from assay.cli import files

    files.land(source, paths)


@app.command()
def run(
    select: Annotated[str, typer.Option(help="Tables or a Dagster selection; default: everything.")] = "",
    full_refresh: Annotated[
        list[str] | None, typer.Option("--full-refresh", metavar="TABLE", help="Rebuild this table from nothing.")
    ] = None,
    fork: Fork = None,
    keep: Keep = False,
) -> None:
    """Load what has arrived and rebuild what it changes."""
    if fork or keep:
        from assay.cli import forking

        raise typer.Exit(stoppable(lambda: forking.run_fork(fork, select, full_refresh or [], is_kept=keep)))
    from assay.base.settings import Settings
    from assay.cli import warm_client

    code = warm_client.hand_over(Settings.from_env(), sys.argv[1:])
    if code is None:
        from assay.cli import running

        code = stoppable(lambda: running.run(select, full_refresh or []))
    raise typer.Exit(code)


@app.command()
def plan(
    against: Annotated[
        str, typer.Option(metavar="GIT_REF|published", help="What the project is held against.")
    ] = "published",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plan there as well.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="For a pull request.")] = False,
) -> None:
    """What a change of contracts and models breaks and rebuilds, before anything runs."""
    from assay.cli import planning

    raise typer.Exit(planning.plan(against, out, as_json=as_json, markdown=markdown))


@app.command("apply")
def apply_plan(
    file: Annotated[Path | None, typer.Argument(metavar="[PLAN]", help="A plan; default: the last one.")] = None,
) -> None:
    """Do what the last plan said, unless the lake has moved on since."""
    from assay.cli import planning

    raise typer.Exit(stoppable(lambda: planning.apply(file)))


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Where every record went, as of the last run."""
    from assay.cli import score_card

    score_card.show(as_json=as_json)


@app.command("slo")
def service_levels(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """How well each table kept its freshness SLO in the last 7, 30 and 90 days."""
    from assay.cli import slo

    slo.show(as_json=as_json)


@app.command()
def retry(name: Annotated[str, typer.Argument(metavar="NAME", help="A source or table.")]) -> None:
    """Try a source or table again at once that was left alone because it failed too often."""
    from assay.cli import retrying

    retrying.retry(name)


@app.command()
def accept(
    file: Annotated[str, typer.Argument(metavar="FILE", help="As `assay files` shows it.")],
    because: Annotated[str, typer.Option("--because", metavar="WHY", help="Kept with the decision.")] = "",
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Default: the user of this machine.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take back that it was let in.")] = False,
) -> None:
    """Let a snapshot in that is held back because it loses too much."""
    if not (because.strip() or undo):
        raise typer.BadParameter("say why the file is right: assay accept FILE --because WHY")
    from assay.cli import accepting

    accepting.accept(file, because, by, undo=undo)


@app.command()
def recount(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A source, as `assay status` shows it.")],
    because: Annotated[
        str, typer.Option("--because", metavar="WHY", help="Keep the counts of the rows; without, only look.")
    ] = "",
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Default: the user of this machine.")] = "",
) -> None:
    """Hold the counts that are kept of a source against all its rows, and put them right where the rows are whole."""
    from assay.cli import recounting

    raise typer.Exit(stoppable(lambda: recounting.recount(source, because.strip(), by)))


@app.command()
def drop(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Tables or sources that left the project.")],
    yes: Annotated[bool, typer.Option("--yes", help="Drop it; without, only say what would go.")] = False,
) -> None:
    """Remove what is stored of tables and sources that are not in the project any more."""
    from assay.cli import dropping

    raise typer.Exit(stoppable(lambda: dropping.drop_retired(names, is_sure=yes)))


@app.command("schema")
def print_schema(
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there instead.")] = None,
) -> None:
    """The JSON Schema of the yml beside a model, with which editors complete and check it."""
    from assay.cli import schema

    schema.show(output)


@app.command()
def doctor() -> None:
    """Whether everything that the lake needs is there and alive, and what to do where it is not."""
    from assay.cli import doctor as doctor_command

    raise typer.Exit(doctor_command.doctor())


@app.command("files")
def list_files(
    source: Annotated[str, typer.Argument(help="Only this source.")] = "",
    refused: Annotated[bool, typer.Option("--refused", help="Only files that were refused, with the reason.")] = False,
    no_source: Annotated[bool, typer.Option("--unclaimed", help="Files in landing that no source claims.")] = False,
) -> None:
    """The ledger: every file that was seen, and what became of it."""
    if no_source and (source or refused):
        raise typer.BadParameter("--unclaimed is about files of no source; it stands alone")
    from assay.cli import files, unclaimed

    unclaimed.show() if no_source else files.show(source, refused=refused)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="SQL over silver, gold, quarantine and ops.")],
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
    for_excel: Annotated[
        bool, typer.Option("--for-excel", help="CSV that Excel opens as it is meant, and takes nothing for a formula.")
    ] = False,
) -> None:
    """Ask what is published; works while a run is writing."""
    from assay.cli import querying

    querying.query(sql, output, for_excel=for_excel)


@app.command()
def connect(
    tool: Annotated[str, typer.Argument(help="Only this one, e.g. polars: its line and nothing else.")] = "",
    table: Annotated[str, typer.Option(metavar="TABLE", help="What to read, e.g. gold.daily_sales.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """The one line with which Python, R, Spark, a BI tool or Excel reads what is published."""
    from assay.cli import connecting

    connecting.show(tool, table, as_json=as_json)


@app.command()
def trace(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A gold or silver table, e.g. gold.daily_sales.")],
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="NAME=VALUE", help="Which row; once for each column.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Where a row comes from: rows of silver, lines of files, loads, versions of contracts."""
    from assay.cli import tracing

    tracing.show(table, key or [], as_json=as_json)


@app.command()
def check(
    select: Annotated[str, typer.Option(help="Tables or patterns, e.g. 'gold.*,silver.products'. All otherwise.")] = "",
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML, a case for each rule.")] = None,
    summary: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a summary in Markdown.")] = None,
    fixtures: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Files as in landing: build a lake of them elsewhere and check that."),
    ] = None,
) -> None:
    """Count everything again and run every check on the whole lake, or on one that is built for it."""
    from assay.cli import checking

    raise typer.Exit(stoppable(lambda: checking.check(select, junit, summary, fixtures)))


@app.command()
def dev(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 3000,
    feeds: Annotated[
        bool, typer.Option("--feeds/--no-feeds", help="Run each feed of the project, as a process of its own.")
    ] = True,
    page_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page on this machine.")] = 3001,
    has_page: Annotated[bool, typer.Option("--page/--no-page", help="Serve the page as well.")] = True,
) -> None:
    """The Dagster UI on this machine's lake, its page and its feeds."""
    from assay.cli import ui

    ui.dev(port, has_feeds=feeds, page_port=page_port if has_page else None)


@app.command()
def serve(
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Where it listens, 0.0.0.0 for all; else by the settings."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0 for any that is free; else by the settings.")
    ] = None,
) -> None:
    """Take the webhooks of all feeds into landing, until it is told to end."""
    from assay.cli import serving

    raise typer.Exit(stoppable(lambda: serving.serve(host, port)))


@app.command("page")
def show_page(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where it listens; it has no login.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 3001,
) -> None:
    """The page that people look at: what is wrong, and whether each figure can be relied on."""
    from assay.cli import page

    page.page(host, port)


@app.command()
def report(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A file of HTML; one that is there is replaced.")],
) -> None:
    """The state of the lake as one file to send: what is wrong, and whether each table can be relied on."""
    from assay.cli import reporting

    reporting.write(out)


@app.command("lineage")
def tell_lineage(
    to: Annotated[str, typer.Option("--openlineage", metavar="FILE|URL", help="Where the events go.")],
    namespace: Annotated[str, typer.Option(metavar="NAME", help="Of jobs and tables, one for each lake.")] = "assay",
) -> None:
    """Events of OpenLineage about what the last runs built and checked, for a catalogue."""
    from assay.cli import lineage

    lineage.tell(to, namespace)


@app.command("mcp")
def assistants() -> None:
    """A server of the Model Context Protocol on standard input and output: assistants ask what is published."""
    from assay.cli import assistants as assistants_command

    raise typer.Exit(stoppable(assistants_command.serve))


@app.command()
def setup() -> None:
    """Make what the Dagster UI needs: the instance and the parsed dbt project."""
    from assay.cli import running

    running.prepare()


def main() -> None:
    """Run a command; an error that a person can act on is a sentence, not a traceback."""
    try:
        app()
    except UserError as error:
        complain(str(error))
        sys.exit(USAGE)
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename or 'the lake'}")
        sys.exit(USAGE)
