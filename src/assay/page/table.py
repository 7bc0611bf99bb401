"""A table: what it is, whether it holds, what it is made of; and the list of all tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.contract.glossary import terms_of
from assay.contract.names import TableName, table_of
from assay.contract.parse import yml_of
from assay.incidents.kinds import KINDS
from assay.incidents.lineage import downstream, owner_of
from assay.ledger.schema_changes import read_changes
from assay.page.charts import Chart, Series
from assay.page.lineage import trace_links
from assay.page.visits import Answer, NotThere, Visit
from assay.page.words import score
from assay.publish.status import read_status
from assay.trust.failing import latest_rules
from assay.trust.history import check_histories, contract_versions, score_by_day
from assay.trust.sample import Profile, Sample, read_profiles, read_sample
from assay.trust.table_trust import TableTrust, read_trust
from assay.trust.verdict import is_wrong

SAMPLED = 20
"""Rows that are shown of a table."""
DAYS = 90
"""Days of scores in its chart."""
CHANGES = 20
"""Changes of a source's columns that are shown."""


@dataclass(frozen=True)
class ColumnLine:
    """A column as it is shown: what the project says of it, and what its values look like."""

    name: str
    type: str
    description: str
    rules: Sequence[str]
    is_key: bool
    is_personal: bool
    profile: Profile | None


def tables(visit: Visit) -> Answer:
    """Every table of the project by layer, with whether it holds."""
    names = {layer: [table_of(m) for m in visit.catalog.of_layer(layer)] for layer in ("gold", "silver", "bronze")}
    shown = read_trust(visit.connection, visit.catalog, [*names["gold"], *names["silver"]], visit.now)
    sources = {source["source"]: source for source in read_status(visit.connection)["sources"]}
    values = {
        "trusts": list(shown.values()),
        "sources": [
            (name, owner_of(visit.catalog, TableName.parse(name).model), sources.get(TableName.parse(name).entity))
            for name in names["bronze"]
        ],
    }
    return Answer("tables.html.j2", "Tables", values)


def table(visit: Visit) -> Answer:
    """One table."""
    name = _named(visit.path["name"], visit.catalog)
    node = visit.catalog.models[name.model]
    incidents = [
        i for i in visit.incidents if i.is_open and set(i.cause.subject.split()[:1]) & {name.table, name.subject}
    ]
    trust, sample, profiled = None, None, 0
    profiles: Mapping[str, Profile] = {}
    if not name.is_bronze:
        trust = read_trust(visit.connection, visit.catalog, [name.table], visit.now)[name.table]
        if trust.is_shown:
            sample = read_sample(visit.connection, visit.catalog, name.table, SAMPLED)
            profiles, profiled = read_profiles(visit.connection, visit.catalog, name.table)
    values: dict[str, Any] = {
        "name": name,
        "trust": trust,
        "description": str(node.get("description") or "").strip(),
        "owner": owner_of(visit.catalog, name.model),
        "open": [(KINDS[incident.cause.kind].title, incident) for incident in incidents if is_wrong(incident)],
        "columns": _columns(visit.catalog, name, profiles),
        "profiled": profiled,
        "sample": sample,
        "shown_columns": _shown_columns(sample),
        "trace_links": trace_links(visit.catalog, name, sample),
        "histories": check_histories(visit.connection, name.table),
        "rules": latest_rules(visit.connection, name.table),
        "scores": _score_chart(visit, name.table),
        "versions": contract_versions(visit.connection, name.table),
        "version": visit.catalog.contract_version(name.table),
        "changes": read_changes(visit.connection, source=name.entity, most=CHANGES) if name.is_bronze else [],
        "terms": terms_of(visit.catalog, name.model),
        "upstream": sorted(map(table_of, visit.catalog.parents(name.model))),
        "downstream": [table_of(model) for model in downstream(visit.catalog, {name.model}) if model != name.model],
        "contract_text": _text_of(visit, yml_of(node)),
        "contract_file": yml_of(node),
        "sql": str(node.get("raw_code") or "").strip() if not name.is_bronze else "",
    }
    return Answer("table.html.j2", name.table, values)


def _named(text: str, catalog: Catalog) -> TableName:
    try:
        name = TableName.parse(text)
    except ContractError as error:
        raise NotThere(str(error)) from None
    if name.layer == "quarantine" and name.in_layer("bronze").model in catalog.models:
        raise NotThere(f"{name.table} is a quarantine: /quarantine?source={name.entity} shows it")
    if name.layer not in ("bronze", "silver", "gold") or name.model not in catalog.models:
        raise NotThere(f"the project has no table {name.table}; the view Tables lists all that it has")
    return name


def _columns(catalog: Catalog, name: TableName, profiles: Mapping[str, Profile]) -> list[ColumnLine]:
    promised = catalog.contracts[name.entity] if name.is_bronze else catalog.promises[name.model]
    return [
        ColumnLine(
            column.name,
            column.type.sql,
            column.description,
            [rule.name for rule in promised.rules if rule.column == column.name],
            column.name in promised.key,
            column.name in catalog.personal,
            profiles.get(column.name),
        )
        for column in promised.columns
    ]


def _shown_columns(sample: Sample | None) -> list[tuple[int, str]]:
    """(place, name) of the columns of a sample; the content behind a row comes first, as a link."""
    return [(place, name) for place, name in enumerate(sample.columns)] if sample else []


def _score_chart(visit: Visit, table_name: str) -> Chart | None:
    days = score_by_day(visit.connection, table_name, visit.now.date(), DAYS)
    if len(days) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    values = [value for _, value in days]
    low, last = min(values), values[-1]
    lowest = "" if low == last else f"; its lowest was {score(low)}"
    title = f"The score is {score(last)} of 100{lowest}."
    return Chart(title, "of 100", "day", [str(day) for day, _ in days], [Series("score", values)], floor=min(90.0, low))


def _text_of(visit: Visit, file: str) -> str:
    """The yml as it is written now; empty where it cannot be read."""
    try:
        return (visit.settings.dbt_project / file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def trust_of(visit: Visit, table_name: str) -> TableTrust:
    """What stands beside a figure of a silver or gold table, for views of others.

    Raises:
        NotThere: The project has no such table.
    """
    name = _named(table_name, visit.catalog)
    return read_trust(visit.connection, visit.catalog, [name.table], visit.now)[name.table]
