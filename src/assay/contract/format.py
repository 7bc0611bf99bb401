"""How the files of a source are written: the `format` block of a contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from assay.contract.pointer import pointer_of

FileType = Literal["csv", "jsonl", "parquet"]
Names = Literal["exact", "loose"]
BLANKS = "blanks"
"""The delimiter of records whose fields any number of spaces and tabs parts."""


@dataclass(frozen=True)
class Format:
    """The dialect of a source's files. Nothing of it is ever guessed from a file.

    Attributes:
        type: `csv` (any delimiter), `jsonl` (one JSON object a line) or `parquet`.
        records: Where the records of a JSON document are, as a JSON pointer: an array, or one object. None where each
            is a line.
        each: The list of each record whose elements are the records instead, as a JSON pointer; None for none.
        places: Where in a record of JSON or Parquet each column's value stands, by name as a JSON pointer; empty where
            all are members of the record by their own names. Of an element it starts there; after `^` it starts at the
            record that holds the list, and `#` is the element's position, from 1.
        aliases: Other names that files may have for a column, by its name; each stands where the column's own would.
        shapes: The types of the columns that hold objects and lists in files of text, by name; then all have a place.
        elements: The path of the elements of an XML document that are records; None where the file is no XML.
        is_avro: Whether the file is an Avro container.
        sheet: The sheet of a spreadsheet, whose rows are read as those of CSV: empty for the first one, None where the
            file is no spreadsheet.
        range: The cells of the sheet that are read, e.g. `B4:H200` or `B4:H`; empty for all.
        widths: Characters of each field where fields have their places in a line; of a negative number nothing is read.
            Empty where a delimiter parts them.
        trimmed: Whether blanks at the end of a line of such fields may be left out.
        delimiter: Up to four bytes between the fields of a CSV record, or `blanks`.
        quote: The character around a CSV field that holds delimiters or line ends; empty for none.
        escape: The character before a quote inside a quoted field; the quote itself means doubling.
        header: Whether the first CSV record names the columns; a number for so many lines that name them together.
        names: Whether a name in the header is that of a column as it is written, or without regard to case and blanks.
        preamble: Lines before the header, or before the first record: how many, or a pattern of the first line that is
            none of them. 0 for none.
        footer: Pattern of lines after the last record; empty for none.
        comment: What lines that are comments begin with; empty for none.
        repeated_header: Whether the line of the header may stand again between records.
        encoding: A Python codec name; applies to csv and jsonl.
        nulls: CSV fields that mean NULL, and texts of XML; unquoted ones,
        quoted_nulls: or quoted ones as well.
        decimal: The decimal mark of numbers in CSV.
        thousands: The mark between groups of three digits of numbers in CSV; empty for none.
        dates: How dates and times are written in CSV, as for strptime; empty for ISO form.
        locale: The language of names of months in dates; English where it is empty.
    """

    type: FileType
    records: str | None = None
    each: str | None = None
    places: tuple[tuple[str, str], ...] = ()
    aliases: tuple[tuple[str, tuple[str, ...]], ...] = ()
    shapes: tuple[tuple[str, str], ...] = ()
    elements: str | None = None
    is_avro: bool = False
    sheet: str | None = None
    range: str = ""
    widths: tuple[int, ...] = ()
    trimmed: bool = False
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    header: bool | int = True
    names: Names = "exact"
    preamble: int | str = 0
    footer: str = ""
    comment: str = ""
    repeated_header: bool = False
    encoding: str = "utf-8"
    nulls: tuple[str, ...] = ("",)
    quoted_nulls: bool = False
    decimal: str = "."
    thousands: str = ""
    dates: tuple[str, ...] = ()
    locale: str = ""

    @property
    def has_delimiter(self) -> bool:
        """Whether one and the same text parts the fields of a CSV record."""
        return not self.widths and self.delimiter != BLANKS

    @property
    def clean(self) -> Format:
        """The format of a clean copy of such files, which is read in place of them (see `Dialect.clean`)."""
        if self.widths:
            return replace(self, delimiter="\t", quote='"', escape='"', quoted_nulls=True)
        return self if self.has_delimiter else replace(self, delimiter="\t")

    @property
    def header_lines(self) -> int:
        """Lines that name the columns."""
        return int(self.header)

    @property
    def is_converted(self) -> bool:
        """Whether records become lines of JSON when they are read, and are counted without that."""
        return self.elements is not None or self.is_avro

    @property
    def is_rearranged(self) -> bool:
        """Whether a record as it is read is not one of the file with its members by their names."""
        return self.each is not None or any(place != pointer_of(name) for name, place in self.places)

    @property
    def is_framed(self) -> bool:
        """Whether some lines of a file are no records, or its records are in no lines of their own."""
        return bool(
            self.preamble
            or self.footer
            or self.comment
            or self.repeated_header
            or self.header_lines > 1
            or self.records is not None
        )

    @property
    def form(self) -> Mapping[str, Any]:
        """The values of the dialect that differ from its defaults, in terms of JSON."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        usual = {field.name: field.default for field in fields(self)}
        written = {name: value for name, value in named.items() if value != usual[name]}
        return {name: _lists(value) for name, value in written.items()}

    @property
    def declared(self) -> Mapping[str, Any]:
        """The block of a contract that says all this, but for what its columns say."""
        of_columns = ("places", "aliases", "shapes")
        form = {name: value for name, value in self.form.items() if name not in of_columns}
        if form.pop("is_avro", False):
            form["type"] = "avro"
        elif self.elements is not None:
            form |= {"type": "xml", "records": form.pop("elements")}
        elif self.records is not None:
            form["type"] = "json"
        elif self.sheet is not None:
            form["type"] = "excel"
        elif self.widths:
            form = {"type": "fixed", **{key: form[key] for key in form if key not in ("type", "quote", "escape")}}
        if isinstance(self.preamble, str):
            form["preamble"] = {"until": self.preamble}
        return form


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple) else value
