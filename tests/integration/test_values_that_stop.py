"""What records that say for themselves what they have do not have any more is told, and that it is back."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from assay.loading.recent_values import ENOUGH, WINDOW
from tests.source import Source

Make = Callable[..., Source]
Rows = Iterable[Mapping[str, Any]]
COLUMNS = {"id": "bigint", "till": "bigint"}
FORMATS: dict[str, dict[str, str]] = {
    "jsonl": {"type": "jsonl"},
    "json": {"type": "json", "records": "/data"},
    "xml": {"type": "xml", "records": "/all/one"},
}


def changes(source: Source) -> list[tuple[str, ...]]:
    return source.sql(
        "select replace(path, 'sales/', ''), column_name, what from ops.schema_changes order by change_id"
    )


def text(kind: str, rows: Rows) -> str:
    if kind == "xml":
        ones = ("".join(f"<{name}>{value}</{name}>" for name, value in row.items()) for row in rows)
        return f"<all>{''.join(f'<one>{one}</one>' for one in ones)}</all>"
    lines = [json.dumps(row, separators=(",", ":")) for row in rows]
    return f'{{"data":[{",".join(lines)}]}}' if kind == "json" else "".join(f"{line}\n" for line in lines)


def load(source: Source, files: Sequence[Rows], kind: str = "jsonl", *, at_once: bool = False) -> None:
    """Load files, in a run each; each row gets a key of its own."""
    ids = count(len(source.files()) * 1_000_000)
    for number, rows in enumerate(files, len(source.files())):
        source.put(f"{number:02}.x", text(kind, ({"id": next(ids), **row} for row in rows)))
        if not at_once:
            source.run()
    source.run()


def test_a_column_that_stops_is_told_once_and_again_when_it_comes_back(make: Make) -> None:
    source = make(COLUMNS, optional=["till"], format=FORMATS["jsonl"])
    load(source, [30 * [{"till": 1}], 30 * [{"till": None}], 30 * [{}], [{"till": 2}, {}]])
    told = [("01.x", "till", "went"), ("03.x", "till", "came")]
    assert changes(source) == told
    source.load(is_full_refresh=True)
    assert changes(source) == told


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("at_once", [False, True], ids=["a run each", "at once"])
def test_columns_and_names_that_stop_are_told_of_each_format(make: Make, kind: str, at_once: bool) -> None:
    source = make(COLUMNS, format=FORMATS[kind])
    files = [20 * [{"till": 1}], 40 * [{"till": 1, "more": 2}], 39 * [{}], [{}], 9 * [{}], [{"till": 3, "more": 4}]]
    load(source, files, kind, at_once=at_once)
    assert changes(source) == [
        ("01.x", "more", "came"),
        ("02.x", "more", "went"),
        ("02.x", "till", "went"),
        ("05.x", "more", "came"),
        ("05.x", "till", "came"),
    ]


def test_few_records_without_a_column_are_not_told_until_there_are_enough_of_them(make: Make) -> None:
    source = make(COLUMNS, optional=["till"], format=FORMATS["jsonl"])
    load(source, [[*ENOUGH * [{"till": 1}], *ENOUGH * [{}]], (2 * ENOUGH - 1) * [{}], [{}]], at_once=True)
    assert changes(source) == [("02.x", "till", "went")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "before",
    [(ENOUGH - 1) * [{"till": 1}], [{"till": 1}, *2 * WINDOW * [{}]], 30 * [{}]],
    ids=["too few", "too rare", "never"],
)
def test_a_column_that_few_records_had_has_not_stopped(make: Make, before: Rows) -> None:
    source = make(COLUMNS, optional=["till"], format=FORMATS["jsonl"])
    load(source, [before, 50 * [{}], 5_000 * [{}]])
    assert changes(source) == []


@pytest.mark.slow
def test_values_of_an_older_and_larger_file_are_no_more_than_looked_at(make: Make) -> None:
    source = make(COLUMNS, optional=["till"], format=FORMATS["jsonl"])
    load(source, [2 * WINDOW * [{"till": 1}], (ENOUGH - 1) * [{}], [{}]])
    assert changes(source) == [("02.x", "till", "went")]


def test_a_file_of_which_no_record_became_a_row_has_lost_nothing(make: Make) -> None:
    source = make(COLUMNS, optional=["till"], format=FORMATS["jsonl"])
    load(source, [30 * [{"till": 1}], 3 * [{"till": "x"}], []])
    assert changes(source) == []


@pytest.mark.slow
def test_of_very_many_columns_that_stop_the_rest_is_told_with_the_next_files(make: Make) -> None:
    names = [f"c{n}" for n in range(250)]
    source = make({"id": "bigint", **dict.fromkeys(names, "bigint")}, format=FORMATS["jsonl"])
    load(source, [20 * [dict.fromkeys(names, 1)], 20 * [{}], [{}], [{}], [{}]])
    assert [path for path, _, _ in changes(source)] == 100 * ["01.x"] + 100 * ["02.x"] + 50 * ["03.x"]
    assert {name for _, name, _ in changes(source)} == set(names)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_what_is_told_does_not_depend_on_how_files_are_batched(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - data of a test
    shares = [(chance.choice([0, 0, 0.05, 0.5, 1]), chance.choice([0, 0.3, 1])) for _ in range(12)]
    files = [
        [
            {name: n for name, share in zip(("till", "more"), pair, strict=True) if chance.random() < share}
            for n in range(chance.choice([1, 15, 40]))
        ]
        for pair in shares
    ]
    told = []
    for at_once in (False, True):
        source = Source(tmp_path / str(at_once), COLUMNS, optional=["till"], format=FORMATS["jsonl"])
        load(source, files, at_once=at_once)
        told.append(changes(source))
        source.connection.close()
    assert told[0] == told[1] == list(expected(files))


def expected(files: Sequence[Sequence[Mapping[str, Any]]]) -> Iterable[tuple[str, str, str]]:
    """The changes by the rule of docs/evolution.md, counted record by record (there are fewer than the window)."""
    last: dict[str, str] = {}
    for number in range(len(files)):
        for what, name in (("came", "more"), ("came", "till"), ("went", "more"), ("went", "till")):
            before = [row for file in files[:number] for row in file]
            flags = [any(name in row for row in file) for file in files[: number + 1]]
            start = max((n + 1 for n, flag in enumerate(flags) if flag), default=0)
            older = [row for file in files[:start] for row in file]
            had = sum(name in row for row in before)
            without = sum(len(file) for file in files[start : number + 1])
            if what == "came" and flags[-1] and last.get(name) == "went":
                is_told = True
            elif what == "came":
                is_told = flags[-1] and name == "more" and name not in last
            else:
                is_there = last.get(name) == "came" or (name == "till" and name not in last)
                is_told = is_there and had >= ENOUGH and without * had >= ENOUGH * len(older)
            if is_told:
                last[name] = what
                yield f"{number:02}.x", name, what
