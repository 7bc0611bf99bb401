"""Numbers, moments and decimals of Avro as JSON: all digits that the file has, in the forms that contracts take.

A moment that no calendar of four digits has is said in the unit of the file, as in `<253402300800 seconds …>`, which no
contract takes for a date.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = 1 - _EPOCH, date.max.toordinal() - _EPOCH
_DAY = 86_400
_UNITS = {"millis": 3, "micros": 6, "nanos": 9}
"""Digits of the fraction of a second."""
_PLAIN = 40
"""Digits up to which a float is written without an exponent, which no decimal and no whole number has."""
_MOST_DIGITS = 4000
_LONGEST_DECIMAL = 1700
"""Bytes of the number of a decimal: some 4,000 digits."""
_DURATION = struct.Struct("<III")
_UUID = 16


def of_float(value: float) -> bytes:
    """The shortest digits that give it back; NaN and infinity, which JSON does not have, are strings."""
    if not math.isfinite(value):
        return b'"NaN"' if math.isnan(value) else b'"Infinity"' if value > 0 else b'"-Infinity"'
    text = repr(value)
    if "e" in text and abs(int(text.partition("e")[2])) < _PLAIN:
        text = f"{Decimal(text):f}"
    return text.encode()


def of_whole(schema: Mapping[str, Any]) -> Callable[[int], bytes] | None:
    """How an int or a long is written that is a moment; None of one that is a number."""
    logical = schema.get("logicalType")
    kind, _, unit = str(logical).rpartition("-")
    if logical == "date":
        return _date
    if unit not in _UNITS:
        return None
    shown = {"time": _time, "timestamp": _timestamp, "local-timestamp": _local_timestamp}.get(kind)
    digits = _UNITS[unit]
    return (lambda value: shown(value, digits)) if shown else None


def of_bytes(kind: str, schema: Mapping[str, Any]) -> Callable[[bytes], bytes] | None:
    """How bytes or a fixed are written that are a decimal, a duration or a UUID; None of those that are a text.

    What is given writes nothing of a decimal that has no digits, or more than some thousands.
    """
    logical, size = schema.get("logicalType"), schema.get("size")
    if logical == "decimal" and kind in ("bytes", "fixed"):
        scale, precision = schema.get("scale", 0), schema.get("precision")
        is_valid = type(scale) is int and type(precision) is int and 0 <= scale <= precision <= _MOST_DIGITS
        return (lambda value: _decimal(value, scale)) if is_valid else None
    if logical == "duration" and size == _DURATION.size:
        return _duration
    if logical == "uuid" and size == _UUID:
        return lambda value: b'"%s"' % str(UUID(bytes=value)).encode()
    return None


def _decimal(value: bytes, scale: int) -> bytes:
    if not 0 < len(value) <= _LONGEST_DECIMAL:
        return b""
    number = int.from_bytes(value, "big", signed=True)
    digits = str(abs(number)).zfill(scale + 1)
    text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
    return f"{'-' if number < 0 else ''}{text}".encode()


def _duration(value: bytes) -> bytes:
    """As ISO 8601 has it: months, days and seconds are not exchanged for each other."""
    months, days, millis = _DURATION.unpack(value)
    seconds, rest = divmod(millis, 1000)
    return f'"P{months}M{days}DT{seconds}{_fraction(rest, 3)}S"'.encode()


def _date(days: int) -> bytes:
    if not _FIRST <= days <= _LAST:
        return f'"<{days} days since 1970-01-01>"'.encode()
    return f'"{date.fromordinal(days + _EPOCH)}"'.encode()


def _time(value: int, digits: int) -> bytes:
    seconds, part = divmod(value, 10**digits)
    if not 0 <= seconds < _DAY:
        return f'"<{value} times 1e-{digits} seconds since midnight>"'.encode()
    return f'"{_clock(seconds)}{_fraction(part, digits)}"'.encode()


def _timestamp(value: int, digits: int) -> bytes:
    return _moment(value, digits, "Z")


def _local_timestamp(value: int, digits: int) -> bytes:
    return _moment(value, digits, "")


def _moment(value: int, digits: int, zone: str) -> bytes:
    seconds, part = divmod(value, 10**digits)
    days, second = divmod(seconds, _DAY)
    if not _FIRST <= days <= _LAST:
        return f'"<{value} times 1e-{digits} seconds since 1970-01-01>"'.encode()
    day = date.fromordinal(days + _EPOCH)
    return f'"{day}T{_clock(second)}{_fraction(part, digits)}{zone}"'.encode()


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _fraction(part: int, digits: int) -> str:
    return f".{part:0{digits}}" if part else ""
