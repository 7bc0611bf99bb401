"""One source on a real warehouse, loaded without dbt and Dagster: files are put in, and what became of them is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb

from assay.base.atomic_write import place
from assay.base.warehouse import connect, transaction
from assay.checks.conservation import files_kept_otherwise
from assay.contract.catalog import Catalog
from assay.contract.contract import Contract
from assay.contract.names import quoted
from assay.contract.parse import parse_contract
from assay.ledger.folded_files import find
from assay.ledger.scan import Ledger, Looked
from assay.loading.loader import load_landed

OLD = 1_500_000_000.0  # a time at which every file has settled


def bronze_node(
    name: str,
    columns: Mapping[str, str],
    key: Sequence[str],
    optional: Collection[str] = (),
    *,
    written: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    dated: Collection[str] = (),
    paths: Mapping[str, str] = MappingProxyType({}),
    aliases: Mapping[str, Sequence[str]] = MappingProxyType({}),
    personal: Collection[str] = (),
    **contract: Any,
) -> dict[str, Any]:
    """A bronze model as in dbt's manifest; what is not given is ordinary, and the columns `dated` are `_file_date`."""
    metas: dict[str, dict[str, Any]] = {column: {"optional": column in optional} for column in columns}
    for column, spelling in written.items():
        metas[column]["written"] = dict(spelling)
    for column in dated:
        metas[column]["from"] = "_file_date"
    for column, path in paths.items():
        metas[column]["path"] = path
    for column, others in aliases.items():
        metas[column]["aliases"] = list(others)
    for column in personal:
        metas[column]["personal"] = True
    defaults = {
        "version": "1.0.0",
        "owner": "tests",
        "files": f"{name}/*",
        "format": {"type": "csv"},
        "load": "events",
        "new_columns": "rescue",
    }
    return {
        "name": f"bronze_{name}",
        "patch_path": f"assay://models/bronze/bronze_{name}.yml",
        "columns": {
            column: {"name": column, "data_type": kind, "config": {"meta": metas[column]}}
            for column, kind in columns.items()
        },
        "constraints": [{"type": "primary_key", "columns": list(key)}],
        "config": {"meta": {"contract": {**defaults, **contract}}},
    }


def built(model: str, *parents: str, owner: str = "", **meta: Any) -> dict[str, Any]:
    """A silver or gold model as in dbt's manifest."""
    return {
        "name": model,
        "patch_path": f"assay://models/{model}.yml",
        "columns": {"id": {"name": "id", "data_type": "bigint"}},
        "constraints": [{"type": "primary_key", "columns": ["id"]}],
        "config": {"meta": {"owner": owner, **meta} if owner else meta},
        "depends_on": {"nodes": list(parents)},
    }


def catalog(*nodes: Mapping[str, Any]) -> Catalog:
    """A project of models, which refer to each other by name."""
    by_name = {node["name"]: node for node in nodes}
    return Catalog({"nodes": {name: {"resource_type": "model", **node} for name, node in by_name.items()}}, by_name)


class Source:
    """A source called `name` with its warehouse.

    Args:
        home: The lake's folder.
        columns: Names and types.
        name: The source.
        verdict: SQL of `_violations`.
        contract: Keys of the contract, e.g. `format`.
    """

    def __init__(
        self,
        home: Path,
        columns: Mapping[str, str],
        *,
        name: str = "sales",
        verdict: str = "null::varchar[]",
        **contract: Any,
    ) -> None:
        self.home = home
        self.name = name
        self.columns = dict(columns)
        self.model = f"select *, {verdict} as _violations from {{landing}}"
        self.options = contract
        self.runs = 0
        self.connection: duckdb.DuckDBPyConnection = connect(home / "warehouse.duckdb", wait_seconds=0)

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def node(self) -> dict[str, Any]:
        return bronze_node(self.name, self.columns, [next(iter(self.columns))], **self.options)

    @property
    def contract(self) -> Contract:
        return parse_contract(self.node)

    def put(self, name: str, content: bytes | str, *, mtime: float = OLD) -> Path:
        """Put a file into the source's folder."""
        path = self.landing / self.name / name
        place(path, content.encode() if isinstance(content, str) else content, mtime=mtime)
        return path

    def look(self) -> Looked:
        """Look at landing once."""
        self.runs += 1
        with transaction(self.connection):
            arrivals = find(self.landing, self.contract.files)
            return Ledger(self.connection, self.contract, f"run {self.runs}").look(arrivals)

    def load(self, *, is_full_refresh: bool = False) -> None:
        """Load what waits; afterwards every record is accounted for."""
        sql = self.model.format(landing=f'temp.main."landing_{self.name}"')
        payload = {
            "model": self.node,
            "sql": sql,
            "home": str(self.home),
            "run_id": f"run {self.runs}",
            "is_full_refresh": is_full_refresh,
        }
        load_landed(self.connection, json.dumps(payload))
        self.assert_conserved()

    def run(self, before_load: Callable[[], object] = lambda: None) -> Looked:
        """Look, then load."""
        looked = self.look()
        before_load()
        self.load()
        return looked

    def sql(self, query: str, values: object = None) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, values).fetchall()

    @property
    def table(self) -> str:
        return f'bronze."{self.name}"'

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """The rows of the contract's columns, or of some, in a fixed order."""
        names = ", ".join(map(quoted, columns or self.columns))
        return self.sql(f"select {names} from {self.table} order by all")

    def malformed(self) -> list[tuple[int, str, list[str]]]:
        """(line, raw record, reasons) of malformed records."""
        return self.sql(
            "select line, record, reasons from ops.malformed where source = ? order by file_id, line", [self.name]
        )

    def rescued(self) -> list[Any]:
        """What was rescued, row by row in the order of the key."""
        rows = self.sql(f'select _rescued::varchar from {self.table} order by "{next(iter(self.columns))}"')
        return [text and json.loads(text) for (text,) in rows]

    def files(self) -> dict[str, str]:
        """The status of the latest sighting of each path, without the source's folder."""
        rows = self.sql(
            "select path, arg_max(status, sighting_id) from ops.files where source = ? group by path", [self.name]
        )
        return {path.removeprefix(f"{self.name}/"): status for path, status in rows}

    def reason(self, name: str) -> str:
        """Why a file is not loaded."""
        rows = self.sql("select arg_max(reason, sighting_id) from ops.files where path = ?", [f"{self.name}/{name}"])
        return str(rows[0][0])

    def sightings(self) -> list[tuple[str, str]]:
        """(path, status) of every row of the ledger, in order."""
        rows = self.sql("select path, status from ops.files where source = ? order by sighting_id", [self.name])
        return [(path.removeprefix(f"{self.name}/"), status) for path, status in rows]

    def assert_conserved(self) -> None:
        """Records read are rows and malformed records, file by file, and nothing else is stored."""
        wrong = self.sql(
            f"""
            with files as (select * from ops.files where source = $source and status = 'loaded'),
            rows as (select _file_id as file_id, count(*) as n from {self.table} group by all),
            bad as (select file_id, count(*) as n from ops.malformed where source = $source group by all)
            select coalesce(files.file_id, rows.file_id, bad.file_id), records_read, records_loaded, rows.n, bad.n
            from files full join rows using (file_id) full join bad using (file_id)
            where records_read is distinct from coalesce(rows.n, 0) + coalesce(bad.n, 0)
                or records_loaded is distinct from coalesce(rows.n, 0)
                or records_malformed is distinct from coalesce(bad.n, 0)
            """,
            {"source": self.name},
        )
        assert wrong == []
        assert files_kept_otherwise(self.connection, self.name) == []
        twice = self.sql(
            "select content_hash from ops.files where source = ? and status in ('loaded', 'arrived') "
            "group by all having count(*) > 1",
            [self.name],
        )
        assert twice == []
