"""The first records of text files: their width, and whether they are the names of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from assay.contract.format import Format
from assay.describing.file_heads import head_of
from assay.describing.frames import LINE_END, is_names, whole_lines, width_of
from assay.describing.kinds import Undescribable
from assay.text import Unreadable, fields, split

_FIRST = 1 << 16  # bytes in which the first record is looked for
_LINES = 40
_SOME = 2
"""Fields that a record is taken to have where that is not known."""


def has_header(paths: Sequence[Path], form: Format) -> tuple[bool, list[str]]:
    """Whether the first records of files are names, and what is not sure of it.

    Raises:
        Undescribable: Some are and some are not.
    """
    firsts = [first_record(path, form, is_whole=False) for path in paths]
    named = [is_names(names) for names in firsts]
    if all(named):
        below = [first_record(path, form, skip=1) for path, names in zip(paths, firsts, strict=True)]
        is_alike = all(is_names(values) for values in below if values)
        doubt = "header: the first record was taken for the names, but the records below look like it"
        return True, [doubt] if is_alike and any(below) else []
    if any(named):
        missing = next(path.name for path, is_named in zip(paths, named, strict=True) if not is_named)
        raise Undescribable(f"some files have a header and {missing} has none; a source has one of the two")
    return False, ["header: the first record does not look like names; the columns are called column_1, column_2, …"]


def first_record(path: Path, form: Format, skip: int = 0, *, is_whole: bool = True) -> list[str | None]:
    """The fields of the first record; of one after it, and of the first whole one, where that is asked."""
    try:
        records = split(path, replace(form, header=False), _first_width(path, form))
        whole = (record for record in records if not (is_whole and record.problem))
        record = next(islice(whole, skip, None), None)
        return fields(record.raw, form) if record else []
    except (Unreadable, ValueError):
        return []


def _first_width(path: Path, form: Format) -> int:
    """Fields of the first record, by which the splitter knows whether a quote holds a line end or is broken."""
    if form.is_framed or form.sheet is not None:
        return _SOME
    text = head_of(path)[:_FIRST].decode(form.encoding, "replace").removeprefix("\ufeff")
    lines = [line for line in whole_lines(LINE_END.split(text)[:_LINES], form) if line.strip()]
    return max(_SOME, width_of(lines[0], form)) if lines else _SOME
