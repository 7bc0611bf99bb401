"""A published lake without dbt and Dagster: a table changes by keys, states are published, readers look."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from assay.contract.part_choice import parse_part_choice
from assay.publish.publishing import Published, publish_lake
from assay.publish.states import folder_of, read_state
from tests.keyed import Row, Tables

COLUMNS = {"id": "bigint", "day": "date", "moment": "timestamptz", "big": "hugeint", "amount": "bigint"}
DAY = 86_400.0


class Shop:
    """`silver.x`, the newest row of each id of the files of one source; and what readers have of it.

    Args:
        published: The folder.
        parts_by: The column that its yml names.
        columns: Of the source.
        database: The warehouse.
    """

    def __init__(
        self,
        published: Path,
        parts_by: str | None = None,
        columns: dict[str, str] | None = None,
        database: str = ":memory:",
    ) -> None:
        self.published = published
        self.columns = columns or COLUMNS
        self.tables = Tables(self.columns, ["id"], database=database)
        self.connection = self.tables.connection
        others = ", ".join(f"arg_max({name}, _file_id) as {name}" for name in self.columns if name != "id")
        self.tables.add(
            "silver_x",
            self.columns,
            f"select id, {others}, 0::bigint as _file_id, 0::bigint as _duplicates_identical, "
            "0::bigint as _duplicates_conflicting from bronze.x where _file_id in "
            "(select file_id from ops.current_files where source = 'x') and AFFECTED(id) group by id",
            {"key": ["id"], "inputs": {"bronze_x": ["id"]}},
        )
        if parts_by:
            self.tables.models["silver_x"]["config"]["meta"]["parts_by"] = parts_by

    def bring(self, path: str, rows: Sequence[Row], *, is_full: bool = False) -> None:
        """A file, or a new version of it, is loaded and the table built."""
        self.tables.put(path, rows)
        self.tables.build(is_full=is_full)

    def publish(self, held: Iterable[str] = (), keep_seconds: float = DAY, **also: set[str]) -> Published:
        """Publish what is stored.

        Args:
            held: Tables that a blocking check is missing for.
            keep_seconds: How long old states live.
            also: Further tables, by a name for their domain.
        """
        return publish_lake(
            self.connection,
            self.published,
            [{"silver.x"}, *also.values()],
            {table: ["contract"] for table in held},
            "run",
            choices={"silver.x": parse_part_choice(self.tables.models["silver_x"], ["id"])},
            keep_seconds=keep_seconds,
        )

    def open(self) -> duckdb.DuckDBPyConnection:
        """As any reader opens it."""
        return duckdb.connect(str(self.published / "lake.duckdb"), read_only=True)

    def seen(self, sql: str = "select * from silver.x order by all") -> list[tuple[Any, ...]]:
        """What readers see."""
        with self.open() as reader:
            return reader.execute(sql).fetchall()

    def stored(self, sql: str = "select * from silver.x order by all") -> list[tuple[Any, ...]]:
        """What the warehouse has."""
        return self.connection.execute(sql).fetchall()

    def files(self, table: str = "silver.x") -> dict[str, int]:
        """The parts of a table in the state that readers see, with their inodes."""
        state = read_state(self.published)
        assert state is not None
        folder = folder_of(self.published, state.number) / table
        assert {path.name for path in folder.iterdir()} == {part.file for part in state.tables[table].parts}
        return {path.name: path.stat().st_ino for path in folder.iterdir()}

    def manifest(self) -> dict[str, Any]:
        """What the newest state says of itself."""
        content: dict[str, Any] = json.loads((self.published / "tables" / "manifest.json").read_text())
        return content


def row(number: int, day: str | None = "2024-01-15", amount: int = 1, big: int = 1) -> Row:
    """A row of a day."""
    return (number, day, None if day is None else f"{day} 12:00:00+00", big, amount)
