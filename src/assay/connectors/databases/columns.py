"""Values as drivers give them, as exact columns of Arrow: what a type of Arrow does not hold exactly is text.

A column is of a form that follows from its type at the source. A value that is not of that form (a zero date, a text
among the integers of SQLite) makes its whole column text, so that the contract says which records are malformed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from assay.feeds.errors import Permanent

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa

TEXT = "text"
DATE, TIMESTAMP, TIMESTAMPTZ = "date", "timestamp", "timestamptz"
TIMES = (TIMESTAMP, TIMESTAMPTZ)
DECIMAL = "decimal"
MOST_DIGITS = 38
_FEWEST_ZEROS = 40
"""Powers of ten up to which a float is written without an exponent, as decimals of contracts are."""


class Inexact(Exception):
    """A value is not of the form of its column."""


@dataclass(frozen=True)
class SourceColumn:
    """A column of a table as it is fetched.

    Attributes:
        name: As the database has it.
        shown: Its type there, as people write it.
        form: What it is in Parquet: `int64` and the like, `float32`, `float64`, `boolean`, `decimal`, `date`,
            `timestamp`, `timestamptz` or `text`.
        precision: Of a decimal.
        scale: Of a decimal.
        reads: Gives what is selected for the column; None for the column itself.
        suffix: What a text of the server lacks when it stands alone, e.g. the zone of a time.
        is_dynamic: Whether the database holds floats in columns of decimals, as SQLite does.
    """

    name: str
    shown: str
    form: str
    precision: int = 0
    scale: int = 0
    reads: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]] | None = None
    suffix: str = ""
    is_dynamic: bool = False

    @property
    def is_number(self) -> bool:
        """Whether its values are whole numbers."""
        return self.form.startswith(("int", "uint"))

    @property
    def as_text(self) -> SourceColumn:
        """The column with a text for each value."""
        return replace(self, form=TEXT)

    @property
    def arrow(self) -> pa.DataType:
        """Its type in Parquet."""
        import pyarrow as pa  # noqa: PLC0415 - 30 MB, when there is something to write

        others: Mapping[str, pa.DataType] = {
            TEXT: pa.string(),
            "boolean": pa.bool_(),
            DATE: pa.date32(),
            TIMESTAMP: pa.timestamp("us"),
            TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
        }
        if self.form == DECIMAL:
            return pa.decimal128(self.precision, self.scale)
        return others[self.form] if self.form in others else getattr(pa, self.form)()


def decimal_column(name: str, shown: str, precision: int | None, scale: int | None) -> SourceColumn:
    """A column of decimals: text where Arrow has no such decimal, or the database sets no limit."""
    if precision and precision <= MOST_DIGITS and 0 <= (scale or 0) <= precision:
        return SourceColumn(name, shown, DECIMAL, precision, scale or 0)
    return SourceColumn(name, shown, TEXT)


def array(column: SourceColumn, values: Sequence[Any], whose: str) -> pa.Array:
    """Values of a column.

    Args:
        column: What they are of.
        values: As the driver gives them; None for NULL.
        whose: What a message calls the feed.

    Raises:
        Inexact: One is not of the column's form.
        Permanent: The driver rounds, or gives what nobody can write exactly.
    """
    import pyarrow as pa  # noqa: PLC0415 - as above

    try:
        if column.form == TEXT:
            return pa.array([_text(column, value, whose) for value in values], pa.string())
        if column.form in (DATE, *TIMES):
            return _moments(column, values)
        if column.form == DECIMAL:
            return pa.array([_decimal(column, value, whose) for value in values], column.arrow)
        if column.form == "float32":
            wide = pa.array(values, pa.float64())
            narrow = wide.cast(pa.float32())
            if not narrow.cast(pa.float64()).equals(wide):
                raise Inexact(column.name)
            return narrow
        return pa.array(values, column.arrow)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        if column.form == TEXT:
            raise Permanent(f"{whose}: column {column.name} holds a text that UTF-8 cannot write: {error}") from None
        raise Inexact(column.name) from None


def _moments(column: SourceColumn, values: Sequence[Any]) -> pa.Array:
    """Dates and times: texts of the server in ISO form, or objects of exactly the class and zone of the column."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    given = [value for value in values if value is not None]
    if given and all(type(value) is str for value in given):
        if any(value.startswith("0000") for value in given):
            raise Inexact(column.name)  # to Arrow the year before the first, to no contract one
        naive = pa.date32() if column.form == DATE else pa.timestamp("us")
        return pa.array(values, pa.string()).cast(naive).cast(column.arrow)
    wanted: type[date]
    wanted, has_zone = (date, False) if column.form == DATE else (datetime, column.form == TIMESTAMPTZ)
    for value in given:
        zone = getattr(value, "tzinfo", None)
        if type(value) is not wanted or (zone is not None) is not has_zone:
            raise Inexact(column.name)
    return pa.array(values, column.arrow)


def _decimal(column: SourceColumn, value: Any, whose: str) -> Decimal | None:
    if value is None or isinstance(value, Decimal):
        return value
    if type(value) is int:
        return Decimal(value)
    if isinstance(value, float):
        if not column.is_dynamic:
            raise Permanent(
                f"{whose}: the driver gives the decimals of column {column.name} as floats, which are rounded; use "
                "another driver, or a view that casts the column to text"
            )
        return Decimal(repr(value))
    raise Inexact(column.name)


def _text(column: SourceColumn, value: Any, whose: str) -> str | None:
    """A value as text, exactly.

    Raises:
        Permanent: It is of a class that has no exact text.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return value + column.suffix
    for kind, text in _TEXTS:
        if isinstance(value, kind):
            return text(value)
    raise Permanent(
        f"{whose}: column {column.name} ({column.shown}) comes as {type(value).__name__}, which has no exact text; "
        "read a view that leaves it out or casts it to text"
    )


def _float(value: float) -> str:
    text = repr(value)
    exponent = text.partition("e")[2]
    if exponent and abs(int(exponent)) < _FEWEST_ZEROS:
        return format(Decimal(text), "f")
    return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(text, text)


def _span(value: timedelta) -> str:
    """Hours, which may be more than a day's, minutes and seconds."""
    micros = abs(value) // timedelta(microseconds=1)
    seconds, fraction = divmod(micros, 1_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{'-' if value < timedelta(0) else ''}{text}{f'.{fraction:06}' if fraction else ''}"


_TEXTS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    ((int, UUID), str),
    (float, _float),
    (Decimal, lambda value: format(value, "f") if value.is_finite() else str(value)),
    ((bytes, bytearray, memoryview), lambda value: "\\x" + bytes(value).hex()),
    (datetime, lambda value: value.isoformat(" ")),
    ((date, time), lambda value: value.isoformat()),
    (timedelta, _span),
    ((dict, list), lambda value: json.dumps(value, ensure_ascii=False)),
)
"""How values of a class are written; the first class that fits."""
