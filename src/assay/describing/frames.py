"""Which lines of CSV files are no records, as far as the files show it: titles, comments, totals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assay.contract.format import Format
from assay.text.dialects import dialect

LINE_END = re.compile(r"\r\n|\n|\r")
"""What ends a line to the engine; `splitlines` takes form feeds and others for ends as well."""
_TITLES = 60
"""Lines before a header that are looked for."""
_AHEAD = 200
_TITLE_FIELDS = 2
"""Fields of a title that hold something, where it has more."""
_ALIKE = 0.9
"""Share of the lines after a header that have as many fields as it."""
_LAST = 10
"""Lines after the last record that are looked for."""
_TALL = 20
"""Lines that one record may have, where lines are looked at."""
_COMMENTS = ("#", "//", "--")
_TOTALS = re.compile(
    r"^\W*(grand\s+total|sub-?total|totals?|sum|summe|gesamt(summe)?|zwischensumme|somme|suma|totale|anzahl|count|"
    r"end of|printed|page|seite|records?:?\s*\d|\*{2,}|={3,}|-{3,})(?!\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Frame:
    """What a format would say of such lines.

    Attributes:
        options: Keys of `Format`.
        notes: What was taken for what, in sentences.
    """

    options: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def frame_of(texts: dict[Path, str], form: Format) -> Frame:
    """The lines of files that are no records under a delimiter; nothing where the files do not agree on it.

    Args:
        texts: The decoded text of each file: its beginning, or all of it.
        form: With the delimiter and quotes.
    """
    lines = {path: whole_lines(LINE_END.split(text), form) for path, text in texts.items()}
    frame = Frame()
    if comment := _comment(lines.values(), form):
        frame = Frame({"comment": comment}, [f"comment: lines that begin with {comment!r} were taken for comments"])
        lines = {path: ["" if line.startswith(comment) else line for line in each] for path, each in lines.items()}
    starts = {path: _start(each, form) for path, each in lines.items()}
    if any(start is None for start in starts.values()):
        return frame
    if titles := _preamble(lines, {path: start or 0 for path, start in starts.items()}):
        frame = Frame({**frame.options, **titles.options}, [*frame.notes, *titles.notes])
    footer = _footer([each[start or 0 :] for each, start in zip(lines.values(), starts.values(), strict=True)], form)
    return Frame({**frame.options, **footer.options}, [*frame.notes, *footer.notes])


def whole_lines(lines: list[str], form: Format) -> list[str]:
    """Lines, of which those that a quote holds together are one; a quote that nothing closes holds none."""
    if not form.quote:
        return lines
    joined: list[str] = []
    at = 0
    while at < len(lines):
        last = next(
            (end for end in range(at, min(at + _TALL, len(lines))) if _is_closed(lines[at : end + 1], form)), at
        )
        joined.append("\n".join(lines[at : last + 1]))
        at = last + 1
    return joined


def _is_closed(lines: list[str], form: Format) -> bool:
    text = "".join(lines)
    return (text if form.escape == form.quote else text.replace(form.escape + form.quote, "")).count(
        form.quote
    ) % 2 == 0


def _comment(files: Collection[list[str]], form: Format) -> str:
    """A mark with which some lines of the files begin, and which is no value: lines with it have another width."""
    for mark in _COMMENTS:
        counts = [sum(line.startswith(mark) for line in lines[:_TITLES]) for lines in files]
        if not any(counts) or any(count >= len(lines) / 2 for count, lines in zip(counts, files, strict=True)):
            continue
        marked = {width_of(line, form) for lines in files for line in lines if line.startswith(mark)}
        others = Counter(
            width_of(line, form) for lines in files for line in lines[:_TITLES] if line and not line.startswith(mark)
        )
        usual = max(others, key=lambda width: others[width], default=1)
        if usual == 1 or usual not in marked:
            return mark
    return ""


def width_of(line: str, form: Format) -> int:
    """Fields of a line under a dialect."""
    return dialect(form).walk(line.encode("utf-8", "replace")).separators + 1


def _start(lines: list[str], form: Format) -> int | None:
    """The index of the header: the first line of several fields that most lines after it have too.

    A title to which a spreadsheet gave as many fields has one or two that are not empty, and names come after it.
    """
    alike = []
    for at, line in enumerate(lines[:_TITLES]):
        width = width_of(line, form)
        after = [width_of(other, form) for other in lines[at + 1 : at + 1 + _AHEAD] if other.strip()]
        if width > 1 and after and sum(each == width for each in after) >= _ALIKE * len(after) - 2:
            alike.append(at)
    if not alike:
        return None
    filled = [field for field in _fields(lines[alike[0]], form) if field]
    names = next((at for at in alike if is_names(_fields(lines[at], form))), alike[0])
    return names if len(filled) <= _TITLE_FIELDS < width_of(lines[alike[0]], form) else alike[0]


def _fields(line: str, form: Format) -> list[str | None]:
    try:
        return [value.decode() for value, _ in dialect(form).values(line.encode("utf-8", "replace"))]
    except ValueError:
        return []


def is_names(values: list[str | None]) -> bool:
    """Whether values may be the names of columns: all are there, no two alike, and none is a number or a date."""
    if not values or any(not value or not value.strip() for value in values):
        return False
    names = [value.strip().casefold() for value in values if value]
    return len(set(names)) == len(names) and not any(name[0].isdigit() or name[0] in "+-.€$" for name in names)


def _preamble(lines: dict[Path, list[str]], starts: dict[Path, int]) -> Frame | None:
    titles = {path: [line for line in each[: starts[path]] if line.strip()] for path, each in lines.items()}
    if not any(titles.values()):
        return None
    shown = next(title[0] for title in titles.values() if title)
    if len(set(starts.values())) == 1:
        count = next(iter(starts.values()))
        return Frame({"preamble": count}, [f"preamble: {count} lines before the header, such as {shown[:60]!r}"])
    headers = {each[starts[path]] for path, each in lines.items()}
    if len(headers) > 1:
        return None
    pattern = f"^{re.escape(headers.pop()[:40])}"
    return Frame(
        {"preamble": pattern}, [f"preamble: lines before the header, from 0 to {max(starts.values())} of them"]
    )


def _footer(files: list[list[str]], form: Format) -> Frame:
    """Patterns of the last lines that are of another width, or speak of totals."""
    words: Counter[str] = Counter()
    shown = ""
    for lines in files:
        width = width_of(lines[0], form)
        last = [line for line in lines[1:][-_LAST:] if line.strip()]
        for line in reversed(last):
            values = _fields(line, form) or [""]
            first, is_full = values[0] or "", width_of(line, form) == width
            if is_full and not _is_total(values, lines, form):
                break  # a record, as far as its fields say
            if not is_full and not _TOTALS.search(line) and (first[:1].isdigit() or len(files) == 1):
                break  # a record that is broken, as far as anyone can tell
            word = re.match(r"\W*\w[\w ]*\w|\W+\w?", line)
            begin = f"{first}{form.delimiter}" if is_full else word.group() if word else line
            words[f"^{re.escape(begin)}"] += 1
            shown = shown or line
    if not words:
        return Frame()
    pattern = "|".join(words) if len(words) <= _LAST else f"(?i){_TOTALS.pattern}"
    return Frame({"footer": pattern}, [f"footer: lines after the last record, such as {shown[:60]!r}, by {pattern!r}"])


def _is_total(values: list[str | None], lines: list[str], form: Format) -> bool:
    """Whether a line as wide as a record is one of totals: some of it is empty, or records begin with digits."""
    if not re.fullmatch(rf"(?:{_TOTALS.pattern})\W*", values[0] or "", re.IGNORECASE):
        return False
    firsts = [(_fields(line, form) or [""])[0] or "" for line in lines[1 : _AHEAD + 1] if line.strip()]
    return not all(values) or sum(first[:1].isdigit() for first in firsts) > len(firsts) / 2


def speaks_of_totals(text: str) -> bool:
    """Whether the last line looks like one of totals."""
    lines = [line for line in LINE_END.split(text[-4096:]) if line.strip()]
    return len(lines) > 1 and bool(_TOTALS.search(lines[-1]))


def with_frame(form: Format, frame: Frame) -> Format:
    """The format with what a frame says."""
    return replace(form, **frame.options)
