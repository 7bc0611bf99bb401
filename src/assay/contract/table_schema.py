"""The promise of a silver or gold table, and the Pandera schema that checks a table against it inside DuckDB."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.contract.contract import Column, Rule
from assay.contract.errors import ContractError
from assay.contract.names import quoted
from assay.contract.nested_columns import check_plain_key
from assay.contract.own_columns import OWN_COLUMNS, OWN_TYPE, inputs_of, undeclared
from assay.contract.parse import column_meta, is_keyless, naming_yml, parse_columns, parse_key, parse_rules
from assay.contract.types import column_type

SEMANTIC = re.compile(r"\d+\.\d+\.\d+\Z", re.ASCII)
"""Of a semantic version."""

if TYPE_CHECKING:
    import ibis
    import pandera.ibis as pa


@dataclass(frozen=True)
class TablePromise:
    """What a table's yml says about every row of it.

    Attributes:
        model: The dbt model.
        columns: All columns, in order; the table has no others.
        key: Columns that are unique together; none of a table that has no key.
        rules: Conditions, `not_null` among them.
        version: That its yml gives it; empty where it gives none.
    """

    model: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rules: tuple[Rule, ...]
    version: str = ""


def version_of(node: Mapping[str, Any]) -> str:
    """The version that the yml of a silver or gold model gives its table; empty where it gives none.

    Raises:
        ContractError: It is not one.
    """
    version = node["config"].get("meta", {}).get("version", "")
    if version != "" and not SEMANTIC.match(str(version)):
        raise ContractError(f"version: {version!r} is not a semantic version such as 1.0.0")
    return str(version)


def parse_promise(node: Mapping[str, Any]) -> TablePromise:
    """The promise in the yml of a silver or gold model.

    Raises:
        ContractError: Something in it is not understood; names the yml.
    """
    with naming_yml(node):
        columns = parse_columns(node)
        for column in columns:
            meta = column_meta(node["columns"][column.name])
            for alien in ("path", "aliases"):
                if alien in meta.model_fields_set:
                    raise ContractError(
                        f"column {column.name}: {alien} is of a bronze column; here `from` names the column"
                    )
        key = parse_key(node, [column.name for column in columns], is_none=is_keyless(node))
        check_plain_key(key, columns)
        own = undeclared([column.name for column in columns], inputs_of(node))
        return TablePromise(
            str(node["name"]),
            (*columns, *(Column(name, column_type(OWN_TYPE), OWN_COLUMNS[name]) for name in own)),
            key,
            (*parse_rules(node, key), *(Rule(f"{name}_not_null", f"{quoted(name)} is not null", name) for name in own)),
            version_of(node),
        )


def pandera_schema(promise: TablePromise, rows: str, *, is_one_by_one: bool = True) -> pa.DataFrameSchema:
    """The schema: exactly these columns with these types, the key unique, every rule true or NULL.

    Each rule gives one truth value that DuckDB computes; failing rows are counted and shown elsewhere, because Pandera
    would pull all of them into memory.

    Args:
        promise: What the table's yml says.
        rows: The relation in SQL that is validated: the table, or one with rows of it.
        is_one_by_one: One check for each rule; else one check of all rules together, which reads the table once, and
            of the key by its hashes: as many hashes as rows are as many keys, at half the price of comparing the keys.
            Fewer hashes may be chance, so a failure has to be looked at one by one.
    """
    import pandera.ibis as pa  # noqa: PLC0415 - 2 s that only a check should cost
    from pandera.api.checks import Check  # noqa: PLC0415

    from assay.contract.pandera_types import pandera_type  # noqa: PLC0415

    if is_one_by_one:
        checks = [Check(_holds(rows, rule.expression), name=rule.name) for rule in promise.rules]
    else:
        checks = [Check(_asks(rows, _everything(promise)), name="everything")]
    return pa.DataFrameSchema(
        columns={column.name: pa.Column(pandera_type(column.type), nullable=True) for column in promise.columns},
        checks=checks,
        unique=list(promise.key) if is_one_by_one and promise.key else None,
        strict=True,
        name=promise.model,
    )


def _everything(promise: TablePromise) -> str:
    """SQL for whether all rules hold and no two rows have the same hash of the key, and so the same key."""
    rules = " and ".join(f"({rule.expression}) is not false" for rule in promise.rules)
    key = ", ".join(map(quoted, promise.key))
    is_unique = f" and count(distinct hash({key})) = count(*)" if key else ""
    return f"coalesce(bool_and({rules or 'true'}), true){is_unique}"


def _holds(rows: str, expression: str) -> Callable[[Any], ibis.expr.types.BooleanScalar]:
    """A Pandera check: whether the rule holds for every row; NULL passes, as in SQL's CHECK."""
    return _asks(rows, f"coalesce(bool_and(({expression}) is not false), true)")


def _asks(rows: str, aggregate: str) -> Callable[[Any], ibis.expr.types.BooleanScalar]:
    query = f"select {aggregate} as holds from {rows}"

    def check(data: Any) -> ibis.expr.types.BooleanScalar:
        return data.table.get_backend().sql(query, schema={"holds": "boolean"}).holds.all()

    return check
