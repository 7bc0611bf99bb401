"""How files are written, as far as their bytes show it: type, encoding, delimiter, quote and header.

What is proposed is what the engine's own splitter makes sense of: a dialect is judged by how many records are whole
under it, in all files. Keep out: values and their types.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from assay.base.errors import UserError
from assay.contract.format import Format
from assay.describing.frames import frame_of, is_names, speaks_of_totals, with_frame
from assay.text import Unreadable, content, fields, split
from assay.text.spreadsheet import sheet_names, text_in

_SAMPLE = 1 << 20  # bytes of each file that dialects are tried on
_RECORDS = 2000
_PIECES = 2000  # of 64 KiB, of the JSON document in which records are looked for
_DEPTH = 5
_FILES = 20
"""Up to which records and files dialects are tried; values are looked at in all of them."""
_DELIMITERS = ("||", "|~|", "~|~", "::", ",", ";", "\t", "|", "¦", "^", "~", ":")
_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_BEYOND_ASCII = 0x80
_NOT_CP1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_OTHER_LINES = (
    "Fields of fixed width cannot be said yet; of lines before the header and after the last record, see `preamble` "
    "and `footer`"
)
_MOST_BAD = 0.2
"""Share of records that may be no whole ones in a dialect that is proposed."""


class Undescribable(UserError):
    """No contract of today can say how the files are written."""


@dataclass(frozen=True)
class Kind:
    """How some files are written.

    Attributes:
        form: The format that a contract would state.
        unsure: What may be otherwise, in sentences.
    """

    form: Format
    unsure: list[str] = field(default_factory=list)


def kind_of(paths: Sequence[Path]) -> Kind:
    """How the files are written; all of them alike.

    Raises:
        Undescribable: They are not, or in a way that no contract can say.
    """
    heads = {path: _head(path) for path in paths}
    empty = [path.name for path, head in heads.items() if not head.strip()]
    if empty:
        raise Undescribable(f"{empty[0]} is empty, so it shows nothing; leave it out")
    types = {path: _type(head) for path, head in heads.items()}
    if len(set(types.values())) > 1:
        shown = ", ".join(f"{path.name}: {kind}" for path, kind in islice(types.items(), 5))
        raise Undescribable(f"the files are of several types ({shown}); a source has one, so make one of each")
    [kind] = set(types.values())
    if kind == "parquet":
        return Kind(Format(type="parquet"))
    if kind == "excel":
        return _excel(paths)
    encoding, unsure = _encoding(paths, heads)
    if kind == "jsonl":
        return Kind(Format(type="jsonl", encoding=encoding), unsure)
    if kind == "json":
        pointer = _records(paths[0], encoding)
        where = f"records: {paths[0].name} has the longest array of objects at {pointer or 'the top'!r}"
        return Kind(Format(type="jsonl", encoding=encoding, records=pointer), [*unsure, where] if pointer else unsure)
    csv = _dialect(list(paths), Format(type="csv", encoding=encoding))
    return replace(csv, unsure=[*unsure, *csv.unsure])


def _excel(paths: Sequence[Path]) -> Kind:
    """The first sheet of workbooks, whose rows are those of CSV."""
    try:
        names = [sheet_names(path) for path in paths]
    except Unreadable as error:
        raise Undescribable(f"a zip archive or a spreadsheet that {error}; unpack an archive first") from error
    unsure = [f"sheet: the first of {', '.join(map(repr, some))} was taken" for some in names if len(some) > 1][:1]
    sheet = _dialect(list(paths), Format(type="csv", sheet=""))
    return replace(sheet, unsure=[*unsure, *sheet.unsure])


def _head(path: Path) -> bytes:
    try:
        with closing(content(path)) as pieces:
            taken = b""
            for piece in pieces:
                taken += piece
                if len(taken) >= _SAMPLE:
                    break
            return taken
    except FileNotFoundError as error:
        raise Undescribable(f"{path}: there is no such file") from error
    except Unreadable as error:
        raise Undescribable(f"{path.name}: {error}") from error


def _type(head: bytes) -> str:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "excel"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"<"):
        raise Undescribable("XML or HTML, which no contract can say yet: save it as CSV or JSON lines first")
    if text.startswith(b"{"):
        return "jsonl" if _is_object(text.partition(b"\n")[0]) else "json"
    return "csv"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _records(path: Path, encoding: str) -> str:
    """The JSON pointer of the longest array of objects in a document; that of the document where there is none."""
    with closing(content(path)) as pieces:
        text = b"".join(islice(pieces, _PIECES)).decode(encoding, "replace").removeprefix("\ufeff")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Undescribable(f"{path.name}: looks like JSON and is none: {error}") from error
    arrays = dict(_arrays(document, "", _DEPTH))
    return max(arrays, key=lambda pointer: arrays[pointer], default="")


def _arrays(value: object, pointer: str, depth: int) -> Iterator[tuple[str, int]]:
    if isinstance(value, list):
        count = sum(isinstance(item, dict) for item in value)
        if count:
            yield pointer, count
    elif isinstance(value, dict) and depth:
        for key, item in value.items():
            yield from _arrays(item, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}", depth - 1)


def _encoding(paths: Sequence[Path], heads: dict[Path, bytes]) -> tuple[str, list[str]]:
    """The encoding of all files, and what is not sure of it."""
    marks = {next((name for mark, name in _ORDER_MARKS if head.startswith(mark)), "") for head in heads.values()}
    if len(marks) > 1:
        raise Undescribable("some files are UTF-16 and others are not; a source has one encoding")
    if mark := marks.pop():
        return mark, []
    used = {path: _bytes_beyond_ascii(path) for path in paths}
    others = [path for path in paths if used[path] is not None]
    unicode = [path for path in paths if used[path] is None and not _is_ascii(path)] if others else []
    if not others:
        return "utf-8", []
    if unicode:
        raise Undescribable(f"{unicode[0].name} is UTF-8 and {others[0].name} is not; a source has one encoding")
    is_cp1252 = not set().union(*(used[path] or () for path in others)) & set(_NOT_CP1252)
    name = "cp1252" if is_cp1252 else "latin-1"
    return name, [f"encoding: {others[0].name} is not UTF-8; {name} was taken, which most such bytes are letters in"]


def _bytes_beyond_ascii(path: Path) -> set[int] | None:
    """Which bytes beyond ASCII a file holds that is not UTF-8; None of one that is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    used: set[int] = set()
    is_utf8 = True
    for piece in content(path):
        used |= {byte for byte in set(piece) if byte >= _BEYOND_ASCII}
        try:
            decoder.decode(piece)
        except UnicodeDecodeError:
            is_utf8 = False
            decoder.reset()
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_utf8 = False
    return None if is_utf8 else used


def _is_ascii(path: Path) -> bool:
    return all(piece.isascii() for piece in content(path))


@dataclass(frozen=True)
class _Trial:
    """What a dialect makes of the files.

    Attributes:
        form: The dialect.
        width: Fields of the first record, the fewest in any file.
        good: Records that have as many as the first one of their file.
        bad: Records that do not.
        has_names: Whether the first record of each file may be names.
    """

    form: Format
    width: int
    good: int
    bad: int
    has_names: bool

    @property
    def rank(self) -> tuple[bool, float, bool, int]:
        share = self.good / max(1, self.good + self.bad)
        return (self.width > 1 and share > 1 - _MOST_BAD, round(share, 2), self.has_names, self.width)


def _dialect(paths: list[Path], usual: Format) -> Kind:
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
    if best.width == 1:
        best = _tried(paths, usual)
        _refuse_other_lines(paths, usual)
    elif best.good <= best.bad * (1 / _MOST_BAD):
        raise Undescribable(
            f"no delimiter gives records of one width: with {best.form.delimiter!r}, {best.bad:,} of "
            f"{best.good + best.bad:,} have another than {best.width} fields. {_OTHER_LINES}"
        )
    unsure = [f"delimiter: {best.bad:,} records have not {best.width} fields"] if best.bad else []
    header, doubts = _has_header(paths, best)
    return Kind(replace(best.form, header=header), [*notes, *unsure, *doubts])


def _in_frame(paths: list[Path], trials: list[_Trial], best: _Trial) -> tuple[_Trial, list[str]]:
    """A better dialect that takes some lines for no records, and what it takes for what."""
    texts = {path: _text(path, best.form) for path in paths}
    notes: list[str] = []
    for trial in trials:
        frame = frame_of(texts, trial.form)
        if frame.options:
            framed = _tried(paths, with_frame(trial.form, frame))
            if framed.rank > best.rank or (framed.rank == best.rank and framed.form.footer and not notes):
                best, notes = framed, frame.notes
    return best, notes


def _text(path: Path, form: Format) -> str:
    """All of a file, or the beginning and the end of a large one."""
    head, tail, size, encoding = b"", b"", 0, form.encoding
    for piece in text_in(path, form):
        if size < _SAMPLE:
            head += piece
        else:
            tail = (tail + piece)[-_SAMPLE:]
        size += len(piece)
    if not tail:
        return head.decode(encoding, "replace").removeprefix("\ufeff")
    cut = tail[tail.find(b"\n") + 1 :]
    return head.decode(encoding, "replace").rpartition("\n")[0] + "\n" + cut.decode(encoding, "replace")


def _has_totals(paths: list[Path], form: Format) -> bool:
    return any(speaks_of_totals(_text(path, form)) for path in paths[:_FILES])


def _refuse_other_lines(paths: list[Path], form: Format) -> None:
    """Refuse files of one column of which most lines have a delimiter: the first ones are no header."""
    texts = "\n".join(_text(path, form) for path in paths[:_FILES])
    lines = [line for line in texts.splitlines() if line.strip()]
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
    heads = b"".join(map(_head, paths[:_FILES]))
    double, single, escaped = (mark in heads for mark in (b'"', b"'", b'\\"'))
    quotings = [('"', '"')]
    quotings += [('"', "\\")] if escaped else []
    quotings += [("'", "'")] if single else []
    return [*quotings, ("", "")] if double else quotings


def _tried(paths: list[Path], form: Format) -> _Trial:
    """How many records have the width of the first one of their file, and the smallest of these widths."""
    widths, good, bad, names = [], 0, 0, True
    for path in paths[:_FILES]:
        first = _first(path, form, 2, is_whole=False)
        width, names = len(first) or 1, names and is_names(first)
        problems = _problems(path, form, width)
        widths.append(width)
        good += problems.count(False)
        bad += problems.count(True)
    return _Trial(form, min(widths), good, bad, names)


def _problems(path: Path, form: Format, width: int) -> list[bool]:
    try:
        records = islice(split(path, replace(form, header=False), width), _RECORDS)
        return [record.problem is not None for record in records]
    except Unreadable:
        return [True]


def _has_header(paths: list[Path], trial: _Trial) -> tuple[bool, list[str]]:
    firsts = [_first(path, trial.form, 2, is_whole=False) for path in paths]
    named = [is_names(names) for names in firsts]
    if all(named):
        below = [_first(path, trial.form, len(names), skip=1) for path, names in zip(paths, firsts, strict=True)]
        is_alike = all(is_names(values) for values in below if values)
        doubt = "header: the first record was taken for the names, but the records below look like it"
        return True, [doubt] if is_alike and any(below) else []
    if any(named):
        missing = next(path.name for path, is_named in zip(paths, named, strict=True) if not is_named)
        raise Undescribable(f"some files have a header and {missing} has none; a source has one of the two")
    return False, ["header: the first record does not look like names; the columns are called column_1, column_2, …"]


def _first(path: Path, form: Format, width: int, skip: int = 0, *, is_whole: bool = True) -> list[str | None]:
    """The fields of the first record, or of one after it; of the first whole one where it has to be."""
    try:
        records = (r for r in split(path, replace(form, header=False), width) if not (is_whole and r.problem))
        record = next(islice(records, skip, None), None)
        return fields(record.raw, form) if record else []
    except (Unreadable, ValueError):
        return []


def width_of(path: Path, form: Format) -> int:
    """Fields of the first record of a CSV file."""
    return len(_first(path, form, 2, is_whole=False))
