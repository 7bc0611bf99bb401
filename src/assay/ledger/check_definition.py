"""The definition of a check as a hash: a pass stands only for as long as the definition is the same."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version

from assay.base.project import ENGINE
from assay.contract.catalog import Catalog
from assay.contract.names import TableName

LOAD_CHECKS = ("validity", "volume", "completeness", "distribution", "freshness")
BY_CHANGE = ("contract", "conservation")
"""Checks of which a good result stands for the rows that it covered: a run looks at those that changed since."""
ENGINES = ("duckdb", "ibis-framework", "pandera")
"""Packages that evaluate checks; another version of one may answer otherwise."""
_ARRIVALS = (
    "checks/load_checks.py",
    "checks/anomaly_rules.py",
    "checks/backfill.py",
    "checks/profiles.py",
    "checks/statistics.py",
    "ledger/contents.py",
)
CODE = {
    **dict.fromkeys(("validity", "volume", "completeness", "distribution"), _ARRIVALS),
    "contract": (
        "checks/contract_check.py",
        "checks/changed_rows.py",
        "contract/table_schema.py",
        "tables/written_keys.py",
        "tables/key_ranges.py",
    ),
    "consistency": ("checks/consistency_check.py", "contract/declared_checks.py", "contract/business_rules.py"),
    "versions_are_ordered": ("checks/versions_check.py", "checks/ties.py"),
}
"""Checks whose pass stands until something changes, and what they are made of."""
_MOVING = ("checks/moving_checks.py", "contract/moving_rules.py")
"""What says for how long a pass of these stands."""


def definition(catalog: Catalog, table: str, check: str) -> str:
    """Hash of all that a check asks, its own code included, and one of what evaluates it; empty where it is not kept.

    Args:
        catalog: The project.
        table: e.g. `silver.products`.
        check: e.g. `contract`.
    """
    if check not in CODE:
        return ""
    name = TableName.parse(table)
    model, source = name.model, name.entity
    if check in LOAD_CHECKS:
        asked = [repr(catalog.contracts[source]), repr(catalog.load_checks[source])]
    else:
        asked = [repr(catalog.promises[model]), repr(catalog.table_checks[model])]
    if check == "versions_are_ordered":
        asked.append(repr(catalog.contracts[catalog.ordered_by_names[model]]))
    rules = [catalog.rules[model].read_bytes()] if check == "consistency" and model in catalog.rules else []
    return f"{_hash('', *asked, *map(repr, [*_code(check), *rules]))}-{engines()}"


@cache
def engines() -> str:
    """Hash of the versions of what evaluates checks, the last part of every definition."""
    return _hash(*(f"{name} {version(name)}" for name in ENGINES))[:8]


@cache
def _code(check: str) -> tuple[bytes, ...]:
    """The files of the engine that a check is made of."""
    paths = (*CODE[check], *(() if check in LOAD_CHECKS else _MOVING))
    return tuple((ENGINE / path).read_bytes() for path in paths)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
