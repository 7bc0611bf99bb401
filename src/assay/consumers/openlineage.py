"""Events of OpenLineage about what the last runs built: for catalogues that collect lineage of many systems.

One event says that a table was built of which inputs, with its columns, their origins, its owner and its rows; another
one what its checks said. An event holds names and counts, and no value of a row. Ids are made of the run and the table,
so that sending the same state twice says nothing new.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

import duckdb

from assay.base.errors import UserError
from assay.base.project import DISTRIBUTION
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, table_of
from assay.incidents.lineage import owner_of
from assay.tables.column_origins import column_origins

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent

PRODUCER = f"urn:{DISTRIBUTION}:{version(DISTRIBUTION)}"
KEY = "OPENLINEAGE_API_KEY"
"""The variable with the key of a server that asks for one, as OpenLineage's own client calls it."""
SECONDS = 10.0


class NotSent(UserError):
    """The events were not taken."""


@dataclass(frozen=True)
class Built:
    """What the book-keeping knows of a table.

    Attributes:
        table: e.g. `gold.daily_sales`.
        run_id: Dagster's id of the run that changed its rows last.
        built_at: When.
        rows: How many it has.
        seq: The number of this state of it.
    """

    table: str
    run_id: str
    built_at: datetime
    rows: int
    seq: int


def lineage_events(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, compiled: Mapping[str, str], namespace: str
) -> list[RunEvent]:
    """The events of all tables of the project, in the order in which they were built.

    Args:
        connection: What is published.
        catalog: The project.
        compiled: Compiled SQL by model, for the origins of columns; empty for none.
        namespace: Of jobs and tables; another one for each lake that a catalogue hears of.

    Raises:
        NotSent: The extra is not installed.
    """
    try:
        from openlineage.client.facet_v2 import set_producer  # noqa: PLC0415 - an extra
    except ImportError:
        raise NotSent("OpenLineage needs its package; pip install 'assay-lakehouse[openlineage]'") from None
    set_producer(PRODUCER)
    rows = connection.execute(
        "select table_name, run_id, built_at, row_count, seq from ops.tables order by built_at, table_name"
    ).fetchall()
    tables = [Built(*row) for row in rows]
    known = {table_of(model): model for model in catalog.of_layer("bronze", "silver", "gold")}
    checks = _checks(connection)
    writer = _Writer(catalog, compiled, namespace)
    return [
        event
        for built in tables
        if built.table in known
        for event in writer.events(built, known[built.table], checks.get(built.table, []))
    ]


def send(events: Sequence[RunEvent], url: str) -> None:
    """Send events to a server.

    Args:
        events: In their order.
        url: Of the server; the path `api/v1/lineage` is added where it has none.

    Raises:
        NotSent: The server cannot be reached, or does not take one; says which and why.
    """
    import requests  # noqa: PLC0415 - comes with the extra
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport  # noqa: PLC0415

    base, _, path = url.partition("/api/")
    endpoint = f"api/{path}" if path else "api/v1/lineage"
    retry = {"total": 2, "backoff_factor": 0.3, "allowed_methods": ["POST"], "status_forcelist": [502, 503, 504]}
    config = HttpConfig(url=base.rstrip("/"), endpoint=endpoint, timeout=SECONDS, retry=retry)
    if key := os.environ.get(KEY):
        config.auth = ApiKeyTokenProvider({"apiKey": key})
    transport = HttpTransport(config)
    for number, event in enumerate(events, 1):
        try:
            transport.emit(event)
        except (requests.RequestException, ValueError, OSError) as error:
            raise NotSent(
                f"{url}: event {number} of {len(events)}, about {event.job.name}, was not taken: "
                f"{type(error).__name__}: {error}. Those before it were; sending all again says nothing twice"
            ) from None


def as_lines(events: Sequence[RunEvent]) -> str:
    """Events as lines of JSON."""
    from openlineage.client.serde import Serde  # noqa: PLC0415 - an extra

    return "".join(f"{Serde.to_json(event)}\n" for event in events)


class _Writer:
    """Makes the events of one state."""

    def __init__(self, catalog: Catalog, compiled: Mapping[str, str], namespace: str) -> None:
        self._catalog, self._compiled, self._namespace = catalog, compiled, namespace

    def events(self, built: Built, model: str, checks: list[tuple[str, str]]) -> Iterator[RunEvent]:
        """That a table was built, and what its checks said."""
        yield self._event(built, built.table, "build", self._inputs(model), [self._output(built, model)])
        if checks:
            checked = self._input(built.table, _assertions(checks))
            yield self._event(built, f"{built.table}.checks", "check", [checked], [])

    def _event(
        self, built: Built, job: str, what: str, inputs: list[InputDataset], outputs: list[OutputDataset]
    ) -> RunEvent:
        from openlineage.client import event_v2, facet_v2  # noqa: PLC0415 - an extra

        parent = facet_v2.parent_run.ParentRunFacet(
            facet_v2.parent_run.Run(_uuid(built.run_id)), facet_v2.parent_run.Job(self._namespace, "refresh")
        )
        kind = facet_v2.job_type_job.JobTypeJobFacet("BATCH", "ASSAY", "MODEL" if what == "build" else "TEST")
        return event_v2.RunEvent(
            eventTime=built.built_at.astimezone(UTC).isoformat(),
            eventType=event_v2.RunState.COMPLETE,
            producer=PRODUCER,
            run=event_v2.Run(
                str(uuid5(NAMESPACE_URL, f"{self._namespace} {built.run_id} {built.table} {built.seq} {what}")),
                {"parent": parent},
            ),
            job=event_v2.Job(self._namespace, job, {"jobType": kind}),
            inputs=inputs,
            outputs=outputs,
        )

    def _inputs(self, model: str) -> list[InputDataset]:
        """The tables that a model refers to; of bronze the files of its source."""
        name = TableName.of_model(model)
        if name.is_bronze:
            return [self._input(f"landing/{self._catalog.contracts[name.entity].files}")]
        return [self._input(table_of(parent)) for parent in self._catalog.parents(model)]

    def _input(self, name: str, facets: dict[str, Any] | None = None) -> InputDataset:
        from openlineage.client import event_v2  # noqa: PLC0415 - an extra

        return event_v2.InputDataset(self._namespace, name, facets or {})

    def _output(self, built: Built, model: str) -> OutputDataset:
        from openlineage.client import event_v2, facet_v2  # noqa: PLC0415 - an extra

        node = self._catalog.models[model]
        fields = [
            facet_v2.schema_dataset.SchemaDatasetFacetFields(
                str(column["name"]), column.get("data_type"), str(column.get("description") or "").strip() or None
            )
            for column in node["columns"].values()
        ]
        owner = facet_v2.ownership_dataset.Owner(owner_of(self._catalog, model), "TEAM")
        facets: dict[str, Any] = {
            "schema": facet_v2.schema_dataset.SchemaDatasetFacet(fields),
            "ownership": facet_v2.ownership_dataset.OwnershipDatasetFacet([owner]),
            "documentation": facet_v2.documentation_dataset.DocumentationDatasetFacet(
                str(node.get("description") or "").strip()
            ),
            "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet(str(built.seq)),
        }
        if self._compiled.get(model) and (lineage := self._columns(model)):
            facets["columnLineage"] = lineage
        rows = facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=built.rows)
        return event_v2.OutputDataset(self._namespace, built.table, {"outputStatistics": rows}, facets=facets)

    def _columns(self, model: str) -> Any:
        """Which columns each column is made from; None where the SQL cannot be followed."""
        from openlineage.client.facet_v2 import column_lineage_dataset as facet  # noqa: PLC0415 - an extra

        origins = column_origins(self._catalog, model, self._compiled[model])
        fields = {
            column: facet.Fields([facet.InputField(self._namespace, table, name) for table, name in read])
            for column, read in origins.items()
            if read
        }
        return facet.ColumnLineageDatasetFacet(fields) if fields else None


def _assertions(checks: list[tuple[str, str]]) -> dict[str, Any]:
    """The latest verdicts as a facet: by name alone, as what a check says may hold values."""
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as facet  # noqa: PLC0415 - an extra

    told = [
        facet.Assertion(name, verdict in ("pass", "warn"), severity="warn" if verdict == "warn" else "error")
        for name, verdict in checks
    ]
    return {"dataQualityAssertions": facet.DataQualityAssertionsDatasetFacet(told)}


def _checks(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    rows = connection.execute(
        "select table_name, check_name, verdict from ops.latest_checks order by table_name, check_name"
    ).fetchall()
    checks: dict[str, list[tuple[str, str]]] = {}
    for table, check, verdict in rows:
        checks.setdefault(table, []).append((check, verdict))
    return checks


def _uuid(run_id: str) -> str:
    """A run's id as the standard wants it: Dagster's is one already, that of a command is not."""
    try:
        return str(UUID(run_id))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, run_id))
