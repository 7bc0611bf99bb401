"""The key by which a table is rebuilt, and how a changed row of an input leads to keys of the table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.contract.errors import ContractError
from assay.contract.names import TableName, listed, quoted, relation, table_of
from assay.contract.own_columns import FILE, OWN_COLUMNS
from assay.contract.parse import is_keyless, naming_yml, origin_of

if TYPE_CHECKING:
    from assay.contract.yml_checks import RedoYml, ViaColumnsYml, ViaWhereYml


@dataclass(frozen=True)
class Input:
    """One table that a keyed model reads.

    Attributes:
        model: The input's dbt model.
        keys: SQL over a changed row of the input, one expression for each column of the key; or
        via: another input, whose rows that agree with a changed row
        by: in these columns, or that
        where: this SQL over `changed` and `via` pairs with a changed row, lead to the keys.
    """

    model: str
    keys: tuple[str, ...] = ()
    via: str = ""
    by: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True)
class RebuildKey:
    """The key by which a table is rebuilt (columns of the table), and all its inputs."""

    key: tuple[str, ...]
    inputs: tuple[Input, ...]

    def input(self, model: str) -> Input:
        """The input that is the given model."""
        return next(item for item in self.inputs if item.model == model)

    def affected(self, item: Input, changed: str) -> str:
        """SQL of the keys that changed rows of an input lead to.

        Args:
            item: The input.
            changed: SQL of a table with old and new values of the rows that changed.
        """
        if not item.via:
            return f"select distinct {self._named(item.keys)} from {changed}"
        same = " and ".join(f"changed.{quoted(name)} is not distinct from via.{quoted(name)}" for name in item.by)
        pairs = f"exists (select 1 from {changed} as changed where {item.where or same}\n)"
        via = relation(table_of(item.via))
        return f"select distinct {self._named(self.input(item.via).keys)} from {via} as via where {pairs}"

    def own_columns(self, item: Input) -> list[str]:
        """Columns of Assay's own (`_…`) that stand in what leads from a changed row of an input to the keys."""
        return re.findall(r"\b_[A-Za-z]\w*", " ".join((*item.keys, *item.by, item.where)))

    def _named(self, expressions: Sequence[str]) -> str:
        pairs = zip(expressions, self.key, strict=True)
        return ", ".join(f"{expression} as {quoted(name)}" for expression, name in pairs)


def parse_redo(node: Mapping[str, Any], inputs: Mapping[str, Mapping[str, Any]]) -> RebuildKey:
    """The rebuild key of a model: `config: meta: redo:`, or the contract's key when its only input is a bronze table.

    Args:
        node: The model as in dbt's manifest.
        inputs: The models that it refers to, by name.

    Raises:
        ContractError: An input is not declared, or a declaration does not fit; names the yml.
    """
    with naming_yml(node):
        declaration = node["config"].get("meta", {}).get("redo")
        rebuild_key = _default(node, inputs) if declaration is None else _declared(declaration, inputs)
        unknown = [name for name in rebuild_key.key if name not in node["columns"] and name not in OWN_COLUMNS]
        if unknown:
            raise ContractError(f"redo: key: {', '.join(unknown)} is not a column of the table")
        return rebuild_key


def _declared(declaration: object, inputs: Mapping[str, Mapping[str, Any]]) -> RebuildKey:
    from assay.contract.yml_checks import RedoYml  # noqa: PLC0415 - see assay.contract.yml

    declared = RedoYml.read(declaration, "redo")
    if set(declared.inputs) != set(inputs):
        raise ContractError(
            f"redo names the inputs {', '.join(sorted(declared.inputs))}, but the SQL refers to "
            f"{', '.join(sorted(inputs)) or 'nothing'}; a change of an input that is not named would be lost"
        )
    return RebuildKey(declared.key, tuple(_input(model, how, declared) for model, how in declared.inputs.items()))


def _default(node: Mapping[str, Any], inputs: Mapping[str, Mapping[str, Any]]) -> RebuildKey:
    bronze = [model for model in inputs if TableName.of_model(model).is_bronze]
    if len(inputs) != 1 or not bronze:
        raise ContractError(f"needs `config: meta: redo:`, because it reads {', '.join(sorted(inputs)) or 'nothing'}")
    if is_keyless(inputs[bronze[0]]):
        if not str(node.get("original_file_path", "")).startswith("build/"):
            raise ContractError(
                f"needs `config: meta: redo:`, because {bronze[0]} has no key and its SQL may look beyond one file; "
                f"`redo: {{key: [{FILE}], inputs: {{{bronze[0]}: [{FILE}]}}}}` if it does not"
            )
        return RebuildKey((FILE,), (Input(bronze[0], (FILE,)),))
    keys = [c for c in inputs[bronze[0]].get("constraints") or [] if c["type"] == "primary_key"]
    if not keys or not keys[0].get("columns"):
        raise ContractError(f"its input {bronze[0]} has no primary_key")
    key = tuple(map(str, keys[0]["columns"]))
    called = _called_here(node["columns"])
    lost = [name for name in key if name not in called]
    if lost:
        raise ContractError(
            f"no column is {', '.join(lost)}, of the key of {bronze[0]}; the table has "
            f"{listed(list(node['columns']))}. Write `config: {{meta: {{from: {lost[0]!r}}}}}` at the column that is "
            "called otherwise there, or `config: meta: redo:` if the table has another key"
        )
    return RebuildKey(tuple(called[name] for name in key), (Input(bronze[0], tuple(map(quoted, key))),))


def _called_here(columns: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What a table calls the columns of its input; one that keeps its name goes before one that is called otherwise."""
    origins = {name: origin_of({"name": name, **column}) for name, column in columns.items()}
    renamed = {origin: name for name, origin in reversed(origins.items())}
    return renamed | {name: name for name, origin in origins.items() if origin == name}


def _input(model: str, how: tuple[str, ...] | ViaColumnsYml | ViaWhereYml, declared: RedoYml) -> Input:
    if isinstance(how, tuple):
        if len(how) != len(declared.key):
            raise ContractError(f"redo: {model} gives {len(how)} expressions for the key {', '.join(declared.key)}")
        return Input(model, how)
    if not isinstance(declared.inputs.get(how.via), tuple):
        raise ContractError(f"redo: {model} goes via {how.via}, which is not an input with expressions")
    made = Input(model, **dict(how))
    if not (made.by or made.where):
        raise ContractError(f"redo: {model}: `by` is a list of columns, `where` is SQL over `changed` and `via`")
    return made
