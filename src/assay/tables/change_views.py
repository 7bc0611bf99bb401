"""The temporary views that a model reads in place of what the macros of Assay write, where its source is of changes.

dbt compiles `newest_rows` for every source alike, and cannot know what a feed says of its files. So what stands between
the macro's marks is replaced when the model is built; what a table is known to be made of names the macro alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from assay.contract.change_columns import LOAD
from assay.contract.contract import Contract
from assay.contract.errors import ContractError
from assay.contract.names import TableName, quoted
from assay.contract.parse import parse_contract
from assay.tables.change_states import THERE, Affected, change_states, row_versions

_MARKED = re.compile(r"/\*assay:(newest_rows|history_rows) (\w+)\*/.*?/\*assay:end\*/", re.DOTALL)


@dataclass(frozen=True)
class ChangeView:
    """A view of the changes of one source for one model.

    Attributes:
        name: Its name.
        contract: Of the source.
        has_versions: Whether it has each version of a row, and not each change with its state.
    """

    name: str
    contract: Contract
    has_versions: bool

    @property
    def relation(self) -> str:
        """As it is asked for."""
        return f"temp.main.{quoted(self.name)}"

    def make(self, connection: duckdb.DuckDBPyConnection, affected: Affected, *, is_stored: bool) -> None:
        """Make it for the keys that are redone.

        Args:
            connection: dbt's connection to the warehouse.
            affected: Whether a key is.
            is_stored: Whether its rows are worked out now, once; those of some keys are few, and asked for often.
        """
        query = (row_versions if self.has_versions else change_states)(self.contract, affected, are_few=is_stored)
        if is_stored:
            connection.execute(f"create or replace temp table {self._stored} as {query}")
            query = f"from temp.main.{self._stored}"
        connection.execute(f"create or replace temp view {quoted(self.name)} as {query}")

    def forget(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Drop it."""
        connection.execute(f"drop view if exists {self.relation}")
        connection.execute(f"drop table if exists temp.main.{self._stored}")

    @property
    def _stored(self) -> str:
        return quoted(f"{self.name} stored")


def with_change_views(
    sql: str, model: str, inputs: Mapping[str, Mapping[str, Any]]
) -> tuple[str, tuple[ChangeView, ...]]:
    """A model's SQL in which rows of changes are read from views, and these views.

    Args:
        sql: As dbt compiled it.
        model: Its name.
        inputs: The models that it reads, by name.

    Raises:
        ContractError: It asks for versions of rows of a source that has none.
    """
    views: dict[str, ChangeView] = {}

    def read(mark: re.Match[str]) -> str:
        macro, bronze = mark[1], mark[2]
        contract = _contract_of_changes(inputs.get(bronze))
        has_versions = macro == "history_rows"
        if contract is None:
            if has_versions:
                raise ContractError(f"{model}: history_rows reads {bronze}, whose files are not of `load: {LOAD}`")
            return mark[0]
        kind = "versions" if has_versions else "changes"
        name = f"{kind}_of_{TableName.of_model(bronze).entity}_in_{model}"
        views[name] = ChangeView(name, contract, has_versions)
        there = "" if has_versions else f" where _state = '{THERE}'"
        return f"select * from {views[name].relation}{there}"

    return _MARKED.sub(read, sql), tuple(views.values())


def _contract_of_changes(bronze: Mapping[str, Any] | None) -> Contract | None:
    meta = ((bronze or {}).get("config") or {}).get("meta") or {}
    block = meta.get("contract")
    if bronze is None or not (meta.get("feed") or (isinstance(block, Mapping) and block.get("load") == LOAD)):
        return None  # without reading the contract, which every build of silver would have to
    contract = parse_contract(bronze)
    return contract if contract.load == LOAD else None
