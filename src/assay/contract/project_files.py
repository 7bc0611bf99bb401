"""The files of a dbt project, read before dbt parses them.

Refused here is what dbt would pass over in silence, such as a table that nothing makes, or would answer in words of its
own. Keep out: what a contract or a promise means, which is read from dbt's manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.contract.errors import ContractError
from assay.contract.names import TableName, history_model, listed
from assay.contract.yaml_lint import check_written

_NAME = re.compile(r"[A-Za-z0-9_]+")


@dataclass
class ProjectFiles:
    """The models that the files of a dbt project describe and define.

    Attributes:
        folder: The dbt project.
        models: What the yml files say of each model.
        ymls: The yml of each of these, as `models/readings.yml`.
        written: The models that have a file of SQL or Python, and the file.
    """

    folder: Path
    models: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    ymls: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, dbt_project: Path) -> ProjectFiles:
        """Read all files below `models/`.

        Args:
            dbt_project: The folder with dbt_project.yml.

        Raises:
            ContractError: A file is not understood, a name cannot be one, or nothing makes a table that is described.
        """
        files = cls(dbt_project)
        for path in sorted((dbt_project / "models").rglob("*")):
            where = path.relative_to(dbt_project).as_posix()
            if path.suffix in (".sql", ".py"):
                files.written[path.stem] = where
            if path.suffix in (".yml", ".yaml"):
                files._take(check_written(path, where), where)
        files._check()
        return files

    def without_silver(self) -> list[str]:
        """The bronze models that no silver model is made of or described for."""
        silver = [where for name, where in self.written.items() if TableName.of_model(name).layer == "silver"]
        texts = [(self.folder / where).read_text(encoding="utf-8", errors="replace") for where in silver]
        return [
            name
            for name, model in self.models.items()
            if TableName.of_model(name).is_bronze
            and TableName.of_model(name).in_layer("silver").model not in {**self.models, **self.written}
            and model.get("columns")
            and not any(re.search(rf"\b{name}\b", text) for text in texts)
        ]

    def _take(self, models: Iterator[Mapping[str, Any]], where: str) -> None:
        for model in models:
            name = str(model["name"])
            if name in self.ymls:
                other = "there twice" if self.ymls[name] == where else f"in {self.ymls[name]} too"
                raise ContractError(f"{where}: {name} stands {other}; keep one of the two")
            self.models[name], self.ymls[name] = model, where

    def _check(self) -> None:
        known: dict[str, str] = {}
        for name, where in {**self.written, **self.ymls}.items():
            _check_name(name, where)
            other = known.setdefault(name.lower(), name)
            if other != name:
                raise ContractError(
                    f"{where}: {name} differs from {other} in upper and lower case alone, and SQL takes the two for "
                    "one table; rename one of them"
                )
        for name in self.models:
            if name not in self.written:
                self._check_made(TableName.of_model(name))

    def _check_made(self, table: TableName) -> None:
        """Refuse a table without a file of SQL that Assay cannot generate."""
        bronze = table.in_layer("bronze").model
        if table.is_bronze or (table.layer != "gold" and bronze in self.models):
            return
        if table.layer == "silver" and table.model in map(history_model, self._sources()):
            return  # of which the contract says whether it has a history
        where, sql = self.ymls[table.model], f"models/{table.layer}/{table.model}.sql"
        if table.layer == "gold":
            raise ContractError(f"{where}: {table.model} has no SQL, so nothing would build it; write {sql}")
        sources = [TableName.of_source(source).model for source in self._sources()]
        raise ContractError(
            f"{where}: {table.model} has neither SQL nor a source of the same name, so nothing would build it; write "
            f"{sql}, or describe {bronze} (there is {listed(sources) or 'no bronze model'})"
        )

    def _sources(self) -> list[str]:
        """The sources that are described."""
        return [table.entity for table in map(TableName.of_model, self.models) if table.is_bronze]


def _check_name(model: str, where: str) -> None:
    try:
        entity = TableName.of_model(model).entity
    except ContractError as error:
        raise ContractError(f"{where}: {error}") from error
    if not _NAME.fullmatch(entity):
        fitting = re.sub(r"[^A-Za-z0-9_]+", "_", entity)
        raise ContractError(
            f"{where}: model {model!r}: {entity!r} is not a name of a table, which is made of the letters a to z, "
            f"digits and _; call it {fitting!r}, for example"
        )
