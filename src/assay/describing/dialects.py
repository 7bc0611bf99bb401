"""The dialect of CSV files: delimiter, quote, escape, and lines that are no records.

A dialect is judged by how many records are whole under it, in all files, by the engine's own splitter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from assay.contract.format import BLANKS, Format
from assay.describing.file_heads import SAMPLE, head_of
from assay.describing.frames import LINE_END, frame_of, is_names, speaks_of_totals, with_frame
from assay.describing.headers import first_record, has_header
from assay.describing.kinds import Kind, Undescribable
from assay.describing.places import has_runs, widths_of
from assay.text import Unreadable, split
from assay.text.as_text import text_in

_RECORDS = 2000
_SHOWN = 1 << 16  # bytes of each file in which quotes are counted
_FILES = 20
"""Up to which records and files dialects are tried; values are looked at in all of them."""
_DELIMITERS = ("||", "|~|", "~|~", "::", ",", ";", "\t", "|", "¦", "^", "~", ":")
_OTHER_LINES = (
    "Of fields that have their places, lines before the header and lines after the last record, see `type: fixed`, "
    "`preamble` and `footer`"
)
_MOST_BAD = 0.2
"""Share of records that may be no whole ones in a dialect that is proposed."""


@dataclass(frozen=True)
class _Trial:
    """What a dialect makes of the files.

    Attributes:
        form: The dialect.
        width: Fields of the first record, the fewest in any file.
        good: Records that have as many as the first one of their file.
        bad: Records that do not.
        has_names: Whether the first record of each file may be names.
        quoted: Fields that stand in the quotes of the dialect as a whole.
    """

    form: Format
    width: int
    good: int
    bad: int
    has_names: bool
    quoted: int

    @property
    def rank(self) -> tuple[bool, float, bool, int, int]:
        share = self.good / max(1, self.good + self.bad)
        return (self.width > 1 and share > 1 - _MOST_BAD, round(share, 2), self.has_names, self.quoted, self.width)


def dialect_of(paths: list[Path], usual: Format) -> Kind:
    """How the records of CSV files are written.

    Args:
        paths: The files.
        usual: With what is known already: the encoding, or that they are sheets.

    Raises:
        Undescribable: No dialect gives records of one width.
    """
    delimiters = _DELIMITERS if usual.sheet is None else (",",)
    trials = [
        _tried(paths, replace(usual, delimiter=delimiter, quote=quote, escape=escape))
        for delimiter in delimiters
        for quote, escape in _quotings(paths, usual)
    ]
    best = max(trials, key=lambda trial: trial.rank)
    notes: list[str] = []
    if best.width == 1 or best.bad or not best.has_names or _has_totals(paths, usual):
        best, notes = _in_frame(paths, trials, best)
    if best.width == 1 and usual.sheet is None and (placed := _in_places(paths, usual)):
        best, notes = placed
    elif best.width == 1:
        best = _tried(paths, usual)
        _refuse_other_lines(paths, usual)
    elif best.good <= best.bad * (1 / _MOST_BAD):
        raise Undescribable(
            f"no delimiter gives records of one width: with {best.form.delimiter!r}, {best.bad:,} of "
            f"{best.good + best.bad:,} have another than {best.width} fields. {_OTHER_LINES}"
        )
    unsure = [f"delimiter: {best.bad:,} records have not {best.width} fields"] if best.bad else []
    header, doubts = has_header(paths, best.form)
    return Kind(replace(best.form, header=header), [*notes, *unsure, *doubts])


def _in_frame(paths: list[Path], trials: list[_Trial], best: _Trial) -> tuple[_Trial, list[str]]:
    """A better dialect that takes some lines for no records, and what it takes for what."""
    texts = {path: _text(path, best.form) for path in paths[:_FILES]}
    notes: list[str] = []
    for trial in trials:
        frame = frame_of(texts, trial.form)
        if frame.options:
            framed = _tried(paths, with_frame(trial.form, frame))
            if framed.rank > best.rank or (framed.rank == best.rank and framed.form.footer and not notes):
                best, notes = framed, frame.notes
    return best, notes


def _in_places(paths: list[Path], usual: Format) -> tuple[_Trial, list[str]] | None:
    """Runs of blanks between fields, or fields in places, where each line of all files is a record by it."""
    lines = [line for path in paths[:_FILES] for line in LINE_END.split(_text(path, usual)) if line.strip(" \t")]
    runs = _tried(paths, replace(usual, delimiter=BLANKS))
    if runs.width > 1 and not runs.bad and has_runs(lines):
        note = f"delimiter: no mark gives records of one width; runs of blanks give {runs.width} fields everywhere"
        return runs, [note + ". A field that is empty or holds blanks in another file would be malformed there"]
    widths, is_trimmed = widths_of(lines)
    placed = _tried(paths, replace(usual, quote="", escape="", widths=widths, trimmed=is_trimmed)) if widths else None
    if placed is None or placed.bad:
        return None
    note = (
        f"widths: {placed.width} fields were taken to stand where a line has more than blanks, and where all "
        f"{len(lines):,} lines are blank a gap. Fields without a blank between them look like one, and a value that is "
        "wider in another file is malformed: see the description of the files, and put the widths right"
    )
    return placed, [note]


def _text(path: Path, form: Format) -> str:
    """All of a file, or the beginning and the end of a large one; of UTF-16 and UTF-32 the beginning alone.

    In these a byte of a line end is no line end, so nothing tells where the end of a file can be cut.
    """
    head, tail, size, encoding = b"", b"", 0, form.encoding
    for piece in text_in(path, form):
        if size < SAMPLE:
            head += piece
        else:
            tail = (tail + piece)[-SAMPLE:]
        size += len(piece)
    if not tail or encoding.startswith(("utf-16", "utf-32")):
        return head.decode(encoding, "replace").removeprefix("\ufeff")
    cut = tail[tail.find(b"\n") + 1 :]
    return head.decode(encoding, "replace").rpartition("\n")[0] + "\n" + cut.decode(encoding, "replace")


def _has_totals(paths: list[Path], form: Format) -> bool:
    return any(speaks_of_totals(_text(path, form)) for path in paths[:_FILES])


def _refuse_other_lines(paths: list[Path], form: Format) -> None:
    """Refuse files of one column of which most lines have a delimiter: the first ones are no header."""
    texts = "\n".join(_text(path, form) for path in paths[:_FILES])
    lines = [line for line in LINE_END.split(texts) if line.strip()]
    for delimiter in _DELIMITERS:
        having = sum(delimiter in line for line in lines)
        if having > len(lines) / 2 and delimiter != ":":
            raise Undescribable(
                f"no delimiter gives records of one width: {having:,} of {len(lines):,} lines have {delimiter!r}, and "
                f"the first has none. {_OTHER_LINES}"
            )


def _quotings(paths: list[Path], form: Format) -> list[tuple[str, str]]:
    """Quotes and escapes to try: the usual ones first, and what has nothing to quote is read by these."""
    if form.sheet is not None:
        return [('"', '"')]
    heads = b"".join(map(head_of, paths[:_FILES]))
    double, single, escaped = (mark in heads for mark in (b'"', b"'", b'\\"'))
    quotings = [('"', '"')]
    quotings += [('"', "\\")] if escaped else []
    quotings += [("'", "'")] if single else []
    return [*quotings, ("", "")] if double else quotings


def _tried(paths: list[Path], form: Format) -> _Trial:
    """How many records have the width of the first one of their file, and the smallest of these widths."""
    widths, good, bad, names = [], 0, 0, True
    for path in paths[:_FILES]:
        first = first_record(path, form, is_whole=False)
        width, names = len(first) or 1, names and is_names(first)
        problems = _problems(path, form, width)
        widths.append(width)
        good += problems.count(False)
        bad += problems.count(True)
    return _Trial(form, min(widths), good, bad, names, _quoted(paths, form))


def _quoted(paths: list[Path], form: Format) -> int:
    """How many fields of the beginnings of files are in quotes."""
    if not form.quote or form.sheet is not None:
        return 0
    quote, delimiter = re.escape(form.quote), re.escape(form.delimiter)
    inside = rf"(?:[^{quote}\\\n]|{quote}{quote}|\\.)*"
    field = re.compile(rf"(?:^|{delimiter}){quote}{inside}{quote}(?={delimiter}|\r?$)", re.MULTILINE)
    return sum(len(field.findall(head_of(path)[:_SHOWN].decode(form.encoding, "replace"))) for path in paths[:_FILES])


def _problems(path: Path, form: Format, width: int) -> list[bool]:
    try:
        records = islice(split(path, replace(form, header=False), width), _RECORDS)
        return [record.problem is not None for record in records]
    except Unreadable:
        return [True]
