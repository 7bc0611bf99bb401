"""Sizes as people and DuckDB write them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "B": 1, **{f"{u}B": 1000**n for n, u in enumerate("KMGT", 1)}}
_UNITS |= {f"{u}IB": 1024**n for n, u in enumerate("KMGT", 1)}


def parse_size(text: str) -> int | None:
    """Bytes of a size as people and DuckDB write it, `4GB` or `3.7 GiB`; None where it is not one."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", text, re.ASCII)
    unit = _UNITS.get(match[2].upper()) if match else None
    return int(float(match[1]) * unit) if match and unit else None
