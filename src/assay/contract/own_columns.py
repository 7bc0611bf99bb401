"""The columns that Assay's macro `newest_rows` adds to the rows of a silver table; a yml need not declare them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay.contract.names import layer_of

FILE = "_file_id"
OWN_COLUMNS = {
    FILE: "The content in the ledger `ops.files` that this row came with.",
    "_duplicates_identical": "Further rows of the same key that say the same.",
    "_duplicates_conflicting": "Further rows of the same key that say something else and lost to this one.",
}
"""Names and descriptions; each is a bigint and never NULL."""
OWN_TYPE = "bigint"


def inputs_of(node: Mapping[str, Any]) -> list[str]:
    """The models that a node of dbt's manifest refers to, by name."""
    return [str(parent).rsplit(".", 1)[-1] for parent in (node.get("depends_on") or {}).get("nodes") or ()]


def undeclared(declared: Iterable[str], inputs: Sequence[str]) -> tuple[str, ...]:
    """The columns of Assay's own that a model has without saying so: all of them, or none.

    A silver model that takes in one source has them, unless its yml declares some of them itself.

    Args:
        declared: The columns in its yml.
        inputs: The models that it refers to.
    """
    takes_in_a_source = len(inputs) == 1 and layer_of(inputs[0]) == "bronze"
    return tuple(OWN_COLUMNS) if takes_in_a_source and not set(declared) & set(OWN_COLUMNS) else ()
