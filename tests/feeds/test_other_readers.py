"""Programs that are no part of Assay read a gold table by the line that `assay connect` prints for them.

The lake is in a folder whose name means something to URLs, shells and patterns. What each reads is what `assay query`
gives, and what may write is refused.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import other_readers as others
from tests.lab import HOSTILE_HOME
from tests.processes import command

pytestmark = pytest.mark.feeds
TABLE = "gold.daily_temperatures"
FOLDER = f"{HOSTILE_HOME} {{y}} 100% é+=, $HOME `z`"
READ = f"select * from {TABLE}"
WRITE = "create table silver.mine as select 1"
Done = subprocess.CompletedProcess[str]


@dataclass
class Lake:
    """The example of `assay init`, published.

    Attributes:
        lines: What `assay connect` prints, by program.
        rows: The table, with its header.
    """

    lines: dict[str, str]
    rows: list[list[str]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("readers") / FOLDER
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}

    def assay(*words: str) -> str:
        done = subprocess.run(command(*words), env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assay("init", str(folder), "--example")
    in_lake = ("--project", str(folder))
    assay(*in_lake, "run")
    lines = json.loads(assay(*in_lake, "connect", "--table", TABLE, "--json"))
    by_tool = {line["tool"]: line["line"] for line in lines}
    assert assay(*in_lake, "connect", "spark", "--table", TABLE) == by_tool["spark"] + "\n"
    shown = assay(*in_lake, "connect", "--table", TABLE)
    assert all(f"  {line}\n" in shown for line in by_tool.values())
    return Lake(by_tool, rows_of(assay(*in_lake, "query", READ, "--format", "csv")))


def rows_of(text: str) -> list[list[str]]:
    """The header and the rows, sorted."""
    header, *rows = csv.reader(text.splitlines())
    return [header, *sorted(rows)]


def command_line(line: str, home: Path) -> Done:
    """The DuckDB CLI, told by its own settings to write CSV."""
    home.joinpath(".duckdbrc").write_text(".mode csv\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(home)}
    return subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)


def jdbc(line: str, sql: str = READ) -> Done:
    return others.by_java(line, sql)


def metabase(line: str, sql: str = READ) -> Done:
    """As Metabase's driver opens the database file that it was given, but for a time zone.

    For that DuckDB fetches an extension from the network.
    """
    return others.by_java(
        f"jdbc:duckdb:{line}",
        sql,
        duckdb__read_only="true",
        old_implicit_casting="true",
        jdbc_stream_results="true",
        temp_directory=f"{line}.tmp",
        custom_user_agent="metabase",
    )


def superset(line: str, sql: str = READ) -> Done:
    return others.by_sqlalchemy(line, sql)


READERS = {"jdbc": jdbc, "metabase": metabase, "superset": superset}


@pytest.fixture
def program(request: pytest.FixtureRequest) -> str:
    """Its name, where what runs it is installed."""
    name: str = request.param
    is_java = name in ("jdbc", "metabase")
    is_installed = others.has_java() and others.has_driver() if is_java else others.has_packages()
    if not is_installed or (name == "spark" and not others.has_java()):
        missing = f"what reads a lake as {name} does is not installed: `make feeds` installs it"
        (pytest.fail if os.environ.get("CI") or os.environ.get("ASSAY_FEEDS") else pytest.skip)(missing)
    return name


def test_the_command_line_of_duckdb_reads_what_the_query_gives(lake: Lake, tmp_path: Path) -> None:
    done = command_line(lake.lines["duckdb"], tmp_path)
    assert len(lake.rows) == 11  # the line shows ten rows
    assert rows_of(done.stdout) == lake.rows, done.stderr


@pytest.mark.parametrize("program", READERS, indirect=True)
def test_a_program_reads_what_the_query_gives_and_cannot_write(lake: Lake, program: str) -> None:
    read: Callable[..., Done] = READERS[program]
    done = read(lake.lines[program])
    assert done.returncode == 0, done.stderr
    assert rows_of(done.stdout) == lake.rows
    refused = read(lake.lines[program], WRITE)
    assert refused.returncode != 0
    assert "read-only mode" in refused.stderr


@pytest.mark.parametrize("program", ["spark"], indirect=True)
def test_spark_reads_what_the_query_gives(lake: Lake, program: str) -> None:
    done = others.by_spark(lake.lines[program])
    assert done.returncode == 0, done.stderr
    assert rows_of(done.stdout) == lake.rows
