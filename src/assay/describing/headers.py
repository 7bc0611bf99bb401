"""The first records of text files: their width, and whether they are the names of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from assay.contract.format import Format
from assay.describing.frames import is_names
from assay.describing.kinds import Undescribable
from assay.text import Unreadable, fields, split


def has_header(paths: Sequence[Path], form: Format) -> tuple[bool, list[str]]:
    """Whether the first records of files are names, and what is not sure of it.

    Raises:
        Undescribable: Some are and some are not.
    """
    firsts = [first_record(path, form, 2, is_whole=False) for path in paths]
    named = [is_names(names) for names in firsts]
    if all(named):
        below = [first_record(path, form, len(names), skip=1) for path, names in zip(paths, firsts, strict=True)]
        is_alike = all(is_names(values) for values in below if values)
        doubt = "header: the first record was taken for the names, but the records below look like it"
        return True, [doubt] if is_alike and any(below) else []
    if any(named):
        missing = next(path.name for path, is_named in zip(paths, named, strict=True) if not is_named)
        raise Undescribable(f"some files have a header and {missing} has none; a source has one of the two")
    return False, ["header: the first record does not look like names; the columns are called column_1, column_2, …"]


def first_record(path: Path, form: Format, width: int, skip: int = 0, *, is_whole: bool = True) -> list[str | None]:
    """The fields of the first record; of one after it, and of the first whole one, where that is asked."""
    try:
        records = (r for r in split(path, replace(form, header=False), width) if not (is_whole and r.problem))
        record = next(islice(records, skip, None), None)
        return fields(record.raw, form) if record else []
    except (Unreadable, ValueError):
        return []
