"""What the files of a project say is held together before dbt parses them, so that no table is lost in silence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from assay.contract.errors import ContractError
from assay.tables.generated_models import write_build

BRONZE = "  - {name: bronze_a, columns: [{name: id, data_type: bigint}, {name: Shop No, data_type: varchar}]}\n"
SILVER = "  - {name: silver_a, columns: [{name: id, data_type: bigint}]}\n"


def project(folder: Path, files: Mapping[str, str]) -> Path:
    """A dbt project of some files below `models/`; those of yml are lists of models."""
    for name, text in files.items():
        path = folder / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"models:\n{text}" if name.endswith("ml") else text, encoding="utf-8")
    return folder


def refusal(folder: Path, files: Mapping[str, str]) -> str:
    with pytest.raises(ContractError) as error:
        write_build(project(folder, files))
    assert not (folder / "build").exists()
    return str(error.value)


def silver(column: str) -> dict[str, str]:
    return {"a.yml": BRONZE + SILVER.replace("{name: id, data_type: bigint}", column)}


def test_models_that_something_makes_are_fine(tmp_path: Path) -> None:
    files = {
        "a.yml": BRONZE + SILVER,
        "sub/b.yaml": "".join(f"  - {{name: {name}}}\n" for name in ("bronze_B2", "gold_x", "silver_joined")),
        "gold/gold_x.sql": "select 1",
        "silver_joined.py": "",
        "c.yml.txt": "not read",
        "d.md": "not read",
    }
    write_build(project(tmp_path, files))
    made = {path.stem for path in (tmp_path / "build" / "models").rglob("*.sql")}
    assert made == {"bronze_a", "silver_a", "quarantine_a", "bronze_B2", "quarantine_B2"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"a.yml": BRONZE, "b.yml": "  - {name: silver_b}\n"},
            "models/b.yml: silver_b has neither SQL nor a source of the same name, so nothing would build it; write "
            "models/silver/silver_b.sql, or describe bronze_b (there is bronze_a)",
        ),
        ({"b.yml": "  - {name: quarantine_b}\n"}, "models/b.yml: quarantine_b has neither SQL nor a source"),
        ({"a.yml": BRONZE + "  - {name: gold_a}\n"}, "models/a.yml: gold_a has no SQL, so nothing would build it"),
        ({"a.yml": "  - {name: sliver_a}\n"}, "models/a.yml: model 'sliver_a' is not called <layer>_<entity>; layers"),
        ({"a.yml": "  - {name: bronze_}\n"}, "models/a.yml: model 'bronze_' is not called <layer>_<entity>"),
        ({"gold/report.sql": "select 1"}, "models/gold/report.sql: model 'report' is not called <layer>_<entity>"),
        ({"a.yml": BRONZE, "b.yaml": BRONZE}, "models/b.yaml: bronze_a stands in models/a.yml too; keep one"),
        ({"a.yml": BRONZE + BRONZE}, "models/a.yml: bronze_a stands there twice; keep one"),
        ({"a.yml": "  - {name: bronze_a-b}\n"}, "'a-b' is not a name of a table, which is made of the letters a to z"),
        ({"a.yml": "  - {name: bronze_a b}\n"}, "digits and _; call it 'a_b', for example"),
        ({"silver_ä.sql": "select 1"}, "models/silver_ä.sql: model 'silver_ä': 'ä' is not a name of a table"),
        ({"a.yml": BRONZE, "b.yml": "  - {name: bronze_A}\n"}, "models/b.yml: bronze_A differs from bronze_a in upper"),
        ({"silver_A.sql": "", "a.yml": BRONZE + SILVER}, "models/a.yml: silver_a differs from silver_A in upper"),
        ({"a.yml": "  - name: bronze_a\n\tcolumns: []\n"}, "models/a.yml: line 3: is not YAML"),
    ],
)
def test_what_would_be_lost_or_end_in_words_of_dbt_is_refused(
    tmp_path: Path, files: Mapping[str, str], message: str
) -> None:
    assert message in refusal(tmp_path, files)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            "{name: shop, data_type: varchar}",
            "models/a.yml: silver_a: column shop: bronze_a has no such column; it has id, Shop No; if it is called "
            "otherwise there, write `config: {meta: {from: …}}`",
        ),
        (
            "{name: shop, data_type: varchar, config: {meta: {from: Shop}}}",
            "models/a.yml: silver_a: column shop: from: bronze_a has no column 'Shop'; it has id, Shop No",
        ),
        ("{name: id}", "models/a.yml: silver_a: column id: data_type is missing"),
        (
            "{name: id, data_type: 'bigint[]'}",
            "models/a.yml: silver_a: column id: data_type is bigint[], and bigint in bronze; types that hold others "
            "are not cast",
        ),
        *(
            (
                f"{{name: {name}, data_type: '{kind}', config: {{meta: {{from: {origin}}}}}}}",
                f"models/a.yml: silver_a: column {name}: data_type is {kind}, and varchar in bronze; the cast would",
            )
            for name, origin, kind in (("n", "Shop No", "decimal(8,2)"), ("d", "Shop No", "date"))
        ),
        ("", "models/a.yml: silver_a: columns: there is none"),
    ],
)
def test_a_column_that_bronze_lacks_is_refused(tmp_path: Path, column: str, message: str) -> None:
    assert refusal(tmp_path, silver(column)).startswith(message)


@pytest.mark.parametrize(
    "column",
    [
        "{name: shop, data_type: varchar, config: {meta: {from: shop no}}}",
        "{name: _file_id, data_type: bigint}",
        "{name: file, data_type: bigint, config: {meta: {from: _file_id}}}",
    ],
)
def test_own_columns_and_another_case_are_taken(tmp_path: Path, column: str) -> None:
    write_build(project(tmp_path, silver(column)))
