"""`assay diff`: what differs between two lakes, or between two states that readers saw."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import duckdb

from assay.base.duckdb_errors import first_line
from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.base.spill import database_beside_runs
from assay.cli.clear_values import assert_may_see
from assay.cli.console import progress
from assay.cli.diff_report import Comparison, show, without_hidden
from assay.contract.catalog import Catalog
from assay.contract.names import table_of
from assay.publish.diff import Wish, compare
from assay.publish.kept_states import KeptState, kept_state
from assay.tables.dbt import parse_if_changed

SAME, DIFFERENT = 0, 1


class NotComparable(UserError):
    """Two states cannot be compared."""


@dataclass(frozen=True)
class Asked:
    """What the command is asked for.

    Attributes:
        table: A table or pattern; empty for all.
        tolerance: Share by which floating-point numbers may differ.
        examples: How many examples of each kind to show.
        has_load_columns: Whether to compare columns that say with which load a row came.
        output: `table`, `json` or `markdown`.
        is_clear: Whether to show values about people.
    """

    table: str = ""
    tolerance: float = 0.0
    examples: int = 3
    has_load_columns: bool = False
    output: str = field(default="table")
    is_clear: bool = False


def diff(a: str, b: str, asked: Asked) -> int:
    """Print how two states differ.

    Args:
        a: The name of the first, as of `kept_state`.
        b: That of the second.
        asked: What to compare, and how to show it.

    Returns:
        0 when they are the same, 1 when they differ.

    Raises:
        NoSuchState: A name stands for none.
        NotComparable: They cannot be compared.
        NotForYou: Values about people are asked for, and the user is not named.
    """
    if not math.isfinite(asked.tolerance):
        raise NotComparable(f"--tolerance is {asked.tolerance}; expected a number such as 1e-9")
    settings = Settings.from_env()
    if asked.is_clear:
        assert_may_see(settings)
    parse_if_changed(settings)
    catalog = Catalog.read(settings.dbt_project)
    states = kept_state(a, settings.published), kept_state(b, settings.published)
    with progress("comparing") as tell:
        comparison = compared(settings, catalog, *states, asked, tell)
    show(comparison, asked.output)
    return SAME if comparison.is_same else DIFFERENT


def compared(
    settings: Settings,
    catalog: Catalog,
    a: KeptState,
    b: KeptState,
    asked: Asked,
    tell: Callable[[str], object] = lambda _: None,
) -> Comparison:
    """Compare two states within the limits of a run; values about people are masked unless the wish is for clear ones.

    Raises:
        NotComparable: No table is called as was asked, or memory, disk or a file do not do.
    """
    keys = {table_of(model): promise.key for model, promise in catalog.promises.items() if promise.key}
    wish = Wish(keys, asked.tolerance, asked.examples, asked.has_load_columns)
    pattern = asked.table.replace("/", ".")

    def is_wanted(table: str) -> bool:
        return not pattern or asked.table == table or fnmatchcase(table, pattern)

    try:
        with database_beside_runs(settings.home, settings.memory_limit, settings.spill_limit) as connection:
            diffs = compare(connection, a, b, wish, is_wanted=is_wanted, tell=tell)
    except duckdb.OutOfMemoryException as error:
        raise NotComparable(
            f"the states need more memory or disk than there is ({first_line(error)}); raise ASSAY_MEMORY_LIMIT or "
            "ASSAY_SPILL_LIMIT, or name one table"
        ) from error
    except duckdb.IOException as error:
        raise NotComparable(
            f"a file of a state cannot be read ({first_line(error)}); where a run dropped an old state meanwhile, "
            "compare again with one that is kept"
        ) from error
    if pattern and not diffs:
        raise NotComparable(f"neither {a.name} nor {b.name} shows a table {asked.table!r}")
    return Comparison(a, b, diffs if asked.is_clear else [without_hidden(catalog, diff) for diff in diffs])
