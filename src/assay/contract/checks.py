"""What a yml says about checks beyond its constraints: `config: meta: checks:`, with a reason for each.

The keys are in `yml_checks`; docs/checks.md shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from assay.contract.contract import Column
from assay.contract.errors import ContractError
from assay.contract.names import quoted, relation, table_of
from assay.contract.parse import naming_yml

if TYPE_CHECKING:
    from assay.contract.yml_checks import LevelYml, ReferenceYml

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
    from assay.contract import yml_checks as yml  # noqa: PLC0415 - see assay.contract.yml

    with naming_yml(node):
        said = yml.LoadChecksYml.read(node["config"].get("meta", {}).get("checks") or {}, "checks")
        validity, volume = said.validity or yml.ValidityYml(), said.volume or yml.VolumeYml()
        completeness, distribution = (
            said.completeness or yml.CompletenessYml(),
            said.distribution or yml.DistributionYml(),
        )
        unknown = sorted(set(distribution.columns) - {column.name for column in columns})
        if unknown:
            raise ContractError(f"checks: distribution: {', '.join(unknown)} is no column")
        parts = {"validity": validity, "volume": volume, "completeness": completeness, "distribution": distribution}
        return LoadChecks(
            volume_pct=volume.change_pct,
            completeness_points=completeness.change_points,
            psi=distribution.psi,
            columns=distribution.columns,
            broken_pct=validity.most_pct,
            severity={name: part.severity for name, part in parts.items() if "severity" in part.model_fields_set},
            accepted={item.file: item.because or "" for item in said.accepted or ()},
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
    from assay.contract.yml_checks import TableChecksYml  # noqa: PLC0415 - see assay.contract.yml

    with naming_yml(node):
        said = TableChecksYml.read(node["config"].get("meta", {}).get("checks") or {}, "checks")
        levels = {name: _level(level) for name, level in (said.rules or {}).items()}
        unknown = sorted(set(levels) - set(rules))
        if unknown:
            raise ContractError(
                f"checks: rules: {', '.join(unknown)} is no rule of a constraint; there are {', '.join(rules)}"
            )
        references = tuple(_reference(name, rule, models) for name, rule in (said.consistency or {}).items())
        return TableChecks(levels, references)


def _level(said: LevelYml) -> Level:
    return Level(said.severity, said.accepted_pct, said.because or "")


def _reference(name: str, said: ReferenceYml, models: Mapping[str, Sequence[str]]) -> Reference:
    where = f"checks: consistency: {name}"
    if said.to not in models:
        raise ContractError(f"{where}: to: {said.to!r} is no model")
    missing = sorted(set(said.columns) - set(models[said.to]))
    if missing or not said.columns:
        raise ContractError(f"{where}: {', '.join(missing) or 'nothing'} is no column of {said.to}")
    return Reference(name, said.columns, said.to, said.where, _level(said))
