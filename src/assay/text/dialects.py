"""The dialect of a `Format`: how it parts the fields of a line."""

from __future__ import annotations

from assay.contract.format import BLANKS, Format
from assay.text.blank_runs import BlankRuns
from assay.text.dialect import Dialect
from assay.text.fixed_width import FixedWidths


def dialect(form: Format) -> Dialect:
    """The dialect of a CSV format.

    Raises:
        ValueError: The format is no CSV, its quote or escape is not one ASCII character, or its delimiter is empty.
    """
    if form.type != "csv" or not form.delimiter:
        raise ValueError(f"no CSV dialect: type {form.type!r}, delimiter {form.delimiter!r}")
    if not (form.quote + form.escape).isascii() or len(form.quote) > 1 or len(form.escape) > 1:
        raise ValueError(f"quote {form.quote!r} and escape {form.escape!r} must be one ASCII character or empty")
    if form.widths:
        return FixedWidths(b"", b"", b"", form.widths, form.trimmed)
    escape = form.escape if form.quote else ""
    kind = BlankRuns if form.delimiter == BLANKS else Dialect
    delimiter = " " if form.delimiter == BLANKS else form.delimiter
    return kind(delimiter.encode(), form.quote.encode(), escape.encode())


def fields(raw: bytes, format: Format) -> list[str | None]:
    """The values of one CSV record as DuckDB reads them; None for a field that means NULL.

    Raises:
        ValueError: The quotes of the record are broken, or the format is no CSV.
        UnicodeDecodeError: The record is not UTF-8.
    """
    nulls = frozenset(null.encode() for null in format.nulls)
    return [
        None if value in nulls and (format.quoted_nulls or not is_quoted) else value.decode()
        for value, is_quoted in dialect(format).values(raw)
    ]
