"""The keys of a feed that reads a table of PostgreSQL."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from assay.contract.feed_kinds.table import TableFeed
from assay.contract.yml import Expected, Name
from assay.contract.yml_feed import FeedYml, checked_references

_NAME = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


def table_parts(written: str) -> tuple[str, ...]:
    """The names in `schema.table`, each as it is or in double quotes; empty where it is not such a name."""
    names, at = [], 0
    while match := _NAME.match(written, at):
        names.append(match[1].replace('""', '"') if match[1] else match[2])
        at = match.end()
        if at == len(written):
            return tuple(names)
        if written[at] != ".":
            return ()
        at += 1
    return ()


def _table(written: str) -> str:
    if len(table_parts(written)) not in (1, 2):
        raise ValueError(
            f"{written!r} is not the name of a table such as public.orders; a name with a dot or a quote stands in "
            'double quotes: public."orders.2024"'
        )
    return written


class PostgresFeedYml(FeedYml):
    """A table of PostgreSQL, and how its changes are seen."""

    shape = "expected keys such as {kind: postgres, url: '${env:SHOP_DB}', table: public.orders, mode: whole}"
    kind = "postgres"

    source_kind: Literal["postgres"] = Field(alias="kind", description="What is fetched from.")
    url: Annotated[str, Expected("expected a text such as '${env:SHOP_DB}'"), AfterValidator(checked_references)] = (
        Field(
            description="Where the server is; secrets as `${env:NAME}` or `${file:/path}`.", examples=["${env:SHOP_DB}"]
        )
    )
    table: Annotated[str, AfterValidator(_table)] = Field(
        description="`schema.table`, as the server calls it; in double quotes where a name holds a dot.",
        examples=["public.orders"],
    )
    mode: Annotated[Literal["whole", "watermark"], Expected("{found} is not one of whole and watermark")] = Field(
        description="`whole`: each fetch is a snapshot of the table; `watermark`: rows whose cursor grew."
    )
    cursor: Name | None = Field(
        default=None, description="Of `watermark`: the column that each insert and update sets to the time or a number."
    )
    cursor_zone: Annotated[Literal["UTC"] | None, Expected("{found} is not UTC; see docs/feeds.md")] = Field(
        default=None, description="Of a cursor without a time zone: that all writers write UTC."
    )
    margin: Annotated[float, Field(ge=0.1, strict=False)] = Field(
        default=1.0, description="Of `watermark`: seconds by which clocks of writers may be behind, or values cut."
    )

    @model_validator(mode="after")
    def _cursor_goes_with_watermark(self) -> Self:
        if self.mode == "watermark" and not self.cursor:
            raise ValueError("mode: watermark needs `cursor: updated_at`, the column that each change sets")
        others = [name for name in ("cursor", "cursor_zone", "margin") if name in self.model_fields_set]
        if self.mode == "whole" and others:
            raise ValueError(f"{others[0]}: goes with `mode: watermark`; a whole table is read without it")
        return self

    def declaration(self, source: str) -> TableFeed:
        """See `FeedYml`."""
        return TableFeed(
            source=source,
            kind=self.kind,
            every=self.every,
            url=self.url,
            table=table_parts(self.table),
            mode=self.mode,
            cursor=self.cursor or "",
            is_utc=self.cursor_zone == "UTC",
            margin=self.margin,
        )
