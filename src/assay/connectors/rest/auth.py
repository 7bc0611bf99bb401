"""What allows a request: a token, a user, a key, or a token that another server gives for a while."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from assay.connectors.rest.token import TokenFile, Tokens
from assay.contract.feed_kinds.rest import Auth, RestFeed
from assay.contract.yml_feed import REFERENCE
from assay.feeds.credentials import resolved
from assay.feeds.errors import Permanent

_EARLY = 30.0
"""Seconds before its end at which a token is renewed, so that it does not end on the way."""
_USUAL = 3600.0
"""Seconds that a token is taken to last whose server does not say it; one that ends before is renewed after a 401."""
Form = dict[str, str]
Exchange = Callable[[str, Form, dict[str, str]], bytes]
"""Posts a form to an url with headers; gives the body of a response that went well."""


class Allowing(Protocol):
    """What allows requests."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold."""
        ...

    def headers(self) -> dict[str, str]:
        """Headers of the next request."""
        ...

    def params(self) -> dict[str, str]:
        """Parameters of the next request."""
        ...

    def renew(self) -> bool:
        """Get another token after one was refused; False where there is none to be had."""
        ...


def filled(text: str, whose: str) -> str:
    """A text with its references replaced.

    Raises:
        Permanent: A secret is not there, or cannot be sent.
    """
    return REFERENCE.sub(lambda reference: secret_of(reference[0], whose), text)


def secret_of(reference: str, whose: str) -> str:
    """The secret behind one reference, which has to be one line of ASCII to be sent."""
    secret, _ = resolved(reference, whose)
    if not (secret.isascii() and secret.isprintable()):
        raise Permanent(f"{whose}: {reference} holds line ends or characters other than ASCII, which no request has")
    return secret


def allowing(feed: RestFeed, tokens: TokenFile, exchange: Exchange) -> Allowing:
    """What allows the requests of a feed.

    Args:
        feed: As it is declared.
        tokens: Where tokens are kept that can be used once.
        exchange: Asks the server of tokens.

    Raises:
        Permanent: A secret is not there.
    """
    auth, whose = feed.auth, f"feed {feed.source}: auth"
    if auth is None:
        return Fixed(Sent)
    if auth.type == "oauth2":
        return Oauth(auth, whose, tokens, exchange)
    return Fixed(lambda: _sent(auth, whose))


def _sent(auth: Auth, whose: str) -> Sent:
    values = {name: filled(value, whose) for name, value in auth.values.items()}
    match auth.type:
        case "bearer":
            return Sent((("Authorization", f"Bearer {values['token']}"),), (), (values["token"],))
        case "basic":
            pair = basic(values["user"], values["password"])
            return Sent((("Authorization", pair),), (), (values["password"], pair.removeprefix("Basic ")))
        case _:
            pairs = ((values["name"], values["value"]),)
            in_header = values["in"] == "header"
            return Sent(pairs if in_header else (), () if in_header else pairs, (values["value"],))


def basic(user: str, password: str) -> str:
    """The header of a user and a password."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@dataclass(frozen=True)
class Sent:
    """What goes with each request."""

    headers: tuple[tuple[str, str], ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()


class Fixed:
    """The same for each request, until the place of the secret holds another one.

    Args:
        read: Gives it as it is now.
    """

    def __init__(self, read: Callable[[], Sent]) -> None:
        self._read, self._sent = read, read()

    @property
    def secrets(self) -> tuple[str, ...]:
        """See `Allowing`."""
        return self._sent.secrets

    def headers(self) -> dict[str, str]:
        """See `Allowing`."""
        return dict(self._sent.headers)

    def params(self) -> dict[str, str]:
        """See `Allowing`."""
        return dict(self._sent.params)

    def renew(self) -> bool:
        """See `Allowing`."""
        before, self._sent = self._sent, self._read()
        return self._sent != before


class Oauth:
    """Tokens that a server gives for a while, and maybe a new one for the next time with each.

    Such a token is on the disk before anything is done with what came beside it: the one before it is worth nothing
    any more.
    """

    def __init__(self, auth: Auth, whose: str, tokens: TokenFile, exchange: Exchange) -> None:
        self._auth, self._whose, self._file, self._exchange = auth, whose, tokens, exchange
        self._tokens: Tokens | None = None
        self._secrets: set[str] = set()

    @property
    def secrets(self) -> tuple[str, ...]:
        """See `Allowing`."""
        return tuple(self._secrets)

    def headers(self) -> dict[str, str]:
        """See `Allowing`."""
        if self._tokens is None or self._tokens.ends_at - _EARLY < time.time():
            self._get("")
        assert self._tokens is not None  # noqa: S101 - there is one, or an error was raised
        return {"Authorization": f"Bearer {self._tokens.access}"}

    def params(self) -> dict[str, str]:
        """See `Allowing`."""
        return {}

    def renew(self) -> bool:
        """See `Allowing`."""
        self._get(self._tokens.access if self._tokens else "")
        return True

    def _get(self, refused: str) -> None:
        """Have a token that is not the one that was refused."""
        first = self._secret("refresh_token")
        if not first:
            self._tokens = self._asked({"grant_type": "client_credentials"})
            return
        with self._file.held(self._secret("token_key"), first) as kept:
            stored = kept.read()
            self._keep_secret(stored.refresh, stored.access)
            if stored.access and stored.access != refused and stored.ends_at - _EARLY > time.time():
                self._tokens = stored  # of another process, or of the one before
                return
            given = self._asked({"grant_type": "refresh_token", "refresh_token": stored.refresh})
            kept.write(given)
            self._tokens = given

    def _asked(self, form: Form) -> Tokens:
        values = self._auth.values
        client, secret = filled(values["client_id"], self._whose), self._secret("client_secret")
        headers = {}
        if values.get("client_in") == "header":
            headers["Authorization"] = basic(client, secret)
        else:
            form = {**form, "client_id": client, **({"client_secret": secret} if secret else {})}
        if scope := values.get("scope"):
            form["scope"] = filled(scope, self._whose)
        form |= {name: filled(value, self._whose) for name, value in self._auth.fields.items()}
        body = self._exchange(filled(values["token_url"], self._whose), form, headers)
        return self._taken(body, form.get("refresh_token", ""))

    def _taken(self, body: bytes, refresh: str) -> Tokens:
        try:
            given: dict[str, Any] = json.loads(body)
            access, later = given["access_token"], given.get("refresh_token") or refresh
            ends_at = time.time() + float(given.get("expires_in") or _USUAL)
            if not (isinstance(access, str) and access.isascii() and access.isprintable() and isinstance(later, str)):
                raise TypeError
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise Permanent(
                f"{self._whose}: token_url gave no JSON with an access_token, as RFC 6749 has it; correct token_url"
            ) from None
        self._keep_secret(access, later)
        return Tokens(later, access, ends_at)

    def _secret(self, key: str) -> str:
        reference = self._auth.values.get(key, "")
        secret = secret_of(reference, self._whose) if reference else ""
        self._keep_secret(secret)
        return secret

    def _keep_secret(self, *secrets: str) -> None:
        self._secrets.update(secret for secret in secrets if secret)
