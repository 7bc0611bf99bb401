"""What a yml says about checks beyond its constraints: `config: meta: checks:`, with a reason for each.

```yaml
# of a bronze model
checks:
  volume: {change_pct: 40, severity: error, because: A short file is half a delivery.}
  completeness: {change_points: 5, because: …}
  distribution: {columns: [quantity], psi: 0.3, because: …}
  validity: {most_pct: 2, because: …}
  accepted: [{file: transactions/2017-12-23.csv, because: The Saturday before Christmas.}]
# of a silver or gold model
checks:
  rules:
    a_rule_of_the_yml: {severity: regression, accepted_pct: 0.5, because: …}
  consistency:
    a_name: {columns: [product_id], to: silver_products, severity: warn, because: …}
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from assay.contract.contract import Column
from assay.contract.errors import ContractError
from assay.contract.names import quoted, relation, table_of
from assay.contract.parse import naming_yml, one_of, only

FILES_AGREE, ROWS_AGREE = "files_of_one_moment_agree", "rows_of_one_file_agree"
"""Rules of `versions_are_ordered`, a check of tables whose newest file wins; a yml may give them another severity."""
Severity = Literal["error", "warn", "regression"]
"""Of a rule that does not hold: `error` blocks, `warn` is told, `regression` blocks above what is accepted."""


@dataclass(frozen=True)
class Level:
    """What it means that a rule does not hold.

    Attributes:
        severity: `error` blocks, `warn` is told, `regression` blocks above the accepted share.
        accepted_pct: Share of rows, in percent, that may break a rule of severity `regression`.
        because: The reason.
    """

    severity: Severity = "error"
    accepted_pct: float = 0.0
    because: str = ""


@dataclass(frozen=True)
class LoadChecks:
    """How odd a file may be before it is told, or blocks.

    Attributes:
        volume_pct: Change of the number of records, against files of the same weekday, that is not worth a word.
        completeness_points: Change of a column's share of NULLs that is not worth a word, in percentage points.
        psi: Population stability index above which a column's values have shifted.
        columns: Columns whose values are compared.
        broken_pct: Share of a file's records, in percent, that may be malformed or break a rule.
        severity: By check; `warn` where nothing is said.
        accepted: Files that may be odd, with the reason, by their path below the landing zone.
    """

    volume_pct: float = 20.0
    completeness_points: float = 2.0
    psi: float = 0.25
    columns: tuple[str, ...] = ()
    broken_pct: float = 1.0
    severity: Mapping[str, Severity] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """Rows whose columns name a row of another table.

    Attributes:
        name: Of the rule.
        columns: In this table; rows with a NULL in one refer to nothing.
        to: The model that is referred to, by columns of the same names.
        where: SQL over this table: which rows are asked.
        level: What a row without a partner means.
    """

    name: str
    columns: tuple[str, ...]
    to: str
    where: str
    level: Level

    def broken(self, table: str) -> str:
        """SQL for the rows of a table that have no partner."""
        names = ", ".join(f"this.{quoted(name)}" for name in self.columns)
        same = " and ".join(f"that.{quoted(name)} = this.{quoted(name)}" for name in self.columns)
        there = " and ".join(f"this.{quoted(name)} is not null" for name in self.columns)
        other = relation(table_of(self.to))
        return (
            f"select {names} from ({self.asked(table)}) as this "
            f"where {there} and not exists (select 1 from {other} as that where {same})"
        )

    def asked(self, table: str) -> str:
        """SQL for the rows that are asked."""
        return f"select * from {relation(table)} where {self.where}"


@dataclass(frozen=True)
class TableChecks:
    """What a silver or gold table's yml says beyond its constraints.

    Attributes:
        levels: Of rules of the contract that are no plain errors, by name.
        references: To other tables.
    """

    levels: Mapping[str, Level] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()


def parse_load_checks(node: Mapping[str, Any], columns: Sequence[Column]) -> LoadChecks:
    """The checks of a bronze model.

    Raises:
        ContractError: A key or value is not understood, or a threshold stands there without a reason; names the yml.
    """
    with naming_yml(node):
        said = _said(node, ("validity", "volume", "completeness", "distribution", "accepted"))
        validity = _thresholds(said, "validity", ("most_pct",))
        volume = _thresholds(said, "volume", ("change_pct",))
        completeness = _thresholds(said, "completeness", ("change_points",))
        distribution = _thresholds(said, "distribution", ("columns", "psi"))
        names = tuple(map(str, distribution.get("columns", ())))
        unknown = sorted(set(names) - {column.name for column in columns})
        if unknown:
            raise ContractError(f"checks: distribution: {', '.join(unknown)} is no column")
        parts = {
            "validity": validity,
            "volume": volume,
            "completeness": completeness,
            "distribution": distribution,
        }
        return LoadChecks(
            volume_pct=_number("volume: change_pct", volume.get("change_pct", LoadChecks.volume_pct)),
            completeness_points=_number(
                "completeness: change_points", completeness.get("change_points", LoadChecks.completeness_points)
            ),
            psi=_number("distribution: psi", distribution.get("psi", LoadChecks.psi)),
            columns=names,
            broken_pct=_number("validity: most_pct", validity.get("most_pct", LoadChecks.broken_pct)),
            severity={
                name: one_of(f"checks: {name}: severity", part["severity"], ("warn", "error"))
                for name, part in parts.items()
                if "severity" in part
            },
            accepted=_accepted(said.get("accepted") or []),
        )


def parse_table_checks(
    node: Mapping[str, Any], rules: Sequence[str], models: Mapping[str, Sequence[str]]
) -> TableChecks:
    """The checks of a silver or gold model.

    Args:
        node: The model in the manifest.
        rules: Names of the rules of its constraints, and of those that a check adds.
        models: The columns of each model of the project.

    Raises:
        ContractError: A key or value is not understood, or has no reason; names the yml.
    """
    with naming_yml(node):
        said = _said(node, ("rules", "consistency"))
        levels = {
            str(name): _level(f"checks: rules: {name}", level) for name, level in (said.get("rules") or {}).items()
        }
        unknown = sorted(set(levels) - set(rules))
        if unknown:
            raise ContractError(
                f"checks: rules: {', '.join(unknown)} is no rule of a constraint; there are {', '.join(rules)}"
            )
        consistency = said.get("consistency") or {}
        references = tuple(_reference(str(name), rule, models) for name, rule in consistency.items())
        return TableChecks(levels, references)


def _said(node: Mapping[str, Any], known: Sequence[str]) -> Mapping[str, Any]:
    said = node["config"].get("meta", {}).get("checks") or {}
    if not isinstance(said, Mapping):
        raise ContractError(f"checks: expected keys with values, found {said!r}")
    only(said, known, "checks")
    return said


def _thresholds(said: Mapping[str, Any], name: str, known: Sequence[str]) -> Mapping[str, Any]:
    part = said.get(name) or {}
    if not isinstance(part, Mapping):
        raise ContractError(f"checks: {name}: expected keys with values, found {part!r}")
    only(part, (*known, "severity", "because"), f"checks: {name}")
    if set(part) - {"columns", "because"}:
        _reason(f"checks: {name}", part)
    return part


def _reason(where: str, said: Mapping[str, Any]) -> str:
    because = str(said.get("because") or "").strip()
    if not because:
        raise ContractError(f"{where}: needs `because:`, the reason for a threshold or severity of its own")
    return because


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ContractError(f"checks: {where}: {value!r} is no number of 0 or more")
    return float(value)


def _level(where: str, said: object) -> Level:
    if not isinstance(said, Mapping):
        raise ContractError(f"{where}: expected keys with values, found {said!r}")
    only(said, ("severity", "accepted_pct", "because"), where)
    return _as_level(where, said)


def _as_level(where: str, said: Mapping[str, Any]) -> Level:
    severity = one_of(f"{where}: severity", said.get("severity", "error"), ("error", "warn", "regression"))
    if ("accepted_pct" in said) != (severity == "regression"):
        raise ContractError(f"{where}: accepted_pct belongs to severity regression, and to no other")
    accepted = _number(f"{where}: accepted_pct", said.get("accepted_pct", 0))
    return Level(severity, accepted, _reason(where, said))


def _reference(name: str, said: object, models: Mapping[str, Sequence[str]]) -> Reference:
    where = f"checks: consistency: {name}"
    if not isinstance(said, Mapping):
        raise ContractError(f"{where}: expected keys with values, found {said!r}")
    only(said, ("columns", "to", "where", "severity", "accepted_pct", "because"), where)
    columns = tuple(map(str, said.get("columns") or ()))
    to = str(said.get("to"))
    if to not in models:
        raise ContractError(f"{where}: to: {to!r} is no model")
    missing = sorted(set(columns) - set(models[to]))
    if missing or not columns:
        raise ContractError(f"{where}: {', '.join(missing) or 'nothing'} is no column of {to}")
    return Reference(name, columns, to, str(said.get("where", "true")), _as_level(where, said))


def _accepted(said: object) -> Mapping[str, str]:
    if not isinstance(said, list) or not all(isinstance(item, Mapping) and item.get("file") for item in said):
        raise ContractError("checks: accepted: a list of {file: …, because: …}")
    for item in said:
        only(item, ("file", "because"), "checks: accepted")
    return {str(item["file"]): _reason(f"checks: accepted: {item['file']}", item) for item in said}
