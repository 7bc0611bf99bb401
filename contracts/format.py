"""How the files of a source are written: the `format` block of a contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FileType = Literal["csv", "jsonl", "parquet"]


@dataclass(frozen=True)
class Format:
    """The dialect of a source's files. Nothing of it is ever guessed from a file.

    Attributes:
        type: `csv` (any delimiter), `jsonl` (one JSON object a line) or `parquet`.
        delimiter: One character between the fields of a CSV record.
        quote: The character around a CSV field that holds delimiters or line ends; empty for none.
        escape: The character before a quote inside a quoted field; the quote itself means doubling.
        header: Whether the first CSV record names the columns.
        encoding: A Python codec name; applies to csv and jsonl.
        nulls: Unquoted CSV fields that mean NULL.
        decimal: The decimal mark of numbers in CSV.
    """

    type: FileType
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    header: bool = True
    encoding: str = "utf-8"
    nulls: tuple[str, ...] = ("",)
    decimal: str = "."
