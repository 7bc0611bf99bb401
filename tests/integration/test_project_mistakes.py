"""What somebody who writes a first project gets wrong: each is told with its file, and nothing is lost in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.cli.init import init
from assay.contract.errors import ContractError
from tests.lab import Lab, edit

pytestmark = pytest.mark.slow  # real projects, which dbt parses

YML = "readings.yml"
SILVER_KEY = "      - {name: reading_id, data_type: bigint, description: The reading.}\n"
RENAMED_KEY = "      - {name: nr, data_type: bigint, description: The reading., config: {meta: {from: reading_id}}}\n"
SILVER_PRIMARY = (
    "      - {type: primary_key, columns: [reading_id]}\n    columns:\n      - {name",
    "      - {type: primary_key, columns: [nr]}\n    columns:\n      - {name",
)
HEADER = b"reading_id,room,measured_at,celsius\n"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The models of a new project with the example in it."""
    init(tmp_path / "shop", has_example=True)
    return tmp_path / "shop" / "dbt_project" / "models"


def lab_of(models: Path) -> Lab:
    return Lab(models.parents[1] / "data", models.parent)


def test_a_key_that_silver_calls_otherwise_is_followed(models: Path) -> None:
    edit(models / YML, (SILVER_KEY, RENAMED_KEY), SILVER_PRIMARY)
    lab = lab_of(models)
    lab.good_run()
    [(before,)] = lab.rows("select count(*) from silver.readings")
    [(nr, room)] = lab.rows("select nr, room from silver.readings order by nr limit 1")
    lab.put("readings/later.csv", HEADER + f"{nr},{room},2026-02-01 00:00:00,11.5\n".encode())
    lab.good_run()
    assert lab.rows(f"select temperature_celsius::float from silver.readings where nr = {nr}") == [(11.5,)]
    assert lab.rows("select count(*) from silver.readings") == [(before,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            (SILVER_KEY, SILVER_KEY.replace("reading_id", "nr")),
            "models/readings.yml: silver_readings: column nr: bronze",
        ),
        (("name: silver_readings", "name: silver_reading"), "models/readings.yml: silver_reading has neither SQL nor"),
        (("models:\n", "model:\n"), "models/readings.yml: unknown key 'model'; known are models, version"),
        (("        owner: facilities\n    con", "    con"), "models/readings.yml: line 41: meta has no value; indent"),
        (("  - name: silver_r", "\t- name: silver_r"), "models/readings.yml: line 38: is not YAML: "),
    ],
)
def test_a_mistake_in_a_yml_is_told_before_dbt_or_data_is_touched(
    models: Path, change: tuple[str, str], message: str
) -> None:
    edit(models / YML, change)
    with pytest.raises(ContractError) as error:
        lab_of(models)
    assert str(error.value).startswith(message)
    assert not (models.parent / "target").exists()
    assert not (models.parents[1] / "data" / "warehouse.duckdb").exists()


def test_a_message_names_the_yml_that_there_is_and_the_model_in_it(models: Path) -> None:
    edit(models / YML, ("celsius between -30 and 60", "celsus between -30 and 60"))
    with pytest.raises(ContractError, match=r"^models/readings\.yml: bronze_readings: rule celsius_is_of_a_room: "):
        lab_of(models).run()
    edit(models / YML, ("celsus between", "celsius between"), (SILVER_KEY, RENAMED_KEY))
    with pytest.raises(ContractError, match=r"^models/readings\.yml: silver_readings: primary_key: reading_id is not"):
        lab_of(models).run()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("from {{ ref", "form {{ ref"), "ParserException: Parser Error: syntax error at or near"),
        (("max(temperature_celsius)", "max(temperature)"), "BinderException: Binder Error: Referenced column"),
    ],
)
def test_sql_that_duckdb_does_not_take_names_its_file(models: Path, change: tuple[str, str], message: str) -> None:
    edit(models / "gold" / "gold_daily_temperatures.sql", change)
    outcome = lab_of(models).run()
    assert not outcome.success
    wanted = f"gold.daily_temperatures: models/gold/gold_daily_temperatures.sql: {message}"
    assert any(wanted in failure for failure in outcome.failures), outcome.failures


def test_a_cast_that_fails_names_the_yml_that_asks_for_it(models: Path) -> None:
    edit(models / YML, ("{name: room, data_type: varchar,", "{name: room, data_type: double,"))
    (models / "gold" / "gold_daily_temperatures.sql").unlink()
    (models / "gold" / "gold_daily_temperatures.yml").unlink()
    outcome = lab_of(models).run()
    wanted = "silver.readings: models/readings.yml: ConversionException: "
    assert any(wanted in failure for failure in outcome.failures), outcome.failures
