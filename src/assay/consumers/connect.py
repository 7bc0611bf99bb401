"""The one line with which each program reads what is published.

A line holds the path in the spelling of its language, because a lake may lie in a folder with blanks and quotes. Where
a program can open DuckDB's own file it does: that has every table, in its exact types. The Parquet parts are for
programs without DuckDB.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from assay.contract.names import TableName, quoted
from assay.publish.states import TABLES

ROWS = 10
"""Rows that a line shows, where it shows any."""
_PLAIN = re.compile(r"[a-z][a-z0-9_]*")
_GLOB = r'''r"[][{}*?\\]", r"\\\g<0>"'''
"""Spark takes a path for a pattern, and does not decode an URI: what its patterns are made of gets a backslash."""


@dataclass(frozen=True)
class Line:
    """How one program reads a table.

    Attributes:
        tool: What `assay connect` calls it, e.g. `polars`.
        title: As people write it.
        line: To be copied as it stands.
        note: What has to be installed or chosen besides; empty when the line says it all.
    """

    tool: str
    title: str
    line: str
    note: str = ""


def connection_lines(project: Path, published: Path, table: str, *, has_parts: bool = True) -> list[Line]:
    """The lines of all programs for one table.

    Args:
        project: The folder that declares the lake, absolute.
        published: `published/`, absolute.
        table: e.g. `gold.daily_sales`.
        has_parts: Whether Parquet can hold the table; Spark cannot read it otherwise.

    Raises:
        ContractError: The table's name does not start with a layer.
    """
    name = TableName.parse(table)
    file = str(published / "lake.duckdb")
    frames = _with_parquet(str(published / TABLES), name) if has_parts else _frames(file, name)
    return [*_with_duckdb(file, name), *frames, *_of_tools(file, name), _excel(project, published, name)]


def _with_duckdb(file: str, name: TableName) -> list[Line]:
    """Python, the DuckDB CLI, Ibis and R, which open DuckDB's file."""
    sql = f"from {_in_sql(name)} limit {ROWS}"
    opened = f"{_text(file)}, read_only"
    of_layer = f"{_text(name.entity)}, database={_text(name.layer)}"
    in_r = f"DBI::dbConnect(duckdb::duckdb({opened} = TRUE)), {_text(sql)}"
    return [
        Line("python", "Python", f"import duckdb; duckdb.connect({opened}=True).sql({_text(sql)}).show()", "duckdb"),
        Line("duckdb", "DuckDB CLI", f"duckdb -readonly {shlex.quote(file)} -c {shlex.quote(sql)}", "duckdb-cli"),
        Line("ibis", "Ibis", f"import ibis; ibis.duckdb.connect({opened}=True).table({of_layer})", "ibis-framework"),
        Line("r", "R", f"DBI::dbGetQuery({in_r})", "packages DBI and duckdb"),
    ]


def _with_parquet(folder: str, name: TableName) -> list[Line]:
    """pandas, Polars and Spark, which read the Parquet parts of the newest state."""
    path = f"Path({_text(folder)}).resolve() / {_text(name.table)}"
    begin = "from pathlib import Path; "
    scan = f"import polars; {begin}polars.scan_parquet({path}, glob=False).collect()"
    spelled = f"re.sub({_GLOB}, str({path}))"
    return [
        Line("pandas", "pandas", f"import pandas; {begin}pandas.read_parquet({path})", "pandas, pyarrow"),
        Line("polars", "Polars", scan, "polars"),
        Line(
            "spark",
            "Spark",
            f'import re; {begin}spark.read.parquet("file:" + {spelled})',
            "PySpark; the lake's disk at each worker",
        ),
    ]


def _frames(file: str, name: TableName) -> list[Line]:
    """pandas and Polars for a table that Parquet cannot hold exactly, by way of DuckDB."""
    read = f"import duckdb; duckdb.connect({_text(file)}, read_only=True).sql({_text(f'from {_in_sql(name)}')})"
    return [
        Line("pandas", "pandas", f"{read}.df()", "duckdb, pandas"),
        Line("polars", "Polars", f"{read}.pl()", "duckdb, polars, pyarrow"),
    ]


def _of_tools(file: str, name: TableName) -> list[Line]:
    """JDBC and BI tools, which are given the file and see all tables."""
    metabase = 'MotherDuck\'s driver; this is its "Database file", and "Establish a read-only connection" is to be on'
    superset = (
        f"duckdb-engine; a dataset is SQL over {_in_sql(name)}: listed schemas are called otherwise in each state"
    )
    return [
        Line("jdbc", "JDBC", f"jdbc:duckdb:{file};access_mode=read_only;", "org.duckdb:duckdb_jdbc"),
        Line("metabase", "Metabase", file, metabase),
        Line("superset", "Superset", f"duckdb:///{file}?access_mode=read_only", superset),
    ]


def _excel(project: Path, published: Path, name: TableName) -> Line:
    """Excel opens a file of CSV that a command writes."""
    places = f"--project {shlex.quote(str(project))} --home {shlex.quote(str(published.parent))}"
    query = shlex.quote(f"from {_in_sql(name)}")
    line = f"assay {places} query {query} --for-excel > {shlex.quote(f'{name.table}.csv')}"
    return Line("excel", "Excel", line, "then open the file")


def _text(text: str) -> str:
    """A text as Python and R spell it."""
    return json.dumps(text, ensure_ascii=False)


def _in_sql(name: TableName) -> str:
    """A table as one would write it by hand, with quotes only where it needs them."""
    return f"{name.layer}.{name.entity if _PLAIN.fullmatch(name.entity) else quoted(name.entity)}"
