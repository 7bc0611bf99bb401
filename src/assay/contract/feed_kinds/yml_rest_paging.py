"""The keys `paging` and `window` of a feed that reads an HTTP API."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from assay.contract.feed_kinds.rest import Paging, Window
from assay.contract.feed_kinds.yml_watermark import checked_span, span_seconds
from assay.contract.pointer import pointer_keys
from assay.contract.yml import Expected
from assay.contract.yml_feed import NearestYml

FORMATS = ("iso", "unix", "unix_ms", "date")


def _pointer(text: str) -> str:
    pointer_keys(text)
    return text


Pointer = Annotated[str, AfterValidator(_pointer)]
_Pointer = Annotated[str, Field(min_length=1, examples=["/meta/total"]), AfterValidator(_pointer)]
_Param = Annotated[str, Field(min_length=1)]
_TOTAL = Field(default=None, description="Where the number of all records stands; has to be that of what came.")
_TWICE = Field(default=False, description="Whether all pages are read twice, and have to be the same.")


class _PagingYml(NearestYml):
    shape = "expected keys such as {type: cursor, param: cursor, next: /meta/next_cursor}"

    @model_validator(mode="after")
    def _size_goes_with_param(self) -> Self:
        if getattr(self, "size_param", None) and not getattr(self, "size", None):
            raise ValueError("size_param: goes with `size`, how many records it asks for")
        return self

    def paging(self) -> Paging:
        """What is declared."""
        values = self.model_dump(exclude_none=True)
        renamed = {"inclusive": "is_inclusive", "overlap": "has_overlap", "twice": "is_twice"}
        return Paging(**{renamed.get(name, name): value for name, value in values.items()})


class NonePagingYml(_PagingYml):
    """All records are in one response."""

    kind = "none"

    type: Literal["none"] = Field(description="All records are in one response.")
    total: _Pointer | None = _TOTAL
    twice: bool = _TWICE


class _PagesYml(_PagingYml):
    size: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Records of a page; each but the last one has so many."
    )
    size_param: _Param | None = Field(default=None, description="The parameter that asks for `size` records a page.")
    more: _Pointer | None = Field(
        default=None, description="Where true or false says whether there is a next page, as a JSON pointer."
    )
    total: _Pointer | None = _TOTAL
    twice: bool = _TWICE


class PagePagingYml(_PagesYml):
    """Pages have numbers."""

    kind = "page"

    type: Literal["page"] = Field(description="Pages have numbers.")
    param: _Param = Field(default="page", description="The parameter with the number of the page.")
    first: Annotated[int, Field(ge=0)] = Field(default=1, description="The number of the first page.")
    pages: _Pointer | None = Field(default=None, description="Where the number of pages stands, as a JSON pointer.")


class OffsetPagingYml(_PagesYml):
    """A page begins after so many records."""

    kind = "offset"

    type: Literal["offset"] = Field(description="A page begins after so many records.")
    param: _Param = Field(default="offset", description="The parameter with the number of records before the page.")
    first: Annotated[int, Field(ge=0)] = Field(default=0, description="The first offset.")
    overlap: bool = Field(
        default=False,
        description="Whether each page begins with the last record of the one before: shows shifts.",
    )

    @model_validator(mode="after")
    def _overlaps_with_more_than_one(self) -> Self:
        if self.overlap and (self.size or 0) < 2:  # noqa: PLR2004 - one record is that of the page before
            raise ValueError("overlap: needs a `size` of at least 2: one record of a page is that of the one before")
        return self


class CursorPagingYml(_PagesYml):
    """Each page says by what the next one is asked for."""

    kind = "cursor"

    type: Literal["cursor"] = Field(description="Each page says by what the next one is asked for.")
    param: _Param = Field(default="cursor", description="The parameter with the cursor.")
    next: _Pointer | None = Field(default=None, description="Where the next cursor stands, as a JSON pointer.")
    next_header: _Param | None = Field(default=None, description="Or the header in which it stands.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.next is None) == (self.next_header is None):
            raise ValueError("the next cursor stands at `next: /meta/next_cursor` or in `next_header`; say one of them")
        return self


class LinkPagingYml(_PagesYml):
    """Each page has the address of the next one."""

    kind = "link"

    type: Literal["link"] = Field(description="Each page has the address of the next one.")
    next: _Pointer | None = Field(
        default=None, description="Where the address stands, as a JSON pointer; the header `Link` when left out."
    )


class KeysetPagingYml(_PagesYml):
    """A page begins after the key of the last record."""

    kind = "keyset"

    type: Literal["keyset"] = Field(description="A page begins after the key of the last record.")
    param: _Param = Field(description="The parameter with that key.", examples=["starting_after"])
    key: _Pointer = Field(description="Where in a record the key stands, as a JSON pointer.", examples=["/id"])
    inclusive: bool = Field(default=False, description="Whether a page begins with records of that very key.")

    @model_validator(mode="after")
    def _inclusive_has_size(self) -> Self:
        if self.inclusive and not self.size:
            raise ValueError("inclusive: needs `size`: else a page full of records of one key looks like the last one")
        return self


AnyPagingYml = Annotated[
    NonePagingYml | PagePagingYml | OffsetPagingYml | CursorPagingYml | LinkPagingYml | KeysetPagingYml,
    Field(discriminator="type"),
]


def _format(text: str) -> str:
    if text not in FORMATS and "%" not in text:
        raise ValueError(f"{text!r} is not one of {', '.join(FORMATS)}, or a pattern such as '%Y-%m-%d %H:%M:%S'")
    return text


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date or time in ISO form, such as 2024-01-01") from None
    return text


def _as_text(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


class WindowYml(NearestYml):
    """Which records are asked for at once: those whose time is in a window."""

    shape = "expected keys such as {from: updated_since, cursor: /updated_at, start: 2024-01-01}"

    from_: _Param | None = Field(
        default=None, alias="from", description="The parameter that says from when on.", examples=["updated_since"]
    )
    until: _Param | None = Field(default=None, description="The parameter that says until when, if there is one.")
    cursor: _Pointer | None = Field(
        default=None, description="Where that time stands in a record; shows whether the API knows the parameters."
    )
    start: Annotated[
        str, BeforeValidator(_as_text), Expected("{key} is a date or time, not {found}"), AfterValidator(_moment)
    ] = Field(description="From when on there are records, in UTC.", examples=["2024-01-01"])
    size: Annotated[str, AfterValidator(checked_span)] | None = Field(
        default=None, description="How long a window is at most.", examples=["1 day"]
    )
    format: Annotated[str, AfterValidator(_format)] = Field(
        default="iso", description="How times are written in parameters: iso, unix, unix_ms, date, or a pattern."
    )
    lag: Annotated[float, Field(ge=1, strict=False)] = Field(
        default=60.0, description="Seconds by which a record may show later than its time says."
    )

    def window(self) -> Window:
        """What is declared."""
        start = datetime.fromisoformat(self.start)
        size = span_seconds(self.size or "")
        return Window(
            since=self.from_ or "",
            until=self.until or "",
            cursor=self.cursor or "",
            start=(start if start.tzinfo else start.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0),
            size=timedelta(seconds=size) if size else None,
            format=self.format,
            lag=timedelta(seconds=self.lag),
        )
