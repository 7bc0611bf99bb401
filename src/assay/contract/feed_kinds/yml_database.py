"""The keys of a feed that reads a table of any database that SQLAlchemy knows."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import unquote_plus

from pydantic import AfterValidator, Field, model_validator

from assay.contract.feed_kinds.database import DatabaseTable
from assay.contract.feed_kinds.yml_postgres import table_parts
from assay.contract.feed_kinds.yml_watermark import KEYS, WatermarkYml, span_seconds
from assay.contract.yml import Expected
from assay.contract.yml_feed import REFERENCE, checked_references

_PASSWORD = re.compile(r"(?:^|[\s;?&{])(?:pwd|passwd|\w*password|token)\s*=\s*(?P<value>[^\s;&}]*)", re.IGNORECASE)
"""A password in the query of an url, as drivers have it; of ODBC a whole connection string stands there."""


def _url(written: str) -> str:
    checked_references(written)
    if re.match(r"postgres(ql)?(\+\w+)?:", written):
        raise ValueError("PostgreSQL has a kind of its own, which reads it faster and exactly: write `kind: postgres`")
    plain = unquote_plus(REFERENCE.sub("\0", written))
    if any(match["value"].strip("\0") for match in _PASSWORD.finditer(plain)):
        raise ValueError("holds a password; keep it in the environment or a file, and write ${env:NAME} in its place")
    return written


def _table(written: str) -> str:
    if len(table_parts(written)) not in (1, 2):
        raise ValueError(
            f"{written!r} is not the name of a table such as orders or shop.orders; a name with a dot or a quote "
            'stands in double quotes: shop."orders.2024"'
        )
    return written


class DatabaseFeedYml(WatermarkYml):
    """A table of a database, and how its changes are seen."""

    shape = "expected keys such as {kind: database, url: '${env:SHOP_DB}', table: shop.orders, mode: whole}"
    kind = "database"

    source_kind: Literal["database"] = Field(alias="kind", description="What is fetched from.")
    url: Annotated[str, Expected("expected a text such as '${env:SHOP_DB}'"), AfterValidator(_url)] = Field(
        description="Where the database is, as SQLAlchemy writes it; secrets as `${env:NAME}` or `${file:/path}`.",
        examples=["mysql+pymysql://reader:${env:SHOP_PASSWORD}@db.example.com/shop"],
    )
    table: Annotated[str, AfterValidator(_table)] = Field(
        description="`table` or `schema.table`, as the database calls it; in double quotes where a name holds a dot.",
        examples=["shop.orders"],
    )
    mode: Annotated[Literal["whole", "watermark"], Expected("{found} is not one of whole and watermark")] = Field(
        description="`whole`: each fetch is a snapshot of the table; `watermark`: rows whose cursor grew."
    )
    cursor_zone: Annotated[Literal["UTC"] | None, Expected("{found} is not UTC; see docs/feeds_database.md")] = Field(
        default=None, description="Of a cursor without a time zone: that all writers write UTC."
    )
    longest_transaction: Annotated[float | None, Field(gt=0, strict=False)] = Field(
        default=None,
        description="Of `watermark`: seconds that no transaction of a writer lasts longer than, for databases that "
        "cannot be asked.",
    )

    @model_validator(mode="after")
    def _cursor_goes_with_watermark(self) -> Self:
        if self.mode == "watermark" and not self.cursor:
            raise ValueError("mode: watermark needs `cursor: updated_at`, the column that each change sets")
        others = [name for name in (*KEYS, "longest_transaction") if name in self.model_fields_set]
        if self.mode == "whole" and others:
            raise ValueError(f"{others[0]}: goes with `mode: watermark`; a whole table is read without it")
        return self

    def declaration(self, source: str) -> DatabaseTable:
        """See `FeedYml`."""
        return DatabaseTable(
            source=source,
            kind=self.kind,
            every=self.every,
            url=self.url,
            table=table_parts(self.table),
            mode=self.mode,
            cursor=self.cursor or "",
            is_utc=self.cursor_zone == "UTC",
            margin=self.margin,
            compare_seconds=span_seconds(self.compare_keys),
            longest_transaction=self.longest_transaction,
        )
