"""A contract is enough: silver is made of it, with a key or without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.contract.errors import ContractError
from assay.contract.rebuild_key import parse_redo
from assay.tables.generated_models import write_build
from tests.lab import Lab
from tests.sources_project import write_sources

READINGS = {
    "sensor": {"data_type": "varchar", "description": "Which one.", "config": {"meta": {"personal": True}}},
    "at": {"data_type": "timestamp"},
    "celsius": {
        "data_type": "decimal(4,1)",
        "constraints": [{"type": "check", "name": "above_zero_kelvin", "expression": "celsius > -273.2"}],
    },
}
HEADER = "sensor,at,celsius\n"
ONE, OTHER, COLD = "a,2026-01-05 10:00:00,20.5\n", "b,2026-01-05 10:00:00,19.0\n", "a,2026-01-05 11:00:00,-300\n"


def counted(lab: Lab, source: str) -> dict[str, int]:
    [figures] = lab.rows(
        "select records_read, rows_silver, rows_quarantined, rows_superseded, duplicates_identical "
        "from ops.conservation "
        f"where source = '{source}' and is_conserved order by counted_at desc limit 1"
    )
    return dict(zip(("read", "silver", "quarantined", "superseded", "identical"), figures, strict=True))


@pytest.mark.slow
def test_silver_is_the_columns_of_the_contract(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lake", write_sources(tmp_path, readings={"columns": READINGS, "key": ("sensor", "at")}))
    lab.put("readings/1.csv", (HEADER + ONE + OTHER + ONE + COLD).encode())
    lab.good_run()
    assert lab.rows("select sensor, celsius::varchar from silver.readings order by all") == [
        ("a", "20.5"),
        ("b", "19.0"),
    ]
    assert counted(lab, "readings") == {"read": 4, "silver": 2, "quarantined": 1, "superseded": 0, "identical": 1}
    yml = (lab.settings.dbt_project / "build/models/silver/silver_readings.yml").read_text()
    assert "description: Which one." in yml
    assert "personal: true" in yml


@pytest.mark.slow
def test_without_a_key_each_record_counts_by_itself(tmp_path: Path) -> None:
    project = write_sources(
        tmp_path,
        tills={"columns": READINGS},
        stock={"columns": READINGS, "load": "snapshot", "newest_by": {"file_date": "%Y-%m-%d.csv"}},
    )
    lab = Lab(tmp_path / "lake", project)
    lab.put("tills/1.csv", (HEADER + ONE + ONE + OTHER + COLD).encode())
    lab.put("tills/2.csv", (HEADER + ONE).encode())
    lab.put("stock/2026-01-05.csv", (HEADER + ONE + ONE + OTHER).encode())
    lab.good_run()
    assert lab.rows("select sensor, count(*) from silver.tills group by all order by all") == [("a", 3), ("b", 1)]
    assert counted(lab, "tills") == {"read": 5, "silver": 4, "quarantined": 1, "superseded": 0, "identical": 0}

    lab.put("tills/1.csv", (HEADER + OTHER + OTHER).encode())
    lab.put("stock/2026-01-06.csv", (HEADER + ONE + OTHER).encode())
    lab.good_run()
    by_change = {table: lab.table(table) for table in ("silver.tills", "silver.stock")}
    assert lab.rows("select sensor, count(*) from silver.tills group by all order by all") == [("a", 1), ("b", 2)]
    assert counted(lab, "tills") == {"read": 7, "silver": 3, "quarantined": 0, "superseded": 4, "identical": 0}
    assert counted(lab, "stock") == {"read": 5, "silver": 2, "quarantined": 0, "superseded": 3, "identical": 0}

    lab.good_run(full_refresh=("silver.tills", "silver.stock"))
    assert {table: lab.table(table) for table in by_change} == by_change


def test_a_model_of_ones_own_over_records_without_a_key_says_how_it_is_redone() -> None:
    """Its SQL may look beyond one file, as a `row_number()` over all does; by file it would be right in part."""
    bronze = {"name": "bronze_tills", "config": {"meta": {"contract": {"key": "none"}}}, "constraints": []}
    columns = {"n": {"name": "n", "data_type": "bigint"}}
    silver = {"name": "silver_tills", "config": {"meta": {}}, "columns": columns, "patch_path": "x://models/x.yml"}
    with pytest.raises(ContractError, match="needs `config: meta: redo:`, because bronze_tills has no key"):
        parse_redo({**silver, "original_file_path": "models/silver/silver_tills.sql"}, {"bronze_tills": bronze})
    made = parse_redo(
        {**silver, "original_file_path": "build/models/silver/silver_tills.sql"}, {"bronze_tills": bronze}
    )
    assert made.key == ("_file_id",)


def test_a_silver_model_of_ones_own_under_another_name_is_the_only_one(tmp_path: Path) -> None:
    project = write_sources(tmp_path, readings={"columns": READINGS, "key": ("sensor", "at")})
    own = project / "models" / "silver_temperatures.sql"
    own.write_text("select * from ({{ assay.newest_rows('bronze_readings') }})")
    (project / "models" / "silver_temperatures.yml").write_text("models: [{name: silver_temperatures}]")
    write_build(project)
    assert not list((project / "build").rglob("silver_*"))
    own.unlink()
    with pytest.raises(ContractError, match="silver_temperatures has neither SQL nor a source of the same name"):
        write_build(project)


def test_a_silver_table_of_a_contract_says_nothing_of_how_files_are_read(tmp_path: Path) -> None:
    city = {"data_type": "varchar", "config": {"meta": {"path": "/who/city", "optional": True, "personal": True}}}
    columns = {"id": "bigint", "city": city}
    project = write_sources(tmp_path, people={"columns": columns, "key": ("id",), "format": {"type": "jsonl"}})
    write_build(project)
    yml = (project / "build/models/silver/silver_people.yml").read_text()
    assert "personal: true" in yml
    assert "path" not in yml
    assert "optional" not in yml
