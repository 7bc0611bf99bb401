"""A feed that reads an HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from assay.contract.errors import ContractError
from assay.contract.feed import FeedDeclaration, batches_of

PagingType = Literal["none", "page", "offset", "cursor", "link", "keyset"]


@dataclass(frozen=True, kw_only=True)
class Auth:
    """How requests are allowed; secrets are references.

    Attributes:
        type: `bearer`, `basic`, `key` or `oauth2`.
        values: The other keys, as the yml has them; without those that it leaves out.
    """

    type: Literal["bearer", "basic", "key", "oauth2"]
    values: Mapping[str, str]
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Paging:
    """How one page leads to the next, and by what the last one is known.

    Attributes:
        type: What leads on.
        param: The parameter that asks for a page, by what `type` says.
        first: The number of the first page, or the first offset.
        size: How many records a page has at most; 0 where that is not said.
        size_param: The parameter that asks for so many; empty for none.
        next: Where the next cursor or link stands, as a JSON pointer; None for the header `Link`.
        next_header: The header in which the next cursor stands; empty for none.
        key: Of `keyset`: where in a record the key stands by which pages go on.
        is_inclusive: Of `keyset`: whether a page begins with the records of the key that was asked for.
        more: Where it is said whether there is a next page.
        pages: Where the number of pages is said.
        total: Where the number of records is said.
        has_overlap: Of `offset`: whether each page begins with the last record of the one before.
        is_twice: Whether all pages are read twice and have to be the same.
    """

    type: PagingType = "none"
    param: str = ""
    first: int = 0
    size: int = 0
    size_param: str = ""
    next: str | None = None
    next_header: str = ""
    key: str = ""
    is_inclusive: bool = False
    more: str | None = None
    pages: str | None = None
    total: str | None = None
    has_overlap: bool = False
    is_twice: bool = False


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which records are asked for at once.

    Attributes:
        since: The parameter that says from when on; empty where `{from}` in another one does.
        until: The parameter that says until when; empty where nothing does, or `{until}`.
        cursor: Where in a record the time stands that is asked for, as a JSON pointer; empty where it is not checked.
        start: From when on there are records, in UTC.
        size: How long a window is at most; None for as long as it takes.
        format: How times are written in parameters.
        lag: By how much a record may show later than its time says.
    """

    since: str = ""
    until: str = ""
    cursor: str = ""
    start: datetime
    size: timedelta | None = None
    format: str = "iso"
    lag: timedelta


@dataclass(frozen=True, kw_only=True)
class RestFeed(FeedDeclaration):
    """Records of an HTTP API.

    Attributes:
        url: Where the API is, with secrets as references.
        path: What is read of it.
        records: Where in a document the array of records stands, as a JSON pointer.
        errors: Where in a document errors stand, as a JSON pointer; empty for nowhere.
        params: Of each request.
        headers: Of each request.
        auth: How requests are allowed; None where everyone may.
        paging: How one page leads to the next.
        window: Which records are asked for at once; None where all of them are.
        rate: Requests a second; 0 for as many as go.
        timeout: Seconds that a response may take in all.
        max_response_mb: Megabytes that a response may have.
        is_insecure: Whether other machines may be asked in clear.
        hook: `module:function` of the project that reads the pages; empty for none.
        each: The list in each record whose elements the contract describes; empty for the record itself.
    """

    unchanged: ClassVar[str] = "the records are as they were"

    url: str
    path: str = ""
    records: str = ""
    errors: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Auth | None = None
    paging: Paging = Paging()
    window: Window | None = None
    rate: float = 0.0
    timeout: float = 120.0
    max_response_mb: int = 64
    is_insecure: bool = False
    hook: str = ""
    each: str = ""

    @property
    def where(self) -> str:
        """The url and the path, as the yml has them."""
        return f"{self.url.rstrip('/')}{self.path}"

    @property
    def what(self) -> str:
        """What is asked for at once, and how pages lead on."""
        return f"{'window' if self.window else 'whole'}, {f'hook {self.hook}' if self.hook else self.paging.type}"

    def completed(self, block: Any) -> dict[str, Any]:
        """See `FeedDeclaration`."""
        from assay.contract.yml_feed import FedContractYml  # noqa: PLC0415 - see assay.contract.yml

        FedContractYml.read(block, "contract")
        if self.window and block.get("key"):
            raise ContractError("key: none: windows overlap, and only a primary_key tells rows again from other rows")
        if self.window and "max_loss" in block:
            raise ContractError("max_loss: no file of a window replaces another; it goes with `mode: whole`")
        form = {"type": "jsonl", **({"each": self.each} if self.each else {})}
        load = "events" if self.window else "snapshot"
        return {**block, **batches_of(self.source, ".jsonl"), "format": form, "load": load}


def is_safe(url: str) -> bool:
    """Whether nobody on the way reads what is sent to an url: it is encrypted, or of this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname or ""))


def is_this_machine(host: str) -> bool:
    """Whether a host is the machine that asks."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
