"""No value about a person leaves the lake by a message, whatever goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.cli.init import init
from assay.tables.dbt import parse_if_changed
from tests.lab import Lab, edit

pytestmark = pytest.mark.slow  # real runs

SOURCE = """\
models:
  - name: bronze_people
    description: One row per person.
    config:
      meta:
        contract:
          {version: 1.0.0, owner: crm, files: "people/*.csv", format: {type: csv}, load: events, new_columns: rescue}
    constraints:
      - {type: primary_key, columns: [id]}
    columns:
      - {name: id, data_type: bigint}
      - {name: full_name, data_type: varchar, config: {meta: {personal: true}}}
      - {name: town, data_type: varchar}
"""
TABLE = """\
models:
  - name: gold_towns
    config: {meta: {owner: crm, redo: {key: [town], inputs: {silver_people: [town]}}}}
    constraints:
      - {type: primary_key, columns: [town]}
    columns:
      - {name: town, data_type: varchar}
      - name: last_person
        data_type: varchar
        constraints: [{type: check, name: short, expression: "length(last_person) < 3"}]
        data_tests: [{accepted_values: {values: [x], config: {severity: warn}}}]
      - {name: number, data_type: bigint}
"""
SQL = """\
select
    town,
    max(full_name) as last_person,
    max(cast(full_name as bigint)) as number
from {{ ref('silver_people') }}
where {{ assay.affected('town') }}
group by town
"""
PEOPLE = "id,full_name,town\n1,Ann Smith,Graz\n2,Bob O'Brien,Wien\n"


def texts(folder: Path) -> str:
    """All that a run leaves for people: every file but the data itself."""
    files = [path for path in folder.rglob("*") if path.is_file() and "landing" not in path.parts]
    data = (".duckdb", ".parquet", ".wal")
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in files if path.suffix not in data)


def test_values_of_people_are_in_no_message_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(tmp_path / "lake", has_example=False)
    models = tmp_path / "lake" / "dbt_project" / "models"
    (models / "gold").mkdir()
    for name, text in (("people.yml", SOURCE), ("gold/gold_towns.yml", TABLE), ("gold/gold_towns.sql", SQL)):
        (models / name).write_text(text)
    lab = Lab(tmp_path / "lake" / "data", tmp_path / "lake" / "dbt_project")
    lab.put("people/a.csv", PEOPLE.encode())
    outcome = lab.run()
    assert not outcome.success
    assert "Could not convert string (masked) to INT64" in str(outcome.failures)

    edit(models / "gold" / "gold_towns.sql", ("max(cast(full_name as bigint))", "count(full_name)"))
    parse_if_changed(lab.settings)
    assert not lab.run().success
    told = lab.rows("select rule, examples::varchar from ops.check_results where not has_passed order by rule")
    assert [rule for rule, _ in told] == ["accepted_values_gold_towns_last_person__x", "short"]
    assert all("masked" in examples for _, examples in told)
    assert "Graz" in told[1][1]
    shown = capsys.readouterr()
    everything = f"{outcome.failures}{told}{shown.out}{shown.err}{texts(tmp_path / 'lake')}"
    assert not [value for value in ("Ann Smith", "O'Brien", "Bob") if value in everything]
