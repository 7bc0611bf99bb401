"""Of which type files are, and with that how they are written: an entry of `_KINDS` for each type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from assay.contract.format import Format
from assay.describing.dialects import dialect_of
from assay.describing.element_paths import record_path
from assay.describing.encodings import encoding_of, marked_encoding
from assay.describing.file_heads import head_of
from assay.describing.json_shape import is_object, records_in
from assay.describing.kinds import Kind, Undescribable
from assay.text import Unreadable
from assay.text.avro_blocks import MAGIC
from assay.text.spreadsheet import sheet_names

Heads = Mapping[Path, bytes]
"""The first bytes of each file."""
_HEAD = 1 << 16
"""Bytes of each that are kept; there may be thousands of files."""


def kind_of(paths: Sequence[Path]) -> Kind:
    """How the files are written; all of them alike.

    Raises:
        Undescribable: They are not, or in a way that no contract can say.
    """
    heads, types = {}, {}
    for path in paths:
        head = head_of(path)
        if not head.strip():
            raise Undescribable(f"{path.name} is empty, so it shows nothing; leave it out")
        types[path], heads[path] = _type(head), head[:_HEAD]
    if len(set(types.values())) > 1:
        shown = ", ".join(f"{path.name}: {kind}" for path, kind in islice(types.items(), 5))
        raise Undescribable(f"the files are of several types ({shown}); a source has one, so make one of each")
    [kind] = set(types.values())
    return _KINDS[kind](paths, heads)


def _type(head: bytes) -> str:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "excel"
    if head.startswith(MAGIC):
        return "avro"
    if encoding := marked_encoding(head):
        head = head.decode(encoding, "ignore").encode()
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"["):
        return "json"
    if text.startswith((b"<", b"\xff\xfe<\x00", b"\xfe\xff\x00<")):
        return _type_of_markup(text)
    if text.startswith(b"{"):
        return "jsonl" if is_object(text.partition(b"\n")[0]) else "json"
    return "csv"


def _type_of_markup(text: bytes) -> str:
    if text.lower().startswith((b"<!doctype html", b"<html")):
        raise Undescribable("HTML, which no contract can say: save its tables as CSV first")
    return "xml"


def _avro(_paths: Sequence[Path], _heads: Heads) -> Kind:
    return Kind(Format(type="jsonl", is_avro=True))


def _xml(paths: Sequence[Path], _heads: Heads) -> Kind:
    path, unsure = record_path(paths)
    return Kind(Format(type="jsonl", elements=path), unsure)


def _parquet(_paths: Sequence[Path], _heads: Heads) -> Kind:
    return Kind(Format(type="parquet"))


def _excel(paths: Sequence[Path], _heads: Heads) -> Kind:
    """The first sheet of workbooks, whose rows are those of CSV."""
    try:
        names = [sheet_names(path) for path in paths]
    except Unreadable as error:
        raise Undescribable(f"looks like a spreadsheet and {error}") from error
    unsure = [f"sheet: the first of {', '.join(map(repr, some))} was taken" for some in names if len(some) > 1][:1]
    sheet = dialect_of(list(paths), Format(type="csv", sheet=""))
    return replace(sheet, unsure=[*unsure, *sheet.unsure])


def _json_lines(paths: Sequence[Path], heads: Heads) -> Kind:
    encoding, unsure = encoding_of(paths, heads)
    return Kind(Format(type="jsonl", encoding=encoding), unsure)


def _json_document(paths: Sequence[Path], heads: Heads) -> Kind:
    encoding, unsure = encoding_of(paths, heads)
    pointer = records_in(paths[0], encoding)
    where = f"records: {paths[0].name} has the longest array of objects at {pointer or 'the top'!r}"
    return Kind(Format(type="jsonl", encoding=encoding, records=pointer), [*unsure, where] if pointer else unsure)


def _csv(paths: Sequence[Path], heads: Heads) -> Kind:
    encoding, unsure = encoding_of(paths, heads)
    csv = dialect_of(list(paths), Format(type="csv", encoding=encoding))
    return replace(csv, unsure=[*unsure, *csv.unsure])


_KINDS: Mapping[str, Callable[[Sequence[Path], Heads], Kind]] = {
    "parquet": _parquet,
    "avro": _avro,
    "xml": _xml,
    "excel": _excel,
    "jsonl": _json_lines,
    "json": _json_document,
    "csv": _csv,
}
"""What finds how files of each type are written, from them and their first bytes; `_type` names the type."""
