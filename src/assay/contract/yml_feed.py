"""The keys of a feed: `config: meta: feed:` of a bronze model, and what is left to say in its contract."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from assay.contract.contract import Contract, NewColumns
from assay.contract.yml import Expected, Name, Yml

REFERENCE = re.compile(r"\$\{(\w+):([^{}]+)\}")
"""A secret that a yml refers to: `${place:name}`."""
_KNOWN_PLACES = ("env", "file")
_PASSWORDS = (
    re.compile(r"://[^/@?#]*:(?P<value>[^@/?#]*)@"),
    re.compile(r"(?:^|[\s?&])(?:password|sslpassword)\s*=\s*(?P<value>[^\s&]*)", re.IGNORECASE),
)
_NAME = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


def secret_references(text: str) -> list[tuple[str, str]]:
    """(place, name) of each `${place:name}` in a text."""
    return REFERENCE.findall(text)


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


def _url(url: str) -> str:
    unknown = [place for place, _ in secret_references(url) if place not in _KNOWN_PLACES]
    if unknown:
        raise ValueError(
            f"${{{unknown[0]}:…}} is not a place of secrets that is known; write ${{env:NAME}} or ${{file:/path}}"
        )
    if "${" in REFERENCE.sub("", url):
        raise ValueError("a reference is written ${env:NAME} or ${file:/path}")
    literal = REFERENCE.sub("\0", url)
    if any(match["value"].strip("\0") for pattern in _PASSWORDS for match in pattern.finditer(literal)):
        raise ValueError("holds a password; keep it in the environment or a file, and write ${env:NAME} in its place")
    return url


def _table(written: str) -> str:
    if len(table_parts(written)) not in (1, 2):
        raise ValueError(
            f"{written!r} is not the name of a table such as public.orders; a name with a dot or a quote stands in "
            'double quotes: public."orders.2024"'
        )
    return written


class FeedYml(Yml):
    """From where a source is fetched, and how."""

    shape = "expected keys such as {kind: postgres, url: '${env:SHOP_DB}', table: public.orders, mode: whole}"

    server: Annotated[Literal["postgres"], Expected("{found} is not a kind of feed; known is postgres")] = Field(
        alias="kind", description="What is fetched from."
    )
    url: Annotated[str, Expected("expected a text such as '${env:SHOP_DB}'"), AfterValidator(_url)] = Field(
        description="Where the server is; secrets as `${env:NAME}` or `${file:/path}`.", examples=["${env:SHOP_DB}"]
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
    every: Annotated[float, Field(ge=0.1, strict=False)] = Field(
        default=60.0, description="Seconds between two fetches of `assay feed run`."
    )

    @model_validator(mode="before")
    @classmethod
    def _names_the_nearest(cls, value: object) -> object:
        """Refuse unknown keys, each with the one that is probably meant."""
        known = [field.alias or name for name, field in cls.model_fields.items()]
        unknown = [str(key) for key in value if key not in known] if isinstance(value, Mapping) else []
        if unknown:
            near = get_close_matches(unknown[0], known, n=1, cutoff=0.5)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"unknown key {unknown[0]!r}{meant}; known are {', '.join(known)}")
        return value

    @model_validator(mode="after")
    def _cursor_goes_with_watermark(self) -> Self:
        if self.mode == "watermark" and not self.cursor:
            raise ValueError("mode: watermark needs `cursor: updated_at`, the column that each change sets")
        others = [name for name in ("cursor", "cursor_zone", "margin") if name in self.model_fields_set]
        if self.mode == "whole" and others:
            raise ValueError(f"{others[0]}: goes with `mode: watermark`; a whole table is read without it")
        return self


class FedContractYml(Yml):
    """The contract of a source that a feed fetches; where its files are and how they are written, the feed says."""

    hints: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("files", "format", "load", "newest_by"), "the feed says it: leave the key out"
    )

    version: str = Field(description="Semantic version; a breaking change is a major version.")
    owner: str = Field(description="The team that answers for the source.")
    new_columns: NewColumns = Field(description="Columns of the table that are not named here, as of files.")
    key: Literal["none"] | None = Field(
        default=None, description="`none`: no column tells rows apart; of a whole table alone."
    )
    max_loss: Annotated[float, Field(strict=False)] = Field(
        default=Contract.max_loss, description="Of a whole table: the share of keys that the next one may lack."
    )
