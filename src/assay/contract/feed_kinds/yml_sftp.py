"""The keys of a feed that fetches the files of an SFTP server."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from assay.contract.feed_kinds.sftp import SftpFeed
from assay.contract.feed_kinds.yml_objects import ObjectsFeedYml
from assay.contract.yml_feed import REFERENCE, checked_references, checked_secret

_Text = Annotated[str, AfterValidator(checked_references)]
_Secret = Annotated[str, AfterValidator(checked_secret)]
_PRIVATE = "PRIVATE KEY"


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]+", REFERENCE.sub("x", text)):
        raise ValueError(f"{text!r} is not the name of a server such as sftp.example.com")
    return checked_references(text)


def _host_key(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?", text):
        raise ValueError(f"{text[:40]!r} is not a public key such as 'ssh-ed25519 AAAA…'; `ssh-keyscan HOST` prints it")
    return text


def _key(text: str) -> str:
    if _PRIVATE in text:
        raise ValueError(
            "holds a private key; keep it in a file, and write the file's path or ${env:NAME} in its place"
        )
    return checked_references(text)


class SftpFeedYml(ObjectsFeedYml):
    """The files below a folder of an SFTP server."""

    shape = "expected keys such as {kind: sftp, host: sftp.example.com, user: reader, folder: out, files: '*.csv'}"
    kind = "sftp"

    source_kind: Literal["sftp"] = Field(alias="kind", description="What is fetched from.")
    host: Annotated[str, AfterValidator(_host)] = Field(description="The server.", examples=["sftp.example.com"])
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=22, description="Where it listens.")
    user: _Text = Field(description="As who it is asked.")
    folder: str = Field(
        default=".", description="The folder, absolute or from where the server begins.", examples=["/outgoing"]
    )
    password: _Secret | None = Field(default=None, description="A reference.")
    key: Annotated[str, AfterValidator(_key)] | None = Field(
        default=None, description="The path of a private key, or a reference to the key itself."
    )
    key_password: _Secret | None = Field(default=None, description="What the key is encrypted with, a reference.")
    host_key: Annotated[str, AfterValidator(_host_key)] | None = Field(
        default=None, description="The server's public key, where `known_hosts` does not have it."
    )
    known_hosts: str | None = Field(
        default=None, description="A file of servers' keys; that of the user who runs the feed when left out."
    )
    settle: Annotated[float, Field(ge=0.1, strict=False)] = Field(
        default=10.0, description="Seconds for which a file has to keep its size and time; not with `done`."
    )

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        if self.host_key and self.known_hosts:
            raise ValueError("host_key and known_hosts say the same; leave one of the two out")
        if self.key_password and not self.key:
            raise ValueError("key_password: goes with `key`")
        if self.done and "settle" in self.model_fields_set:
            raise ValueError("settle: with `done`, the marker says when a file is whole; leave one of the two out")
        return self

    def declaration(self, source: str) -> SftpFeed:
        """See `FeedYml`."""
        return SftpFeed(
            source=source,
            kind=self.kind,
            every=self.every,
            files=self.files,
            done=self.done or "",
            host=self.host,
            port=self.port,
            user=self.user,
            folder=self.folder,
            password=self.password or "",
            key=self.key or "",
            key_password=self.key_password or "",
            host_key=self.host_key or "",
            known_hosts=self.known_hosts or "",
            settle=self.settle,
        )
