"""Freshness SLOs as service levels of ODCS, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.odcs.custom import Json, custom, read_custom

_LAG = re.compile(r"(\d+)\s+(minute|hour|day)s?")
_UNITS = {
    **dict.fromkeys(("d", "day", "days"), "days"),
    **dict.fromkeys(("h", "hr", "hour", "hours"), "hours"),
    **dict.fromkeys(("min", "minute", "minutes"), "minutes"),
}
_NAMES = {"frequency": "frequency", "fy": "frequency", "latency": "latency", "ly": "latency"}
_DEADLINE = "timeofavailability"


def service_levels(declared: Mapping[str, Any] | None, *, is_source: bool) -> list[Json]:
    """The service level of a table: how late its data may be, or of a source, how often a file comes.

    Args:
        declared: `freshness:` of its yml.
        is_source: Whether it is a bronze table.
    """
    if not declared:
        return []
    because = {"description": str(declared["because"])} if declared.get("because") else {}
    if "by" in declared:
        zone = custom({"timezone": declared["timezone"]})
        return [{"property": "timeOfAvailability", "value": str(declared["by"]), **because, "customProperties": zone}]
    match = _LAG.fullmatch(str(declared["lag"]).strip())
    value, unit = (int(match[1]), f"{match[2]}s") if match else (0, "minutes")
    return [{"property": "frequency" if is_source else "latency", "value": value, "unit": unit, **because}]


def read_service_levels(levels: Sequence[Mapping[str, Any]], *, is_source: bool) -> tuple[Json, list[Json]]:
    """The `freshness:` of a yml, empty where none of the levels is one, and the levels that are none."""
    freshness: Json = {}
    others: list[Json] = []
    for level in levels:
        own = {} if freshness else _freshness(level, is_source=is_source)
        if own:
            because = {"because": level["description"]} if level.get("description") else {}
            freshness = {**own, **because}
        else:
            others.append(dict(level))
    return freshness, others


def _freshness(level: Mapping[str, Any], *, is_source: bool) -> Json:
    name, value = str(level["property"]).lower(), level["value"]
    zone = read_custom(level).get("timezone")
    if name == _DEADLINE and zone:
        return {"by": str(value), "timezone": str(zone)}
    unit = _UNITS.get(str(level.get("unit") or "").lower())
    is_meant = _NAMES.get(name) == ("frequency" if is_source else "latency")
    if not is_meant or unit is None or not isinstance(value, int) or isinstance(value, bool):
        return {}
    return {"lag": f"{value} {unit.removesuffix('s') if value == 1 else unit}" if value else 0}
