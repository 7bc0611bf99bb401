"""Requests are tried again where that helps, allowed by what was declared, and sent to nobody but the API."""

from __future__ import annotations

import base64
import gzip
import itertools
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from assay.connectors.rest import client as rest_client
from assay.connectors.rest import token as rest_token
from assay.connectors.rest.token import TokenFile
from assay.feeds import backoff
from assay.feeds.errors import Permanent, Transient
from tests.http_server import Answer, Asked, HttpServer, Program
from tests.rest import lines_of, reader

GOOD = Answer([{"id": 1}])
BEARER = {"type": "bearer", "token": "${env:TOKEN}"}
SECRET = "s3cr#t/pä ss"  # noqa: S105 - of a server that lives for a minute


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with HttpServer(lambda _: GOOD) as server:
        yield server


@pytest.fixture
def read(server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Reads a feed of a program; gives how many records came."""
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.001)
    monkeypatch.setenv("TOKEN", "tok-en")
    server.asked.clear()

    def read(program: Program, **feed: Any) -> int:
        server.program = program
        return len(lines_of(reader(tmp_path, **{"url": server.url, **feed})))

    return read


def in_turn(*answers: Answer) -> Program:
    left = itertools.chain(answers[:-1], itertools.repeat(answers[-1]))
    return lambda _: next(left)


def http(head: str, body: bytes = b"") -> Answer:
    return Answer(raw=f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{head}\r\n\r\n".encode() + body)


CUT = [
    http("Content-Length: 100", b'[{"id": 1}]'),
    http("Transfer-Encoding: chunked", b"3\r\n[{}\r\n"),
    http("Content-Length: 24\r\nContent-Encoding: gzip", gzip.compress(b'[{"id": 1}]')[:24]),
    http("Content-Length: 24\r\nContent-Encoding: gzip", gzip.compress(b'[{"id": 1}]')[:10] + b"damaged damage"),
    Answer(raw=b""),
    Answer(raw=b"garbage\r\n\r\n"),
]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_passes_is_tried_again(read: Callable[..., int], server: HttpServer, status: int) -> None:
    assert read(in_turn(Answer(status=status), Answer(status=status), GOOD)) == 1
    assert len(server.asked) == 3
    with pytest.raises(Transient, match=f"the server says {status}"):
        read(in_turn(Answer(status=status)))
    assert len(server.asked) == 3 + backoff.ATTEMPTS


@pytest.mark.parametrize("number", range(len(CUT)))
def test_a_body_that_was_cut_is_read_again_and_never_taken(read: Callable[..., int], number: int) -> None:
    assert read(in_turn(CUT[number], GOOD)) == 1
    with pytest.raises(Transient):
        read(in_turn(CUT[number]))


def test_lines_without_their_length_are_refused(read: Callable[..., int]) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"
    with pytest.raises(Permanent, match="nobody would know of a cut"):
        read(in_turn(Answer(raw=head + b'{"id": 1}\n')))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 206])
def test_what_does_not_pass_is_told_in_the_words_of_the_server(
    read: Callable[..., int], server: HttpServer, status: int
) -> None:
    words = {"message": "no such thing for tok-en\n", "more": "x" * 5000}
    with pytest.raises(Permanent, match=f"feed orders: 127.0.0.1/orders: the server says {status}") as raised:
        read(in_turn(Answer(words, status=status)), auth=BEARER, params={"q": "5"})
    told = str(raised.value)
    assert "no such thing for masked" in told and "tok-en" not in told and len(told) < 400
    assert len(server.asked) == 1


def test_a_secret_in_an_address_is_in_no_message(read: Callable[..., int], server: HttpServer) -> None:
    with pytest.raises(Permanent, match=r"127.0.0.1/masked/a: the server says 404") as raised:
        read(in_turn(Answer(status=404)), path="/${env:TOKEN}/a")
    assert "tok-en" not in str(raised.value) and server.asked[0].path == "/tok-en/a"


def test_the_source_says_how_long_it_wants_to_be_left_alone(
    read: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(rest_client.time, "sleep", waits.append)
    assert read(in_turn(Answer(status=429, headers={"Retry-After": "7"}), GOOD)) == 1
    assert waits == [7.0]
    later = formatdate(time.time() + 20, usegmt=True)
    assert read(in_turn(Answer(status=503, headers={"Retry-After": later}), GOOD)) == 1
    assert 15 < waits[1] < 21
    limited = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time() + 3600))}
    for answer in (Answer(status=403, headers=limited), Answer(status=429, headers={"Retry-After": "3600"})):
        with pytest.raises(Transient) as raised:
            read(in_turn(answer))
        assert 3500 < raised.value.after_seconds <= 3600
    assert len(waits) == 2
    for never, seconds in (("9" * 400, 86400), ("²", 0)):
        with pytest.raises(Transient) as raised:
            read(lambda _, never=never: Answer(status=429, headers={"Retry-After": never}))
        assert raised.value.after_seconds == seconds


def test_requests_are_spaced(read: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(rest_client.time, "sleep", waits.append)
    pages = lambda a: Answer([{"id": a.params["page"]}] if int(a.params["page"]) < 4 else [])  # noqa: E731
    assert read(pages, paging={"type": "page"}, rate=2) == 3
    assert [round(seconds, 1) for seconds in waits if seconds > 0] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    "target",
    ["http://localhost:{port}/orders", "https://127.0.0.1:{port}/orders", "http://127.0.0.1:1/orders",
     "//evil.example/", "http://127.0.0.1:{port}@evil.example/", "http://x@127.0.0.1:{port}/", r"http://evil.example\@127.0.0.1:{port}/"],
)  # fmt: skip
def test_credentials_go_nowhere_else(read: Callable[..., int], server: HttpServer, target: str) -> None:
    link = target.format(port=server.url.rpartition(":")[2])
    for answer, paging in (
        (Answer(status=302, headers={"Location": link}), {"type": "none"}),
        (Answer([{"id": 1}], headers={"Link": f'<{link}>; rel="next"'}), {"type": "link"}),
    ):
        with pytest.raises(Permanent, match=r"credentials go nowhere else|not an url|cannot be sent"):
            read(lambda a, answer=answer: answer if a.path == "/orders" else GOOD, auth=BEARER, paging=paging)
    assert {asked.path for asked in server.asked} == {"/orders"}


def test_a_move_within_the_host_is_followed_with_credentials(read: Callable[..., int], server: HttpServer) -> None:
    def program(asked: Asked) -> Answer:
        return GOOD if asked.path == "/new" else Answer(status=301, headers={"Location": "/new?a=1"})

    assert read(program, auth={"type": "key", "name": "key", "in": "query", "value": "${env:TOKEN}"}) == 1
    assert server.asked[-1].params == {"a": "1", "key": "tok-en"}
    with pytest.raises(Permanent, match="moved more than"):
        read(in_turn(Answer(status=301, headers={"Location": "/orders"})))


def test_responses_have_limits(read: Callable[..., int], server: HttpServer) -> None:
    bomb = gzip.compress(b"[" + b" " * 4_000_000 + b"]")
    with pytest.raises(Permanent, match="more than 1 MB; ask for smaller pages"):
        read(in_turn(Answer(bomb, headers={"Content-Encoding": "gzip"})), max_response_mb=1)
    with pytest.raises(Permanent, match="more than 1 MB"):
        read(in_turn(Answer(b" " * 2_000_000)), max_response_mb=1)
    with pytest.raises(Permanent, match="packed as 'br'"):
        read(in_turn(Answer(b"x", headers={"Content-Encoding": "br"})))
    packed = gzip.compress(b'[{"id": 1},') + gzip.compress(b'{"id": 2}]')
    assert read(in_turn(Answer(packed, headers={"Content-Encoding": "gzip"}))) == 2
    assert server.asked[0].headers["accept-encoding"] == "gzip"


def test_a_server_that_drips_is_given_up(read: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_client, "PATIENCE", 0.0)
    before = time.monotonic()
    with pytest.raises(Transient, match=r"longer than 0.1 seconds|no answer in time"):
        read(in_turn(Answer([{"id": 1}] * 100, drip_seconds=0.02)), timeout=0.1)
    assert time.monotonic() - before < 1


def test_a_server_that_nobody_vouches_for_is_told_nothing(read: Callable[..., int], tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=2))
    certificate = builder.sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (tmp_path / "pem").write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "pem")
    with HttpServer(in_turn(GOOD), tls) as server:
        with pytest.raises(Permanent, match="nobody can be sure whose server it is"):
            read(in_turn(GOOD), url=server.url, auth=BEARER)
        assert not server.asked


def test_a_server_that_is_not_there_is_waited_for(read: Callable[..., int]) -> None:
    with pytest.raises(Transient, match=r"feed orders: 127.0.0.1/orders: the connection failed"):
        read(in_turn(GOOD), url="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (BEARER, "authorization", "Bearer tok-en"),
        (
            {"type": "basic", "user": "me", "password": "${env:TOKEN}"},
            "authorization",
            f"Basic {base64.b64encode(b'me:tok-en').decode()}",
        ),
        ({"type": "key", "name": "X-Key", "value": "${env:TOKEN}"}, "x-key", "tok-en"),
    ],
    ids=["bearer", "basic", "key"],
)
def test_requests_are_allowed_as_declared(
    read: Callable[..., int], server: HttpServer, auth: dict[str, Any], header: str, value: str
) -> None:
    assert read(in_turn(GOOD), auth=auth, headers={"X-A": "pre ${env:TOKEN}"}) == 1
    assert (server.asked[-1].headers[header], server.asked[-1].headers["x-a"]) == (value, "pre tok-en")


def test_a_secret_that_no_request_can_hold_is_refused(
    read: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for secret in ("a\r\nX: b", SECRET):
        monkeypatch.setenv("TOKEN", secret)
        with pytest.raises(Permanent, match="holds line ends or characters other than ASCII") as raised:
            read(in_turn(GOOD), auth=BEARER)
        assert secret not in str(raised.value)


class Tokens:
    """A server of tokens, each good for some requests; a refresh token is good once, and comes with the next one."""

    def __init__(self, good_for: int, expires_in: int = 3600) -> None:
        self.good_for, self.expires_in = good_for, expires_in
        self.given, self.used, self.refresh = 0, 0, "first"
        self.limits = 0

    def __call__(self, asked: Asked) -> Answer:
        if asked.path == "/token":
            return self._token(asked.form)
        if asked.headers.get("authorization") != f"Bearer access-{self.given}" or self.used >= self.good_for:
            return Answer({"error": "token has expired"}, status=401)
        self.used += 1
        if self.limits:
            self.limits -= 1
            return Answer(status=429)
        page = int(asked.params["page"])
        return Answer([{"id": page}] if page < 5 else [])

    def _token(self, form: dict[str, str]) -> Answer:
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return Answer({"error": "invalid_grant"}, status=400)
        self.given, self.used = self.given + 1, 0
        answer = {"access_token": f"access-{self.given}", "expires_in": self.expires_in, "token_type": "bearer"}
        if form["grant_type"] == "refresh_token":
            self.refresh = answer["refresh_token"] = f"refresh-{self.given}"
        return Answer(answer)


def oauth(server: HttpServer, **keys: Any) -> dict[str, Any]:
    return {"type": "oauth2", "token_url": f"{server.url}/token", "client_id": "app", **keys}


PAGES = {"type": "page"}


def test_tokens_that_end_are_renewed_also_while_a_request_is_tried_again(
    read: Callable[..., int], server: HttpServer
) -> None:
    auth = oauth(server, client_secret="${env:TOKEN}", scope="read", fields={"audience": "a"})  # noqa: S106 - a reference
    assert read(Tokens(good_for=2), auth=auth, paging=PAGES) == 4
    form = next(asked.form for asked in server.asked if asked.path == "/token")
    assert form == {"grant_type": "client_credentials", "client_id": "app", "client_secret": "tok-en", "scope": "read",
                    "audience": "a"}  # fmt: skip
    tokens = Tokens(good_for=1)
    tokens.limits = 3
    assert read(tokens, auth=auth, paging=PAGES) == 4
    early = Tokens(good_for=9, expires_in=10)
    assert read(early, auth={**auth, "client_in": "header"}, paging=PAGES) == 4
    assert early.given == 5, "a token that ends at once is renewed before it does"
    assert server.asked[-1].headers["authorization"] == "Bearer access-5"
    with pytest.raises(Permanent, match="the server says 401"):
        read(Tokens(good_for=0), auth=auth, paging=PAGES)


@pytest.fixture
def rotating(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("KEY", "a key of the lake")
    monkeypatch.setenv("FIRST", "first")
    monkeypatch.setitem(rest_token._WORK, "n", 2)  # the real work takes its time on purpose
    return oauth(server, refresh_token="${env:FIRST}", token_key="${env:KEY}")  # noqa: S106 - references


def test_a_refresh_token_is_on_the_disk_before_what_came_with_it_is_used(
    read: Callable[..., int], rotating: dict[str, Any], tmp_path: Path
) -> None:
    tokens, file = Tokens(good_for=2), tmp_path / "orders.token"
    assert read(tokens, auth=rotating, paging=PAGES) == 4
    assert tokens.given == 3
    kept = file.read_bytes()
    assert not [word for word in (b"refresh-", b"access-", b"first") if word in kept]

    def dies(_: Asked) -> Answer:
        with TokenFile(file, "x").held("a key of the lake", "first") as on_disk:
            assert on_disk.read().refresh == tokens.refresh, "the token is used and not yet on the disk"
        return Answer(status=404)

    tokens.used = 9
    program = lambda a: tokens(a) if a.path == "/token" or tokens.used >= 9 else dies(a)  # noqa: E731
    with pytest.raises(Permanent, match="404"):
        read(program, auth=rotating, paging=PAGES)
    assert tokens.given == 4
    assert read(Tokens.__call__.__get__(tokens), auth=rotating, paging=PAGES) == 4, "the next process goes on from it"


def test_a_lost_refresh_token_is_told_with_what_to_do(
    read: Callable[..., int], rotating: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens(good_for=9)
    assert read(tokens, auth=rotating, paging=PAGES) == 4
    tokens.refresh, tokens.used = "of another", 9
    with pytest.raises(Permanent, match=r"400 .*invalid_grant.*allow the application again"):
        read(tokens, auth=rotating, paging=PAGES)
    monkeypatch.setenv("FIRST", "of another")
    assert read(tokens, auth=rotating, paging=PAGES) == 4, "another first token is a new beginning"
    monkeypatch.setenv("KEY", "another key")
    with pytest.raises(Permanent, match="cannot be read with the key of token_key"):
        read(tokens, auth=rotating, paging=PAGES)
    (tmp_path / "orders.token").write_bytes(b"damaged")
    with pytest.raises(Permanent, match="cannot be read with the key of token_key"):
        read(tokens, auth=rotating, paging=PAGES)


@pytest.mark.parametrize("body", [b"[]", b"<html>", b"{}", b'{"access_token": 5}', b'{"access_token": "\\u00e4"}'])
def test_what_is_no_token_is_refused(read: Callable[..., int], server: HttpServer, body: bytes) -> None:
    auth = oauth(server, client_secret="${env:TOKEN}")  # noqa: S106 - a reference
    with pytest.raises(Permanent, match="gave no JSON with an access_token"):
        read(in_turn(Answer(body)), auth=auth)


def test_a_key_that_changed_is_read_again_after_it_was_refused(read: Callable[..., int], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("old\n")

    def program(asked: Asked) -> Answer:
        (tmp_path / "key").write_text("new\n")
        return GOOD if asked.headers["authorization"] == "Bearer new" else Answer(status=401)

    assert read(program, auth={"type": "bearer", "token": f"${{file:{tmp_path}/key}}"}) == 1
