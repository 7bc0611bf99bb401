"""A file split into its records, and written as a clean file and a file of what is malformed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from assay.contract.format import Format
from assay.text.as_text import text_in
from assay.text.csv_records import csv_records
from assay.text.dialects import dialect
from assay.text.encoding import as_utf8, checked, codec_name
from assay.text.framing import framed
from assay.text.header import skip_header
from assay.text.json_records import json_records
from assay.text.lines import Lines, line_end
from assay.text.nested import flat_records
from assay.text.record import MAX_JSON_LINE, MAX_RECORD, Fault, Record, Run
from assay.text.renamed import renamed_records
from assay.text.room import Room

JSON_SEPARATOR = b"\x01"
"""Between the line number and the record in a clean file of JSON lines: JSON cannot hold it."""


def split(path: Path, format: Format, columns: int) -> Iterator[Record]:
    """Every record of a CSV or JSON lines file, good or malformed, in its order; memory stays bounded.

    Args:
        path: The file, plain or compressed.
        format: Its dialect.
        columns: The fields that a good CSV record has, at least 1; of no meaning for JSON lines.

    Raises:
        Unreadable: The file as a whole cannot be read; for a damaged stream, after the records before the damage.
        FileNotFoundError: It is gone.
        ValueError: The format is neither CSV nor JSON lines.
        LookupError: Python does not know the encoding.
    """
    for part in _parts(path, format, columns):
        if isinstance(part, Run):
            for line, raw in enumerate(part.raws, part.line):
                yield Record(line, raw, None)
        else:
            yield part


def raws_at(path: Path, format: Format, columns: int, lines: Iterator[int]) -> Iterator[tuple[int, bytes]]:
    """The raw text of records of a CSV or JSON lines file, each with its line.

    Args:
        path, format, columns: As of `split`.
        lines: On which the records begin, in their order; the file is read up to the last one.

    Raises:
        Unreadable, FileNotFoundError, ValueError, LookupError: As of `split`.
    """
    wanted = next(lines, None)
    if wanted is None:
        return
    for part in _parts(path, format, columns):
        raws = part.raws if isinstance(part, Run) else [part.raw]
        while wanted < part.line + len(raws):
            if wanted >= part.line:
                yield wanted, raws[wanted - part.line]
            wanted = next(lines, None)
            if wanted is None:
                return


def _parts(path: Path, form: Format, columns: int) -> Iterator[Run | Record]:
    codec = codec_name(form.encoding)
    with closing(_utf8(path, codec, form)) as text:
        end = line_end(text)
    with closing(_utf8(path, codec, form)) as text:
        if form.type == "jsonl":
            records = json_records(Lines(text, end, MAX_JSON_LINE, codec, b""), codec)
            if form.places:
                records = flat_records(records, form)
            elif form.aliases:
                records = renamed_records(records, form)
            yield from records
            return
        rules = dialect(form)
        lines = Lines(text, end, MAX_RECORD, codec, rules.quote)
        if form.header:
            skip_header(lines, rules, codec)
        yield from csv_records(lines, rules, columns, codec)


def _utf8(path: Path, codec: str, form: Format) -> Generator[bytes, None, None]:
    if form.is_converted:  # into UTF-8, and of a file without records into nothing
        yield from text_in(path, form)
    else:
        yield from framed(as_utf8(checked(text_in(path, form), codec), codec), form)


@dataclass(frozen=True)
class Counts:
    """What `write_clean` wrote.

    Attributes:
        good: Records in the clean file.
        bad: Records in the file of malformed ones.
        has_quoted_line_ends: Whether a good record goes over several lines; DuckDB then needs `parallel = false`.
        faults: How many malformed ones there are of each fault; under None where it is not the structure.
        aliases: (column, other name) of the columns that good records call otherwise; the clean file has the own names.
        example: The first malformed record.
    """

    good: int
    bad: int
    has_quoted_line_ends: bool = False
    faults: Mapping[Fault | None, int] = field(default_factory=dict)
    aliases: frozenset[tuple[str, str]] = frozenset()
    example: Record | None = None


def write_clean(path: Path, format: Format, columns: int, good: Path, bad: Path, room: Room | None = None) -> Counts:
    r"""Write the good records to one file and the malformed ones to another.

    The clean file is UTF-8 without a header, in the format `Format.clean`; before each record stand its line number and
    the delimiter (in JSON lines `\x01`), after it `\n`. The other file has a JSON object a line: `line`, `raw`, and
    `problems`, a list.

    Args:
        path, format, columns: As of `split`.
        good: The clean file to write.
        bad: The file of malformed records to write.
        room: What may be written; by default what the disk of `good` can spare.

    Raises:
        Unreadable: As of `split`; what was written up to then is of no use.
        NoRoom: The disk cannot spare the bytes.
    """
    room = room or Room(good.parent)
    separator = JSON_SEPARATOR if format.type == "jsonl" else format.clean.delimiter.encode()
    clean_of = None if format.has_delimiter else dialect(format).clean
    template = b"%d" + separator.replace(b"%", b"%%") + b"%b\n"
    written, refused, has_quoted = 0, 0, False
    faults: Counter[Fault | None] = Counter()
    example = None
    aliases: set[tuple[str, str]] = set()
    with good.open("wb", buffering=1 << 20) as clean, bad.open("w", encoding="utf-8") as rest:
        for part in _parts(path, format, columns):
            if isinstance(part, Run):
                raws = map(clean_of, part.raws) if clean_of else part.raws
                room.take(clean.write(b"".join(map(template.__mod__, enumerate(raws, part.line)))))
                written += len(part.raws)
            elif part.problem is None:
                plain = part.raw if part.clean is None else part.clean
                room.take(clean.write(template % (part.line, clean_of(plain) if clean_of else plain)))
                written += 1
                aliases.update(part.aliases)
                has_quoted = has_quoted or b"\n" in part.raw or b"\r" in part.raw
            else:
                entry = {"line": part.line, "raw": part.raw.decode(), "problems": [part.problem]}
                room.take(rest.write(json.dumps(entry) + "\n"))
                refused += 1
                faults[part.fault] += 1
                example = example or part
    return Counts(written, refused, has_quoted, faults, frozenset(aliases), example)
