"""Lineage: what tables are made of, and a row of one down to the lines of files that it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from assay.consumers.tracing.trace import CannotTrace, trace
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.contract.names import TableName, table_of
from assay.page.visits import Answer, NotThere, Visit
from assay.publish.delivery import sources_of
from assay.trust.sample import Sample
from assay.trust.table_trust import read_trust, shown_tables

SHOWN = 5
"""Rows of an input that are shown with their lines; the files of these are read again."""


@dataclass(frozen=True)
class Line:
    """A table and what it is made of."""

    table: str
    inputs: list[str]
    sources: list[str]


def lineage(visit: Visit) -> Answer:
    """Each gold and silver table with what it is made of."""
    catalog = visit.catalog
    lines = [
        Line(table_of(model), sorted(map(table_of, catalog.parents(model))), sources_of(catalog, model))
        for layer in ("gold", "silver")
        for model in catalog.of_layer(layer)
    ]
    return Answer("lineage.html.j2", "Lineage", {"lines": lines})


def row(visit: Visit) -> Answer:
    """One row of a table, traced; the form that asks for it where nothing is said."""
    name = _named(visit)
    key = list(visit.catalog.promises[name.model].key)
    columns = [column.name for column in visit.catalog.promises[name.model].columns]
    asked = {column: visit.query[column] for column in columns if visit.query.get(column, "") != ""}
    problem, traced = "", None
    if asked:
        try:
            traced = trace(
                visit.connection,
                visit.catalog,
                visit.settings.landing,
                name.table,
                asked,
                compiled=visit.compiled(),
                shown=SHOWN,
            )
        except CannotTrace as error:
            problem = str(error)
    values = {
        "name": name,
        "trust": read_trust(visit.connection, visit.catalog, [name.table], visit.now)[name.table],
        "fields": [(column, asked.get(column, "")) for column in dict.fromkeys([*key, *asked])] or [(columns[0], "")],
        "key": key,
        "trace": traced,
        "problem": problem,
        "contracts": _contracts(visit.catalog, name),
    }
    return Answer("row.html.j2", f"A row of {name.table}", values)


def trace_links(catalog: Catalog, name: TableName, sample: Sample | None) -> list[str]:
    """The address of each row of a sample where its trace is; empty where its key is masked or it has none."""
    promise = catalog.promises.get(name.model)
    if sample is None or promise is None or not promise.key or set(promise.key) & sample.hidden:
        return []
    places = [sample.columns.index(column) for column in promise.key]
    rows = ([(column, line[at]) for column, at in zip(promise.key, places, strict=True)] for line in sample.rows)
    return [
        f"/lineage/{name.table}?{urlencode(pairs)}" if all(value is not None for _, value in pairs) else ""
        for pairs in rows
    ]


def _named(visit: Visit) -> TableName:
    try:
        name = TableName.parse(visit.path["name"])
    except ContractError as error:
        raise NotThere(str(error)) from None
    if name.model not in visit.catalog.promises:
        raise NotThere(f"rows of {name.table} cannot be traced; those of silver and gold tables of the project can")
    if name.table not in shown_tables(visit.connection):
        raise NotThere(f"readers do not see {name.table} yet")
    return name


def _contracts(catalog: Catalog, name: TableName) -> list[tuple[str, str]]:
    """(source, version of its contract now) of the sources that a table is made of."""
    return [(source, catalog.contracts[source].version) for source in sources_of(catalog, name.model)]
