"""Try rules in an empty table before any data meets them."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from contracts.contract import Column, Rule
from contracts.errors import ContractError


def check_rules(where: str, columns: Sequence[Column], rules: Sequence[Rule]) -> None:
    """Bind every rule to the columns it is about.

    Raises:
        ContractError: A rule is no SQL, names an unknown column, looks at more than one row, or is no condition.
    """
    typed = ", ".join(f'null::{column.type.sql} as "{column.name}"' for column in columns)
    with duckdb.connect() as connection:
        for rule in rules:
            # In `where` SQL allows neither aggregates nor windows, which would judge a row by its neighbours.
            tried = (
                f"select ({rule.expression}) as said from (select {typed}) where ({rule.expression}) is null or true"
            )
            try:
                found = connection.execute(f"select typeof(said) from ({tried})").fetchall()
            except duckdb.Error as error:
                said = str(error).strip().splitlines()[0]
                raise ContractError(
                    f"{where}: rule {rule.name}: {rule.expression!r} is no SQL over one row of this table: {said}"
                ) from error
            if found[0][0] not in ("BOOLEAN", '"NULL"'):
                raise ContractError(
                    f"{where}: rule {rule.name}: {rule.expression!r} is {found[0][0]}, expected a condition"
                )
