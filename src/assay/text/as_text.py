"""What stands in a file as text: decompressed, and of sheets, Avro and XML the records in lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from assay.contract.format import Format
from assay.text.avro import avro_lines, count_avro
from assay.text.compression import content
from assay.text.spreadsheet import sheet_text
from assay.text.stream import Unreadable
from assay.text.xml_count import count_elements
from assay.text.xml_records import xml_lines
from assay.text.zip_archive import MARK as ARCHIVE


def text_in(path: Path, form: Format) -> Iterator[bytes]:
    """The text of a file, a piece at a time.

    Raises:
        Unreadable: It is damaged, or not of its format.
        FileNotFoundError: It is gone.
    """
    if form.sheet is not None:
        return sheet_text(path, form.sheet, form.decimal, form.range)
    text = but_archives(content(path))
    if form.elements is not None:
        return xml_lines(text, form.elements, form.nulls)
    return avro_lines(text) if form.is_avro else text


def but_archives(text: Iterator[bytes]) -> Iterator[bytes]:
    """A text as it is.

    Raises:
        Unreadable: It is a zip archive.
    """
    head = b""
    while len(head) < len(ARCHIVE) and (more := next(text, b"")):
        head += more
    if head.startswith(ARCHIVE):
        raise Unreadable(
            'is a zip archive: `files` claims the members of one as in "deliveries/*.zip!/*.csv", and an archive '
            "within another is not opened; have its files sent as they are"
        )
    yield head
    yield from text


class Counted(NamedTuple):
    """Records, counted by another reader than the one that loads them, and their names where the file says them."""

    records: int
    names: tuple[str, ...] | None = None


def count_converted(received: Iterator[bytes], form: Format) -> Counted:
    """Count the records of a file of Avro or XML.

    Raises:
        Unreadable: As of `count_avro` and `count_elements`.
    """
    return Counted(count_elements(received, form.elements)) if form.elements else Counted(*count_avro(received))
