"""The documents say what is true: the source that they add works, word for word."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from assay.contract.catalog import Catalog
from tests.lab import OLD, Lab, core_project
from tests.places import PROJECT

DELIVERIES = """\
pallet_id;store_id;weight_kg;delivered_at
1;330;412.5;2017-01-02 08:00:00
2;330;5.0;2017-01-02 08:00:00
3;330;1,5;2017-01-02 08:00:00
1;330;412.7;2017-01-02 09:00:00
"""


@pytest.mark.slow  # real runs
@pytest.mark.parametrize("has_sql", [True, False], ids=["with SQL of its own", "from its contract alone"])
def test_the_source_of_the_guide_can_be_added_by_copying_it(tmp_path: Path, has_sql: bool) -> None:
    project = tmp_path / "dbt_project"
    shutil.copytree(PROJECT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    guide = (PROJECT / "docs" / "adding-a-source.md").read_text()
    for name, block in blocks_by_file(guide):
        (project / name.removeprefix("dbt_project/")).write_text(block)
    if not has_sql:
        for name in ("silver_deliveries.sql", "silver_deliveries.yml"):
            (project / "models/silver" / name).unlink()

    lab = Lab(tmp_path / "home", project)
    lab.put("deliveries/pallets.csv", DELIVERIES.encode(), mtime=OLD)
    lab.good_run()

    assert lab.rows("select pallet_id, weight_kg::varchar from silver.deliveries") == [(1, "412.7")]
    assert lab.source("deliveries")["rows"] == {
        "bronze": 3, "silver": 1, "quarantined": 1, "superseded": 0, "duplicates": 1,
    }  # fmt: skip
    rejected = lab.rows("select kind, reasons, line from quarantine.deliveries order by kind")
    assert rejected == [
        ("malformed", ["weight_kg: '1,5' is no decimal(8,1)"], 4),
        ("quarantined", ["weight_plausible"], None),
    ]


def blocks_by_file(guide: str) -> list[tuple[str, str]]:
    """(path, content) of each code block that follows the name of a file in back quotes."""
    blocks = re.findall(r"`(dbt_project/[\w/.]+)`[^`]*(?:`[^`]+`[^`]*)*?\n```\w+\n(.+?)```", guide, re.DOTALL)
    assert [Path(name).name for name, _ in blocks] == [
        "deliveries.yml",
        "silver_deliveries.yml",
        "silver_deliveries.sql",
    ]
    return blocks


def test_dbt_docs_have_a_description_of_every_model_and_column_also_of_those_that_the_engine_writes() -> None:
    models = Catalog.read(core_project()).models
    assert {name.partition("_")[0] for name in models} == {"bronze", "silver", "gold", "quarantine"}
    missing = [
        f"{name}.{column or 'itself'}"
        for name, node in models.items()
        for column, entry in [("", node), *node["columns"].items()]
        if not str(entry.get("description") or "").strip()
    ]
    assert not missing
