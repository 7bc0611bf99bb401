"""Tables in the UI: evidence of checks, columns of models, names of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from assay.checks.results import CheckResult, Rule, in_words
from assay.contract.own_columns import OWN_COLUMNS, OWN_TYPE, inputs_of, undeclared
from assay.loading.bronze_table import ADDED

MOST = 50
"""Rows of a table in the metadata of an event; Dagster keeps every event for ever."""

_ADDED = {
    "_rescued": "Values of columns that the contract does not name, as JSON; NULL when there were none.",
    "_violations": "Names of all rules of the contract that the row breaks; NULL when it breaks none.",
    "_file_id": "The content in the ledger `ops.files` that the row came with.",
    "_load_id": "The load that wrote the row.",
    "_loaded_at": "When the row was written.",
}


def text_table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> dg.TableMetadataValue:
    """A table of texts as metadata.

    Args:
        names: Its columns.
        rows: Its rows; no more than `MOST` are shown.
    """
    kept = [dg.TableRecord({n: str(v) for n, v in zip(names, row, strict=True)}) for row in list(rows)[:MOST]]
    return dg.MetadataValue.table(kept, dg.TableSchema([dg.TableColumn(name, "string") for name in names]))


def evidence(rules: Sequence[Rule]) -> Mapping[str, dg.MetadataValue | int]:
    """What a check expected and found, what failed first, and rows that show it."""
    ordered = sorted(rules, key=lambda rule: rule.passed)
    lines = [
        (
            *(rule.name, rule.severity, rule.expected, rule.observed),
            *(_figure(rule.value), _figure(rule.threshold), "yes" if rule.passed else "NO"),
        )
        for rule in ordered
    ]
    examples = [(rule.name, in_words(row)) for rule in ordered for row in rule.examples]
    return {
        "rules_broken": sum(not rule.passed for rule in rules),
        "rules": text_table(("rule", "severity", "expected", "found", "value", "threshold", "holds"), lines),
        **({"examples": text_table(("rule", "row"), examples)} if examples else {}),
    }


def coverage(result: CheckResult) -> Mapping[str, dg.MetadataValue | int | str]:
    """How many rows a check looked at, and when every row was last, where an earlier result stands for the others."""
    if result.rows_checked is None:
        return {}
    whole_at = {} if result.whole_at is None else {"every_row_checked_at": dg.MetadataValue.timestamp(result.whole_at)}
    return {
        "looked_at": "every row" if result.is_whole else "the rows that changed",
        "rows_looked_at": result.rows_checked,
        **whole_at,
    }


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.6g}"


def severity_of(result: CheckResult) -> dg.AssetCheckSeverity:
    """Dagster's word for what it means that a check did not pass; only ERROR blocks."""
    return dg.AssetCheckSeverity.WARN if result.verdict == "warn" else dg.AssetCheckSeverity.ERROR


_OWN: Mapping[str, Any] = {"data_type": OWN_TYPE, "constraints": [{"type": "not_null"}]}


def column_schema(model: Mapping[str, Any]) -> dg.TableSchema:
    """The columns of a model with types, descriptions and rules, as its yml says; with those that Assay adds.

    A bronze table also holds the rows that break its rules, so there even a column that must not be NULL may be.

    Args:
        model: Its node in the manifest.
    """
    key = [name for c in model["constraints"] if c["type"] == "primary_key" for name in c["columns"] or ()]
    is_bronze = model["config"]["materialized"] == "landed"
    columns = [_column(column, key, is_bronze=is_bronze) for column in model["columns"].values()]
    if is_bronze:
        columns += [dg.TableColumn(name, kind, _ADDED[name]) for name, kind in ADDED]
    own = undeclared([column.name for column in columns], inputs_of(model))
    columns += [_column({"name": name, **_OWN, "description": OWN_COLUMNS[name]}, (), is_bronze=False) for name in own]
    return dg.TableSchema(columns)


def _column(column: Mapping[str, Any], key: Sequence[str], *, is_bronze: bool) -> dg.TableColumn:
    rules = [c["expression"] for c in column["constraints"] if c["type"] == "check"]
    is_key = column["name"] in key
    is_needed = is_key or any(c["type"] == "not_null" for c in column["constraints"])
    constraints = [*(["key"] if is_key else []), *(["not null"] if is_needed and is_bronze else []), *rules]
    return dg.TableColumn(
        column["name"],
        column["data_type"] or "",
        column["description"],
        dg.TableColumnConstraints(nullable=is_bronze or not is_needed, other=constraints),
    )
