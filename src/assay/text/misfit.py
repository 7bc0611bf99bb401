"""Files of which not one record has the structure that the contract says: they are another kind of file."""

from __future__ import annotations

from assay.text.record import Fault
from assay.text.splitting import Counts
from assay.text.stream import Unreadable

LEAST = 20
"""Records of such a file: the few of a smaller one may all be broken by accident, and are kept as they are."""

_SHOWN = 100  # characters of a record that a reason quotes
_QUOTES = ("broken quotes", "Put quote and escape of the contract's format right")
_REASONS: dict[Fault | None, tuple[str, str]] = {
    "fields": ("a wrong number of fields", "Put delimiter, header or columns of the contract right"),
    "length": ("a wrong length", "Put widths of the contract's format right"),
    "quotes": _QUOTES,
    "stray quote": _QUOTES,
    "nested": ("values that are inside of no object", "Put `path` of the contract's columns right"),
    "object": ("not being one complete JSON object", "JSON lines have a whole object on each line"),
}
"""Why all records are malformed, by what is broken about each; and what to do."""


class Misfit(Unreadable):
    """No record of the file has the structure that the contract says."""


def refuse_misfit(counts: Counts, *, had_rows: bool = False, is_shown: bool = True) -> None:
    """Refuse a file whose records are all malformed for one reason, and that one of their structure.

    Args:
        counts: What a split of the file gave.
        had_rows: Whether it gave rows under an earlier contract. Then a wrong number of fields is the contract's,
            however few records there are; so is a wrong length.
        is_shown: Whether the message may hold a record, which it may not where a column is personal.

    Raises:
        Misfit: It is one; the message names the reason, the number of records, and the first as an example.
    """
    least = 1 if had_rows and set(counts.faults) in ({"fields"}, {"length"}) else LEAST
    reasons = {_REASONS.get(fault) for fault in counts.faults}
    if counts.good or counts.bad < least or len(reasons) > 1 or counts.example is None:
        return
    reason, example = reasons.pop(), counts.example
    if reason is not None:
        why, to_do = reason
        record = f" is {example.raw.decode()[:_SHOWN]!r}" if is_shown else ""
        raise Misfit(
            f"all of its {counts.bad:,} records are malformed for {why}, so it does not fit the contract: line "
            f"{example.line:,}{record} ({example.problem}). {to_do}, or have the file sent again as the contract says"
        )
