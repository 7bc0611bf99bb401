"""Small files that are loaded in one commit: each ends as if it had been loaded alone, whatever others are like."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.loading import together as together_module
from assay.loading.bronze_table import BronzeTable
from assay.loading.file_load import Counted, FileLoad
from assay.loading.row_wise import is_row_wise
from assay.loading.together import FilesTogether
from tests.integration.test_loader_machine import COLUMNS as TWO
from tests.integration.test_loader_machine import ERRORS
from tests.source import OLD, Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar", "price": "decimal(8,2)", "day": "date"}
HEADER = "id,name,price,day\n"
LEDGER = (
    "path, status, reason, records_read, records_loaded, records_malformed, header, plain_records, compression, "
    "has_quoted_line_ends, failures, reading, contract_version, load_id is null"
)


def line(number: int, price: str = "1.25") -> str:
    return f"{number},name {number},{price},2017-01-{number % 28 + 1:02}\n"


def commits(source: Source) -> int:
    """How often the bronze table was changed."""
    return int(source.sql("select seq from ops.tables where table_name = ?", [source.table.replace('"', "")])[0][0])


def everything(source: Source) -> list[object]:
    """Rows with their file, malformed records, and the ledger; without numbers and times of the load."""
    paths = "(select file_id, min(path) as path from ops.files group by all)"
    names = ", ".join(f'"{name}"' for name in source.columns)
    return [
        source.sql(
            f"select path, {names}, _rescued::varchar, _violations from {source.table} "
            f"join {paths} on file_id = _file_id order by all"
        ),
        source.sql(f"select path, line, record, reasons from ops.malformed join {paths} using (file_id) order by all"),
        source.sql(f"select {LEDGER} from ops.files order by all"),
    ]


def load_alone(source: Source) -> None:
    """Load every file as before there were batches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FilesTogether, "batches", lambda _, files: ([file] for file in files))
        source.run()


def test_one_broken_file_among_a_hundred_costs_the_others_nothing(make: Make) -> None:
    source = make(COLUMNS)
    for number in range(100):
        source.put(f"{number:02}.csv", HEADER + line(number) + (line(7, "1.255") if number == 37 else ""))
    source.run()
    assert source.rows("id") == [(number,) for number in range(100)]
    assert source.malformed() == [(3, line(7, "1.255").strip(), ["price: '1.255' is no decimal(8,2)"])]
    assert commits(source) <= 6


CSV = {
    "whole": HEADER + line(1) + line(2),
    "malformed value": HEADER + line(3) + line(4, "1.255") + line(5),
    "malformed number": HEADER + "x,a,1,2017-01-01\n" + line(6),
    "a field too few": HEADER + line(7) + "8,a\n",
    "quotes": HEADER + '9,"a\nb",1,2017-01-01\n' + '10,"""",2,\n',
    "no record": HEADER,
    "no end of line": HEADER + line(11).strip(),
    "blank lines": HEADER + "\n" + line(12) + "\n" + line(13),
    "hexadecimal": HEADER + line(14) + "0x1F,a,1,2017-01-01\n",
    "another header": "name,id,price,day,more\na,15,1,2017-01-01,x\n",
    "returns": (HEADER + line(16)).replace("\n", "\r\n"),
    "whole too": HEADER + line(17) + line(18, "2"),
}


def objects(*rows: Mapping[str, object] | str) -> str:
    return "".join(row if isinstance(row, str) else json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def row(number: int, **more: object) -> dict[str, object]:
    return {"id": number, "name": "a", "price": 1.25, "day": "2017-01-01", **more}


JSON = {
    "whole": objects(row(1), row(2)),
    "spaced": objects(json.dumps(row(3)) + "\n"),
    "malformed": objects(row(4), row(5, price=1.255)),
    "rescued": objects(row(6), row(7, more=[1])),
    "no json": objects(row(8), "{\n"),
    "digits": objects(row(9), '{"id":10,"name":"a","price":1.50,"day":"2017-01-01"}\n'),
    "left out": objects({"id": 11}),
    "whole too": objects(row(12), row(13)),
}


def table(ids: Sequence[object], kind: pa.DataType | None = None, **more: Sequence[object]) -> bytes:
    columns = {
        "id": pa.array(ids, kind or pa.int64()),
        "name": ["a"] * len(ids),
        "price": pa.array([1.25] * len(ids), pa.float64()),
        "day": ["2017-01-01"] * len(ids),
        **more,
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


PARQUET = {
    "whole": table([1, 2]),
    "malformed": table([3, 4], day=["2017-01-01", "today"]),
    "narrower": table([5], pa.int32()),
    "text": table(["6", "x"], pa.string()),
    "rescued": table([7], more=[[1]]),
    "taken name": table([8], file_index=[5]),
    "no row": table([]),
    "whole too": table([9, 10]),
}


@pytest.mark.parametrize(
    ("form", "files"),
    [({"type": "csv"}, CSV), ({"type": "jsonl"}, JSON), ({"type": "parquet"}, PARQUET)],
    ids=["csv", "jsonl", "parquet"],
)
@pytest.mark.parametrize("packed", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("most_held", [500_000, 20], ids=["held", "stored and taken back"])
def test_files_that_are_loaded_together_are_what_they_are_alone(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    form: dict[str, str],
    files: Mapping[str, str | bytes],
    packed: bool,
    most_held: int,
) -> None:
    monkeypatch.setattr(together_module, "_MOST_HELD", most_held)
    if packed and form["type"] == "parquet":
        pytest.skip("Parquet is packed by itself")
    together, alone = (make(COLUMNS, format=form) for _ in range(2))
    for source in (together, alone):
        for at in range(3):
            for name, content in files.items():
                received = content.encode() if isinstance(content, str) else content
                # so that contents differ: spaces at the end of a name are part of it
                received = received.replace(b"name ", f"name{at} ".encode()).replace(b'"a"', f'"a{at}"'.encode())
                source.put(f"{at} {name}", gzip.compress(received, mtime=0) if packed else received)
    together.run()
    load_alone(alone)
    assert everything(together) == everything(alone)
    assert commits(together) < commits(alone)


@pytest.mark.parametrize("name", ["file_id", "records", "n", "asked", "assay_judged", "judged"])
def test_columns_are_called_as_they_like(make: Make, name: str) -> None:
    source = make({name: "bigint"})
    for number in range(4):
        source.put(f"{number}.csv", f"{name}\n{number if number != 2 else 'x'}\n")
    source.run()
    assert source.rows() == [(0,), (1,), (3,)]


def test_a_column_that_is_called_as_the_number_of_a_file_is_not_taken_for_it(make: Make) -> None:
    source = make(COLUMNS, format={"type": "parquet"})
    for number in range(5):
        source.put(f"{number}.parquet", table([number], file_index=[3]))
    source.run()
    assert source.sql(f"select id, path from {source.table} join ops.files on file_id = _file_id order by id") == [
        (number, f"sales/{number}.parquet") for number in range(5)
    ]


@pytest.mark.slow
def test_of_a_source_whose_files_are_all_malformed_each_is_read_together_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(COLUMNS)
    for number in range(100):
        source.put(f"{number:02}.csv", HEADER + line(number) + line(number, "1.255"))
    load = FilesTogether.load
    sizes: list[int] = []

    def counted(self: FilesTogether, files: Sequence[object]) -> dict[int, Counted]:
        sizes.append(len(files))
        return load(self, files)  # type: ignore[arg-type]

    monkeypatch.setattr(FilesTogether, "load", counted)
    source.run()
    assert sizes == [64]
    assert source.rows("id") == [(number,) for number in range(100)]
    assert len(source.malformed()) == 100


def test_a_row_that_a_rule_cannot_judge_refuses_its_own_file_only(make: Make) -> None:
    source = make(TWO, verdict="case when name::int > 0 then null else ['negative'] end")
    for number in range(20):
        source.put(f"{number:02}.csv", f"id,name\n{number},{'x' if number == 13 else number}\n")
    source.run()
    assert [name for name, status in source.files().items() if status == "refused"] == ["13.csv"]
    assert "cannot be judged" in source.reason("13.csv")
    assert source.rows("id") == [(number,) for number in range(20) if number != 13]


def test_a_model_that_knows_other_rows_still_sees_one_file_at_a_time(make: Make) -> None:
    source = make(TWO)
    source.model = (
        "select * replace (row_number() over (order by id) as id), null::varchar[] as _violations from {landing}"
    )
    for number in range(5):
        source.put(f"{number}.csv", f"id,name\n{number + 10},a\n{number + 20},b\n")
    source.run()
    assert source.rows("id") == [(1,)] * 5 + [(2,)] * 5


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("select *, null as _violations from {landing}", True),
        ("with a as (select * from {landing}) select * replace (lower(name) as name), [] as _violations from a", True),
        ("select *, if(name in ({names}), null, ['name']) as _violations from {landing}", True),
        (
            "select * from (select *, null as _violations from {landing}) where name in (select name from {landing})",
            False,
        ),
        ("select id, name, _rescued, null as _violations from {landing}", False),
        ("select distinct *, null as _violations from {landing}", False),
        ("select *, null as _violations from {landing} order by id", False),
        ("select * replace (lag(id) over () as id), null as _violations from {landing}", False),
        ("select * replace ((select max(id) from {landing}) as id), null as _violations from {landing}", False),
        ("select *, null as _violations from {landing} union all select *, null from {landing}", False),
    ],
)
def test_only_a_model_that_makes_each_row_of_one_record_is_row_wise(make: Make, model: str, expected: bool) -> None:
    source = make(TWO)
    names = ", ".join(f"'{number}'" for number in range(20))  # of which DuckDB's optimizer makes a join
    sql = model.format(landing='temp.main."landing_sales"', names=names)
    assert is_row_wise(source.connection, source.contract, sql) is expected


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:30] or type(error).__name__)
def test_an_error_of_the_machine_leaves_all_files_of_a_commit_waiting_or_loaded(
    make: Make, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    source = make(TWO)
    for number in range(10):
        source.put(f"{number}.csv", f"id,name\n{number},a\n")
    source.look()
    real = BronzeTable.rows_of
    with monkeypatch.context() as patch:
        failures = iter([error])

        def rows_of(self: BronzeTable, files: Sequence[int]) -> dict[int, int]:
            if failure := next(failures, None):
                raise failure
            return real(self, files)

        patch.setattr(BronzeTable, "rows_of", rows_of)
        if isinstance(error, duckdb.IOException):  # which may be about one file: each is asked
            source.load()
        else:
            with pytest.raises(type(error)):
                source.load()
            assert set(source.files().values()) == {"arrived"}
    source.assert_conserved()
    source.run()
    assert source.rows("id") == [(number,) for number in range(10)]


def test_a_file_that_needs_too_much_memory_waits_and_the_others_are_loaded(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(TWO)
    for number in range(10):
        source.put(f"{number}.csv", f"id,name\n{number},a\n")
    source.look()
    load, fast = FilesTogether.load, FileLoad.fast

    def too_large(files: Sequence[object]) -> None:
        if any(getattr(file, "name", "") == "sales/4.csv" for file in files):
            raise duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate")

    def load_if_small(self: FilesTogether, files: Sequence[object]) -> dict[int, Counted]:
        too_large(files)
        return load(self, files)  # type: ignore[arg-type]

    def fast_if_small(self: FileLoad, file: object) -> Counted:
        too_large([file])
        return fast(self, file)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(FilesTogether, "load", load_if_small)
        patch.setattr(FileLoad, "fast", fast_if_small)
        source.load()
    assert [name for name, status in source.files().items() if status == "arrived"] == ["4.csv"]
    assert "needs more memory" in source.reason("4.csv")
    source.run()
    assert source.rows("id") == [(number,) for number in range(10)]


def test_a_file_that_changes_while_others_are_read_with_it_is_the_only_one_that_waits(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(TWO)
    paths = [source.put(f"{number}.csv", f"id,name\n{number},a\n") for number in range(10)]
    insert = BronzeTable.insert_many

    def insert_and_change(self: BronzeTable, load_id: int, now: datetime, records: Mapping[int, int]) -> None:
        insert(self, load_id, now, records)
        paths[6].write_text("id,name\n9,b\n")
        os.utime(paths[6], (OLD, OLD))

    with monkeypatch.context() as patch:
        patch.setattr(BronzeTable, "insert_many", insert_and_change)
        source.run()
    assert [name for name, status in source.files().items() if status == "arrived"] == ["6.csv"]
    assert source.rows("id") == [(number,) for number in range(10) if number != 6]
    source.run()
    assert source.rows() == sorted([(number, "a") for number in range(10) if number != 6] + [(9, "b")])


KILLED = """
import os, signal, sys
from pathlib import Path
from assay.loading import loader
from assay.loading.bronze_table import BronzeTable
from tests.source import Source

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

places = {"rows": (BronzeTable, "rows_of"), "ledger": (loader, "note_counts"), "end": (BronzeTable, "note_change")}
owner, name = places[sys.argv[2]]
real, calls = getattr(owner, name), []

def once_more(*args, **more):
    done = real(*args, **more)
    calls.append(None)
    if len(calls) == int(sys.argv[3]):
        die()
    return done

setattr(owner, name, once_more)
Source(Path(sys.argv[1]), {"id": "bigint", "name": "varchar"}).run()
"""


@pytest.mark.parametrize(
    ("at", "call", "loaded"), [("rows", 1, 0), ("ledger", 1, 0), ("ledger", 2, 64), ("end", 3, 64)]
)
def test_a_kill_within_a_commit_leaves_its_files_waiting_and_those_before_it_loaded(
    make: Make, at: str, call: int, loaded: int
) -> None:
    source = make(TWO)
    for number in range(100):
        source.put(f"{number:02}.csv", f"id,name\n{number},a\n")
    source.connection.close()
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(source.home), at, str(call)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    again = make(TWO)
    again.connection.close()
    again.home = source.home
    again.connection = duckdb.connect(str(source.home / "warehouse.duckdb"))
    waiting = [status for status in again.files().values() if status == "arrived"]
    assert len(waiting) == 100 - loaded
    assert len(again.rows()) == loaded
    again.connection.execute("set timezone = 'UTC'")
    again.run()
    assert again.rows("id") == [(number,) for number in range(100)]
