"""Files of changes among those that a contract is proposed for: seen by the columns that each change has."""

from __future__ import annotations

from collections.abc import Sequence

from assay.contract.change_columns import CHANGE_COLUMNS, LOAD, OPERATION, POSITION
from assay.contract.names import quoted
from assay.describing.column_types import Proposed
from assay.describing.keys import Identity, is_named_so
from assay.describing.texts import Texts


def of_changes(texts: Texts, columns: Sequence[Proposed]) -> tuple[list[Proposed], Identity] | None:
    """The columns of the table whose changes the files hold, and what its rows are known by; None of other files.

    Args:
        texts: What stands in the files.
        columns: All columns that were seen.
    """
    own = {place.removeprefix("/"): name for name, place in texts.places.items()}
    own = {place: name for place, name in own.items() if place in CHANGE_COLUMNS}
    if not {OPERATION, POSITION} <= own.keys():
        return None
    kept = [column for column in columns if column.name not in own.values()]
    counts = ", ".join(["0", *(f"count({quoted(column.name)})" for column in kept)])
    [(_, *filled, rows)] = texts.connection.execute(
        f"select {counts}, count(*) from described where {quoted(own[OPERATION])} <> 'truncate'"
    ).fetchall()
    there = [c.name for c, count in zip(kept, filled, strict=True) if count == rows and not c.type.is_nested]
    key = next((name for name in there if is_named_so(name)), next(iter(there), ""))
    says = [f"load: each record has {OPERATION} and {POSITION}, so it was taken for a change of a row of a table"]
    says += [f"key: {key} is in each change; name the columns that tell the rows of the table apart"]
    return kept, Identity((key,) if key else (), LOAD, unsure=says)
