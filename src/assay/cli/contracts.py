"""`assay contract export` and `import`: contracts in the Open Data Contract Standard."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from assay.base.atomic_write import place
from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli.console import err, out
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.contract.names import TableName
from assay.contract.project_files import ProjectFiles
from assay.contract.yaml_lint import check_written
from assay.odcs.described import described_tables
from assay.odcs.document import document
from assay.odcs.foreign import Missing
from assay.odcs.importing import imported_tables
from assay.odcs.models import Imported
from assay.odcs.reading import read_documents
from assay.odcs.written import written
from assay.tables.dbt import DbtError, parse_if_changed


class ContractExists(UserError):
    """The project describes that table already."""


def export(names: Sequence[str], folder: Path | None) -> None:
    """Write tables as documents of ODCS: to a folder, a file each, or to standard output.

    Args:
        names: Tables or sources; all of bronze, silver and gold where there is none.
        folder: Where to; standard output where it is None.

    Raises:
        UserError: There is no such table.
    """
    settings = Settings.from_env()
    parse_if_changed(settings)
    tables = {item.name: item for item in described_tables(Catalog.read(settings.dbt_project), settings.dbt_project)}
    wanted = [TableName.of_subject(name) for name in names] or sorted(tables)
    if unknown := [str(name) for name in wanted if name not in tables]:
        raise UserError(f"there is no table {unknown[0]}; there are {', '.join(map(str, sorted(tables)))}")
    documents = {name: document(tables[name]) for name in dict.fromkeys(wanted)}
    if folder is None:
        sys.stdout.write(written(documents.values()))
        return
    for name, content in documents.items():
        place(folder / f"{name}.odcs.yaml", written([content]).encode(), mtime=time.time())
    out.print(f"wrote {len(documents)} contracts to {escape(str(folder))}", highlight=False)


def import_(paths: Sequence[Path], missing: Missing, *, replaces: bool) -> None:
    """Write ymls of the tables in documents of ODCS, and take them back where the project cannot be read with them.

    Args:
        paths: The documents.
        missing: What documents of others do not say.
        replaces: Whether a yml may be overwritten that describes the same tables and nothing else.

    Raises:
        UserError: A document is not understood, or a table is described already; nothing was written.
    """
    settings = Settings.from_env()
    parse_if_changed(settings)
    project = str(Catalog.read(settings.dbt_project).manifest["metadata"]["project_name"])
    imported = [item for path in paths for item in _read(path, project, missing)]
    files = _files(settings, imported, replaces=replaces)
    before = {path: path.read_bytes() if path.exists() else None for path in files}
    try:
        for path, models in files.items():
            place(path, written([{"models": models}]).encode(), mtime=time.time())
        parse_if_changed(settings)
        Catalog.read(settings.dbt_project)
    except (ContractError, DbtError) as error:
        _restore(before)
        sources = ", ".join(map(str, paths))
        raise ContractError(
            f"{sources}: the project cannot be read with it, so nothing was written: {error}"
        ) from error
    except BaseException:
        _restore(before)
        raise
    for item in imported:
        for note in item.notes:
            err.print(f"[yellow]look[/] {item.table}: {escape(note)}", highlight=False, soft_wrap=True)
    for path in files:
        out.print(f"wrote {escape(str(path))}", highlight=False, soft_wrap=True)


def _read(path: Path, project: str, missing: Missing) -> list[Imported]:
    documents = read_documents(path)
    tables: list[Imported] = []
    for number, content in enumerate(documents, 1):
        try:
            tables += imported_tables(content, project, missing)
        except ContractError as error:
            where = f"{path}: document {number}" if len(documents) > 1 else str(path)
            raise ContractError(f"{where}: {error}") from error
    return tables


def _files(settings: Settings, imported: Sequence[Imported], *, replaces: bool) -> dict[Path, list[Mapping[str, Any]]]:
    """The ymls to write, with the models of each."""
    project = ProjectFiles.read(settings.dbt_project)
    files: dict[Path, list[Mapping[str, Any]]] = {}
    tables = [item.table for item in imported]
    if twice := [str(table) for table in tables if tables.count(table) > 1]:
        raise UserError(f"{twice[0]} stands in the documents twice; import one of the two")
    for item in imported:
        target = settings.dbt_project / _target(project, item.table, tables)
        files.setdefault(target, []).append(item.model)
    for target, models in files.items():
        where = target.relative_to(settings.dbt_project).as_posix()
        if target.exists() and not replaces:
            raise ContractExists(f"{where} is there already; --replace writes the tables of the documents in its place")
        if target.exists():
            _check_same(target, where, [str(model["name"]) for model in models])
    return files


def _target(project: ProjectFiles, table: TableName, tables: Sequence[TableName]) -> str:
    """The yml of a table: where it is now, beside its SQL, or where `assay source new` puts that of a source."""
    if table.model in project.ymls:
        return project.ymls[table.model]
    if table.model in project.written:
        return Path(project.written[table.model]).with_suffix(".yml").as_posix()
    is_with_source = table.layer == "silver" and table.in_layer("bronze") in tables
    if table.is_bronze or is_with_source:
        bronze = table.in_layer("bronze").model
        return project.ymls.get(bronze, f"models/{table.entity}.yml")
    return f"models/{table.layer}/{table.model}.yml"


def _check_same(target: Path, where: str, names: Sequence[str]) -> None:
    """Refuse to overwrite a yml that says more than the documents do."""
    import yaml  # noqa: PLC0415 - of a file that is there seldom

    others = sorted({str(model["name"]) for model in check_written(target, where)} - set(names))
    keys = sorted(set(yaml.safe_load(target.read_text(encoding="utf-8"))) - {"models", "version"})
    if others or keys:
        raise ContractExists(
            f"{where} holds {', '.join([*others, *keys])} too, which would be lost; import these tables as "
            "well, or move them into a yml of their own"
        )


def _restore(before: Mapping[Path, bytes | None]) -> None:
    for path, content in before.items():
        if content is None:
            path.unlink(missing_ok=True)
        else:
            place(path, content, mtime=time.time())
