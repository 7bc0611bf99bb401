"""The warehouse: who has it open is named, and a transaction is all or nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from assay.base.warehouse import WarehouseBusy, connect, transaction

HOLDER = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


def test_another_program_that_has_it_open_is_waited_for_and_named(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(WarehouseBusy, match=rf"w\.duckdb is open in .*PID {process.pid}"):
            connect(path, wait_seconds=0)
        told: list[str] = []
        with connect(path, wait_seconds=60, on_wait=lambda holder: told.append(holder) or process.stdin.close()):
            assert len(told) == 1


def test_another_error_is_no_lock_though_the_path_says_so(tmp_path: Path) -> None:
    """It would be waited for half a minute, and then blamed on a program that there is not."""
    path = tmp_path / "clock"
    path.mkdir()
    with pytest.raises(duckdb.IOException, match="clock"):
        connect(path, wait_seconds=60)


def test_a_warehouse_that_cannot_be_prepared_is_not_left_open(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema ops; create view ops.files as select 1")
    with pytest.raises(duckdb.Error):
        connect(path, wait_seconds=0)
    duckdb.connect(str(path), config={"threads": 1}).close()  # an open one would refuse another configuration


def test_a_transaction_is_all_or_nothing_and_its_error_comes_through(tmp_path: Path) -> None:
    with connect(tmp_path / "w.duckdb", wait_seconds=0) as connection:
        connection.execute("create table t (a bigint)")
        with pytest.raises(KeyError), transaction(connection):
            connection.execute("insert into t values (1)")
            raise KeyError
        with pytest.raises(duckdb.ConversionException), transaction(connection):
            connection.execute("insert into t values (2)")
            connection.execute("insert into t select 'x'::bigint")
        with pytest.raises(KeyError), transaction(connection):
            connection.execute("rollback")
            raise KeyError
        with transaction(connection):
            connection.execute("insert into t values (3)")
        assert connection.execute("select a from t").fetchall() == [(3,)]
