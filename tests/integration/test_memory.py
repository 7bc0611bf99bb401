"""A file that needs more memory or room than there is waits, is tried once more and refused; the good ones load."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.base.memory import limit_of
from assay.checks import recount as recount_module
from assay.ledger import inspect_file
from assay.ledger.pending import NeedsFiles
from assay.loading import file_load
from assay.loading.bronze_table import BronzeTable
from assay.text import room
from tests.source import Source

pytestmark = pytest.mark.slow  # large files, some in processes of their own

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar"}
SMALL = "160MB"
JSON_LINES = {"type": "jsonl"}


class Disk(NamedTuple):
    """As `shutil.disk_usage` gives it."""

    total: int
    free: int


def parquet(*names: str) -> bytes:
    out = io.BytesIO()
    table = pa.table({"id": pa.array(range(len(names)), pa.int64()), "name": pa.array(names)})
    pq.write_table(table, out, compression="zstd", use_dictionary=False, write_statistics=False)
    return out.getvalue()


LINE = b'{"id":1,"name":"' + b"x" * 16_000_000 + b'"}\n'
BOMBS: dict[str, tuple[dict[str, str], Callable[[], bytes], Callable[[], bytes]]] = {
    "parquet": ({"type": "parquet"}, lambda: parquet("x" * 200_000_000), lambda: parquet("a")),
    "json lines in gzip": (JSON_LINES, lambda: gzip.compress(LINE * 5, 1), lambda: b'{"id":1}\n'),
    "json of many small values": (
        JSON_LINES,
        lambda: b'{"id":1,"name":[' + b"[]," * 5_000_000 + b"1]}\n",
        lambda: b'{"id":1}\n',
    ),
}
"""Of each kind: its format, a file that unpacks to more than fits, a good one."""


@pytest.mark.parametrize("kind", BOMBS)
def test_a_file_that_does_not_fit_into_memory_waits_once_is_then_refused_and_stops_no_other(
    make: Make, kind: str
) -> None:
    format, bomb, good = BOMBS[kind]
    source = make(COLUMNS, format=format)
    source.put("bomb", bomb())
    source.put("good", good())
    source.sql(f"set memory_limit = '{SMALL}'")
    source.run()
    assert source.files() == {"bomb": "arrived", "good": "loaded"}
    assert source.reason("bomb").endswith("the next run tries it once more")
    source.run()
    assert source.files() == {"bomb": "refused", "good": "loaded"}
    for message in ("needs more memory", limit_of(source.connection), "Raise ASSAY_MEMORY_LIMIT"):
        assert message in source.reason("bomb")
    assert source.run().known == 2
    assert len(source.rows()) == 1


def test_a_refused_file_is_tried_again_when_there_is_more_memory(make: Make) -> None:
    source = make(COLUMNS, format={"type": "parquet"})
    source.put("bomb", parquet("x" * 200_000_000))
    source.sql(f"set memory_limit = '{SMALL}'")
    source.run()
    source.run()
    assert source.files() == {"bomb": "refused"}
    source.sql("set memory_limit = '8GB'")
    source.run()
    assert source.files() == {"bomb": "loaded"}
    assert source.sql("select failures, failed_limit, reason from ops.files") == [(None, None, None)]


def fail(real: Callable[..., object], error: BaseException, times: int = 1) -> Callable[..., object]:
    left = [error] * times

    def called(*args: object, **more: object) -> object:
        if left:
            raise left.pop()
        return real(*args, **more)

    return called


def test_a_file_that_fits_at_the_second_attempt_is_loaded_and_its_failure_forgotten(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(COLUMNS)
    source.put("a.csv", "id,name\n1,a\nbad,b\n")
    monkeypatch.setattr(file_load, "write_clean", fail(file_load.write_clean, MemoryError()))
    source.run()
    assert source.sql("select status, failures from ops.files") == [("arrived", 1)]
    source.run()
    assert source.sql("select status, failures, reason from ops.files") == [("loaded", None, None)]


def test_another_content_and_another_contract_begin_anew(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make(COLUMNS)
    source.put("a.csv", "id,name\n1,a\n")
    source.put("b.csv", "name,id\nb,2\n")  # not of one header: each is loaded alone
    monkeypatch.setattr(BronzeTable, "insert", fail(BronzeTable.insert, MemoryError(), times=5))
    source.run()
    source.put("a.csv", "id,name\n11,a\n")
    source.run()
    assert source.files() == {"a.csv": "arrived", "b.csv": "refused"}
    source.options["new_columns"] = "refuse"
    source.run()
    assert source.files() == {"a.csv": "loaded", "b.csv": "arrived"}  # a first failure again
    source.run()
    assert source.files() == {"a.csv": "loaded", "b.csv": "loaded"}


def test_a_file_that_cannot_even_be_looked_into_waits_and_a_look_and_a_load_of_one_run_are_one_attempt(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(COLUMNS)
    source.put("a.csv", "id,name\n1,a\n")
    source.put("b.csv", "id,name\n2,b\n")
    monkeypatch.setattr(inspect_file, "scan", fail(inspect_file.scan, MemoryError()))
    source.run()
    assert source.files() == {"a.csv": "arrived", "b.csv": "loaded"}
    source.run()
    assert source.files() == {"a.csv": "loaded", "b.csv": "loaded"}
    assert source.rows() == [(1, "a"), (2, "b")]


def test_a_full_refresh_that_lacks_memory_names_the_file_and_changes_nothing(make: Make) -> None:
    source = make(COLUMNS, format={"type": "parquet"})
    source.put("bomb", parquet("x" * 200_000_000))
    source.put("good", parquet("a"))
    source.run()
    before = source.sql("select path, status, failures from ops.files")
    source.sql(f"set memory_limit = '{SMALL}'")
    with pytest.raises(NeedsFiles, match=r"sales/bomb: it needs more memory .*; nothing was changed"):
        source.load(is_full_refresh=True)
    assert source.sql("select path, status, failures from ops.files") == before
    assert source.sql(f"select count(*) from {source.table}") == [(2,)]


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ({"type": "csv"}, b"id,name\n1," + b"x" * 60_000_000 + b"\n2,b\n"),
        ({"type": "csv"}, gzip.compress(b"id,name\n1," + b'""' * 30_000_000 + b"\n2,b\n", 1)),
        ({"type": "csv", "encoding": "utf-16"}, ("id,name\n1," + "x" * 30_000_000 + "\n2,b\n").encode("utf-16")),
        (JSON_LINES, b'{"id":1,"name":"' + b"x" * 60_000_000 + b'"}\n{"id":2,"name":"b"}\n'),
        (JSON_LINES, b'{"id":1,"name":' + b"[" * 10_000 + b"]" * 10_000 + b'}\n{"id":2,"name":"b"}\n'),
    ],
    ids=["csv", "csv of quotes in gzip", "csv in utf-16", "json lines", "deep json"],
)
def test_a_line_that_is_too_long_or_too_deep_costs_itself_in_little_memory(
    make: Make, format: dict[str, str], content: bytes
) -> None:
    source = make(COLUMNS, format=format)
    source.put("a", content)
    source.sql("set memory_limit = '512MB'")  # DuckDB alone; a load has half of it
    source.run()
    assert source.files() == {"a": "loaded"}
    assert source.rows() == [(2, "b")]
    assert len(source.malformed()) == 1


def test_a_header_in_another_encoding_is_never_cut_at_the_limit(make: Make) -> None:
    source = make(COLUMNS, format={"type": "csv", "encoding": "utf-16"})
    long = "x" * 1_500_000
    source.put("a.csv", f"id,name,{long}\n1,a,b\n".encode("utf-16"))
    source.put("b.csv", f"id,name,{long * 2}\n1,a,b\n".encode("utf-16"))
    source.run()
    assert source.files() == {"a.csv": "loaded", "b.csv": "refused"}
    assert source.rescued() == [{long: "b"}]


@pytest.mark.parametrize("name", ["y" * 65_536, "ü" * 65_536])
def test_long_names_are_read_and_shown_short(make: Make, name: str) -> None:
    source = make(COLUMNS)
    source.put("a.csv", f"id,name,{name}\n1,a,b\n")
    source.put("b.csv", f"id,{name}\n1,b\n")
    source.run()
    assert source.rescued() == [{name: "b"}]
    assert "missing columns: name; unexpected columns: " in source.reason("b.csv")
    assert len(source.reason("b.csv")) < 300


def test_a_file_that_unpacks_to_more_than_the_disk_can_spare_waits_and_is_refused(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(COLUMNS)
    source.put("bomb.csv", gzip.compress(b"id,name\nbad,b\n" + b"1,a\n" * 2_000_000, 1))
    source.put("good.csv", "id,name\n1,a\nbad,b\n")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: Disk(total=100_000_000, free=10_000_000))
    source.run()
    source.run()
    assert source.files() == {"bomb.csv": "refused", "good.csv": "loaded"}
    assert "more than the 5,000,000 bytes that the disk" in source.reason("bomb.csv")


def test_on_a_disk_that_is_nearly_full_no_file_is_to_blame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: Disk(total=100, free=4))
    room.Room(tmp_path).take(1 << 40)


@pytest.mark.parametrize(("format", "content"), [("csv", b"id,name\n1,a\n"), ("parquet", parquet("a"))])
def test_a_file_that_cannot_be_counted_again_for_want_of_memory_is_named_and_not_counted_as_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, format: str, content: bytes
) -> None:
    source = make(COLUMNS, format={"type": format})
    source.put("a", content)
    source.run()
    name = "count_records_of_parquet" if format == "parquet" else "split"
    monkeypatch.setattr(recount_module, name, fail(getattr(recount_module, name), MemoryError("no room")))
    counted = recount_module.recount(source.connection, source.landing, source.contract)
    assert (counted.files, counted.differing) == (0, ())
    assert counted.uncounted == (("sales/a", "needs more memory than there is: no room"),)
