"""What an editor is told by the JSON Schema is what Assay reads: no yml of ours is flagged, and usual mistakes are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from assay.cli.main import app
from assay.cli.schema import yml_schema
from assay.contract.errors import ContractError
from assay.contract.parse import parse_contract
from assay.contract.types import ALIASES, KINDS, column_type
from assay.contract.yaml_lint import check_written
from assay.contract.yml import Yml
from assay.contract.yml_contract import ContractYml
from tests.places import PROJECT

SCHEMA = yml_schema()
FILES = [
    path
    for project in (PROJECT / "dbt_project", PROJECT / "tests" / "stored_lake" / "dbt_project")
    for path in sorted((project / "models").rglob("*.yml"))
]
BRONZE = """
models:
  - name: bronze_sales
    description: One row per sale.
    config:
      materialized: landing
      meta:
        dagster: {group: sales}
        contract:
          version: 1.0.0
          owner: sales
          files: "sales/*.csv"
          format: {type: csv, delimiter: ";", nulls: ["", NA]}
          load: snapshot
          newest_by: {file_date: "sales_%Y.csv"}
          max_loss: 0.2
          new_columns: rescue
          shares_with: [products]
        freshness: {by: "06:00", timezone: Europe/Vienna}
        checks:
          volume: {change_pct: 40, severity: error, because: Half a delivery.}
          distribution: {columns: [id]}
          accepted: [{file: sales/a.csv, because: A holiday.}]
    constraints:
      - {type: primary_key, columns: [id]}
    columns:
      - name: id
        description: The number.
        data_type: bigint
        config: {meta: {personal: true, colour: red}}
        constraints:
          - {type: check, name: positive, expression: "id > 0"}
"""
GOLD = """
models:
  - name: gold_days
    description: One row per day.
    config:
      meta:
        owner: sales
        freshness: {lag: 6 hours, because: Read in the morning.}
        redo:
          key: [day]
          inputs:
            silver_sales: [day]
            silver_shops: {via: silver_sales, by: [shop]}
            silver_tills: {via: silver_sales, where: "changed.till = via.till"}
        checks:
          rules: {positive: {severity: regression, accepted_pct: 0.5, because: Old tills.}}
          consistency: {known: {columns: [day], to: silver_days, severity: warn, because: Late days.}}
    columns:
      - {name: day, data_type: date, description: The day., constraints: [{type: not_null}]}
      - {name: till, data_type: bigint, description: The till., config: {meta: {from: till_number}}}
"""


def flagged(text: str) -> list[str]:
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(yaml.safe_load(text))]


def every_model(kind: type[Yml] = Yml) -> Iterator[type[Yml]]:
    for model in kind.__subclasses__():
        yield model
        yield from every_model(model)


def test_the_schema_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_yml_of_ours_is_flagged(path: Path) -> None:
    assert flagged(path.read_text()) == []


@pytest.mark.parametrize(
    "kind", [*KINDS, *ALIASES, "decimal(12,2)", "Numeric( 4 , 0 )", "BIGINT", "timestamp  with time zone"]
)
def test_no_type_that_is_known_is_flagged(kind: str) -> None:
    assert column_type(kind)
    assert flagged(BRONZE.replace("bigint", kind)) == []


@pytest.mark.parametrize("text", [BRONZE, GOLD, "", "version: 2\nmodels:\n", "exposures: []\n"])
def test_what_may_be_said_is_not_flagged(text: str) -> None:
    assert flagged(text or "{}") == []


def test_the_example_of_the_docs_is_not_flagged() -> None:
    text = (PROJECT / "docs" / "adding-a-source.md").read_text()
    examples = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    whole = [example for example in examples if example.startswith("models:")]
    assert len(whole) == 2
    assert [flagged(example) for example in whole] == [[], []]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("          owner: sales\n", ""),
        ("          owner: sales\n", "          owner: sales\n          colour: red\n"),
        ("version: 1.0.0", "version: 1.0"),
        ("load: snapshot", "load: stream"),
        ("load: snapshot", "load: events"),  # max_loss goes with a snapshot
        ('newest_by: {file_date: "sales_%Y.csv"}', "newest_by: sold_at"),
        ("file_date:", "filedate:"),
        ("max_loss: 0.2", "max_loss: 20"),
        ("new_columns: rescue", "new_columns: keep"),
        ("[products]", "products"),
        ("type: csv", "type: orc"),
        ("delimiter:", "separator:"),
        ('delimiter: ";"', 'delimiter: "|||||"'),
        ("sales/*.csv", "*.csv"),
        ("type: csv", "type: parquet"),  # which has no delimiter
        ('nulls: ["", NA]', "nulls: NA"),
        ('by: "06:00"', "by: 16:00"),  # a number to YAML
        ('by: "06:00", timezone: Europe/Vienna', 'by: "06:00"'),
        ('by: "06:00", timezone: Europe/Vienna', 'lag: 1 hour, by: "06:00", timezone: Europe/Vienna'),
        ('by: "06:00", timezone: Europe/Vienna', "lag: soon"),
        ('by: "06:00"', 'at: "06:00"'),
        ("volume:", "volumes:"),
        ("change_pct: 40", "change: 40"),
        ("change_pct: 40", "change_pct: -1"),
        ("severity: error", "severity: regression"),
        (", because: Half a delivery.", ""),
        (", because: A holiday.", ""),
        ("- {type: primary_key, columns: [id]}", "- {type: primary_key, column: [id]}"),
        ("type: primary_key", "type: primary"),
        ("        data_type: bigint", "        datatype: bigint"),
        ("data_type: bigint", "data_type: money"),
        ("personal: true", "personal: yes please"),
        ("        description: The number.", "        optional: true"),
        (", name: positive", ""),
        ("    description: One row per sale.", "    descriptoin: One row per sale."),
        ("name: bronze_sales", "name: raw_sales"),
    ],
)
def test_a_usual_mistake_in_a_source_is_flagged(right: str, wrong: str) -> None:
    assert BRONZE.count(right) == 1
    assert flagged(BRONZE.replace(right, wrong))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("        redo:\n          key: [day]\n", "        redo:\n"),
        ("key: [day]", "key: day"),
        ("silver_sales: [day]", "silver_sales: day"),
        (", by: [shop]", ""),
        ("by: [shop]", "columns: [shop]"),
        ("severity: regression, accepted_pct: 0.5", "severity: regression"),
        ("severity: regression", "severity: warn"),
        ("to: silver_days, ", ""),
        ("severity: warn", "severity: low"),
        (", because: Late days.", ""),
        ("rules:", "rule:"),
        ("lag: 6 hours", "lag: 6"),
        ("from: till_number", "from: [till_number]"),
    ],
)
def test_a_usual_mistake_in_a_table_is_flagged(right: str, wrong: str) -> None:
    assert GOLD.count(right) == 1
    assert flagged(GOLD.replace(right, wrong))


def test_every_key_that_is_read_is_described() -> None:
    """No model is left out, and no key has only a name."""
    definitions = {**SCHEMA["$defs"], "PropertiesYml": SCHEMA}
    ours = [model for model in every_model() if not model.__module__.startswith("assay.odcs")]  # a standard of others
    named = [model for model in ours if not model.__name__.startswith("_")]
    # What stands in no yml itself, and only gives its keys to others, is described with each of them.
    models = [model for model in named if model.__name__ in definitions or not model.__subclasses__()]
    assert len(models) > 20
    for model in models:
        properties = definitions[model.__name__]["properties"]
        assert set(properties) == {field.alias or key for key, field in model.model_fields.items()}, model
        silent = [key for key, value in properties.items() if not value.get("description")]
        assert not silent, f"{model.__name__}: {silent} without a description"


def test_the_command_prints_the_schema_or_writes_it(tmp_path: Path) -> None:
    printed = CliRunner().invoke(app, ["schema"])
    assert (printed.exit_code, json.loads(printed.stdout)) == (0, SCHEMA)
    assert CliRunner().invoke(app, ["schema", "--output", str(tmp_path / "schema.json")]).exit_code == 0
    assert (tmp_path / "schema.json").read_text() == printed.stdout


def test_what_dbt_renders_is_not_held_against_a_type_before(tmp_path: Path) -> None:
    """`config` may hold Jinja, which only the manifest shows rendered."""
    path = tmp_path / "bronze_sales.yml"
    path.write_text(BRONZE.replace("max_loss: 0.2", "max_loss: \"{{ var('loss') }}\""))
    check_written(path)


def test_of_several_mistakes_the_outermost_is_named_with_all_its_kind() -> None:
    contract = {"colour": 1, "version": 1, "format": {"type": "orc", "x": 1}, "shape": 2}
    with pytest.raises(
        ContractError, match=r"^contract: unknown key 'colour', 'shape'; known are files, version, owner"
    ):
        ContractYml.read(contract)
    with pytest.raises(ContractError, match=r"^contract: missing owner, load, new_columns, files$"):
        ContractYml.read({"version": 1, "format": {"type": "orc"}})
    with pytest.raises(
        ContractError, match=r"^format: type: 'orc' is not one of csv, fixed, excel, jsonl, json, xml, avro, parquet$"
    ):
        ContractYml.read(
            {**yaml.safe_load(BRONZE)["models"][0]["config"]["meta"]["contract"], "format": contract["format"]}
        )


def test_a_column_may_be_a_number_where_it_is_named() -> None:
    """YAML takes the year 2024 for one, and dbt hands it on."""
    node = {
        "name": "bronze_years",
        "columns": {"2024": {"name": "2024", "data_type": "bigint"}},
        "constraints": [{"type": "primary_key", "columns": [2024]}],
        "config": {"meta": yaml.safe_load(BRONZE)["models"][0]["config"]["meta"]},
    }
    contract = node["config"]["meta"]["contract"]  # type: ignore[index]
    for key in ("max_loss", "shares_with"):
        del contract[key]
    contract.update(load="events", newest_by=2024)
    assert parse_contract(node).newest_by == "2024"
