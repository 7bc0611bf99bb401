"""The keys of a feed of webhooks."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from assay.base.sizes import parse_size
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.contract.freshness import UNITS
from assay.contract.pointer import pointer_keys
from assay.contract.yml import Expected, Yml
from assay.contract.yml_feed import BatchFeedYml, checked_secret

HEALTH = "/healthz"
"""Where `assay serve` says that it is alive."""
LONGEST_BODY = 15_000_000
"""Bytes: an event is a line of JSON, which may have 16 MiB with all that is added to it."""
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SPAN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(?:(s|second|minute|hour|day)s?)?\s*", re.ASCII)
_IDS = {"standard": "webhook-id", "github": "X-GitHub-Delivery"}
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization")


def _seconds(value: object) -> object:
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    return float(match[1]) * UNITS.get(match[2], 1)


def _bytes(value: object) -> object:
    size = parse_size(value) if isinstance(value, str) else None
    return value if size is None else size


def _tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _path(text: str) -> str:
    if not _PATH.fullmatch(text) or text == HEALTH:
        raise ValueError(f"{text!r} is not a path such as /hooks/payments (letters, digits and . _ ~ -, not {HEALTH})")
    return text


def _id(text: str) -> str:
    if text.startswith("/"):
        pointer_keys(text)
    elif not _HEADER.fullmatch(text):
        raise ValueError(f"{text!r} is neither the name of a header such as webhook-id nor a JSON pointer such as /id")
    return text


def _kept(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a header")
    if name.lower() in _SECRET_HEADERS or "signature" in name.lower():
        raise ValueError(f"{name} holds a secret or a signature, and those are not stored")
    return name.lower()


_Span = Annotated[
    float,
    BeforeValidator(_seconds),
    Field(ge=1, le=366 * UNITS["day"], strict=False),
    Expected("{key} is a span such as 300 s or 3 days, from a second to a year, not {found}"),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^[0-9]"}]}),
]
_Size = Annotated[
    int,
    BeforeValidator(_bytes),
    Field(ge=0),
    Expected("{key} is a size such as 1 GB, not {found}"),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^[0-9]"}]}),
]
_Body = Annotated[
    int,
    BeforeValidator(_bytes),
    Field(ge=1, le=LONGEST_BODY),
    Expected("{key} is a size such as 1 MB, at most 15 MB, not {found}"),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^[0-9]"}]}),
]
_TEXTS = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})


class SignatureYml(Yml):
    """How a sender proves that an event is its own."""

    shape = "expected keys such as {type: standard, secret: '${env:HOOK_SECRET}'}, found {found}"

    type: Literal["standard", "github", "none"] = Field(
        description="`standard`: Standard Webhooks (webhook-id, -timestamp, -signature); `github`: "
        "X-Hub-Signature-256; `none`: whoever reaches the port may send."
    )
    secret: Annotated[
        tuple[Annotated[str, AfterValidator(checked_secret)], ...],
        BeforeValidator(_tuple),
        Field(strict=False),
        _TEXTS,
    ] = Field(
        default=(),
        description="The key, as `${env:NAME}` or `${file:/path}`; a list while it is changed: any of them may sign.",
        examples=["${env:HOOK_SECRET}"],
    )

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        if self.type == "none" and self.secret:
            raise ValueError("type: none checks nothing; leave `secret` out, or say how events are signed")
        if self.type != "none" and not self.secret:
            raise ValueError(f"type: {self.type} needs `secret: ${{env:NAME}}`, the key that the sender signs with")
        return self


class WebhookFeedYml(BatchFeedYml):
    """Events that senders post to `assay serve`."""

    shape = (
        "expected keys such as {kind: webhook, path: /hooks/payments, signature: {type: standard, secret: "
        "'${env:HOOK_SECRET}'}}"
    )
    kind = "webhook"

    source_kind: Literal["webhook"] = Field(alias="kind", description="What is fetched from.")
    every: Annotated[float, Field(ge=0.1, le=3600, strict=False)] = Field(
        default=1.0, description="Seconds for which events are gathered into one file."
    )
    path: Annotated[str, AfterValidator(_path)] = Field(
        description="Where `assay serve` takes the events.", examples=["/hooks/payments"]
    )
    signature: SignatureYml = Field(description="How events are signed.")
    id: Annotated[str, AfterValidator(_id)] | None = Field(
        default=None,
        description="Where the delivery's id is: the name of a header, or a JSON pointer into the body. Left out: "
        "webhook-id of `standard`, X-GitHub-Delivery of `github`.",
        examples=["webhook-id", "/event/id"],
    )
    headers: Annotated[tuple[Annotated[str, AfterValidator(_kept)], ...], Field(strict=False)] = Field(
        default=(), description="Headers that are kept of each event.", examples=[["X-GitHub-Event"]]
    )
    tolerance: _Span = Field(
        default=300.0, description="Of `standard`: how far a signature's time may be from the clock."
    )
    max_bytes: _Body = Field(default=1_000_000, description="The size of the largest body.")
    remember: _Span = Field(
        default=259_200.0, description="For how long a delivery is known that came; longer than senders repeat."
    )
    reserve: _Size = Field(default=1_000_000_000, description="Space of the disk that stays free: else 503.")
    backlog: _Size = Field(default=10_000_000_000, description="What may wait to be loaded: beyond it 503.")

    @model_validator(mode="after")
    def _has_an_id(self) -> Self:
        kind = self.signature.type
        if self.id is None and kind == "none":
            raise ValueError("missing id: the name of a header, or a JSON pointer into the body such as /id")
        if kind == "standard" and self.id and not self.id.startswith("/") and self.id.lower() != _IDS[kind]:
            raise ValueError(
                f"id: {self.id!r} is a header that is not signed; expected webhook-id, or a JSON pointer into the body"
            )
        if kind != "standard" and "tolerance" in self.model_fields_set:
            raise ValueError(f"tolerance: goes with type: standard; signatures of type {kind} have no time")
        return self

    def declaration(self, source: str) -> WebhookFeed:
        """See `FeedYml`."""
        return WebhookFeed(
            source=source,
            kind=self.kind,
            every=self.every,
            path=self.path,
            signature=self.signature.type,
            secrets=self.signature.secret,
            id=self.id or _IDS[self.signature.type],
            headers=self.headers,
            tolerance=self.tolerance,
            max_bytes=self.max_bytes,
            remember=self.remember,
            reserve=self.reserve,
            backlog=self.backlog,
        )
