"""The keys of a feed that reads an HTTP API; those of `auth`, `paging` and `window` stand in modules of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from assay.contract.feed_kinds.rest import RestFeed, is_safe
from assay.contract.feed_kinds.yml_rest_auth import AnyAuthYml, without_secrets
from assay.contract.feed_kinds.yml_rest_paging import AnyPagingYml, NonePagingYml, Pointer, WindowYml
from assay.contract.yml import Expected
from assay.contract.yml_feed import REFERENCE, BatchFeedYml, checked_references

_HOOK = re.compile(r"[A-Za-z_]\w*:[A-Za-z_]\w*")
_OF_HOOK = ("records", "errors", "paging")


def _url(text: str) -> str:
    checked_references(text)
    parts = urlsplit(REFERENCE.sub("x", text))
    if REFERENCE.match(text):
        return text
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"{text!r} is not an address such as https://api.example.com/v1")
    if "@" in parts.netloc:
        raise ValueError("holds a user; write `auth: {type: basic, user: …, password: '${env:NAME}'}`")
    if parts.query or parts.fragment:
        raise ValueError("has a `?` or `#`; write what follows it below `params`")
    return text


def _path(text: str) -> str:
    if not text.startswith("/") or re.search(r"[?#\s]", text):
        raise ValueError(f"{text!r} is not a path such as /orders; what follows a `?` stands below `params`")
    return checked_references(text)


Texts = Annotated[
    Mapping[
        str,
        Annotated[
            str, Field(strict=False, coerce_numbers_to_str=True, json_schema_extra={"type": ["string", "number"]})
        ],
    ],
    Expected("{key} are names with texts, not {found}; put true and false in quotes"),
    AfterValidator(without_secrets),
]


class RestFeedYml(BatchFeedYml):
    """An HTTP API that answers in JSON, how its pages lead on, and how what is new is asked for."""

    shape = "expected keys such as {kind: rest, url: https://api.example.com/v1, path: /orders, mode: whole}"
    kind = "rest"

    source_kind: Literal["rest"] = Field(alias="kind", description="What is fetched from.")
    url: Annotated[str, Expected("expected a text such as https://api.example.com/v1"), AfterValidator(_url)] = Field(
        description="Where the API is; secrets as `${env:NAME}` or `${file:/path}`."
    )
    path: Annotated[str, AfterValidator(_path)] = Field(
        default="", description="What is read of it, after the url.", examples=["/orders"]
    )
    mode: Annotated[Literal["whole", "window"], Expected("{found} is not one of whole and window")] = Field(
        description="`whole`: each fetch is a snapshot; `window`: what changed in a window of time."
    )
    records: Pointer = Field(
        default="", description="Where the array of records is, as a JSON pointer; the document itself when empty."
    )
    errors: Pointer = Field(default="", description="Where errors stand in a document that came with a 200.")
    each: Pointer = Field(default="", description="The list in each record whose elements the contract describes.")
    params: Texts = Field(default={}, description="Parameters of each request; may hold `{from}` and `{until}`.")
    headers: Texts = Field(default={}, description="Headers of each request.")
    auth: AnyAuthYml | None = Field(default=None, description="How requests are allowed.")
    paging: AnyPagingYml | None = Field(default=None, description="How one page leads to the next.")
    window: WindowYml | None = Field(default=None, description="Of `mode: window`: what is asked for at once.")
    hook: str | None = Field(default=None, description="`module:function` of `feeds/` that reads what yml cannot say.")
    rate: Annotated[float, Field(gt=0, strict=False)] | None = Field(
        default=None, description="Requests a second at most."
    )
    timeout: Annotated[float, Field(gt=0, strict=False)] = Field(
        default=120.0, description="Seconds that a response may take in all."
    )
    max_response_mb: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=64, description="Megabytes that a response may have, unpacked."
    )
    insecure: bool = Field(default=False, description="Whether another machine may be asked in clear, by http.")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.mode == "window") != (self.window is not None):
            raise ValueError(
                "mode: window needs `window: {from: updated_since, start: 2024-01-01}`"
                if self.mode == "window"
                else "window: goes with `mode: window`; a whole source is read without it"
            )
        if not self.url.startswith("${") and not self.insecure and not is_safe(REFERENCE.sub("x", self.url)):
            raise ValueError(
                f"url: {self.url} is read in clear by everyone on the way; write https, or `insecure: true` where "
                "the way is safe"
            )
        self._check_window()
        self._check_hook()
        return self

    def _check_window(self) -> None:
        named = {name for text in self.params.values() for name in ("from", "until") if f"{{{name}}}" in text}
        if self.window is None:
            if named:
                raise ValueError(f"params: {{{min(named)}}} is of a window; it goes with `mode: window`")
            return
        if bool(self.window.from_) == ("from" in named):
            raise ValueError("window: says by `from`, or by {from} in one of `params`, from when on; one of the two")
        if self.window.until and "until" in named:
            raise ValueError("window: says by `until` and by {until} until when; leave one of them out")
        if self.window.size and not self.window.until and "until" not in named:
            raise ValueError(
                "window: size: an API that is not asked until when gives all that follows; name its parameter in "
                "`until`, or leave `size` out"
            )
        clash = {self.window.from_ or "", self.window.until or ""} & self.params.keys()
        if clash:
            raise ValueError(f"params: {min(clash)} is set by the window")

    def _check_hook(self) -> None:
        if self.hook is None:
            return
        if not _HOOK.fullmatch(self.hook):
            raise ValueError(f"hook: {self.hook!r} is not such as `orders:pages`, a function of feeds/orders.py")
        others = [name for name in _OF_HOOK if name in self.model_fields_set]
        if others:
            raise ValueError(f"{others[0]}: the hook reads the pages; leave one of the two out")

    def declaration(self, source: str) -> RestFeed:
        """See `FeedYml`."""
        paging = self.paging or NonePagingYml(type="none")
        return RestFeed(
            source=source,
            kind=self.kind,
            every=self.every,
            url=self.url,
            path=self.path,
            records=self.records,
            errors=self.errors,
            params=dict(self.params),
            headers=dict(self.headers),
            auth=self.auth.auth() if self.auth else None,
            paging=paging.paging(),
            window=self.window.window() if self.window else None,
            rate=self.rate or 0.0,
            timeout=self.timeout,
            max_response_mb=self.max_response_mb,
            is_insecure=self.insecure,
            hook=self.hook or "",
            each=self.each,
        )
