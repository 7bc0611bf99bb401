"""Forty dialects and nineteen kinds of damage: each record that can be read is loaded once, each other one is told."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.corpus import COLUMNS, DIALECTS, Dialect, written
from tests.damage import KINDS, Damaged
from tests.source import Source


def files(dialect: Dialect, seed: int) -> dict[str, Damaged]:
    """A file for each kind of damage that can happen in a dialect."""
    rng = random.Random(f"{dialect.name} {seed}")  # noqa: S311 - the same in every run
    damaged = {f"{kind}.txt": damage(rng, dialect) for kind, damage in KINDS.items()}
    return {name: file for name, file in damaged.items() if file is not None}


@pytest.mark.slow  # about seventeen files each
@pytest.mark.parametrize("dialect", DIALECTS, ids=[dialect.name for dialect in DIALECTS])
def test_what_can_be_read_is_loaded_once_and_the_rest_is_told(tmp_path: Path, dialect: Dialect) -> None:
    source = Source(tmp_path, COLUMNS, format=dict(dialect.form))
    expected = files(dialect, 0)
    for name, file in expected.items():
        source.put(name, file.content or written(dialect, file.pieces))
    source.run()
    ids = {path.removeprefix("sales/"): file_id for path, file_id in source.sql("select path, file_id from ops.files")}
    for name, status in source.files().items():
        file = expected[name]
        if file.may_be_refused and status == "refused":
            assert source.reason(name)
            continue
        assert status == "loaded", (name, source.reason(name))
        names = ", ".join(COLUMNS)
        loaded = source.sql(f"select {names} from {source.table} where _file_id = ?", [ids[name]])
        assert Counter(loaded) == Counter(file.rows()), name
        told = source.sql("select line, reasons from ops.malformed where file_id = ? order by line", [ids[name]])
        assert [line for line, _ in told] == file.broken_lines(), name
        assert all(reasons and all(reasons) for _, reasons in told), name


def test_there_are_forty_dialects_with_names_of_their_own() -> None:
    assert len({dialect.name for dialect in DIALECTS}) == 40
