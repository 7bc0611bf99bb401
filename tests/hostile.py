"""Strings that formats trip over, and how each text format writes them: by the standard library, or by hand."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import openpyxl

LONG = "ab,\"'é\n" * 140_000
"""About a megabyte."""

STRINGS = (
    "", " ", "  two  ", "\t", "\ttab\t", "\u00a0no-break\u00a0", "\u3000wide\u3000", "\v\f", "\x1f\x1e\x01",
    "\x7f", "\x85", ",", ";", "|", "||", "a||b", "a,b;c|d\te", '"', '""', '"""', '"a"', 'a"b', 'a "b" c', '5\' 10"',
    "'", "''", "'a'", "\\", "\\\\", '\\"', "\\'", "a\\", "\\n", "\\N", "\\u0041", "\\x00", "\n", "\r", "\r\n",
    "\n\n", "a\nb", "a\rb",
    "a\r\nb", "\nlead", "trail\n", "trail\r", '"\n"', '"\r\n",', "NULL", "null", "NA", "nan", "None", "true",
    "#N/A", "-", "0", "007", "1e5", "0x1F", "1,5", "2024-02-30", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)",
    "=1+1", "'=1",
    "\ufeff", "\ufeffbom", "bo\ufeffm", "\ufffd", "\ufffe",
    "é", "e\u0301", "\u0301", "ß", "İ", "\u0131", "ﬁ", "Ω", "Å", "ⅷ",
    "日本語", "ｶﾞ", "\U0001f600", "👨\u200d👩\u200d👧", "🇩🇪", "\U0010ffff", "\U00020000", "\ue000",
    "\u202eabc\u202c",
    "שלום", "\u200f", "مرحبا", "\u200b", "\u2028", "\u2029", "\u0085", "%s", "{0}", "{{x}}", "${x}", "$$",
    "; drop table x; --",
    "<a>&amp;</a>", "]]>", "_x000D_", "_x0041_", "# comment", "// c", "--", "id", "id,text", "a" * 70_000, "é" * 40_000,
    "x" + " " * 5_000 + "x", '"' * 9_999, "'" * 9_998, "\\" * 9_999, LONG,
)  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A format with what writes a table of two columns, `id` and `text`, in it.

    Attributes:
        name: Of a source.
        form: The `format` of its contract.
        write: The bytes of a file with these texts, by their ids.
        holds: Whether the format can say a text, so that it comes back as itself.
        ending: Of the file's name.
    """

    name: str
    form: Mapping[str, Any]
    write: Callable[[Mapping[int, str]], bytes]
    holds: Callable[[str], bool] = field(default=lambda _: True)
    ending: str = "txt"


def _encodable(text: str, encoding: str) -> bool:
    try:
        return text.encode(encoding).decode(encoding) == text
    except UnicodeError:
        return False


def _csv(name: str, encoding: str = "utf-8", end: str = "\n", **dialect: Any) -> Written:
    """Every text in quotes, those in it doubled or escaped."""
    delimiter, quote, escape = (dialect.get(key, usual) for key, usual in zip(_MARKS, (",", '"', '"'), strict=True))

    def row(first: object, text: str) -> str:
        inside = text.replace(escape, escape * 2) if escape != quote else text
        return f"{first}{delimiter}{quote}{inside.replace(quote, escape + quote)}{quote}{end}"

    def write(texts: Mapping[int, str]) -> bytes:
        body = "".join(row(number, text) for number, text in texts.items())
        return (row("id", "text") + body).encode(encoding)

    form = {"type": "csv", "encoding": encoding, "delimiter": delimiter, "quote": quote, "escape": escape}
    return Written(name, form, write, lambda text: _encodable(text, encoding))


_MARKS = ("delimiter", "quote", "escape")


def _bare(name: str, delimiter: str, encoding: str = "utf-8", end: str = "\n") -> Written:
    """No text in quotes, which mean nothing."""

    def write(texts: Mapping[int, str]) -> bytes:
        return (f"id{delimiter}text{end}" + "".join(f"{n}{delimiter}{t}{end}" for n, t in texts.items())).encode(
            encoding
        )

    def holds(text: str) -> bool:
        return bool(text) and not any(mark in text for mark in (delimiter, "\r", "\n")) and _encodable(text, encoding)

    form = {"type": "csv", "delimiter": delimiter, "quote": "", "escape": "", "encoding": encoding}
    return Written(name, form, write, holds)


def _minimal(texts: Mapping[int, str]) -> bytes:
    """As Python's csv writes it, with quotes where they are needed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["id", "text"])
    writer.writerows(texts.items())
    return out.getvalue().encode()


def _blanks(texts: Mapping[int, str]) -> bytes:
    doubled = {number: text.replace('"', '""') for number, text in texts.items()}
    return ("  id \t text\n" + "".join(f'\t{number}   "{text}"  \n' for number, text in doubled.items())).encode()


def _json_lines(texts: Mapping[int, str], *, ensure_ascii: bool) -> bytes:
    lines = (json.dumps({"id": n, "text": text}, ensure_ascii=ensure_ascii) + "\n" for n, text in texts.items())
    return "".join(lines).encode()


def _json_document(texts: Mapping[int, str]) -> bytes:
    records = [{"id": number, "text": text} for number, text in texts.items()]
    return json.dumps({"rows": records}, ensure_ascii=False, indent=2).encode()


def _fixed(encoding: str) -> Callable[[Mapping[int, str]], bytes]:
    def write(texts: Mapping[int, str]) -> bytes:
        rows = [("id", "text"), *texts.items()]
        return "".join(f"{number:>6}{text:<71000}".rstrip(" ") + "\n" for number, text in rows).encode(encoding)

    return write


def _sheet(texts: Mapping[int, str]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["id", "text"])
    for number, text in texts.items():
        sheet.append([number, None])
        cell = sheet.cell(sheet.max_row, 2)
        cell.value, cell.data_type = re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text), "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _in_a_line(text: str) -> bool:
    return bool(text) and not {"\r", "\n"} & {*text} and text == text.strip(" ") and len(text) <= 71_000


def _in_a_cell(text: str) -> bool:
    """What XML can hold, in the length of a cell; of blanks alone openpyxl does not say that they are to be kept."""
    is_xml = not any(ord(letter) < 32 and letter not in "\t\n" for letter in text)
    return bool(text.strip(" \t\n")) and len(text) <= 32_767 and is_xml and not {"\ufffe", "\uffff"} & {*text}


FORMATS = (
    Written("csv_minimal", {"type": "csv"}, _minimal, lambda text: bool(text) and "\r" not in text.replace("\r\n", "")),
    _csv("csv_quoted"),
    _csv("csv_returns", end="\r\n"),
    _csv("csv_semicolon", delimiter=";", quote="'", escape="'"),
    _csv("csv_escaped", delimiter="\t", escape="\\"),
    _csv("csv_escaped_single", delimiter="|", quote="'", escape="\\"),
    _csv("csv_wide", delimiter="||"),
    _csv("csv_utf16", "utf-16"),
    _csv("csv_utf8_sig", "utf-8-sig"),
    _csv("csv_cp1252", "cp1252"),
    _csv("csv_latin", "latin-1", delimiter="\xa6"),
    _csv("csv_japanese", "shift_jis"),
    _csv("csv_chinese", "gb18030"),
    _bare("bare_tab", "\t"),
    _bare("bare_pipes", "|~|", "utf-16-le", "\r\n"),
    Written("blanks", {"type": "csv", "delimiter": "blanks"}, _blanks),
    Written("lines", {"type": "jsonl"}, lambda texts: _json_lines(texts, ensure_ascii=False)),
    Written("lines_ascii", {"type": "jsonl"}, lambda texts: _json_lines(texts, ensure_ascii=True)),
    Written("document", {"type": "json", "records": "/rows"}, _json_document),
    Written("fixed", {"type": "fixed", "widths": [6, 71_000], "trimmed": True}, _fixed("utf-8"), _in_a_line),
    Written(
        "fixed_japanese",
        {"type": "fixed", "widths": [6, 71_000], "trimmed": True, "encoding": "shift_jis"},
        _fixed("shift_jis"),
        lambda text: _in_a_line(text) and _encodable(text, "shift_jis"),
    ),
    Written("sheet", {"type": "excel"}, _sheet, _in_a_cell, "xlsx"),
)
