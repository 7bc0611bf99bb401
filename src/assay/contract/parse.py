"""Parses a bronze model of dbt's manifest into a `Contract`. Whatever is not understood is an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from assay.contract.aliases import aliases_of
from assay.contract.change_columns import LOAD as CHANGES
from assay.contract.change_columns import with_change_columns
from assay.contract.check_format import check_format
from assay.contract.contract import Column, Contract, Rule
from assay.contract.declared_feeds import contract_block
from assay.contract.errors import ContractError
from assay.contract.format import Format
from assay.contract.moments import pattern
from assay.contract.names import TableName, may_be_column, quoted
from assay.contract.nested_columns import check_nested, shapes_of
from assay.contract.nullable_keys import nullable_keys
from assay.contract.path_columns import check_path_columns, origins_of
from assay.contract.path_template import path_template
from assay.contract.places import places_of
from assay.contract.spelling import PLAIN, Spelling, check_spelling
from assay.contract.types import column_type

if TYPE_CHECKING:
    from assay.contract.yml_column import ColumnMetaYml

Node = Mapping[str, Any]
"""A model as in dbt's manifest.json."""


def parse_contract(node: Node) -> Contract:
    """The contract that stands in the yml beside a bronze model.

    Raises:
        ContractError: A key or value is unknown, missing or contradicts another; names the yml.
    """
    with naming_yml(node):
        contract = _parse(node)
        check_format(contract)
        check_nested(contract)
        return contract


@contextmanager
def naming_yml(node: Node) -> Iterator[None]:
    """Put the path of a model's yml before the message of each ContractError."""
    try:
        yield
    except ContractError as error:
        raise ContractError(f"{place_of(node)}: {error}") from error


def yml_of(node: Node) -> str:
    """The path of the yml that describes a model, in the dbt project."""
    return str(node.get("patch_path") or node["name"]).split("://")[-1]


def place_of(node: Node) -> str:
    """Where a model is described, for a message: its yml, and its name where the file is not called like it."""
    yml = yml_of(node)
    return yml if PurePosixPath(yml).stem == node["name"] else f"{yml}: {node['name']}"


def _parse(node: Node) -> Contract:
    from assay.contract.yml_contract import ContractYml, FileDateYml  # noqa: PLC0415 - see assay.contract.yml

    source = TableName.of_model(str(node["name"])).entity
    declared = ContractYml.read(contract_block(source, node))
    _check_own_names(node)
    if declared.load == CHANGES:
        node = with_change_columns(node, declared.files)
    form = _format(dict(declared.format))
    template = path_template(declared.files)
    origins = origins_of(node, template)
    columns = tuple(
        _spelled(replace(column, origin=origins[column.name]), node["columns"][column.name], form)
        for column in parse_columns(node)
    )
    names = [column.name for column in columns]
    metas = {column.name: column_meta(node["columns"][column.name]) for column in columns}
    elsewhere = [column.name for column in columns if column.origin != "records"]
    form = replace(form, shapes=shapes_of(columns, form))
    form = replace(form, places=places_of({name: meta.path for name, meta in metas.items()}, form, elsewhere))
    form = replace(form, aliases=aliases_of({name: meta.aliases for name, meta in metas.items()}, form, elsewhere))
    key = parse_key(node, names, is_none=declared.key == "none")
    newest_by = declared.newest_by
    dated_by = newest_by.file_date if isinstance(newest_by, FileDateYml) else None
    if isinstance(newest_by, str) and newest_by not in names:
        raise ContractError(f"newest_by: {newest_by!r} is not a column of the contract")
    check_path_columns(columns, template, pattern(dated_by) if dated_by is not None else None)
    return Contract(
        source=source,
        version=declared.version,
        owner=declared.owner,
        files=template.glob,
        format=form,
        load=declared.load,
        columns=columns,
        key=key,
        rules=parse_rules(node, key),
        new_columns=declared.new_columns,
        newest_by=newest_by if isinstance(newest_by, str) else None,
        file_date=dated_by,
        shares_with=declared.shares_with or (),
        max_loss=declared.max_loss,
        path_template=template.text if template.columns else "",
        has_history=declared.history,
    )


def _check_own_names(node: Node) -> None:
    ours = [str(name) for name in node["columns"] if str(name).startswith("_")]
    if ours:
        raise ContractError(f"column {ours[0]}: names that start with `_` are kept for columns that Assay adds")


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
    if not may_be_column(name):
        raise ContractError(f"column {name!r}: a name is neither empty nor blank, and holds no NUL character")
    if not column.get("data_type"):
        raise ContractError(f"column {name}: data_type is missing")
    try:
        kind, description = column_type(str(column["data_type"])), str(column.get("description", ""))
        meta = column_meta(column)
        return Column(name, kind, description, meta.optional, is_personal=meta.personal)
    except ContractError as error:
        raise ContractError(f"column {name}: {error}") from error


def _format(declared: dict[str, Any]) -> Format:
    preamble = declared.get("preamble", 0)
    if not isinstance(preamble, int):
        declared["preamble"] = preamble.until
    if declared["type"] == "fixed":
        declared |= {"type": "csv", "quote": "", "escape": ""}  # which read lines as those of CSV are, but for fields
    if declared["type"] == "excel":
        declared["type"] = "csv"  # of which a sheet's rows become lines, when they are read
    if declared["type"] == "xml":
        declared["elements"] = declared.pop("records")
    declared["is_avro"] = declared["type"] == "avro"
    if declared["type"] in ("json", "avro", "xml"):
        declared["type"] = "jsonl"  # of which each record is a line, once it is read
    return Format(**declared)


def _spelled(column: Column, declared: Mapping[str, Any], form: Format) -> Column:
    """The column with the way its values are written: as it says itself, else as the format of its source says."""
    usual = Spelling(form.decimal, form.thousands, dates=form.dates, locale=form.locale)
    usual = usual if column.origin == "records" else PLAIN
    written = column_meta(declared).written
    own = {name: value for name, value in dict(written or {}).items() if value is not None}
    try:
        spelling = replace(replace(usual, dates=own.get("dates", usual.dates)).of_kind(column.type.kind), **own)
        check_spelling(spelling, column.type.kind)
    except ContractError as error:
        raise ContractError(f"column {column.name}: {error}") from error
    if form.is_avro:
        typed = column.type.with_parts(lambda part: replace(part, takes_nan=part.kind == "double"))
        column = replace(column, type=typed)
    return replace(column, type=replace(column.type, spelling=spelling))


def column_meta(column: Mapping[str, Any]) -> ColumnMetaYml:
    """What a column's yml says below `config: {meta: …}`.

    Raises:
        ContractError: It is not understood.
    """
    from assay.contract.yml_column import ColumnMetaYml  # noqa: PLC0415 - see assay.contract.yml

    return ColumnMetaYml.read((column.get("config") or {}).get("meta") or {}, "config", "meta")


def is_optional(column: Mapping[str, Any]) -> bool:
    """Whether files may leave a column out: `config: {meta: {optional: true}}`.

    Raises:
        ContractError: It says something else than true or false.
    """
    return column_meta(column).optional


def origin_of(column: Mapping[str, Any]) -> str:
    """What the table that a column is taken from calls it: `config: {meta: {from: …}}`, or its own name."""
    meta = (column.get("config") or {}).get("meta") or {}
    return str(meta.get("from") or column.get("name"))


def is_keyless(node: Node) -> bool:
    """Whether a model's yml says `key: none`: in the contract of a bronze model, in `meta` of any other.

    Raises:
        ContractError: A table's key is said there to be something else.
    """
    meta = (node.get("config") or {}).get("meta") or {}
    contract = meta.get("contract")
    key = contract.get("key") if isinstance(contract, Mapping) else meta.get("key")
    if key not in (None, "none"):
        raise ContractError(f"key: {key!r} is not none; a key is a constraint of the model, of type primary_key")
    return bool(key)


def parse_key(node: Node, columns: Sequence[str], *, is_none: bool) -> tuple[str, ...]:
    """The columns of the model's primary key; none where its yml says `key: none`.

    Raises:
        ContractError: There is no key, more than one, or one over unknown columns.
    """
    keys = [constraint for constraint in node.get("constraints") or [] if constraint["type"] == "primary_key"]
    if is_none and keys:
        raise ContractError("key: none stands beside a primary_key; keep one of the two")
    if is_none:
        return ()
    if len(keys) != 1:
        hint = "; write `key: none` if no columns tell the rows apart" if not keys else ""
        raise ContractError(f"constraints: expected one primary_key of the model, found {len(keys)}{hint}")
    key = tuple(map(str, keys[0].get("columns") or ()))
    unknown = sorted(set(key) - set(columns))
    if not key:
        raise ContractError("primary_key: columns is empty; name the columns that tell the rows apart")
    if unknown:
        raise ContractError(f"primary_key: {', '.join(unknown)} is not a column of the contract")
    if len(set(key)) < len(key):
        raise ContractError(f"primary_key: {', '.join(key)} names a column twice")
    return key


def parse_rules(node: Node, key: Sequence[str]) -> tuple[Rule, ...]:
    """Everything that a row is judged by: key columns, `not_null` and `check` constraints of columns and of the model.

    Raises:
        ContractError: A constraint is not understood, two have one name, or one contradicts `nullable_key`.
    """
    nullable = nullable_keys(node, key)
    rules = [Rule(f"{name}_not_null", f"{quoted(name)} is not null", name) for name in key if name not in nullable]
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
