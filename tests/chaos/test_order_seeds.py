"""Promise 7 with more seeds than the ordinary tests have time for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.lab import WHOLE, Lab, everything
from tests.weeks import shuffled, three_weeks


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_any_order_and_any_cut_into_runs_gives_the_same_lake(tmp_path: Path, seed: int) -> None:
    """What one order hides, another shows: a date that wins by arrival, a key that only one of two inputs names."""
    deliveries = three_weeks(seed, receipt_files=10)
    draw = random.Random(seed)  # noqa: S311 - data, no secret
    lakes = []
    for name, often in (("at once", 0.0), ("now and then", 0.3), ("one by one", 1.0)):
        lab = Lab(tmp_path / name, WHOLE)
        for delivery in shuffled(deliveries, draw.random() if often else 0):
            lab.put(delivery.name, delivery.content)
            if draw.random() < often:
                lab.good_run()
        lab.good_run()
        lakes.append(everything(lab))
    for other in lakes[1:]:
        for table, rows in lakes[0].items():
            assert other[table] == rows, table
