"""By which key a table is redone, and how a changed row of an input leads to keys of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.errors import ContractError


@dataclass(frozen=True)
class Input:
    """One table that a keyed model reads.

    Attributes:
        model: The input's dbt model.
        keys: SQL over a changed row of the input, one expression for each column of the key; or
        via: another input, whose rows that agree with a changed row
        by: in these columns lead to the keys.
    """

    model: str
    keys: tuple[str, ...] = ()
    via: str = ""
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Redo:
    """The key that a table is redone by (columns of the table), and all its inputs."""

    key: tuple[str, ...]
    inputs: tuple[Input, ...]

    def input(self, model: str) -> Input:
        """The input that is the given model."""
        return next(item for item in self.inputs if item.model == model)


def parse_redo(node: Mapping[str, Any], inputs: Mapping[str, Mapping[str, Any]]) -> Redo:
    """How a keyed model is redone: `config: meta: redo:`, or the contract's key when its only input is a bronze table.

    Args:
        node: The model as in dbt's manifest.
        inputs: The models that it refers to, by name.

    Raises:
        ContractError: An input is not declared, or a declaration does not fit.
    """
    name = str(node["name"])
    said = node["config"].get("meta", {}).get("redo")
    if said is None:
        return _default(name, inputs)
    unknown = set(said) - {"key", "inputs"}
    if unknown or not said.get("key") or not said.get("inputs"):
        raise ContractError(f"{name}: redo needs `key` and `inputs`{f', found {sorted(unknown)}' if unknown else ''}")
    if set(said["inputs"]) != set(inputs):
        raise ContractError(
            f"{name}: redo names the inputs {', '.join(sorted(said['inputs']))}, but the SQL refers to "
            f"{', '.join(sorted(inputs))}; a change of an input that is not named would be lost"
        )
    key = tuple(map(str, said["key"]))
    columns = set(node["columns"])
    if not set(key) <= columns:
        raise ContractError(f"{name}: redo: key {', '.join(key)} are no columns of the table")
    return Redo(key, tuple(_input(name, model, how, said["inputs"], key) for model, how in said["inputs"].items()))


def _default(name: str, inputs: Mapping[str, Mapping[str, Any]]) -> Redo:
    bronze = [model for model in inputs if model.startswith("bronze_")]
    if len(inputs) != 1 or not bronze:
        raise ContractError(
            f"{name}: needs `config: meta: redo:`, because it reads {', '.join(sorted(inputs)) or 'nothing'}"
        )
    keys = [c for c in inputs[bronze[0]].get("constraints") or [] if c["type"] == "primary_key"]
    key = tuple(map(str, keys[0]["columns"]))
    return Redo(key, (Input(bronze[0], key),))


def _input(name: str, model: str, how: object, inputs: Mapping[str, object], key: Sequence[str]) -> Input:
    if isinstance(how, list):
        if len(how) != len(key):
            raise ContractError(f"{name}: redo: {model} gives {len(how)} expressions for the key {', '.join(key)}")
        return Input(model, tuple(map(str, how)))
    if isinstance(how, Mapping) and set(how) == {"via", "by"}:
        if not isinstance(inputs.get(how["via"]), list):
            raise ContractError(f"{name}: redo: {model} goes via {how['via']}, which is no input with expressions")
        return Input(model, via=str(how["via"]), by=tuple(map(str, how["by"])))
    raise ContractError(f"{name}: redo: {model} needs a list of expressions, or `via` and `by`")
