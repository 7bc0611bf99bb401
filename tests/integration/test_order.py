"""Promise 7: the order in which files arrive does not matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import Lab, everything
from tests.weeks import shuffled, three_weeks


@pytest.mark.slow  # many real runs
def test_any_order_of_arrival_gives_the_same_lake_as_one_run_with_all(tmp_path: Path) -> None:
    """Loads that take the last row to come, or miss a key that a late file changes, differ by the order of arrival."""
    deliveries = [d for d in three_weeks(seed=1, receipt_files=5) if d.name.startswith(("transactions/", "products/"))]
    at_once, in_parts = Lab(tmp_path / "at once"), Lab(tmp_path / "in parts")
    for delivery in deliveries:
        at_once.put(delivery.name, delivery.content)
    at_once.good_run()

    for number, delivery in enumerate(shuffled(deliveries, seed=1)):
        in_parts.put(delivery.name, delivery.content)
        if number % 2 == 0:  # `make chaos` does it with all sources, three seeds, and a run for every single file
            in_parts.good_run()
    in_parts.good_run()

    expected, actual = everything(at_once), everything(in_parts)
    for table in expected:
        assert actual[table] == expected[table], table
        assert expected[table] or table.startswith("quarantine."), f"{table} is empty, so it shows nothing"
    assert len(expected["silver.transactions"]) > 300
    assert len(expected["quarantine.transactions"]) > 10
    rows = in_parts.source("transactions")["rows"]
    assert rows["superseded"] > 0
    assert rows["duplicates"] > 0
