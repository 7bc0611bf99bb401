"""The keys of a feed that fetches the objects of a bucket."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from assay.contract.feed_kinds.objects import BucketFeed
from assay.contract.feed_kinds.yml_objects import ObjectsFeedYml
from assay.contract.yml import Expected
from assay.contract.yml_feed import checked_references, checked_secret

_URL = re.compile(r"(s3|gs|az)://[A-Za-z0-9$_.-]+(/[^?#]*)?")
_OF = {
    "s3": ("access_key", "secret_key", "session_token"),
    "gs": ("service_account",),
    "az": ("account", "account_key", "sas_token"),
}
_NAMES = {"s3": "S3", "gs": "GCS", "az": "Azure Blob"}
_Secret = Annotated[str, AfterValidator(checked_secret)]


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError(f"{text!r} is not s3://bucket/prefix, gs://bucket/prefix or az://container/prefix")
    return text


def _endpoint(text: str) -> str:
    if not re.fullmatch(r"https?://[^/@\s]+(/[^?#\s]*)?", text):
        raise ValueError(f"{text!r} is not the address of a service such as https://minio.example.com")
    return text.rstrip("/")


def _recent(text: str) -> str:
    if not re.fullmatch(r"([^/]+/)+", text) or "%" not in text:
        raise ValueError(f"{text!r} is not the folder of a day or month, with a slash at its end, such as dt=%Y-%m-%d/")
    return text


class BucketFeedYml(ObjectsFeedYml):
    """The objects of a bucket of S3, GCS or Azure Blob, or of a service that is compatible."""

    shape = "expected keys such as {kind: bucket, url: s3://shop/exports, files: 'sales/*.csv'}"
    kind = "bucket"

    source_kind: Literal["bucket"] = Field(alias="kind", description="What is fetched from.")
    url: Annotated[str, Expected("{found} is not a text such as s3://bucket/prefix"), AfterValidator(_url)] = Field(
        description="The bucket, and the folder in it: `s3://`, `gs://` or `az://`.", examples=["s3://shop/exports"]
    )
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None, description="Of a compatible service.", examples=["https://minio.example.com"]
    )
    region: str | None = Field(default=None, description="Of S3; that of the machine when left out.")
    recent: Annotated[str, AfterValidator(_recent)] | None = Field(
        default=None,
        description="The folder below the url in which new objects come, as for strftime, in UTC: it is listed each "
        "time, and everything once an hour.",
        examples=["dt=%Y-%m-%d/"],
    )
    anonymous: bool = Field(default=False, description="Of a public bucket: whether requests are not signed.")
    access_key: Annotated[str, AfterValidator(checked_references)] | None = Field(
        default=None, description="Of S3: the name of the key; the machine's own credentials when left out."
    )
    secret_key: _Secret | None = Field(default=None, description="Of S3: the secret of the key, a reference.")
    session_token: _Secret | None = Field(default=None, description="Of S3: of temporary credentials, a reference.")
    service_account: _Secret | None = Field(
        default=None, description="Of GCS: the JSON of a service account's key, a reference."
    )
    account: Annotated[str, AfterValidator(checked_references)] | None = Field(
        default=None, description="Of Azure: the storage account."
    )
    account_key: _Secret | None = Field(default=None, description="Of Azure: the key of the account, a reference.")
    sas_token: _Secret | None = Field(default=None, description="Of Azure: a shared access signature, a reference.")

    @model_validator(mode="after")
    def _credentials_are_of_the_service(self) -> Self:
        scheme = self.url.partition("://")[0]
        others = [name for other, names in _OF.items() if other != scheme for name in names if getattr(self, name)]
        others += ["region"] if self.region and scheme != "s3" else []
        if others:
            raise ValueError(
                f"{others[0]}: does not go with {scheme}://; {_NAMES[scheme]} takes {', '.join(_OF[scheme])}"
            )
        if bool(self.access_key) != bool(self.secret_key) or (self.session_token and not self.secret_key):
            raise ValueError("access_key and secret_key go together, and session_token with both")
        if self.anonymous and (set(self._options) - {"account"}):
            raise ValueError(
                "anonymous: requests are not signed, so there are no credentials; leave one of the two out"
            )
        if self.recent and self.done:
            raise ValueError("recent: does not go with `done`, whose markers are looked for everywhere")
        if scheme == "az" and not self.account:
            raise ValueError("az:// needs `account`, the storage account")
        return self

    @property
    def _options(self) -> dict[str, str]:
        names = [name for names in _OF.values() for name in names]
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    def declaration(self, source: str) -> BucketFeed:
        """See `FeedYml`."""
        return BucketFeed(
            source=source,
            kind=self.kind,
            every=self.every,
            files=self.files,
            done=self.done or "",
            recent=self.recent or "",
            url=self.url,
            endpoint=self.endpoint or "",
            region=self.region or "",
            options=tuple(self._options.items()),
            is_anonymous=self.anonymous,
        )
