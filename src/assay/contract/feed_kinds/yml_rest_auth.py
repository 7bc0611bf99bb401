"""The key `auth` of a feed that reads an HTTP API: a class for each way in which requests are allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from assay.contract.feed_kinds.rest import Auth, is_safe
from assay.contract.yml import Expected
from assay.contract.yml_feed import REFERENCE, NearestYml, checked_references, checked_secret

_SECRET = re.compile(r"(^|[-_])(authorization|cookie|api-?key|(access-?)?token|secret|password)$", re.IGNORECASE)
Secret = Annotated[
    str,
    Expected("{key} is a secret; keep it in the environment or a file, and write ${env:NAME} in its place"),
    AfterValidator(checked_secret),
]
Text = Annotated[str, Field(strict=False, coerce_numbers_to_str=True, min_length=1), AfterValidator(checked_references)]


def without_secrets(values: Mapping[str, str]) -> Mapping[str, str]:
    """Texts by name, of which none that is called like a secret stands there in clear.

    Raises:
        ValueError: One does.
    """
    for name, value in values.items():
        checked_references(value)
        if _SECRET.search(name.replace("_", "-")) and not REFERENCE.search(value):
            raise ValueError(f"{name} is a secret; keep it in the environment or a file, and write ${{env:NAME}}")
    return values


def _token_url(text: str) -> str:
    checked_references(text)
    if not REFERENCE.match(text) and not is_safe(text):
        raise ValueError(f"{text!r} is not an encrypted address such as https://login.example.com/oauth/token")
    return text


class _AuthYml(NearestYml):
    shape = "expected keys such as {type: bearer, token: '${env:API_TOKEN}'}"
    fields_: ClassVar[tuple[str, ...]] = ("type", "fields")

    def auth(self) -> Auth:
        """What is declared."""
        values = self.model_dump(by_alias=True, exclude_none=True, exclude={*self.fields_})
        return Auth(type=self.kind, values=values, fields=dict(getattr(self, "fields", {})))  # type: ignore[arg-type]


class BearerYml(_AuthYml):
    """A token in the header `Authorization`."""

    kind = "bearer"

    type: Literal["bearer"] = Field(description="A token in the header `Authorization: Bearer …`.")
    token: Secret = Field(description="The token, as a reference.", examples=["${env:API_TOKEN}"])


class BasicYml(_AuthYml):
    """A user and a password."""

    kind = "basic"

    type: Literal["basic"] = Field(description="A user and a password.")
    user: Text = Field(description="The user; may be a reference.")
    password: Secret = Field(description="The password, as a reference.", examples=["${env:API_PASSWORD}"])


class KeyYml(_AuthYml):
    """A key in a header or a parameter."""

    kind = "key"

    type: Literal["key"] = Field(description="A key in a header or a parameter.")
    name: Text = Field(description="Of the header or parameter.", examples=["X-Api-Key"])
    in_: Annotated[Literal["header", "query"], Expected("{found} is not one of header and query")] = Field(
        default="header", alias="in", description="Where it stands; a header is in fewer logs."
    )
    value: Secret = Field(description="The key, as a reference.", examples=["${env:API_KEY}"])


class OauthYml(_AuthYml):
    """Tokens that another server gives for a while."""

    kind = "oauth2"

    type: Literal["oauth2"] = Field(description="Tokens that a server gives for a while (OAuth 2).")
    token_url: Annotated[str, AfterValidator(_token_url)] = Field(description="Where tokens are given.")
    client_id: Text = Field(description="Of the application; may be a reference.")
    client_secret: Secret | None = Field(default=None, description="Of the application, as a reference.")
    client_in: Annotated[Literal["body", "header"], Expected("{found} is not one of body and header")] = Field(
        default="body", description="Where the application says who it is."
    )
    scope: Text | None = Field(default=None, description="What is asked for, names with blanks between.")
    refresh_token: Secret | None = Field(
        default=None, description="The first one, as a reference, where a person has allowed the application."
    )
    token_key: Secret | None = Field(
        default=None, description="Of `refresh_token`: what later ones are encrypted with on this machine."
    )
    fields: Annotated[Mapping[str, Text], AfterValidator(without_secrets)] = Field(
        default={}, description="More fields of the request, such as `audience`."
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.refresh_token is None) != (self.token_key is None):
            raise ValueError(
                "refresh_token and token_key go together: a server may give a new token for each use, which is kept "
                "encrypted with `token_key: '${env:NAME}'`"
            )
        if self.refresh_token is None and self.client_secret is None:
            raise ValueError("oauth2 needs client_secret, or refresh_token and token_key")
        return self


AnyAuthYml = Annotated[BearerYml | BasicYml | KeyYml | OauthYml, Field(discriminator="type")]
