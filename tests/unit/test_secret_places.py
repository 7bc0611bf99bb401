"""Secrets in Vault and AWS are read as their own tools read them, and what is wrong is told without them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from moto import mock_aws

from assay.feeds import secret_places
from assay.feeds.errors import Permanent, Transient
from assay.feeds.secret_places import secret_of

WHOSE = "feed orders: url"
TOKEN = "s.token"  # noqa: S105 - of a server that lives for a second
MOUNTS = {"kv": "1", "secret": "2"}
SECRETS = {
    "/v1/kv/shop": {"password": "one"},
    "/v1/secret/data/team/shop": {"data": {"password": "two"}, "metadata": {}},
}


class Vault(BaseHTTPRequestHandler):
    """The part of Vault's HTTP that a reader of secrets meets."""

    asked = 0
    is_sealed = False

    def do_GET(self) -> None:
        type(self).asked += 1
        if self.is_sealed:
            return self._answer(503, {"errors": ["Vault is sealed"]})
        if self.headers.get("X-Vault-Token") != TOKEN:
            return self._answer(403, {"errors": ["permission denied"]})
        mounts = "/v1/sys/internal/ui/mounts/"
        if self.path.startswith(mounts):
            mount = self.path.removeprefix(mounts).partition("/")[0]
            if mount not in MOUNTS:
                return self._answer(403, {"errors": ["preflight capability check returned 403"]})
            return self._answer(200, {"data": {"path": f"{mount}/", "options": {"version": MOUNTS[mount]}}})
        if self.path not in SECRETS:
            return self._answer(404, {"errors": []})
        return self._answer(200, {"data": SECRETS[self.path]})

    def _answer(self, code: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Keep the output of tests clean."""


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Vault]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vault)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setattr(secret_places, "_kept", {})
    monkeypatch.setattr(Vault, "asked", 0)
    monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    yield Vault
    server.shutdown()
    server.server_close()


def test_secrets_of_both_versions_of_vaults_engine_are_read_and_kept_for_a_minute(
    vault: type[Vault], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert secret_of("vault", "kv/shop#password", WHOSE) == "one"
    assert secret_of("vault", "secret/team/shop#password", WHOSE) == "two"
    asked = vault.asked
    assert secret_of("vault", "kv/shop#password", WHOSE) == "one" and vault.asked == asked
    later = secret_places.time.monotonic() + 61
    monkeypatch.setattr(secret_places.time, "monotonic", lambda: later)
    secret_of("vault", "kv/shop#password", WHOSE)
    assert vault.asked > asked


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("kv/shop#user", r"has no text 'user'; it has password"),
        ("kv/other#password", "Vault refuses it"),
        ("nowhere/shop#password", "Vault refuses it"),
    ],
)
def test_what_vault_does_not_give_is_told(vault: type[Vault], name: str, problem: str) -> None:  # noqa: ARG001
    with pytest.raises(Permanent, match=problem) as raised:
        secret_of("vault", name, WHOSE)
    assert TOKEN not in str(raised.value) and "one" not in str(raised.value).split()


def test_a_vault_that_is_away_is_asked_again_and_one_that_is_misdeclared_is_not(
    vault: type[Vault], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "is_sealed", True)
    with pytest.raises(Transient, match="cannot be asked now"):
        secret_of("vault", "kv/shop#password", WHOSE)
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(Transient, match="cannot be asked now"):
        secret_of("vault", "kv/shop#password", WHOSE)
    monkeypatch.setenv("VAULT_ADDR", "http://vault.example.com:8200")
    with pytest.raises(Permanent, match="is not https"):
        secret_of("vault", "kv/shop#password", WHOSE)
    monkeypatch.delenv("VAULT_ADDR")
    with pytest.raises(Permanent, match="VAULT_ADDR is not set"):
        secret_of("vault", "kv/shop#password", WHOSE)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(secret_places, "_kept", {})
    for name, value in (("DEFAULT_REGION", "eu-west-1"), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="prod/shop", SecretString='{"password": "three", "port": 5432}')
        client.create_secret(Name="plain", SecretString="four")
        client.create_secret(Name="bytes", SecretBinary=b"five")
        yield


@pytest.mark.usefixtures("aws")
def test_secrets_of_aws_are_a_text_or_a_member_of_one() -> None:
    assert secret_of("aws", "prod/shop#password", WHOSE) == "three"
    assert secret_of("aws", "prod/shop#port", WHOSE) == "5432"
    assert secret_of("aws", "plain", WHOSE) == "four"


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("prod/shop#user", "has no text 'user'; it has password, port"),
        ("plain#user", "is not a JSON object"),
        ("bytes", "is binary"),
        ("nowhere", r"refuses it \(ResourceNotFoundException\)"),
    ],
)
def test_what_aws_does_not_give_is_told(name: str, problem: str) -> None:
    with pytest.raises(Permanent, match=problem) as raised:
        secret_of("aws", name, WHOSE)
    assert not {"three", "four", "five"} & set(str(raised.value).split())


def test_aws_without_a_region_is_told_and_one_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_places, "_kept", {})
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(Permanent, match="set AWS's credentials and region"):
        secret_of("aws", "plain", WHOSE)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(Transient, match="cannot be asked now"):
        secret_of("aws", "plain", WHOSE)
