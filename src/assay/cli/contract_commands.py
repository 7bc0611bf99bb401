"""The commands below `assay contract`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.console import stoppable

contract_app = typer.Typer(
    no_args_is_help=True, help="Contracts as documents of the Open Data Contract Standard, and what they leave out."
)


@contract_app.command(
    "export", epilog="Examples: assay contract export products; assay contract export gold.daily_sales --out contracts"
)
def export_contracts(
    tables: Annotated[list[str] | None, typer.Argument(metavar="[TABLE…]", help="Default: all tables.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write a file for each table there.")] = None,
) -> None:
    """Write contracts as documents of the Open Data Contract Standard, version 3.2."""
    from assay.cli import contracts

    contracts.export(tables or [], out)


@contract_app.command(
    "import",
    epilog="Examples: assay contract import products.odcs.yaml; "
    "assay contract import theirs.odcs.yaml --format csv --files 'orders/*.csv' --owner sales",
)
def import_contracts(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Documents of the standard, version 3.")],
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite ymls that describe these tables.")] = False,
    files: Annotated[str, typer.Option(help="Of others' documents: the glob below landing.")] = "",
    form: Annotated[str, typer.Option("--format", help="Of others' documents: csv, jsonl, json, parquet, …")] = "",
    owner: Annotated[str, typer.Option(help="Of others' documents: the team that answers for the source.")] = "",
) -> None:
    """Write the ymls of tables that documents of the Open Data Contract Standard describe."""
    from assay.cli import contracts
    from assay.odcs.foreign import Missing

    def work() -> int:
        contracts.import_(paths, Missing(files, form, owner), replaces=replace)
        return 0

    raise typer.Exit(stoppable(work))


@contract_app.command("lint", epilog="Examples: assay contract lint; assay contract lint --json")
def lint_contracts(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Whether every table says owner, description, key and freshness, or why not; exits 1 where one does not."""
    from assay.cli import contract_lint

    raise typer.Exit(stoppable(lambda: contract_lint.lint(as_json=as_json)))
