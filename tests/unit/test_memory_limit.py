"""The size of a run's memory: as people write it, and as a share of the machine."""

from __future__ import annotations

import duckdb
import pytest

from assay.base import memory
from assay.base.memory import default_limit, engine_share, limit_of, limited_load
from assay.base.settings import Settings, SettingsError
from assay.base.sizes import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GB", 4 * 10**9),
        ("3.5 GiB", 3_758_096_384),
        ("512mib", 512 << 20),
        ("1000", 1000),
        ("4 pounds", None),
        ("", None),
    ],
)
def test_a_size_is_read_as_duckdb_and_people_write_it(text: str, size: int | None) -> None:
    assert parse_size(text) == size


def test_a_setting_that_is_not_a_size_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_MEMORY_LIMIT", "2 GB")
    assert Settings.from_env().memory_limit == 2 * 10**9
    monkeypatch.setenv("ASSAY_MEMORY_LIMIT", "much")
    with pytest.raises(SettingsError, match="ASSAY_MEMORY_LIMIT is 'much'; expected a size, such as 4GB"):
        Settings.from_env()


def test_a_container_with_less_memory_than_the_machine_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_cgroup_limits", lambda: iter([2 << 30]))
    assert default_limit() == 1 << 30


@pytest.mark.parametrize(("limit", "share"), [(2 << 30, 3 << 29), (300 << 20, 256 << 20), (80 << 20, 80 << 20)])
def test_duckdb_leaves_room_for_what_lives_beside_it(limit: int, share: int) -> None:
    """A run that gives DuckDB all of its limit takes three quarters more than that."""
    assert engine_share(limit) == share


@pytest.mark.parametrize("limit", [12_638_251_008, 5_000_000_000, 160_000_000])
def test_a_load_takes_half_and_gives_the_run_back_what_it_had_however_often(limit: int) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{limit}B'")
        shown = limit_of(connection)
        for _ in range(5):
            with limited_load(connection):
                assert 0.45 * limit < (parse_size(limit_of(connection)) or 0) <= 0.5 * limit
        assert limit_of(connection) == shown
