"""The columns of Assay's own that files of `load: changes` have beside those of the contract, and what they may hold.

A yml does not declare them: they are added to the contract's columns when it is parsed, stored in bronze, and stand in
silver where its yml asks for one, as `config: {meta: {from: _source_time}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

OPERATION = "_operation"
POSITION = "_position"
SOURCE_TIME = "_source_time"
UNCHANGED = "_unchanged"
BEFORE = "_before"
EPOCH = "_epoch"
OPERATIONS = ("snapshot", "insert", "update", "delete", "truncate")
"""What may have become of a row; `truncate` is of all rows at once, and has no key."""
LOAD: Literal["changes"] = "changes"
CHANGE_COLUMNS = {
    OPERATION: ("varchar", "What became of the row: snapshot, insert, update, delete or truncate."),
    POSITION: ("varchar", "Where the change stands in the order of all; compared byte by byte."),
    SOURCE_TIME: ("timestamp with time zone", "When the change was made at the source."),
    UNCHANGED: ("varchar[]", "Columns that the source did not send because they did not change."),
    BEFORE: ("varchar", "The row before the change as JSON, where the source sends it."),
}
_REQUIRED = (OPERATION, POSITION)
_OF_PATH = {EPOCH: ("bigint", "Which beginning of the feed the file is of; a later one replaces all before it.")}


def is_whole(load: str) -> str:
    """SQL for whether a stored row says all columns of its table; every row does of another load."""
    is_of_row = f"{OPERATION} not in ('delete', 'truncate')"
    return f"{is_of_row} and coalesce(len({UNCHANGED}), 0) = 0" if load == LOAD else "true"


def with_change_columns(node: Mapping[str, Any], files: str) -> Mapping[str, Any]:
    """A bronze model with the columns that its yml need not declare.

    Args:
        node: The model as in dbt's manifest.
        files: What its contract says of its files; `{_epoch}` in it makes the epoch a column.
    """
    is_personal = any(
        ((column.get("config") or {}).get("meta") or {}).get("personal") for column in node["columns"].values()
    )
    in_path = _OF_PATH if f"{{{EPOCH}}}" in files else {}
    added = {
        name: {
            "name": name,
            "data_type": kind,
            "description": description,
            "config": {
                "meta": {
                    **({"optional": True} if name not in (*_REQUIRED, EPOCH) else {}),
                    **({"personal": True} if name == BEFORE and is_personal else {}),
                }
            },
        }
        for name, (kind, description) in {**CHANGE_COLUMNS, **in_path}.items()
    }
    return {**node, "columns": {**node["columns"], **added}}
