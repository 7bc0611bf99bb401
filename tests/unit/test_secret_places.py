"""Secrets in Vault and AWS are read as their own tools read them, and what is wrong is told without them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from assay.base.settings import Settings
from assay.connectors.webhook import keys as webhook_keys
from assay.connectors.webhook.keys import Keys
from assay.connectors.webhook.signature import Refused, sign_github
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.feeds import secret_places
from assay.feeds.errors import Permanent, Transient
from assay.feeds.secret_places import secret_of
from assay.fetching.kinds import fetcher_of
from tests.http_server import Answer, Asked, HttpServer
from tests.rest import declared
from tests.vault import TOKEN, Vault

WHOSE = "feed orders: url"


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    monkeypatch.setattr(secret_places, "_kept", {})
    monkeypatch.setattr(secret_places, "_given", {})
    with Vault() as vault:
        for name, value in vault.environment.items():
            monkeypatch.setenv(name, value)
        yield vault


def test_secrets_of_both_versions_of_vaults_engine_are_read_and_kept_for_a_minute(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
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
def test_what_vault_does_not_give_is_told(vault: Vault, name: str, problem: str) -> None:  # noqa: ARG001
    with pytest.raises(Permanent, match=problem) as raised:
        secret_of("vault", name, WHOSE)
    assert TOKEN not in str(raised.value) and "one" not in str(raised.value).split()


def test_a_vault_that_is_away_is_asked_again_and_one_that_is_misdeclared_is_not(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.is_sealed = True
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


@pytest.mark.parametrize("place", ["vault", "file"])
@pytest.mark.parametrize("auth", ["bearer", "header"])
def test_a_secret_that_was_rotated_is_taken_at_once_and_one_that_was_not_is_refused(
    vault: Vault, tmp_path: Path, place: str, auth: str
) -> None:
    wanted = ["one"]
    file = tmp_path / "password"

    def rotate(secret: str) -> None:
        vault.secrets["/v1/kv/shop"]["password"] = secret
        file.write_text(secret)

    def program(asked: Asked) -> Answer:
        given = asked.headers.get("authorization", asked.headers.get("x-key", "")).removeprefix("Bearer ")
        return Answer([{"id": 1}]) if given == wanted[0] else Answer(status=401)

    rotate("one")
    secret = f"${{file:{file}}}" if place == "file" else "${vault:kv/shop#password}"
    more = {"auth": {"type": "bearer", "token": secret}} if auth == "bearer" else {"headers": {"X-Key": secret}}
    with HttpServer(program) as server:
        fetcher = fetcher_of(Settings(home=tmp_path), declared(url=server.url, **more))
        with fetcher.alone():
            assert fetcher.fetch().records == 1
            rotate("two")
            wanted[0] = "two"
            assert fetcher.fetch().note == "the records are as they were: no new snapshot" and len(server.asked) == 3
            wanted[0] = "three"
            asked = vault.asked
            with pytest.raises(Permanent, match="the server says 401"):
                fetcher.fetch()
            assert len(server.asked) == 4 and (place == "file" or vault.asked > asked)
            vault.is_sealed = True
            with pytest.raises(Permanent, match="the server says 401"):
                fetcher.fetch()
        with fetcher.alone():  # its lock was given back
            pass


def test_a_key_of_webhooks_that_was_rotated_is_taken_and_the_one_before_is_not_for_long(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_keys, "_SOONEST_SECONDS", 0.0)
    secret = "${vault:kv/shop#password}"  # noqa: S105 - where it is
    feed = WebhookFeed(source="pay", kind="webhook", path="/pay", signature="github", secrets=(secret,), id="id")

    async def signed(keys: Keys, key: str) -> bool:
        headers = {"x-hub-signature-256": f"sha256={sign_github(key.encode(), b'{}')}"}
        try:
            await keys.check(headers, b"{}", 0.0)
        except Refused:
            return False
        return True

    async def checks() -> None:
        keys = Keys(feed)
        asked = vault.asked
        assert await signed(keys, "one") and vault.asked == asked
        assert not await signed(keys, "two") and vault.asked > asked
        vault.secrets["/v1/kv/shop"]["password"] = "two"  # noqa: S105 - of a test
        both = await asyncio.gather(signed(keys, "two"), signed(keys, "two"))
        assert both == [True, True] and not await signed(keys, "one")
        monkeypatch.setattr(webhook_keys, "_SOONEST_SECONDS", 60.0)
        asked = vault.asked
        assert not await signed(keys, "three") and vault.asked == asked  # whoever sends rubbish does not ask Vault
        monkeypatch.setattr(webhook_keys, "_KEPT_SECONDS", 0.02)
        renewing = asyncio.create_task(keys.renew_on())
        vault.is_sealed = True
        await asyncio.sleep(0.1)
        assert await signed(keys, "two") and vault.asked > asked
        vault.is_sealed = False
        vault.secrets["/v1/kv/shop"]["password"] = "three"  # noqa: S105 - of a test
        while await signed(keys, "two"):
            await asyncio.sleep(0.02)
        assert await signed(keys, "three"), "and nobody had to send it first"
        renewing.cancel()

    asyncio.run(checks())
