"""The commands below `assay feed`."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.console import stoppable

feed_app = typer.Typer(no_args_is_help=True, help="What fetches from databases into the landing zone.")
_Feed = Annotated[str, typer.Argument(metavar="NAME", help="The feed, called like its source.")]


@feed_app.command("list")
def list_feeds() -> None:
    """All feeds of the project, and from where they fetch."""
    from assay.cli import feeds

    feeds.show()


@feed_app.command("run", epilog="Examples: assay feed run orders --once; assay feed run orders")
def run_feed(
    name: _Feed,
    once: Annotated[bool, typer.Option("--once", help="Fetch what is new, and end.")] = False,
    compare_keys: Annotated[
        bool, typer.Option("--compare-keys", help="Fetch nothing; show the keys of silver that the source deleted.")
    ] = False,
) -> None:
    """Fetch what is new into landing, again and again; `assay run` or the services load it."""
    from assay.cli import feeds

    if compare_keys:
        from assay.cli import feed_keys

        raise typer.Exit(stoppable(lambda: feed_keys.compare(name)))
    raise typer.Exit(stoppable(lambda: feeds.run(name, is_once=once)))


@feed_app.command("status")
def show_status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """How far each feed is and how far behind, until when it may be, what waits to be loaded, and what is wrong."""
    from assay.cli import feed_status

    feed_status.status(as_json=as_json)


@feed_app.command("test")
def test_feed(name: _Feed) -> None:
    """Connect, and show columns and ten records; values about people are hidden, and nothing is written."""
    from assay.cli import feeds

    raise typer.Exit(stoppable(lambda: feeds.try_out(name)))


@feed_app.command("reset")
def reset_feed(
    name: _Feed,
    epoch: Annotated[bool, typer.Option("--epoch", help="Begin a new epoch; without, only explain.")] = False,
) -> None:
    """Begin anew: the next fetch reads the table from its beginning."""
    from assay.cli import feeds

    raise typer.Exit(stoppable(lambda: feeds.reset(name, is_sure=epoch)))
