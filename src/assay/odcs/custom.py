"""What ODCS has no place for: custom properties of the vendor `assay`, and what others wrote that Assay only keeps."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from typing import Any

VENDOR = "assay"
KEPT = "odcs"
"""The key of `meta` with what a document of others says that Assay does not read; an export says it again."""
Json = dict[str, Any]


def custom(properties: Mapping[str, Any]) -> list[Json]:
    """Custom properties of Assay; those that are empty are left out."""
    return [
        {"property": name, "value": plain(value), "vendor": VENDOR}
        for name, value in properties.items()
        if value not in (None, {}, [], "", False)
    ]


def read_custom(element: Mapping[str, Any]) -> Json:
    """Assay's own properties of an element of a document, by name."""
    return {item["property"]: item["value"] for item in _items(element) if item.get("vendor") == VENDOR}


def kept(element: Mapping[str, Any], read: Collection[str]) -> Json:
    """What an element says beyond the keys that are read, without what says nothing and without values of records."""
    rest = {
        key: _without_examples(value)
        for key, value in element.items()
        if key not in (*read, "examples", "customProperties") and value not in (None, {}, [], "", False, -1)
    }
    others = [item for item in _items(element) if item.get("vendor") != VENDOR]
    return {**rest, **({"customProperties": others} if others else {})}


def _without_examples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_examples(item) for key, item in value.items() if key != "examples"}
    return [_without_examples(item) for item in value] if isinstance(value, list) else value


def with_kept(element: Json, others: Mapping[str, Any]) -> Json:
    """An element with what was kept of a document of others: lists go behind ours, and a value in the place of ours."""
    for key, value in others.items():
        ours = element.get(key)
        if isinstance(ours, list) and isinstance(value, list):
            element[key] = [*ours, *value]
        elif isinstance(ours, dict) and isinstance(value, Mapping):
            element[key] = {**ours, **value}
        else:
            element[key] = value
    return element


def plain(value: Any) -> Any:
    """A value of YAML in terms of JSON, of which dates and times are none."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


def _items(element: Mapping[str, Any]) -> list[Any]:
    return element.get("customProperties") or []
