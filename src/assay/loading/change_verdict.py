"""The verdict of a change as it is stored: of what it says whole, and not of what it leaves out.

A delete says a key alone, a truncate nothing. A change that left out unchanged values is judged when silver completes
it (`assay.tables.change_states`); until then only its key is.
"""

from __future__ import annotations

from assay.contract.change_columns import OPERATION, is_whole
from assay.contract.contract import Contract
from assay.contract.names import literal


def violations(contract: Contract) -> str:
    """SQL of the rules that a row breaks, over the rows that a bronze model gives with all rules that it breaks.

    Args:
        contract: The source's contract.
    """
    if contract.load != "changes":
        return "_violations"
    of_key = ", ".join(literal(rule.name) for rule in contract.rules if is_of_key(contract, rule.name))
    is_asked = f"list_contains([{of_key}]::varchar[], rule) and {OPERATION} <> 'truncate'"
    return f"nullif(list_filter(_violations, lambda rule: ({is_whole(contract.load)}) or ({is_asked})), [])"


def is_of_key(contract: Contract, rule: str) -> bool:
    """Whether a rule says that a column of the key is there."""
    return rule in {f"{name}_not_null" for name in contract.key}
