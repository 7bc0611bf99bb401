"""1,000,000 records of 10 mixed columns into a DuckDB table, whole processes: Assay, dlt and plain dbt-duckdb.

Each is asked for the same: the file's columns in the same types, in a table. Assay's process is `assay run` with
Dagster, the ledger, the verdict and publishing; dlt takes its fastest way (Arrow tables); plain dbt is an incremental
model over `read_csv`. The second file has ten malformed records. A process that imports what `assay run` stands on, and
does nothing, shows what no program on top of it can go below.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
from report import PROJECT, Table

from assay.contract.names import literal

HERE = Path(__file__).parent
ASSAY = Path(sys.executable).with_name("assay")
STANDS_ON = "import dagster, dagster_dbt, dbt.cli.main, dbt.task.build, dbt.adapters.duckdb, pandera.ibis"
ROWS = 1_000_000
TYPES = {
    "id": "bigint",
    "name": "varchar",
    "at": "timestamp",
    "day": "date",
    "price": "decimal(12,2)",
    "quantity": "integer",
    "share": "double",
    "is_new": "boolean",
    "city": "varchar",
    "note": "varchar",
}
_MADE = """
    select
        i as id,
        'customer ' || (i * 7919) % 100003 as name,
        timestamp '2020-01-01' + to_seconds(i * 37) as at,
        date '2020-01-01' + (i % 1461)::integer as day,
        ((i * 31) % 1000000 / 100)::decimal(12, 2) as price,
        i % 97 as quantity,
        ((i * 17) % 100000) / 7.0 as share,
        i % 3 = 0 as is_new,
        ['Cincinnati', 'Zürich', 'São Paulo', 'Den Haag'][1 + i % 4] as city,
        case i % 5 when 0 then 'said "yes", then left' when 1 then null else 'note number ' || i end as note
    from range($rows) as made(i)
"""
_MALFORMED = (
    b"one,two,three",
    b"12,name,2020-01-01 00:00:00,2020-01-01,1.00,1,0.5,true,Den Haag",
    b"1.5,name,2020-01-01 00:00:00,2020-01-01,1.00,1,0.5,true,Den Haag,x",
    b"12,name,2020-13-01 00:00:00,2020-01-01,1.00,1,0.5,true,Den Haag,x",
    b"12,name,2020-01-01 00:00:00,2020-02-30,1.00,1,0.5,true,Den Haag,x",
    b"12,name,2020-01-01 00:00:00,2020-01-01,1.005,1,0.5,true,Den Haag,x",
    b"12,name,2020-01-01 00:00:00,2020-01-01,1.00,many,0.5,true,Den Haag,x",
    b"12,name,2020-01-01 00:00:00,2020-01-01,1.00,1,half,true,Den Haag,x",
    b"12,name,2020-01-01 00:00:00,2020-01-01,1.00,1,0.5,perhaps,Den Haag,x",
    b'12,"name"s,2020-01-01 00:00:00,2020-01-01,1.00,1,0.5,true,Den Haag,x',
)


def tables(folder: Path, dlt_python: Path) -> list[Table]:
    """One table for the clean file, one for the file with ten malformed records.

    Args:
        folder: Where the files and the warehouses go.
        dlt_python: A Python that has dlt.
    """
    folder.mkdir(parents=True)
    clean, dirty = folder / "clean.csv", folder / "dirty.csv"
    with duckdb.connect() as connection:
        made = _MADE.replace("$rows", str(ROWS))
        connection.execute(f"copy ({made}) to {literal(str(clean))} (header, timestampformat '%Y-%m-%d %H:%M:%S')")
    _spoil(clean, dirty)
    size = f"{ROWS:,} records of {len(TYPES)} columns, {clean.stat().st_size / 1e6:,.0f} MB CSV, whole process"
    results = []
    for path, title in ((clean, size), (dirty, f"{size}, ten of them malformed")):
        table = Table(title, "dlt (Arrow)")
        table.measure(_works(folder, path, dlt_python))
        results.append(table)
    return results


def _spoil(clean: Path, dirty: Path) -> None:
    """Put a malformed record in the place of each hundred-thousandth good one."""
    lines = clean.read_bytes().split(b"\n")
    for number, record in enumerate(_MALFORMED):
        lines[ROWS // 20 + number * (ROWS // 10)] = record
    dirty.write_bytes(b"\n".join(lines))


def _works(folder: Path, path: Path, dlt_python: Path) -> Mapping[str, Callable[[], str]]:
    assay, dbt = _assay_project(folder / "assay project"), _dbt_project(folder / "dbt project", path)
    return {
        "Assay": lambda: _assay(folder / "assay", assay, path),
        "dlt (Arrow)": lambda: _dlt(folder / "dlt", dlt_python, path),
        "plain dbt-duckdb": lambda: _dbt(folder / "dbt", dbt),
        "imports alone": lambda: _imports(folder),
    }


def _assay_project(project: Path) -> Path:
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(
        PROJECT / "dbt_project",
        project,
        ignore=shutil.ignore_patterns("models", "tests", "rules", "target", "build", "logs"),
    )
    models = project / "models" / "bronze"
    models.mkdir(parents=True)
    columns = "".join(
        f"      - {{name: {name}, data_type: '{kind}', description: Column {name}.}}\n" for name, kind in TYPES.items()
    )
    (models / "bronze_mixed.yml").write_text((HERE / "mixed.yml").read_text() + columns)
    _process([str(ASSAY), "setup"], _environment(project.parent / "assay", project), PROJECT)  # once, as `make setup`
    return project


def _assay(home: Path, project: Path, path: Path) -> str:
    """`assay run` on a new lake, set up once; what is stored and named is read afterwards from the warehouse."""
    for old in home.glob("*"):
        if old.name != "dagster":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    landed = home / "landing" / "mixed" / "mixed.csv"
    landed.parent.mkdir(parents=True)
    os.link(path, landed)
    os.utime(landed, (0, 0))  # as after `assay land`: nobody is writing it any more
    process = _process([str(ASSAY), "run"], _environment(home, project), PROJECT)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute("select count(*) from bronze.mixed").fetchall()[0][0]
        named = connection.execute("select count(*) from ops.malformed").fetchall()[0][0]
    return f"{rows:,} rows, names {named:,}" if process.returncode == 0 else _first(process)


def _environment(home: Path, project: Path) -> dict[str, str]:
    return {**os.environ, "ASSAY_HOME": str(home), "ASSAY_DBT_PROJECT": str(project)}


def _dlt(folder: Path, python: Path, path: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    environment = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder)}
    process = _process([str(python), str(HERE / "rival_dlt.py"), str(path), str(folder)], environment, folder)
    return _rows(folder / "dlt.duckdb", "bronze.mixed") if process.returncode == 0 else _first(process)


def _imports(folder: Path) -> str:
    """Python with what `assay run` imports, under the same settings of the garbage collector."""
    sparing = "from assay.orchestration.patches.gc_tuning import collect_seldom, leave_uncollected; collect_seldom()"
    code = f"{sparing}; {STANDS_ON}; leave_uncollected()"
    process = _process([sys.executable, "-c", code], dict(os.environ), folder)
    return "Dagster, dbt and Pandera, no work" if process.returncode == 0 else _first(process)


def _dbt_project(project: Path, path: Path) -> Path:
    shutil.rmtree(project, ignore_errors=True)
    (project / "models").mkdir(parents=True)
    typed = ", ".join(f"'{name}': '{kind}'" for name, kind in TYPES.items())
    (project / "models" / "mixed.sql").write_text(
        "{{ config(materialized='incremental') }}\n"
        f"select * from read_csv({literal(str(path))}, header = true, columns = {{{typed}}})\n"
    )
    (project / "dbt_project.yml").write_text("name: plain\nversion: 1.0.0\nprofile: plain\n")
    return project


def _dbt(folder: Path, project: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    output = f"{{type: duckdb, path: {folder / 'dbt.duckdb'}, threads: 2}}"
    (project / "profiles.yml").write_text(f"plain: {{target: lake, outputs: {{lake: {output}}}}}\n")
    command = "from dbt.cli.main import cli; cli()"
    environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    arguments = ["run", "--project-dir", str(project), "--profiles-dir", str(project)]
    process = _process([sys.executable, "-c", command, *arguments], environment, project)
    return _rows(folder / "dbt.duckdb", "main.mixed") if process.returncode == 0 else "fails the file"


def _process(command: list[str], environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - commands of this file
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )


def _rows(warehouse: Path, table: str) -> str:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return f"{connection.execute(f'select count(*) from {table}').fetchall()[0][0]:,} rows"


def _first(process: subprocess.CompletedProcess[str]) -> str:
    last = (process.stderr or process.stdout).strip().splitlines()[-1:]
    return f"fails the file: {' '.join(last)[:80]}".replace("|", "/")
