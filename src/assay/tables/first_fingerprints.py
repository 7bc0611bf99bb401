"""Fingerprints of version 1, under which the first lakes stored their tables; frozen, so that those lakes go on.

They hashed compiled SQL as the macros of that time wrote it and Python's own spelling of objects. A table that is built
again gets a fingerprint of today (`assay.tables.table_definition`), so nothing here is used by new lakes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.contract.contract import Contract
from assay.contract.names import TableName, literal
from assay.contract.parse import is_optional
from assay.contract.rebuild_key import RebuildKey

Node = Mapping[str, Any]

_VERDICT = re.compile(r"/\*assay:verdict\*/.*?/\*assay:end\*/", re.DOTALL)
_NEWEST = re.compile(r"/\*assay:newest_rows (\w+)\*/.*?/\*assay:end\*/", re.DOTALL)


def first_bronze(contract: Contract, node: Node, sql: str) -> frozenset[str]:
    """What version 1 stored for a bronze table, if its optional columns came since, and if they were there already.

    Nothing for a contract with columns of the path, which version 1 read from records.

    Args:
        contract: The source's contract; what version 1 did not know of it does not count.
        node: The model as in dbt's manifest.
        sql: Its compiled SQL of today.
    """

    if contract.path_columns:
        return frozenset()

    def stored(new: set[str]) -> str:
        return _hash(_VERDICT.sub(lambda _: _verdict(node, new), sql), repr(_contract(contract, new)))

    return frozenset(map(stored, (set(contract.optional), set[str]())))


def first_keyed(
    node: Node, sql: str, columns: Sequence[tuple[str, str]], rebuild_key: RebuildKey, inputs: Mapping[str, Node]
) -> frozenset[str]:
    """What version 1 stored for a silver or gold table, as of `first_bronze`.

    Args:
        node: The model as in dbt's manifest.
        sql: Its compiled SQL of today.
        columns: Names and types of its columns.
        rebuild_key: By which key it is rebuilt.
        inputs: The models that it reads, as in dbt's manifest.
    """
    model = str(node["name"])
    is_declared = node["config"]["meta"].get("redo") is not None
    spelled = ", ".join(
        f"Input(model={i.model!r}, keys={i.keys if is_declared else rebuild_key.key!r}, via={i.via!r}, by={i.by!r}, "
        f"where={i.where!r})"
        for i in rebuild_key.inputs
    )
    comma = "," if len(rebuild_key.inputs) == 1 else ""

    def compiled(*, has_optional: bool) -> str:
        return _NEWEST.sub(
            lambda match: _newest_rows(model, match[1], inputs[match[1]], has_optional=has_optional), sql
        )

    key_text = f"Redo(key={rebuild_key.key!r}, inputs=({spelled}{comma}))"
    return frozenset(_hash(compiled(has_optional=has), repr(columns), key_text) for has in (False, True))


def _hash(sql: str, *declared: str) -> str:
    return hashlib.sha256("\n".join([" ".join(sql.split()), *declared]).encode()).hexdigest()[:16]


def _contract(contract: Contract, optional: set[str]) -> str:
    form = contract.format
    written = {
        "source": contract.source,
        "files": contract.files,
        "format": {
            "type": form.type,
            "delimiter": form.delimiter,
            "quote": form.quote,
            "escape": form.escape,
            "header": form.header,
            "encoding": form.encoding,
            "nulls": form.nulls,
            "decimal": form.decimal,
        },
        "load": contract.load,
        "columns": [
            {"name": c.name, "type": {"sql": c.type.sql, "kind": c.type.kind, "scale": c.type.scale}}
            for c in contract.columns
            if c.name not in optional
        ],
        "key": contract.key,
        "rules": [
            {"name": rule.name, "expression": rule.expression, "column": rule.column}
            for rule in contract.rules
            if rule.column not in optional
        ],
        "new_columns": contract.new_columns,
        "newest_by": contract.newest_by,
        "file_date": contract.file_date,
    }
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:16]


def _quoted(name: object) -> str:
    return f'"{name}"'


def _key(node: Node) -> list[str]:
    keys = (item for item in node["constraints"] if item["type"] == "primary_key")
    return [str(name) for item in keys for name in item["columns"]]


def _verdict(node: Node, optional: set[str]) -> str:
    key = _key(node)
    rules = [(str(c["name"]), str(c["expression"])) for c in node["constraints"] if c["type"] != "primary_key"]
    for column in node["columns"].values():
        not_null = (f"{column['name']}_not_null", f"{_quoted(column['name'])} is not null")
        rules += [not_null] if column["name"] in key else []
        for constraint in column.get("constraints") or () if column["name"] not in optional else ():
            if constraint["type"] == "check":
                rules.append((str(constraint["name"]), str(constraint["expression"])))
            elif constraint["type"] == "not_null" and column["name"] not in key:
                rules.append(not_null)
    holds = " and ".join(f"({expression}) is not false" for _, expression in rules)
    broken = ", ".join(f"case when ({expression}) is false then {literal(name)} end" for name, expression in rules)
    return f"case when {holds} then null else nullif(list_filter([ {broken} ], lambda rule: rule is not null), []) end"


def _newest_rows(model: str, bronze: str, node: Node, *, has_optional: bool) -> str:
    key = ", ".join(map(_quoted, _key(node)))
    names = [_quoted(name) for name, column in node["columns"].items() if has_optional or not is_optional(column)]
    columns = ", ".join(names)
    newest_by = node["config"]["meta"]["contract"].get("newest_by")
    newest = _quoted(newest_by) if isinstance(newest_by, str) else "_file_date" if newest_by else ""
    newest = f"{newest} desc nulls last, " if newest else ""
    source = TableName.of_model(bronze).entity
    return f"""select
        *,
        count(*) filter (_rank > 1 and _is_same) over (partition by {key}) as _duplicates_identical,
        count(*) filter (_rank > 1 and not _is_same) over (partition by {key}) as _duplicates_conflicting
    from (
        select
            *,
            row_number() over newest as _rank,
            coalesce(
                row({columns}) is not distinct from
                first_value(row({columns})) over newest, false
            ) as _is_same
        from (
            select
                bronze.*,
                current_files.file_date as _file_date
            from "warehouse"."bronze"."{source}" as bronze
            inner join ops.current_files as current_files
                on
                    bronze._file_id = current_files.file_id
                    and current_files.source = '{source}'
            where
                bronze._violations is null
                and temp.main.is_affected_{model}({key})
        )
        window newest as (
            partition by {key}
            order by
                {newest}{"".join(f"{name} desc nulls last, " for name in names)}_file_id
        )
    )
    qualify _rank = 1"""
