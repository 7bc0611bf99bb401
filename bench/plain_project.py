"""The rival of the latency benchmark: the demo's silver and gold in a plain dagster-dbt project.

The models of silver and gold are the demo's own files. What Assay's macros do is done by `plain/dbt/macros`, as one
would write it by hand: bronze are views over the files, a key's newest row is taken by `row_number`, tables are built
whole. There is no ledger, no verdict, no check, no quarantine and no publishing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from report import PROJECT

from assay.contract.catalog import Catalog
from assay.contract.contract import Contract
from assay.contract.names import literal

PLAIN = Path(__file__).parent / "plain"
MACROS = ("promotion_places.sql", "sold_by_volume.sql")


def write_project(folder: Path, catalog: Catalog) -> None:
    """Write the project into a folder that is not there yet."""
    shutil.copytree(PLAIN, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for layer in ("silver", "gold"):
        shutil.copytree(PROJECT / "dbt_project" / "models" / layer, folder / "dbt" / "models" / layer, ignore=_yml)
    for model in (folder / "dbt" / "models").rglob("*.sql"):
        model.write_text(model.read_text().replace("assay.", ""))  # the macros are the project's own here
    for name in MACROS:
        shutil.copy(PROJECT / "dbt_project" / "macros" / name, folder / "dbt" / "macros" / name)
    (folder / "dbt" / "models" / "bronze").mkdir()
    for contract in catalog.contracts.values():
        (folder / "dbt" / "models" / "bronze" / f"bronze_{contract.source}.sql").write_text(_bronze(contract))


def _yml(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".yml")]


def _bronze(contract: Contract) -> str:
    """A view over the files of a source, with what the macro `newest_rows` asks for."""
    meta = {"key": list(contract.key), "newest_by": contract.newest_by, "is_snapshot": contract.load == "snapshot"}
    columns = {column.name: column.type.sql for column in contract.columns}
    files = (contract.files, _reader(contract), columns)
    return f"{{{{ config(meta={meta}) }}}}\n{{{{ landing({', '.join(map(repr, files))}) }}}}\n"


def _reader(contract: Contract) -> str:
    """DuckDB's reader for the format, with `FILES` in the place of the glob."""
    types = "{" + ", ".join(f"{column.name}: {literal(column.type.sql)}" for column in contract.columns) + "}"
    file_format = contract.format
    if file_format.type == "parquet":
        return "read_parquet(FILES, filename = true)"
    if file_format.type == "jsonl":
        return f"read_json(FILES, format = 'newline_delimited', columns = {types}, filename = true)"
    options = f"delim = {literal(file_format.delimiter)}, encoding = {literal(file_format.encoding)}, header = true"
    return f"read_csv(FILES, {options}, columns = {types}, filename = true)"
