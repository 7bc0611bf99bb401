"""NaN and infinity, as a Parquet double holds them, go through a whole lake: checks, profiles, rebuilds and readers."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.cli.querying import query
from assay.tables.dbt import parse_if_changed
from tests.lab import Lab, copy_project, everything

pytestmark = pytest.mark.slow  # real runs

BRONZE = """
models:
  - name: bronze_readings
    description: One reading of a sensor.
    config:
      meta:
        contract:
          version: 1.0.0
          owner: tests
          files: "readings/*.parquet"
          format: {type: parquet}
          load: events
          newest_by: at
          new_columns: refuse
        checks:
          distribution: {columns: [v]}
    constraints:
      - {type: primary_key, columns: [id]}
    columns:
      - {name: id, data_type: bigint, description: The sensor.}
      - {name: at, data_type: bigint, description: When.}
      - {name: v, data_type: double, description: What it read., constraints: [{type: not_null}]}
      - name: w
        data_type: double
        description: Its weight.
        constraints:
          - {type: check, name: weight_finite, expression: "isfinite(w)"}
"""
SILVER = """
models:
  - name: silver_readings
    description: The newest reading of each sensor.
    config: {meta: {owner: tests}}
    constraints:
      - {type: primary_key, columns: [id]}
    columns:
      - {name: id, data_type: bigint, description: The sensor.}
      - {name: v, data_type: double, description: The reading., constraints: [{type: not_null}]}
      - {name: _file_id, data_type: bigint, description: The content.}
      - {name: _duplicates_identical, data_type: bigint, description: The same again.}
      - {name: _duplicates_conflicting, data_type: bigint, description: Something else.}
"""
GOLD = """
models:
  - name: gold_readings
    description: How many sensors read a value.
    config:
      meta:
        owner: tests
        redo: {key: [v], inputs: {silver_readings: [v]}}
    constraints:
      - {type: primary_key, columns: [v]}
    columns:
      - {name: v, data_type: double, description: The reading.}
      - {name: sensors, data_type: bigint, description: How many.}
"""
SQL = {
    "silver": "with newest as ({{ assay.newest_rows('bronze_readings') }})\n"
    "select id, v, _file_id, _duplicates_identical, _duplicates_conflicting from newest",
    "gold": "select v, count(*) as sensors from {{ ref('silver_readings') }} where {{ assay.affected('v') }}\n"
    "group by v",
}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    project = copy_project(tmp_path)
    models = project / "models"
    for path in [*models.glob("*/*_*.*"), *(project / "rules").glob("*_*.py")]:
        path.unlink()
    for layer, yml in {"bronze": BRONZE, "silver": SILVER, "gold": GOLD}.items():
        (models / layer / f"{layer}_readings.yml").write_text(yml)
    for layer, sql in SQL.items():
        (models / layer / f"{layer}_readings.sql").write_text(sql + "\n")
    for test in (project / "tests").glob("*.sql"):
        test.unlink()
    lab = Lab(tmp_path / "home", project)
    parse_if_changed(lab.settings)
    return lab


def put(lab: Lab, number: int, values: list[tuple[int, float, float]]) -> None:
    ids, readings, weights = ([row[at] for row in values] for at in range(3))
    out = io.BytesIO()
    pq.write_table(pa.table({"id": ids, "at": [number] * len(ids), "v": readings, "w": weights}), out)
    lab.put(f"readings/{number}.parquet", out.getvalue())


def test_nan_and_infinity_go_through_a_lake(
    lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = [(i, float(i % 3), 1.0) for i in range(10, 300)]
    put(lab, 1, [(1, math.nan, 1.0), (2, math.inf, 1.0), (3, -math.inf, 1.0), (4, 1.5, math.inf), *ordinary])
    lab.good_run()
    assert lab.rows("select v::varchar, sensors from gold.readings where not isfinite(v) order by all") == [
        ("-inf", 1),
        ("inf", 1),
        ("nan", 1),
    ]
    assert lab.rows("select reasons from quarantine.readings") == [(["weight_finite"],)]
    put(lab, 2, [(1, math.nan, 1.0), (2, 7.0, 1.0), (5, math.nan, 1.0), (6, 1.0, math.nan)])
    put(lab, 3, [(1, math.nan, 1.0), (3, -math.inf, 1.0)])
    lab.good_run()
    assert lab.rows("select v::varchar, sensors from gold.readings where not isfinite(v) order by all") == [
        ("-inf", 1),
        ("nan", 2),
    ]
    stepwise = everything(lab)
    lab.good_run(full_refresh=["silver_readings", "gold_readings"])
    assert repr(everything(lab)) == repr(stepwise)
    monkeypatch.setenv("ASSAY_HOME", str(lab.settings.home))
    query("select v from silver.readings where id in (1, 3) order by id", "json")
    rows = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert rows == [{"v": "NaN"}, {"v": "-Infinity"}]


def test_files_with_nan_are_held_against_files_with_nan(lab: Lab) -> None:
    """One NaN made every total NaN, and a size of NaN has no whole number."""
    for number in range(1, 9):
        put(lab, number, [(number * 1000 + i, math.nan if i == 0 else float(i), 1.0) for i in range(300)])
    lab.good_run()
    put(lab, 9, [(9000 + i, math.nan if i < 60 else float(i), 1.0) for i in range(300)])
    lab.good_run()
    told = lab.stored("select total, buckets['nan'] from ops.profiles where column_name = 'v' order by file_id")
    assert told == [(44_850.0, 1)] * 8 + [(43_080.0, 60)]
    odd = lab.rows("select rule from ops.check_results where not has_passed and rule like '%_of_v'")
    assert {name for (name,) in odd} == {"drift_of_v"}
