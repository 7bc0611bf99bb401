"""From a bronze model of dbt's manifest to a `Contract`. Whatever is not understood is an error."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from assay.contract.contract import Column, Contract, Load, Rule
from assay.contract.errors import ContractError
from assay.contract.moments import pattern
from assay.contract.names import quoted
from assay.contract.parse_format import parse_format
from assay.contract.sharing import parse_shares_with
from assay.contract.types import column_type

Node = Mapping[str, Any]
"""A model as in dbt's manifest.json."""

_REQUIRED = ("version", "owner", "files", "format", "load", "new_columns")
_OPTIONAL = ("newest_by", "max_loss", "shares_with")
_SEMVER = re.compile(r"\d+\.\d+\.\d+")


def parse_contract(node: Node) -> Contract:
    """The contract that stands in the yml beside a bronze model.

    Raises:
        ContractError: A key or value is unknown, missing or contradicts another; names the yml.
    """
    with naming_yml(node):
        contract = _parse(node)
        _check_optional(contract)
        return contract


@contextmanager
def naming_yml(node: Node) -> Iterator[None]:
    """Put the path of a model's yml before the message of each ContractError."""
    try:
        yield
    except ContractError as error:
        path = str(node.get("patch_path") or node["name"]).split("://")[-1]
        raise ContractError(f"{path}: {error}") from error


def _parse(node: Node) -> Contract:
    said = node["config"].get("meta", {}).get("contract")
    if not isinstance(said, Mapping):
        raise ContractError("a bronze model needs `config: meta: contract:`; docs/adding-a-source.md shows one")
    only(said, (*_REQUIRED, *_OPTIONAL), "contract")
    missing = [key for key in _REQUIRED if key not in said]
    if missing:
        raise ContractError(f"contract: missing {', '.join(missing)}")
    columns = parse_columns(node)
    ours = [column.name for column in columns if column.name.startswith("_")]
    if ours:
        raise ContractError(f"column {ours[0]}: names that start with `_` are kept for columns that Assay adds")
    key = parse_key(node, [column.name for column in columns])
    newest_by, file_date = _newest(said.get("newest_by"), [column.name for column in columns])
    load: Load = one_of("load", said["load"], ("events", "snapshot"))
    if load == "snapshot" and not file_date:
        raise ContractError('load: snapshot needs `newest_by: {file_date: "name_%Y-%m-%d.csv"}`')
    if not _SEMVER.fullmatch(str(said["version"])):
        raise ContractError(f"version: {said['version']!r} is no semantic version such as 1.0.0")
    if not said["owner"] or not isinstance(said["owner"], str):
        raise ContractError(f"owner: {said['owner']!r} is no name of a team")
    return Contract(
        source=str(node["name"]).removeprefix("bronze_"),
        version=str(said["version"]),
        owner=str(said["owner"]),
        files=_files(said["files"]),
        format=parse_format(said["format"]),
        load=load,
        columns=columns,
        key=key,
        rules=parse_rules(node, key),
        new_columns=one_of("new_columns", said["new_columns"], ("rescue", "refuse")),
        newest_by=newest_by,
        file_date=file_date,
        shares_with=parse_shares_with(said.get("shares_with")),
        **_max_loss(said, load),
    )


def only(said: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Refuse keys that nobody reads.

    Raises:
        ContractError: There is one.
    """
    unknown = sorted(map(str, set(said) - set(known)))
    if unknown:
        raise ContractError(f"{where}: unknown key {', '.join(map(repr, unknown))}; known are {', '.join(known)}")


def one_of(where: str, value: object, known: Sequence[str]) -> Any:
    """The value, which is one of those that are known.

    Raises:
        ContractError: It is not.
    """
    if value not in known:
        raise ContractError(f"{where}: {value!r} is none of {', '.join(known)}")
    return value


def parse_columns(node: Node) -> tuple[Column, ...]:
    """The columns that a model's yml declares, in order.

    Raises:
        ContractError: There is none, a type is missing or unknown, or SQL takes two names for one.
    """
    columns = tuple(_column(column) for column in node["columns"].values())
    if not columns:
        raise ContractError("columns: there is none")
    twice = repeated(column.name.lower() for column in columns)
    if twice:
        raise ContractError(f"columns: {', '.join(twice)} stands there twice; upper and lower case are one in SQL")
    return columns


def repeated(names: Iterable[str]) -> list[str]:
    """The names that stand there more than once, sorted."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def _column(column: Mapping[str, Any]) -> Column:
    name = str(column["name"])
    if not name.strip() or "\0" in name:
        raise ContractError(f"column {name!r}: a name is neither empty nor blank, and holds no NUL character")
    if not column.get("data_type"):
        raise ContractError(f"column {name}: data_type is missing")
    try:
        kind, description = column_type(str(column["data_type"])), str(column.get("description", ""))
        return Column(name, kind, description, is_optional(column))
    except ContractError as error:
        raise ContractError(f"column {name}: {error}") from error


def is_optional(column: Mapping[str, Any]) -> bool:
    """Whether files may leave a column out: `config: {meta: {optional: true}}`.

    Raises:
        ContractError: It says something else than true or false.
    """
    value = ((column.get("config") or {}).get("meta") or {}).get("optional", False)
    if not isinstance(value, bool):
        raise ContractError(f"config: meta: optional is true or false, not {value!r}")
    return value


def _check_optional(contract: Contract) -> None:
    """An optional column is no part of the key, has values that may be NULL, and is known by its name.

    Raises:
        ContractError: It is not so.
    """
    for name in contract.optional:
        if name in contract.key or name == contract.newest_by:
            raise ContractError(f"column {name}: is optional, so it can be neither in the key nor in newest_by")
        if f"{name}_not_null" in {rule.name for rule in contract.rules if rule.column == name}:
            raise ContractError(f"column {name}: is optional, so it cannot be not_null; files without it give NULL")
        if contract.format.type == "csv" and not contract.format.header:
            raise ContractError(f"column {name}: is optional, but files without a header cannot leave a column out")


def parse_key(node: Node, columns: Sequence[str]) -> tuple[str, ...]:
    """The columns of the model's primary key.

    Raises:
        ContractError: There is no key, more than one, or one over unknown columns.
    """
    keys = [constraint for constraint in node.get("constraints") or [] if constraint["type"] == "primary_key"]
    if len(keys) != 1:
        raise ContractError(f"constraints: expected one primary_key of the model, found {len(keys)}")
    key = tuple(map(str, keys[0].get("columns") or ()))
    unknown = sorted(set(key) - set(columns))
    if unknown or not key:
        raise ContractError(f"primary_key: {', '.join(unknown) or 'nothing'} is no column of the contract")
    if len(set(key)) < len(key):
        raise ContractError(f"primary_key: {', '.join(key)} names a column twice")
    return key


def _newest(said: object, columns: Sequence[str]) -> tuple[str | None, str | None]:
    """(column, file name pattern) that decide which row of a key wins."""
    if said is None:
        return None, None
    if isinstance(said, Mapping):
        only(said, ("file_date",), "newest_by")
        text = str(said.get("file_date"))
        pattern(text)  # refuses one that does not give the moment back
        return None, text
    if said not in columns:
        raise ContractError(f"newest_by: {said!r} is no column of the contract")
    return str(said), None


def _max_loss(said: Mapping[str, Any], load: Load) -> dict[str, float]:
    """The share that a contract names; nothing where it leaves that to the default."""
    if "max_loss" not in said:
        return {}
    share = said["max_loss"]
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise ContractError(f"max_loss: {share!r} is not a share from 0 to 1 such as 0.5")
    if load != "snapshot":
        raise ContractError(f"max_loss: a file of `load: {load}` replaces no other; it goes with `load: snapshot`")
    return {"max_loss": float(share)}


def _files(said: object) -> str:
    path = PurePosixPath(str(said))
    if path.is_absolute() or ".." in path.parts or len(path.parts) < 2:  # noqa: PLR2004 - a folder and a name
        raise ContractError(f'files: {said!r} is no glob under the landing zone such as "transactions/*.csv"')
    if any("**" in part and part != "**" for part in path.parts) or path.name == "**":
        raise ContractError(f"files: {said!r}: `**` stands for folders, alone between two slashes")
    if any(part.startswith((".", "_")) for part in path.parts):
        raise ContractError(f"files: {said!r}: names that start with `.` or `_` are left alone")
    return str(path)


def parse_rules(node: Node, key: Sequence[str]) -> tuple[Rule, ...]:
    """Everything that a row is judged by: key columns, `not_null` and `check` constraints of columns and of the model.

    Raises:
        ContractError: A constraint is not understood, or two have one name.
    """
    rules = [Rule(f"{name}_not_null", f"{quoted(name)} is not null", name) for name in key]
    for column in node["columns"].values():
        for constraint in column.get("constraints") or []:
            if constraint["type"] == "not_null":
                if column["name"] not in key:
                    name = str(column["name"])
                    rules.append(Rule(f"{name}_not_null", f"{quoted(name)} is not null", name))
            else:
                rules.append(_check(constraint, str(column["name"])))
    rules += [_check(item, "") for item in node.get("constraints") or [] if item["type"] != "primary_key"]
    twice = repeated(rule.name for rule in rules)
    if twice:
        raise ContractError(f"two rules are called {', '.join(twice)}; names must differ")
    return tuple(rules)


def _check(constraint: Mapping[str, Any], column: str) -> Rule:
    where = f"column {column}" if column else "constraints"
    if constraint["type"] != "check":
        raise ContractError(f"{where}: a constraint of type {constraint['type']} is not supported here")
    if not constraint.get("name") or not constraint.get("expression"):
        raise ContractError(f"{where}: a check needs a name and an expression")
    return Rule(str(constraint["name"]), str(constraint["expression"]), column)
