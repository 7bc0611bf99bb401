"""`assay contract lint`: what the ymls of a project do not say of its tables."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from assay.base.settings import Settings
from assay.cli.console import out
from assay.contract.catalog import Catalog
from assay.contract.policy import gaps
from assay.tables.dbt import parse_if_changed


def lint(*, as_json: bool) -> int:
    """Print each gap; 1 when there is one, else 0.

    Args:
        as_json: For programs: an object for each gap.
    """
    settings = Settings.from_env()
    parse_if_changed(settings)
    catalog = Catalog.read(settings.dbt_project)
    missing = gaps(catalog)
    if as_json:
        sys.stdout.write(json.dumps([asdict(gap) for gap in missing], indent=2, ensure_ascii=False) + "\n")
        return 1 if missing else 0
    tables = len(catalog.of_layer("bronze", "silver", "gold"))
    if not missing:
        all_said = "each says owner, description, key and freshness, and what its columns mean"
        out.print(f"{tables} tables: {all_said}" if tables else "there is no table in the project yet")
        return 0
    shown = Table("table", "column", "missing", "in", "do", box=None, pad_edge=False)
    for gap in missing:
        shown.add_row(*map(escape, (gap.table, gap.column, gap.missing, gap.where, gap.do)))
    out.print(shown)
    out.print(f"\n{len(missing)} gaps in {len({gap.table for gap in missing})} of {tables} tables", highlight=False)
    return 1
