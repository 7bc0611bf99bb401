"""The keys of a column below `config: {meta: …}`, which every run reads of each column."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from assay.contract.yml import Expected, Name, Yml
from assay.contract.yml_format import Dates, Locale, Thousands


class WrittenYml(Yml):
    """How the values of a column are written in files; what is left out is as the format says."""

    decimal: Annotated[Literal[".", ","], Expected("{found} is not one of . and ,")] | None = Field(
        default=None, description="The decimal mark of numbers."
    )
    thousands: Thousands | None = Field(default=None, description="The mark between groups of three digits.")
    units: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(strict=False, examples=[["€", "%"]]),
        Expected("{key} is a list of texts such as ['€'], not {found}"),
    ] = Field(default=(), description="Texts of which one may stand before or after a number.")
    negative: Annotated[
        Literal["sign", "trailing", "parentheses"], Expected("{found} is not one of sign, trailing and parentheses")
    ] = Field(default="sign", description="Besides `-12`: `12-` or `(12)`.")
    dates: Dates | None = Field(default=None, description="Patterns as for strptime; a value fits one of them.")
    locale: Locale | None = Field(default=None, description="The language of names of months in dates.")


class ColumnMetaYml(Yml):
    """What Assay reads of a column's `meta`; other keys are for others."""

    model_config = ConfigDict(extra="allow")
    optional: bool = Field(default=False, description="Whether files may leave the column out; it is NULL then.")
    nullable_key: bool = Field(default=False, description="Of a column of the key: whether NULL is a value of it.")
    personal: bool = Field(default=False, description="Whether values are about a person, and not shown in examples.")
    aliases: Annotated[
        tuple[str, ...],
        Field(strict=False, examples=[["Till No."]]),
        Expected("{key} is a list of names such as ['Till No.'], not {found}"),
    ] = Field(default=(), description="Of a bronze column: other names that files have for it, or had.")
    written: WrittenYml | None = Field(default=None, description="Of a bronze column: how files write its values.")
    path: str | None = Field(
        default=None,
        description="Of a bronze column: where in a record of JSON or Parquet it stands, as a JSON pointer. With "
        "`each` it starts at the element; `^/id` starts at its record, and `#` is its position.",
        examples=["/address/city"],
        json_schema_extra={"pattern": r"^($|/|\^/|#$)"},
    )
    from_: Name | None = Field(
        default=None,
        alias="from",
        description="Of a silver column: what the source calls it; `_file_date` is the moment of the file's name.",
    )
