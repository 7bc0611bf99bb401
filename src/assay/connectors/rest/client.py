"""Requests of a feed: allowed, spaced, tried again where that helps, and sent to nobody but the API."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.base import clock
from assay.base.printable import printable
from assay.connectors.rest.auth import allowing, filled, secret_of
from assay.connectors.rest.exchange import Http, Response
from assay.connectors.rest.token import TokenFile
from assay.contract.feed_kinds.rest import RestFeed, is_safe
from assay.contract.yml_feed import REFERENCE
from assay.feeds.backoff import ATTEMPTS, pauses
from assay.feeds.credentials import scrubbed
from assay.feeds.errors import FeedError, Permanent, Transient

if TYPE_CHECKING:
    import httpx

PATIENCE = 60.0
"""Seconds that a request waits for its further attempts, all together; who has to wait longer ends the fetch."""
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_MOVED = (301, 302, 303, 307, 308)
_GOOD = (200, 204)
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_HOPS = 5
_LONGEST = 86400.0
"""Seconds for which a server may ask to be left alone; whoever asks for more is asked again then."""
_WORDS = 200
"""Characters of a server's words that a message has."""
_ADVICE = {
    400: "correct `params`, `paging` or `window`",
    401: "correct `auth`, or renew its secret",
    403: "let whom `auth` names read it",
    404: "correct `url` or `path`",
}


class Client:
    """Asks an API, as a feed declares it.

    Args:
        feed: The feed.
        token_file: Where tokens that can be used once are kept.

    Raises:
        Permanent: A secret is not there, or the API would be asked in clear.
    """

    def __init__(self, feed: RestFeed, token_file: Path) -> None:
        self._feed, self._http = feed, Http(feed)
        self._secrets: set[str] = set()
        self._next_at = 0.0
        self._home = self._http.url(f"{self._filled('url', feed.url).rstrip('/')}{self._filled('path', feed.path)}")
        if not feed.is_insecure and not is_safe(str(self._home)):
            raise Permanent(f"feed {feed.source}: url leads in clear to another machine; write https")
        self._headers = {name: self._filled("headers", value) for name, value in feed.headers.items()}
        self._params = {name: self._filled("params", value) for name, value in feed.params.items()}
        self._auth = allowing(feed, TokenFile(token_file, feed.source), self._exchanged)
        self.skew_seconds = 0.0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def params(self) -> Mapping[str, str]:
        """The parameters of each request, as they are declared, with secrets."""
        return self._params

    def get(self, link: str = "", params: Mapping[str, str] | None = None, base: str = "") -> Response:
        """Ask for a page.

        Args:
            link: An url, or a path below that of the feed's `url`; the feed's own `path` when empty.
            params: Its parameters.
            base: The url in whose response the link stood.

        Raises:
            Permanent: The API refuses, or leads elsewhere.
            Transient: It does not answer now.
        """
        return self.send("GET", self._absolute(link, base), params or {})

    def post(self, link: str, params: Mapping[str, str], json: Any) -> Response:
        """Send JSON; see `get`."""
        return self.send("POST", self._absolute(link, ""), params, json=json)

    def send(self, method: str, url: httpx.URL, params: Mapping[str, str], **content: Any) -> Response:
        """Send a request until it is answered; see `get`."""
        waits, left, was_refused, attempts = pauses(), PATIENCE, False, 0
        while True:
            problem: FeedError | None
            try:
                response = self._followed(method, url, params, **content)
                if response.status == _UNAUTHORIZED and not was_refused and self._auth.renew():
                    was_refused = True
                    continue
                problem = self._problem(response, "")
            except FeedError as error:
                problem = self._told(error, url)
            if problem is None:
                self._note_clock(response)
                return response
            was_refused, attempts = False, attempts + 1
            after = problem.after_seconds if isinstance(problem, Transient) else 0.0
            pause = max(next(waits), after)
            if isinstance(problem, Permanent) or attempts >= ATTEMPTS or pause > left:
                raise problem
            left -= pause
            time.sleep(pause)

    def told(self, error: FeedError, response: Response) -> FeedError:
        """An error about a response, with the feed and the address before it."""
        return self._told(error, self._http.url(response.url))

    def scrubbed(self, text: str) -> str:
        """A text without secrets."""
        return scrubbed(text, {*self._secrets, *self._auth.secrets})

    def _filled(self, key: str, text: str) -> str:
        whose = f"feed {self._feed.source}: {key}"
        self._secrets.update(secret_of(reference[0], whose) for reference in REFERENCE.finditer(text))
        return filled(text, whose)

    def _absolute(self, link: str, base: str) -> httpx.URL:
        """Where a link leads, which has to be the API itself: credentials go with each request.

        Raises:
            Permanent: It leads elsewhere.
        """
        if not link:
            return self._home
        if not base and link.startswith("/"):
            link = f"{filled(self._feed.url, '').rstrip('/')}{link}"
        url = self._http.url(link, base or str(self._home))
        if not _is_same(url, self._home):
            target = printable(f"{url.scheme}://{url.host}")
            raise Permanent(
                f"feed {self._feed.source}: {self._home.host} leads to {target}, "
                "and credentials go nowhere else than to the host of `url`, encrypted; correct `url` if it moved"
            )
        return url

    def _followed(self, method: str, url: httpx.URL, params: Mapping[str, str], **content: Any) -> Response:
        """Send a request, and again where the API says that it moved within its host."""
        asked = self._http.url(str(url), "", {**params, **self._auth.params()})
        for _ in range(_HOPS):
            self._space()
            headers = {**self._headers, **self._auth.headers()}
            response = self._http.exchange(method, asked, headers, **content)
            if response.status not in _MOVED or method != "GET":
                return response
            target = self._absolute(response.headers.get("location", "") or str(self._home), response.url)
            asked = self._http.url(str(target), "", self._auth.params())
        raise Permanent(f"it moved more than {_HOPS} times; correct `url`")

    def _space(self) -> None:
        if self._feed.rate:
            time.sleep(max(0.0, self._next_at - time.monotonic()))
            self._next_at = time.monotonic() + 1 / self._feed.rate

    def _exchanged(self, url: str, form: dict[str, str], headers: dict[str, str]) -> bytes:
        """Ask the server of tokens, once: whoever needs one tries again."""
        self._secrets.update(value for value in headers.values())
        target = self._http.url(url)
        if not self._feed.is_insecure and not is_safe(str(target)):
            raise Permanent(f"feed {self._feed.source}: token_url leads in clear to another machine; write https")
        response = self._http.exchange("POST", target, {"Accept": "application/json", **headers}, data=form)
        advice = (
            "allow the application again, and put the new refresh token where refresh_token refers to"
            if "refresh_token" in form
            else "correct client_id, client_secret or scope"
        )
        if problem := self._problem(response, advice):
            raise problem
        return response.body

    def _problem(self, response: Response, advice: str) -> FeedError | None:
        """Why a response is not one that can be read; None when it is."""
        status = response.status
        if status in _GOOD:
            return None
        words = printable(" ".join(self.scrubbed(response.body.decode(errors="replace")).split()))
        message = f"the server says {status} {response.phrase}{f': {words[:_WORDS]}' if words else ''}"
        url = self._http.url(response.url)
        if status in _PASSING or (status == _FORBIDDEN and _is_limited(response)):
            return self._told(Transient(message, _after(response)), url)
        todo = advice or _ADVICE.get(status, "expected 200 or 204")
        return self._told(Permanent(f"{message}; {todo}"), url)

    def _told(self, error: FeedError, url: httpx.URL) -> FeedError:
        """An error with the feed and the address before it, without secrets and parameters."""
        whose = f"feed {self._feed.source}: "
        text = str(error)
        if not text.startswith(whose):
            text = f"{whose}{printable(f'{url.host}{url.path}')}: {text}"
        text = self.scrubbed(text)
        return Transient(text, error.after_seconds) if isinstance(error, Transient) else Permanent(text)

    def _note_clock(self, response: Response) -> None:
        """Note by how much the clock of the API is behind this one."""
        moment = _date(response.headers.get("date", ""))
        if moment and "age" not in response.headers:
            self.skew_seconds = (clock.now() - moment).total_seconds()


def _is_same(url: httpx.URL, home: httpx.URL) -> bool:
    """Whether an url leads to the same host, by the same way or from clear to encrypted."""
    if url.userinfo or url.host != home.host:
        return False
    is_raised = (home.scheme, url.scheme, home.port, url.port) == ("http", "https", None, None)
    return is_raised or (url.scheme, url.port) == (home.scheme, home.port)


def _is_limited(response: Response) -> bool:
    """Whether a refusal means too many requests, as GitHub says it."""
    return "retry-after" in response.headers or response.headers.get("x-ratelimit-remaining") == "0"


def _after(response: Response) -> float:
    """For how many seconds the server asks to be left alone."""
    given = response.headers.get("retry-after", "").strip()
    now = clock.now().timestamp()
    if (seconds := _seconds(given)) is not None:
        after = seconds
    elif (moment := _date(given)) is not None:
        after = moment.timestamp() - now
    elif response.headers.get("x-ratelimit-remaining") == "0":
        reset = _seconds(response.headers.get("x-ratelimit-reset", "")) or 0.0
        after = reset - now if reset > now / 2 else reset
    else:
        after = 0.0
    return min(max(0.0, after), _LONGEST)


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
