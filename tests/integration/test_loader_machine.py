"""A full disk or a wrong model is no file's fault: the run fails, and the next one loads."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from assay.ledger.pending import NeedsFiles
from assay.loading import file_load
from assay.loading.bronze_table import BronzeTable
from assay.reading.read_views import readable_path
from assay.tables.versions import ChangedWithData
from assay.text import Unreadable
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar"}
ERRORS = [
    duckdb.IOException('IO Error: Could not write file "/tmp/x": No space left on device'),
    duckdb.IOException("IO Error: Input/output error"),
    duckdb.InvalidInputException(
        "Invalid Input Error: Cannot execute INSERT on a database which is attached in read-only mode!"
    ),
    duckdb.InternalException("INTERNAL Error: Attempted to access index 5"),
    duckdb.BinderException("Binder Error: column _violations not found"),
    OSError(errno.ENOSPC, "No space left on device"),
    KeyboardInterrupt(),
]


def three(source: Source, middle: str = "2,b\n", header: str = "id,name") -> None:
    """Put three files; with another header in the middle, none is loaded together with the next."""
    for number, (names, lines) in enumerate((("id,name", "1,a\n"), (header, middle), ("id,name", "3,c\n")), 1):
        source.put(f"{number}.csv", f"{names}\n{lines}")


def fail_once(error: BaseException, real: Callable[..., object], at_call: int) -> Callable[..., object]:
    calls: list[None] = []

    def called(*args: object, **more: object) -> object:
        calls.append(None)
        if len(calls) == at_call:
            raise error
        return real(*args, **more)

    return called


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:30] or type(error).__name__)
@pytest.mark.parametrize("middle", ["b,2\n", "b,2\nb,bad\n"], ids=["fast", "careful"])
def test_an_error_of_the_machine_refuses_no_file_and_leaves_nothing_half_loaded(
    make: Make, monkeypatch: pytest.MonkeyPatch, error: BaseException, middle: str
) -> None:
    source = make(COLUMNS)
    three(source, middle, header="name,id")
    source.look()
    at_call = 2 if middle == "b,2\n" else 3
    with monkeypatch.context() as patch:
        patch.setattr(BronzeTable, "insert", fail_once(error, BronzeTable.insert, at_call))
        with pytest.raises(type(error)):
            source.load()
    source.assert_conserved()
    assert source.files() == {"1.csv": "loaded", "2.csv": "arrived", "3.csv": "arrived"}
    source.run()
    assert source.rows("id") == [(1,), (2,), (3,)]


def test_a_disk_that_is_full_while_a_file_is_split_refuses_no_file(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make(COLUMNS)
    three(source, "bad,b\n")
    source.look()
    with monkeypatch.context() as patch:
        full = OSError(errno.ENOSPC, "No space left on device")
        patch.setattr(file_load, "write_clean", fail_once(full, file_load.write_clean, 1))
        with pytest.raises(OSError, match="No space left"):
            source.load()
    assert source.files()["2.csv"] == "arrived"
    assert not (source.home / "scratch" / "load").exists()
    source.run()
    assert source.rows("id") == [(1,), (3,)]
    assert len(source.malformed()) == 1


def test_too_little_memory_lets_the_file_wait_until_there_is_more(make: Make) -> None:
    source = make(COLUMNS)
    source.put("a.csv", "id,name\n" + "".join(f"{n},{n * 7919:040}\n" for n in range(200_000)))
    source.look()
    source.sql("set memory_limit = '16MB'")
    source.sql("set max_temp_directory_size = '1MB'")
    source.load()
    source.sql("set memory_limit = '1GB'")
    source.sql("reset max_temp_directory_size")
    assert source.files() == {"a.csv": "arrived"}
    source.run()
    assert source.sql(f"select count(*) from {source.table}") == [(200_000,)]


def test_a_model_that_is_no_sql_ends_the_run_and_not_the_file(make: Make) -> None:
    source = make(COLUMNS)
    three(source)
    source.look()
    right, source.model = source.model, "select *, nothing as _violations from {landing}"
    with pytest.raises(duckdb.BinderException, match="nothing"):
        source.load()
    source.model = right
    source.load()
    assert source.rows("id") == [(1,), (2,), (3,)]


def test_a_leftover_of_a_load_that_died_is_no_obstacle(make: Make) -> None:
    source = make(COLUMNS)
    left = source.home / "scratch" / "load"
    left.mkdir(parents=True)
    (left / "good").write_text("9,9,leftover\n")
    three(source, "bad,b\n")
    source.run()
    assert source.rows("id") == [(1,), (3,)]
    assert not left.exists()


def test_a_path_with_a_pattern_in_it_is_read_through_a_link_that_is_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "a[1].csv"
    path.write_text("x")
    with readable_path(path) as name:
        assert not set(name) & set("*?[{")
        assert Path(name).read_text() == "x"
    assert not Path(name).exists()
    assert path.read_text() == "x"


def test_a_changed_contract_stops_with_the_command_and_a_full_refresh_reads_every_file_again(make: Make) -> None:
    source = make(COLUMNS)
    three(source, "2,b\nbad,b\n")
    source.run()
    source.columns["name"] = "bigint"
    with pytest.raises(ChangedWithData, match=r"--full-refresh bronze\.sales"):
        source.run()
    assert source.rows("id") == [(1,), (2,), (3,)]
    source.load(is_full_refresh=True)
    assert source.rows("id") == []
    assert [reasons for _, _, reasons in source.malformed()][1] == ["name: 'b' is no bigint"]
    source.columns["name"] = "varchar"
    source.load(is_full_refresh=True)
    assert source.rows() == [(1, "a"), (2, "b"), (3, "c")]


def test_a_full_refresh_changes_nothing_when_a_file_that_counts_is_gone(make: Make) -> None:
    source = make(COLUMNS)
    three(source)
    source.run()
    (source.landing / "sales" / "2.csv").unlink()
    before = source.sql("select * from ops.files")
    with pytest.raises(NeedsFiles, match=r"2\.csv"):
        source.load(is_full_refresh=True)
    assert source.rows("id") == [(1,), (2,), (3,)]
    assert source.sql("select * from ops.files") == before


def test_a_full_refresh_loads_what_waits_and_refuses_what_is_bad_on_the_way(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(COLUMNS)
    source.put("1.csv", "id,name\n1,a\n")
    source.run()
    source.put("2.csv", "id,name\n2,b\nbad,b\n")
    source.put("3.csv", "id,name\n3,c\n")
    source.look()
    with monkeypatch.context() as patch:
        rubbish = Unreadable("it is rubbish")
        patch.setattr(file_load, "write_clean", fail_once(rubbish, file_load.write_clean, 2))
        source.load(is_full_refresh=True)
    assert source.files() == {"1.csv": "loaded", "2.csv": "refused", "3.csv": "loaded"}
    assert source.rows("id") == [(1,), (3,)]


def test_an_old_version_whose_bytes_are_gone_does_not_forbid_a_full_refresh(make: Make) -> None:
    source = make(COLUMNS)
    three(source)
    source.run()
    source.put("2.csv", "id,name\n22,b\n")
    source.run()
    assert source.rows("id") == [(1,), (2,), (3,), (22,)]
    source.load(is_full_refresh=True)
    assert source.rows("id") == [(1,), (3,), (22,)]
    shutil.rmtree(source.landing)
    with pytest.raises(NeedsFiles):
        source.load(is_full_refresh=True)
