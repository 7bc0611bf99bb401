"""Parses the checks of a yml beyond its constraints: `config: meta: checks:`, with a reason for each.

The keys are in `yml_checks`; docs/checks.md shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.contract.contract import Column
from assay.contract.declared_checks import Level, LoadChecks, Reference, TableChecks
from assay.contract.errors import ContractError
from assay.contract.freshness import Policy
from assay.contract.parse import naming_yml

if TYPE_CHECKING:
    from assay.contract.yml_checks import LevelYml, ReferenceYml


def parse_load_checks(node: Mapping[str, Any], columns: Sequence[Column]) -> LoadChecks:
    """The checks of a bronze model.

    Raises:
        ContractError: A key or value is not understood, or a threshold stands there without a reason; names the yml.
    """
    from assay.contract import yml_checks as yml  # noqa: PLC0415 - see assay.contract.yml

    with naming_yml(node):
        declared = yml.LoadChecksYml.read(node["config"].get("meta", {}).get("checks") or {}, "checks")
        validity, volume = declared.validity or yml.ValidityYml(), declared.volume or yml.VolumeYml()
        completeness, distribution = (
            declared.completeness or yml.CompletenessYml(),
            declared.distribution or yml.DistributionYml(),
        )
        unknown = sorted(set(distribution.columns) - {column.name for column in columns})
        if unknown:
            raise ContractError(f"checks: distribution: {', '.join(unknown)} is not a column")
        parts = {"validity": validity, "volume": volume, "completeness": completeness, "distribution": distribution}
        return LoadChecks(
            volume_pct=volume.change_pct,
            completeness_points=completeness.change_points,
            psi=distribution.psi,
            columns=distribution.columns,
            broken_pct=validity.most_pct,
            severity={name: part.severity for name, part in parts.items() if "severity" in part.model_fields_set},
            accepted={item.file: item.because or "" for item in declared.accepted or ()},
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
        declared = TableChecksYml.read(node["config"].get("meta", {}).get("checks") or {}, "checks")
        levels = {name: _level(level) for name, level in (declared.rules or {}).items()}
        unknown = sorted(set(levels) - set(rules))
        if unknown:
            raise ContractError(
                f"checks: rules: {', '.join(unknown)} is not a rule of a constraint; there are {', '.join(rules)}"
            )
        references = tuple(_reference(name, rule, models) for name, rule in (declared.consistency or {}).items())
        return TableChecks(levels, references)


def _level(declared: LevelYml) -> Level:
    return Level(declared.severity, declared.accepted_pct, declared.because or "")


def _reference(name: str, declared: ReferenceYml, models: Mapping[str, Sequence[str]]) -> Reference:
    where = f"checks: consistency: {name}"
    if declared.to not in models:
        raise ContractError(f"{where}: to: {declared.to!r} is not a model")
    missing = sorted(set(declared.columns) - set(models[declared.to]))
    if missing or not declared.columns:
        raise ContractError(f"{where}: {', '.join(missing) or 'nothing'} is not a column of {declared.to}")
    return Reference(name, declared.columns, declared.to, declared.where, _level(declared))


def parse_freshness(node: Mapping[str, Any]) -> Policy | None:
    """The freshness policy of a model; None where its yml declares none.

    Raises:
        ContractError: It cannot be understood, or is shorter than a minute; names the yml.
    """
    from assay.contract.yml_checks import FreshnessYml  # noqa: PLC0415 - see assay.contract.yml

    with naming_yml(node):
        declared = node["config"].get("meta", {}).get("freshness")
        return None if declared is None else Policy(**dict(FreshnessYml.read(declared, "freshness")))
