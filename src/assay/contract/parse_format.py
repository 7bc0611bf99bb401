"""From the `format` block of a contract to a `Format`. What a type of file does not use may not be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.contract.errors import ContractError
from assay.contract.format import Format

_KEYS = {
    "csv": ("type", "delimiter", "quote", "escape", "header", "encoding", "nulls", "decimal"),
    "jsonl": ("type", "encoding"),
    "parquet": ("type",),
}
_TEXTS = ("delimiter", "quote", "escape", "encoding", "decimal")
_LINE_ENDS = frozenset("\r\n\0")


def parse_format(said: object) -> Format:
    """The dialect that a contract declares.

    Raises:
        ContractError: A key or value is unknown, or two contradict each other.
    """
    if not isinstance(said, Mapping):
        raise ContractError("format: expected keys such as {type: csv, delimiter: ','}")
    kind = said.get("type")
    if kind not in _KEYS:
        raise ContractError(f"format: type: {kind!r} is none of {', '.join(_KEYS)}")
    unknown = sorted(map(str, set(said) - set(_KEYS[kind])))
    if unknown:
        known = ", ".join(_KEYS[kind])
        raise ContractError(f"format: unknown key {', '.join(map(repr, unknown))}; known for {kind} are {known}")
    form = Format(**_values(said))
    _check_encoding(form.encoding)
    if form.type == "csv":
        _check_marks(form)
    return form


def _values(said: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(said)
    for key in _TEXTS:
        if not isinstance(values.get(key, ""), str):
            raise ContractError(f"format: {key} is a text, not {values[key]!r}; put it in quotes")
    if not isinstance(values.get("header", True), bool):
        raise ContractError(f"format: header is true or false, not {values['header']!r}")
    nulls = values.get("nulls", [""])
    if not isinstance(nulls, list) or not all(isinstance(null, str) for null in nulls):
        raise ContractError(f"format: nulls is a list of texts such as ['', 'NA'], not {nulls!r}")
    return {**values, "nulls": tuple(nulls)}


def _check_encoding(encoding: str) -> None:
    try:
        if "a\n".encode(encoding).decode(encoding) != "a\n":
            raise ContractError(f"format: encoding {encoding!r} does not give back what was written in it")
    except (LookupError, UnicodeError) as error:
        raise ContractError(f"format: unknown encoding {encoding!r}") from error


def _check_marks(form: Format) -> None:
    if len(form.delimiter) != 1 or len(form.quote) > 1 or len(form.escape) > 1:
        raise ContractError("format: delimiter is one character, quote and escape at most one")
    if not (form.quote + form.escape).isascii():
        raise ContractError(f"format: quote {form.quote!r} and escape {form.escape!r} must be ASCII")
    if form.delimiter in (form.quote, form.escape) or _LINE_ENDS & {form.delimiter, form.quote, form.escape}:
        raise ContractError("format: delimiter differs from quote and escape, and none of them is a line end")
    if form.decimal not in (".", ","):
        raise ContractError(f"format: decimal: {form.decimal!r} is none of . and ,")
    marks = {form.delimiter, *form.quote, *_LINE_ENDS}
    for null in form.nulls:
        if marks & set(null):
            raise ContractError(f"format: nulls: {null!r} holds a delimiter, quote or line end, so no field can be it")
