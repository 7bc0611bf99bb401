"""JSON as the standard has it: Python's own writes NaN and Infinity, which other readers refuse."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any


def dumps(value: object, *, indent: int | None = None, ensure_ascii: bool = True) -> str:
    """A value as JSON; NaN and infinity become the strings `NaN`, `Infinity` and `-Infinity`."""
    return json.dumps(_strict(value), default=str, indent=indent, ensure_ascii=ensure_ascii, allow_nan=False)


def _strict(value: object) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key if isinstance(key, str | int) else str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_strict(item) for item in value]
    return value
