"""The keys beside a contract in `config: meta:` of a model: `checks`, `freshness`,
`reasons` and `redo`."""

from __future__ import annotations

import re
from datetime import time, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema, model_validator

from assay.contract.declared_checks import LoadChecks, Severity
from assay.contract.freshness import SHORTEST, UNITS
from assay.contract.yml import Expected, Name, Names, Yml

_LAG = r"(\d+)\s+(minute|hour|day)s?"
_BY = r"([01]\d|2[0-3]):([0-5]\d)"
Reason = Annotated[str, StringConstraints(strip_whitespace=True)]
Number = Annotated[float, Field(ge=0), Expected("{found} is not a number of 0 or more")]


def _tell_reasons(schema: dict[str, Any], model: type[_ReasonedYml]) -> None:
    """Put into the JSON Schema which keys need a reason."""
    if model.free is None:
        schema["required"] = [*schema.get("required", ()), "because"]
    else:
        schema["dependencies"] = {key: ["because"] for key in model.model_fields if key not in model.free}


def _tell_levels(schema: dict[str, Any], model: type[_ReasonedYml]) -> None:
    """Put into the JSON Schema that `accepted_pct` goes with `regression`."""
    _tell_reasons(schema, model)
    schema["if"] = {"properties": {"severity": {"const": "regression"}}, "required": ["severity"]}
    schema["then"] = {"required": ["accepted_pct"]}
    schema["else"] = {"not": {"required": ["accepted_pct"]}}


class _ReasonedYml(Yml):
    model_config = ConfigDict(json_schema_extra=_tell_reasons)
    free: ClassVar[frozenset[str] | None] = frozenset({"because"})
    """Keys that may stand there without a reason; None where one is needed anyhow."""

    because: Reason | None = Field(default=None, description="The reason; needed for a threshold or severity.")

    @model_validator(mode="after")
    def _has_reason(self) -> Self:
        if (self.free is None or self.model_fields_set - self.free) and not self.because:
            raise ValueError("needs `because:`, the reason for a threshold or severity of its own")
        return self


class _ThresholdYml(_ReasonedYml):
    severity: Literal["warn", "error"] = Field(default="warn", description="`warn` is told, `error` blocks.")


class ValidityYml(_ThresholdYml):
    """How many records may be malformed or break a rule."""

    most_pct: Number = Field(default=LoadChecks.broken_pct, description="Percent of a file's records.")


class VolumeYml(_ThresholdYml):
    """How much the number of records may change."""

    change_pct: Number = Field(default=LoadChecks.volume_pct, description="Percent, against files of the same weekday.")


class CompletenessYml(_ThresholdYml):
    """How much a column's share of NULLs may change."""

    change_points: Number = Field(default=LoadChecks.completeness_points, description="Percentage points.")


class DistributionYml(_ThresholdYml):
    """How much values may shift."""

    free = frozenset({"because", "columns"})
    columns: Names = Field(default=(), description="Columns whose values are compared.")
    psi: Number = Field(default=LoadChecks.psi, description="Population stability index that is too much.")


class AcceptedYml(_ReasonedYml):
    """A file that is accepted although checks report it."""

    shape = "a list of {file: …, because: …}"
    called = ("accepted: ", "file")
    free = None
    file: Annotated[str, Field(min_length=1), Expected("{key} is a path below the landing zone, not {found}")] = Field(
        description="Its path below the landing zone."
    )


class LoadChecksYml(Yml):
    """Of a bronze model: how odd its files may be."""

    validity: ValidityYml | None = Field(default=None, description="Malformed records and broken rules.")
    volume: VolumeYml | None = Field(default=None, description="The number of records.")
    completeness: CompletenessYml | None = Field(default=None, description="Shares of NULLs.")
    distribution: DistributionYml | None = Field(default=None, description="The values of some columns.")
    accepted: list[AcceptedYml] | None = Field(default=None, description="Files that may be odd, with the reason.")


class LevelYml(_ReasonedYml):
    """The severity of a rule that does not hold."""

    model_config = ConfigDict(json_schema_extra=_tell_levels)
    free = None
    severity: Severity = Field(
        default="error", description="`error` blocks, `warn` is told, `regression` blocks above `accepted_pct`."
    )
    accepted_pct: Number = Field(default=0.0, description="Of `regression`: percent of rows that may break the rule.")

    @model_validator(mode="after")
    def _goes_with_regression(self) -> Self:
        if ("accepted_pct" in self.model_fields_set) != (self.severity == "regression"):
            raise ValueError("accepted_pct belongs to severity regression, and to no other")
        return self


class ReferenceYml(LevelYml):
    """Rows whose columns name a row of another table."""

    columns: Names = Field(description="Columns of this table; the other one has columns of the same names.")
    to: str = Field(description="The model that is referred to.", examples=["silver_products"])
    where: str = Field(default="true", description="SQL over this table: which rows are asked.")


class TableChecksYml(Yml):
    """Of a silver or gold model: rules that are not plain errors, and references."""

    rules: dict[str, LevelYml] | None = Field(default=None, description="By the name of a `check` or `not_null`.")
    consistency: dict[str, ReferenceYml] | None = Field(default=None, description="References, by a name of your own.")


def _lag(value: object) -> timedelta:
    if value == 0 and not isinstance(value, bool):
        return timedelta(0)
    match = re.fullmatch(_LAG, str(value).strip())
    if not match:
        raise ValueError(f"{value!r} is neither 0 nor such as `15 minutes`, `6 hours` or `1 day`")
    lag = timedelta(seconds=int(match[1]) * UNITS[match[2]])
    if lag < SHORTEST:
        raise ValueError(f"{value!r} is shorter than a minute; 0 is in the run that loads a file")
    return lag


def _by(value: object) -> time:
    match = re.fullmatch(_BY, value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f'{value!r} is not a time of day in quotes, such as "06:00"')
    return time(int(match[1]), int(match[2]))


def _timezone(value: object) -> str:
    try:
        ZoneInfo(str(value))
    except (ValueError, OSError, LookupError) as error:
        raise ValueError(f"{value!r} is none, expected one such as America/New_York") from error
    return str(value)


class FreshnessYml(Yml):
    """How old the data of a table may be, or when a source has to have sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["lag"]}, {"required": ["by", "timezone"]}],
            "dependencies": {"timezone": ["by"], "by": ["timezone"]},
        }
    )
    shape = "expected {lag: …} or {by: …, timezone: …}, found {found}"

    lag: Annotated[
        timedelta,
        PlainValidator(_lag),
        WithJsonSchema({"anyOf": [{"const": 0}, {"type": "string", "pattern": rf"^\s*{_LAG}\s*$"}]}),
    ] = Field(
        default=timedelta(0),
        description="Longest time from the arrival of a file, as `15 minutes`; 0 is in the run that loads it.",
    )
    by: Annotated[time | None, PlainValidator(_by), WithJsonSchema({"type": "string", "pattern": f"^{_BY}$"})] = Field(
        default=None, description='Time of a daily deadline, in quotes: "06:00".'
    )
    timezone: Annotated[str, PlainValidator(_timezone), WithJsonSchema({"type": "string"})] = Field(
        default="UTC", description="Of the deadline, an IANA name.", examples=["America/New_York"]
    )
    because: Reason = Field(default="", description="The reason.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.model_fields_set - {"because"} not in ({"lag"}, {"by", "timezone"}):
            raise ValueError("expected {lag: …}, or {by: …, timezone: …}, and not both")
        return self


class ReasonsYml(Yml):
    """Why a table does not say what every table says."""

    shape = "expected {key: …} or {freshness: …}, each with a sentence, found {found}"

    key: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Why no columns tell rows apart, beside `key: none`."
    )
    freshness: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Of a bronze model: why nobody can say when its source has to send."
    )


class ViaColumnsYml(Yml):
    """Through the rows of another input that agree in columns."""

    below = "inputs"
    via: Name = Field(description="Another input, which has expressions.")
    by: Names = Field(description="Columns in which its rows agree with a changed row.")


class ViaWhereYml(Yml):
    """Through the rows of another input that a condition pairs with a changed row."""

    via: Name = Field(description="Another input, which has expressions.")
    where: str = Field(description="SQL over `changed` and `via`.")


class RedoYml(Yml):
    """By which key a table is rebuilt, and how a changed row of each input leads to it."""

    shape = "{key} needs `key` and `inputs`, and nothing else; found {found}"
    is_whole = True

    key: Annotated[
        tuple[Name, ...],
        Field(strict=False, min_length=1),
        Expected("`{key}` is a list of columns, and `inputs` has one entry for each input"),
    ] = Field(description="Columns of this table.")
    inputs: dict[
        str,
        Annotated[
            Annotated[tuple[Name, ...], Field(strict=False)] | ViaColumnsYml | ViaWhereYml,
            Expected("{key} needs a list of expressions, or `via` and a list `by`, or `via` and `where`"),
        ],
    ] = Field(
        description="Each model that the SQL refers to: SQL over a changed row for each column of the key, or `via`."
    )
