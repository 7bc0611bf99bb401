"""The `format` block of a contract as a yml has it: a class for each type of file."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.config import JsonDict

from assay.contract.cell_range import cell_range
from assay.contract.format import BLANKS, Format
from assay.contract.month_names import month_names
from assay.contract.pointer import pointer_keys
from assay.contract.yml import Expected, Yml

_LONGEST = 4  # bytes of a delimiter, as DuckDB reads it
_LINE_ENDS = frozenset("\r\n\0")
MAX_WIDTH = 1_000_000
"""Characters of a line whose fields have their places: half as many as the bytes of the longest record."""


def _encoding(name: str) -> str:
    try:
        if "a\n".encode(name).decode(name) != "a\n":
            raise ValueError(f"{{key}} {name!r} does not give back what was written in it")
    except (LookupError, UnicodeError) as error:
        raise ValueError(f"unknown {{key}} {name!r}") from error
    return name


_MARK: JsonDict = {"maxLength": 1}
Encoding = Annotated[str, AfterValidator(_encoding)]
_ENCODING = Field(default=Format.encoding, description="A Python codec name.", examples=["utf-8", "cp1252"])


Thousands = Annotated[Literal["", ".", ",", " ", "'", "_"], Expected("{found} is not one of . , ' _ and a blank")]
Dates = Annotated[
    tuple[str, ...],
    Field(strict=False, examples=[["%d.%m.%Y"]]),
    Expected("{key} is a list of patterns such as ['%d.%m.%Y'], not {found}"),
]


def _locale(name: str) -> str:
    month_names(name, is_short=False)
    return name


Locale = Annotated[
    str,
    AfterValidator(_locale),
    Expected("{key} {found} is not a language that CLDR knows, such as de or pt_BR (in quotes where YAML takes it so)"),
    Field(examples=["de", "fr", "pt_BR"]),
]


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern.encode())
    except re.error as error:
        raise ValueError(f"{{key}} {pattern!r} is not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class UntilYml(Yml):
    """The first line that is not before the header."""

    until: Annotated[Pattern, Field(min_length=1)] = Field(description="A regular expression that it matches.")


class _FormatYml(Yml):
    shape = "expected keys such as {type: csv, delimiter: ','}"


class _RowsYml(_FormatYml):
    """Rows of fields, of which some may be no records."""

    header: Annotated[bool | int, Expected("{key} is true, false, or the number of its lines, not {found}")] = Field(
        default=Format.header, description="Whether the first record names the columns, or how many lines do together."
    )
    names: Annotated[Literal["exact", "loose"], Expected("{found} is not one of exact and loose")] = Field(
        default=Format.names, description="Whether case and blanks of names in the header count, or not: `loose`."
    )
    preamble: Annotated[
        int | UntilYml, Expected("{key} is a number of lines, or a pattern below `until`, not {found}")
    ] = Field(default=0, description="Lines before the header: how many, or until which one.")
    footer: Pattern = Field(default="", description="Of lines after the last record, such as totals.")
    comment: str = Field(default="", description="What lines that are comments begin with.")
    repeated_header: bool = Field(default=False, description="Whether the header may stand again between records.")
    nulls: Annotated[
        tuple[str, ...],
        Field(strict=False),
        Expected("{key} is a list of texts such as ['', 'NA'], not {found}"),
    ] = Field(default=Format.nulls, description="Unquoted fields that mean NULL.")
    quoted_nulls: bool = Field(default=Format.quoted_nulls, description="Whether a quoted one of them means NULL too.")
    decimal: Annotated[Literal[".", ","], Expected("{found} is not one of . and ,")] = Field(
        default=".", description="The decimal mark of numbers."
    )
    thousands: Thousands = Field(default="", description="The mark between groups of three digits of numbers.")
    dates: Dates = Field(default=(), description="How dates and times are written, where not in ISO form.")
    locale: Locale = Field(default="", description="The language of names of months in dates, where it is not English.")


class CsvYml(_RowsYml):
    """Records of fields with a delimiter between them."""

    kind = "csv"

    type: Literal["csv"] = Field(description="Records of fields with a delimiter between them.")
    delimiter: str = Field(
        default=Format.delimiter,
        description="Between fields: one character or a few; `blanks` for any number of spaces and tabs.",
        json_schema_extra={"anyOf": [{"maxLength": 4}, {"const": BLANKS}]},
    )
    quote: str = Field(
        default=Format.quote, description="Around a field with delimiters; empty for none.", json_schema_extra=_MARK
    )
    escape: str = Field(
        default=Format.escape, description="Before a quote in a field; a quote doubles it.", json_schema_extra=_MARK
    )
    encoding: Encoding = _ENCODING

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        delimiter = " \t" if self.delimiter == BLANKS else self.delimiter
        if not 0 < len(delimiter.encode()) <= _LONGEST or len(self.quote) > 1 or len(self.escape) > 1:
            raise ValueError(
                f"delimiter has 1 to {_LONGEST} bytes or is {BLANKS}, quote and escape are one character at most"
            )
        if not (self.quote + self.escape).isascii():
            raise ValueError(f"quote {self.quote!r} and escape {self.escape!r} must be ASCII")
        if {*delimiter} & {self.quote, self.escape} or _LINE_ENDS & {*delimiter, self.quote, self.escape}:
            raise ValueError("delimiter holds neither quote nor escape, and none of them a line end")
        for null in self.nulls:
            is_parted = delimiter in null if self.delimiter != BLANKS else bool({*delimiter} & {*null})
            if is_parted or {*self.quote, *_LINE_ENDS} & set(null):
                raise ValueError(f"nulls: {null!r} holds a delimiter, quote or line end, so no field can be it")
        return self


class FixedYml(_RowsYml):
    """Records of fields that have their places in a line."""

    kind = "fixed"

    type: Literal["fixed"] = Field(description="Records of fields that have their places in a line.")
    widths: Annotated[
        tuple[Annotated[int, Field(ge=-MAX_WIDTH, le=MAX_WIDTH)], ...],
        Field(strict=False, min_length=1),
        Expected("{key} is a list of numbers of characters such as [8, 12, -2, 3], not {found}"),
    ] = Field(description="Characters of each column, in order; of a negative number they are a gap without a column.")
    trimmed: bool = Field(default=False, description="Whether blanks at the end of a line may be left out.")
    header: bool = Field(default=True, description="Whether the first line names the columns, each in its place.")
    encoding: Encoding = _ENCODING

    @model_validator(mode="after")
    def _has_columns(self) -> Self:
        if not all(self.widths) or max(self.widths) < 0:
            raise ValueError("widths: a width is not 0, and that of a column is more than 0")
        if sum(map(abs, self.widths)) > MAX_WIDTH:
            raise ValueError(f"widths: a line has at most {MAX_WIDTH:,} characters")
        if padded := [null for null in self.nulls if null != null.strip(" ")]:
            raise ValueError(f"nulls: {padded[0]!r} has blanks around it, of which fields are freed, so no field is it")
        if marks := [null for null in self.nulls if set(null) & set('\t"\r\n')]:
            raise ValueError(
                f"nulls: {marks[0]!r} has a tab, a quote or a line end, which no text for NULL may have here"
            )
        return self


def _range(text: str) -> str:
    if text and cell_range(text) is None:
        raise ValueError(f"{{key}} {text!r} is not a range of cells such as 'B4:H200', or 'B4:H' without an end")
    return text


class ExcelYml(_RowsYml):
    """A sheet of a spreadsheet, whose rows are records."""

    kind = "excel"

    type: Literal["excel"] = Field(description="A sheet of a spreadsheet: xlsx, xlsb, xls or ods.")
    sheet: str = Field(default="", description="The name of the sheet; the first one where it is left out.")
    range: Annotated[str, AfterValidator(_range)] = Field(
        default="",
        description="The cells that are read, the header among them; all where it is left out.",
        examples=["B4:H200", "B4:H"],
    )


def _pointer(pointer: str) -> str:
    try:
        pointer_keys(pointer)
    except ValueError as error:
        raise ValueError(f"{{key}} {error}") from error
    return pointer


class _JsonYml(_FormatYml):
    """Records of JSON, or the elements of a list in each."""

    each: Annotated[str, Field(min_length=1, examples=["/lines"]), AfterValidator(_pointer)] | None = Field(
        default=None, description="The list in each record whose elements are the records, as a JSON pointer."
    )
    encoding: Encoding = _ENCODING


class JsonlYml(_JsonYml):
    """A JSON object a line."""

    kind = "jsonl"

    type: Literal["jsonl"] = Field(description="One JSON object a line.")


class JsonYml(_JsonYml):
    """One JSON document a file, with an array of objects in it."""

    kind = "json"

    type: Literal["json"] = Field(description="One JSON document a file.")
    records: Annotated[str, AfterValidator(_pointer)] = Field(
        default="", description="Where the array of records is, as a JSON pointer.", examples=["/data/items"]
    )


def _elements(path: str) -> str:
    if not re.fullmatch(r"(/(\{[^{}]*\})?[^/{}:@\s]+)+", path):
        raise ValueError(
            f"{{key}} {path!r} is not a path of elements such as '/catalog/item', without prefixes of names"
        )
    return path


class XmlYml(_FormatYml):
    """One XML document a file, with elements in it that are records."""

    kind = "xml"

    type: Literal["xml"] = Field(description="One XML document a file.")
    records: Annotated[str, AfterValidator(_elements)] = Field(
        description="The path of the elements that are records; a name stands for itself in any namespace, and after "
        "`{…}` in that one.",
        examples=["/catalog/item"],
    )
    nulls: Annotated[
        tuple[str, ...],
        Field(strict=False),
        Expected("{key} is a list of texts such as ['', 'NA'], not {found}"),
    ] = Field(default=Format.nulls, description="Texts of elements and attributes that mean NULL.")


class AvroYml(_FormatYml):
    """Avro container files, which say themselves how they are written."""

    kind = "avro"

    type: Literal["avro"] = Field(description="An Avro container; says itself how it is written.")


class ParquetYml(_FormatYml):
    """Parquet, which says itself how it is written."""

    kind = "parquet"

    type: Literal["parquet"] = Field(description="Parquet; says itself how it is written.")
