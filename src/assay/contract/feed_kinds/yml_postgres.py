"""The keys of a feed that reads a table of PostgreSQL."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from assay.contract.feed_kinds.table import TableFeed
from assay.contract.feed_kinds.yml_watermark import KEYS, WatermarkYml, span_seconds
from assay.contract.yml import Expected, Name
from assay.contract.yml_feed import checked_references

_MOST_CHARACTERS = 63
"""Of the name of a slot."""
_EVERY = 1.0
"""Seconds between two looks at a log, which cost next to nothing where nothing happened."""
_OF_MODE = {"watermark": KEYS, "changes": ("slot", "publication", "history")}
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


def slot_name(source: str) -> str:
    """The slot of a feed that names none: of its name, and where a slot cannot be called so, told apart by a hash."""
    plain = f"assay_{re.sub('[^a-z0-9_]', '_', source.lower())}"
    if plain == f"assay_{source}" and len(plain) <= _MOST_CHARACTERS:
        return plain
    mark = hashlib.sha256(source.encode()).hexdigest()[:8]
    return f"{plain[: _MOST_CHARACTERS - 9]}_{mark}"


class PostgresFeedYml(WatermarkYml):
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
    mode: Annotated[
        Literal["whole", "watermark", "changes"], Expected("{found} is not one of whole, watermark and changes")
    ] = Field(
        description="`whole`: each fetch is a snapshot of the table; `watermark`: rows whose cursor grew; `changes`: "
        "inserts, updates and deletes by logical replication."
    )
    cursor_zone: Annotated[Literal["UTC"] | None, Expected("{found} is not UTC; see docs/feeds.md")] = Field(
        default=None, description="Of a cursor without a time zone: that all writers write UTC."
    )

    slot: Annotated[str, Field(pattern="^[a-z0-9_]{1,63}$")] | None = Field(
        default=None,
        description="Of `changes`: the replication slot, which the feed makes; `assay_<feed>` if left out.",
    )
    publication: Name | None = Field(
        default=None, description="Of `changes`: the publication that has the table; called as the slot if left out."
    )
    history: bool = Field(default=False, description="Of `changes`: whether silver keeps each version of a row.")

    @model_validator(mode="after")
    def _keys_go_with_the_mode(self) -> Self:
        if self.mode == "watermark" and not self.cursor:
            raise ValueError("mode: watermark needs `cursor: updated_at`, the column that each change sets")
        for mode, names in _OF_MODE.items():
            others = [name for name in names if name in self.model_fields_set]
            if self.mode != mode and others:
                raise ValueError(f"{others[0]}: goes with `mode: {mode}`; `mode: {self.mode}` reads without it")
        return self

    def declaration(self, source: str) -> TableFeed:
        """See `FeedYml`."""
        is_log = self.mode == "changes"
        slot = self.slot or slot_name(source)
        return TableFeed(
            source=source,
            kind=self.kind,
            every=_EVERY if is_log and "every" not in self.model_fields_set else self.every,
            url=self.url,
            table=table_parts(self.table),
            mode=self.mode,
            cursor=self.cursor or "",
            is_utc=self.cursor_zone == "UTC",
            margin=self.margin,
            compare_seconds=span_seconds(self.compare_keys),
            slot=slot if is_log else "",
            publication=(self.publication or slot) if is_log else "",
            has_history=self.history,
        )
