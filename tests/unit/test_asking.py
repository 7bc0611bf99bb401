"""An answer of a published state is remembered for that state, and for no other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from assay.trust import asking
from assay.trust.asking import ask, ask_named

SUM = "select sum(amount)::int from sales where amount >= $least"


def state(path: Path, amount: int) -> Path:
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create table sales as select {amount} as amount")
    return path


def opened(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"attach '{path}' as lake_published (read_only)")
    connection.execute("use lake_published")
    return connection


def test_a_state_is_asked_once_and_the_next_one_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queries: list[str] = []
    real = asking.answer_anew
    monkeypatch.setattr(asking, "answer_anew", lambda *of: (queries.append(of[1]), real(*of))[1])
    for amount, number in ((5, 1), (7, 1), (9, 2)):  # the second lies where the first one was
        path = state(tmp_path / f"lake_{number}.duckdb", amount)
        for _ in range(3):
            with opened(path) as connection:
                assert ask(connection, SUM, {"least": 0}) == [(amount,)]
                assert ask(connection, SUM, {"least": 100}) == [(None,)]
    assert len(queries) == 6


def test_who_asks_the_same_at_once_waits_for_one_answer(tmp_path: Path) -> None:
    path = state(tmp_path / "lake_1.duckdb", 5)

    def read(_: int) -> list[tuple[int]]:
        with opened(path) as connection:
            return ask(connection, SUM, {"least": -1})

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(16))) == [[(5,)]] * 16
    assert not asking._asked


def test_what_is_kept_is_bounded_and_a_plain_connection_is_asked_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "KEPT", 3)
    with opened(state(tmp_path / "lake_1.duckdb", 5)) as connection:
        for number in range(10):
            ask(connection, f"select {number}")
        assert len(asking._answers) <= 3
    with duckdb.connect() as connection:
        assert ask(connection, "select 1") == [(1,)]
    assert len(asking._answers) <= 3


def test_an_answer_of_many_rows_is_not_kept_and_names_come_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MOST_ROWS", 2)
    monkeypatch.setattr(asking, "_answers", type(asking._answers)())
    with opened(state(tmp_path / "lake_1.duckdb", 5)) as connection:
        assert ask_named(connection, "select 1 as a, 2 as b") == (["a", "b"], [(1, 2)])
        assert ask_named(connection, "select * from range(3)")[1] == [(0,), (1,), (2,)]
        assert [key[1] for key in asking._answers] == ["select 1 as a, 2 as b"]


def test_rows_of_all_answers_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ALL_ROWS", 10)
    monkeypatch.setattr(asking, "_answers", type(asking._answers)())
    with opened(state(tmp_path / "lake_1.duckdb", 5)) as connection:
        for number in range(5):
            assert len(ask(connection, f"select {number} from range(4)")) == 4
    assert [key[1] for key in asking._answers] == ["select 3 from range(4)", "select 4 from range(4)"]


def test_what_may_read_incidents_is_asked_anew_when_those_are_published(tmp_path: Path) -> None:
    lake = state(tmp_path / "lake_1.duckdb", 5)
    for amount in (1, 2):
        incidents = state(tmp_path / f"incidents_{amount}.duckdb", amount)
        with opened(lake) as connection:
            connection.execute(f"attach '{incidents}' as incidents_published (read_only)")
            rows = ask_named(connection, "select amount from incidents_published.sales", None, ("lake", "incidents"))[1]
            assert rows == [(amount,)]
