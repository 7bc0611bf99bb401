"""Whether a text file that an earlier version of Assay loaded would be judged differently now.

Belongs here: the rules by which records of text were counted or refused otherwise before, each with its words. Keep
out: changes of a contract, which the fingerprint of a table tells.
"""

from __future__ import annotations

import os
from pathlib import Path

from assay.contract.contract import Contract
from assay.ledger.inspect_file import Examined, examine
from assay.text import LEAST, Unreadable, refuse_misfit, write_clean
from assay.text.room import Room

_NOWHERE = Path(os.devnull)


def judged_otherwise(path: Path, contract: Contract, loaded: int, malformed: int, memory: int) -> str:
    """Why this version would not store of a file what an earlier one did, in words; '' when it would.

    One fast pass where every record is sound, as in most files; else the records are split, a few million a minute.
    Only of files that an earlier version loaded: a malformed record that this one kept would be told again.

    Args:
        path: The file, which still holds what was loaded.
        contract: Its contract, of CSV or JSON lines, as of `Contract.of_records`.
        loaded: Rows that it gave.
        malformed: Malformed records that were kept of it.
        memory: Bytes that this may take.

    Raises:
        FileNotFoundError: It is gone.
    """
    is_json = contract.format.type == "jsonl"
    if is_json and (loaded or malformed < LEAST):
        return ""  # how a line of JSON is judged did not change
    seen = examine(path, contract, memory, path.name)
    if seen.not_enough:
        return f"it needs more memory than there is: {seen.not_enough}"
    if seen.problem:
        return f"it would be refused: {seen.problem}"
    if not is_json and seen.plain_records == loaded + malformed:
        return ""  # the structure of each record is sound, and values are judged as before
    try:
        return _split_otherwise(path, contract, seen, loaded + malformed)
    except Unreadable as error:
        return f"it would be refused: {error}"


def _split_otherwise(path: Path, contract: Contract, seen: Examined, stored: int) -> str:
    """What a split of the file says.

    Raises:
        Unreadable: The file would be refused.
    """
    width = len(contract.columns) if seen.header is None else len(seen.header)
    counts = write_clean(path, contract.format, width, _NOWHERE, _NOWHERE, Room(None))
    refuse_misfit(counts, is_shown=not contract.is_personal)
    if counts.good + counts.bad != stored:
        return f"it would be read as {counts.good + counts.bad:,} records, and {stored:,} of it are stored"
    stray = counts.faults.get("stray quote", 0)
    return f"{stray:,} of its records would be malformed for a quote inside an unquoted field" if stray else ""
