"""Signatures of webhooks, what becomes of a body, and what a feed of webhooks may declare."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from standardwebhooks import Webhook

from assay.cli.schema import yml_schema
from assay.connectors.webhook.event import digest_of, events_of
from assay.connectors.webhook.serving import refuse_what_cannot_be_served
from assay.connectors.webhook.signature import (
    Check,
    Refused,
    check_github,
    check_of,
    check_standard,
    sign_github,
    sign_standard,
    standard_key,
)
from assay.contract.declared_feeds import declared_feed
from assay.contract.errors import ContractError
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.contract.parse import parse_contract
from assay.feeds.errors import Permanent

NOW = datetime(2026, 11, 27, 12, 0, 0, 5, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the published test vectors
FEED = WebhookFeed(source="pay", kind="webhook", path="/hooks/pay", signature="standard", id="webhook-id")
YML: dict[str, Any] = {"kind": "webhook", "path": "/hooks/pay", "signature": {"type": "standard", "secret": "${env:S}"}}
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
VECTOR_BODY = b'{"test": 2432232314}'


def refusal(check: Check, headers: Mapping[str, str], body: bytes, now: float) -> str:
    with pytest.raises(Refused) as raised:
        check(headers, body, now)
    assert raised.value.status == 401
    return raised.value.sentence


def standard(*secrets: str) -> Check:
    keys = tuple(standard_key(secret) for secret in secrets)
    return lambda headers, body, now: check_standard(keys, 300, headers, body, now)


def test_the_published_vector_of_standard_webhooks_is_taken_and_any_change_of_it_is_not() -> None:
    at, check = 1614265330.0, standard(SECRET)
    check(VECTOR, VECTOR_BODY, at)
    check({name.replace("webhook-", "svix-"): value for name, value in VECTOR.items()}, VECTOR_BODY, at)
    assert "no signature fits" in refusal(check, VECTOR, VECTOR_BODY + b" ", at)
    for name, other in (("webhook-id", "msg_other"), ("webhook-timestamp", "1614265331")):
        assert "no signature fits" in refusal(check, {**VECTOR, name: other}, VECTOR_BODY, at)
    for name in VECTOR:
        assert "have to be there" in refusal(check, {n: v for n, v in VECTOR.items() if n != name}, VECTOR_BODY, at)
    for signature in ("v1,", "v1", "v1a,g0hM", VECTOR["webhook-signature"].replace("v1,", "v2,"), "v1,ü"):
        assert "no signature" in refusal(check, {**VECTOR, "webhook-signature": signature}, VECTOR_BODY, at)


def test_a_signature_is_as_the_package_of_the_standard_makes_it() -> None:
    for body in (b"{}", '{"text": "ä"}'.encode(), b"[" + b"1," * 500 + b"1]"):
        theirs = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(1614265330, UTC), body.decode())
        assert theirs == f"v1,{sign_standard(standard_key(SECRET), 'msg_1', '1614265330', body)}"


def test_any_of_several_signatures_by_any_of_several_keys_counts() -> None:
    other = "whsec_" + base64.b64encode(b"another key of 24 bytes!").decode()
    both = f"v1a,x v1,{base64.b64encode(b'wrong').decode()} {VECTOR['webhook-signature']}"
    standard(other, SECRET)({**VECTOR, "webhook-signature": both}, VECTOR_BODY, 1614265330)
    assert "no signature" in refusal(standard(other), {**VECTOR, "webhook-signature": both}, VECTOR_BODY, 1614265330)


@pytest.mark.parametrize(
    ("seconds", "problem"), [(301, "too old"), (-301, "too far ahead"), (299, ""), (-299, "")], ids=str
)
def test_a_signature_that_is_not_of_now_is_refused(seconds: int, problem: str) -> None:
    now = 1614265330 + seconds
    if problem:
        assert problem in refusal(standard(SECRET), VECTOR, VECTOR_BODY, now)
    else:
        standard(SECRET)(VECTOR, VECTOR_BODY, now)
    for at in ("soon", "-5", "1e9", "٣", "1" * 16):
        assert "seconds since 1970" in refusal(standard(SECRET), {**VECTOR, "webhook-timestamp": at}, VECTOR_BODY, now)


def test_the_published_vector_of_github_is_taken_and_any_change_of_it_is_not() -> None:
    keys, body = (b"It's a Secret to Everybody",), b"Hello, World!"
    signed = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}

    def check(headers: Mapping[str, str], text: bytes, _: float) -> None:
        check_github((b"old", *keys), headers, text)

    check(signed, body, 0)
    assert sign_github(keys[0], body) in signed["x-hub-signature-256"]
    assert "does not fit" in refusal(check, signed, body + b"!", 0)
    for value in ("", "sha1=75710", "sha256=", signed["x-hub-signature-256"][7:]):
        assert "has to be there" in refusal(check, {"x-hub-signature-256": value}, body, 0)


def test_a_secret_that_is_not_a_key_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = replace(FEED, secrets=("${env:S}",))
    for secret in ("whsec_not base64!", "hunter2", "whsec_c2hvcnQ="):
        monkeypatch.setenv("S", secret)
        with pytest.raises(Permanent, match="is not a key of Standard Webhooks") as raised:
            check_of(feed)
        assert secret not in str(raised.value)
    monkeypatch.delenv("S")
    with pytest.raises(Permanent, match="which is not set"):
        check_of(feed)


def event(body: bytes, feed: WebhookFeed = FEED, **headers: str) -> dict[str, Any]:
    lines = events_of(feed, {"webhook-id": "msg_1", **headers}, body, NOW)
    assert len(lines) == 1
    assert lines[0].line.count(b"\n") == 1 and b"\r" not in lines[0].line
    assert digest_of(lines[0].line[:-1]) == lines[0].digest
    value: dict[str, Any] = json.loads(lines[0].line)
    return value


def test_a_body_is_stored_as_it_came() -> None:
    body = b' {\r\n "a": 1.10,\n\t"b": 12345678901234567890.000e-5, "c": "\\u00e4 \\n \xc3\xa4 ,\\"body\\":" }\n'
    line = events_of(FEED, {"webhook-id": "msg_1"}, body, NOW)[0].line
    assert b'"body":' + body.strip().replace(b"\r", b" ").replace(b"\n", b" ") + b"}\n" in line
    assert event(body)["received_at"] == "2026-11-27T12:00:00.000005+00:00"
    kept = event(b"{}", replace(FEED, headers=("x-github-event", "x-other")), **{"x-github-event": 'a "b"'})
    assert kept["headers"] == {"x-github-event": 'a "b"'}


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)


@settings(max_examples=40)
@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_any_json_comes_back(value: object, indent: int | None, is_ascii: bool) -> None:
    assert event(json.dumps(value, indent=indent, ensure_ascii=is_ascii).encode())["body"] == value


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not JSON"),
        (b"payload=%7B%7D", "not JSON"),
        (b'{"a": 1} {"b": 2}', "text after the end"),
        (b'1,"id":"other"', "text after the end"),
        (b'{"a": 1, "a": 2}', "more than once"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": -Infinity}', "no JSON number"),
        (b'{"a": "\n"}', "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"\xff{}", "not text in UTF-8, from byte 1"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b"[" * 600 + b"]" * 600, "nested too deeply"),
        (b'{"a": "\0"}', "not JSON"),
    ],
    ids=range(14),
)
def test_what_readers_would_take_differently_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(Refused, match=problem) as raised:
        event(body)
    assert raised.value.status == 400


def test_an_id_is_a_header_or_stands_in_the_body_and_in_each_element_of_an_array() -> None:
    feed = replace(FEED, id="/event/id")
    assert event(b'{"event": {"id": "evt_1"}}', feed)["id"] == "evt_1"
    assert event(b'{"event": {"id": 12345678901234567890}}', feed)["id"] == "12345678901234567890"
    batch = b'[ {"event":{"id":1},"x":[1,[2]]} ,\n{"event": {"id":2}, "y": "],"}\n]'
    values = [json.loads(one.line) for one in events_of(feed, {}, batch, NOW)]
    assert [(one["id"], one["body"]) for one in values] == [(str(e["event"]["id"]), e) for e in json.loads(batch)]
    assert events_of(feed, {}, b"[]", NOW) == []
    assert event(batch)["body"] == json.loads(batch)  # with its id in a header it is one event
    without = (b"{}", b'{"event": {"id": ""}}', b'{"event": {"id": null}}', b'{"event": 5}', b"7", b"[[]]")
    odd = (b'{"event": {"id": {"a": 1}}}', b'{"event": {"id": "a\\nb"}}', b'[{"event": {"id": 1}}, {}]')
    for body in (*without, *odd):
        with pytest.raises(Refused, match="has to be the delivery's id"):
            events_of(feed, {}, body, NOW)
    with pytest.raises(Refused, match="the header webhook-id has to be"):
        events_of(FEED, {}, b"{}", NOW)


def test_the_same_id_with_another_body_is_another_event() -> None:
    one, two, again = (events_of(FEED, {"webhook-id": "a"}, body, NOW)[0] for body in (b"1", b"2", b" 1\n"))
    assert one.digest != two.digest and one.digest == again.digest
    assert events_of(FEED, {"webhook-id": "b"}, b"1", NOW)[0].digest != one.digest
    for line in (b"", b"{}", b'{"id":1}', one.line[:-3], b"\0" * 50, one.line[:-1] + b"x"):
        assert digest_of(line) is None


def node(feed: Any, **contract: Any) -> dict[str, Any]:
    declared = {"version": "1.0.0", "owner": "pay", "new_columns": "rescue", **contract}
    return {
        "name": "bronze_pay",
        "config": {"meta": {"contract": declared, "feed": feed}},
        "columns": {"id": {"name": "id", "data_type": "varchar"}},
        "constraints": [{"type": "primary_key", "columns": ["id"]}],
    }


def test_a_feed_of_webhooks_says_what_its_files_are() -> None:
    contract = parse_contract(node({**YML, "tolerance": "5 minutes", "max_bytes": "2 MB", "remember": "7 days"}))
    assert (contract.files, contract.load, contract.format.type) == ("feeds/pay/*/*/*/*.jsonl", "events", "jsonl")
    feed = declared_feed("pay", node({**YML, "tolerance": "60 s", "max_bytes": "2 MB", "remember": "7 days"}))
    assert feed == replace(FEED, every=1.0, secrets=("${env:S}",), tolerance=60, max_bytes=2_000_000, remember=604_800)
    github = declared_feed("pay", node({**YML, "signature": {"type": "github", "secret": ["${env:S}", "${env:T}"]}}))
    assert isinstance(github, WebhookFeed)
    assert (github.id, github.secrets) == ("X-GitHub-Delivery", ("${env:S}", "${env:T}"))


@pytest.mark.parametrize(
    ("change", "contract", "problem"),
    [
        ({"path": "hooks"}, {}, "is not a path such as"),
        ({"path": "/healthz"}, {}, "is not a path such as"),
        ({"path": "/a?b"}, {}, "is not a path such as"),
        ({"signature": {"type": "standard"}}, {}, "needs `secret"),
        ({"signature": {"type": "none", "secret": "${env:S}"}}, {}, "checks nothing"),
        ({"signature": {"type": "none"}}, {}, "missing id"),
        ({"signature": {"type": "md5", "secret": "${env:S}"}}, {}, "is not one of standard, github, none"),
        ({"signature": "none"}, {}, "expected keys such as"),
        ({"id": "X-Other"}, {}, "a header that is not signed"),
        ({"id": "a b"}, {}, "neither the name of a header"),
        ({"id": "/a~b"}, {}, "JSON pointer"),
        ({"headers": ["Authorization"]}, {}, "holds a secret or a signature"),
        ({"headers": ["webhook-signature"]}, {}, "holds a secret or a signature"),
        ({"tolerance": "a while"}, {}, "tolerance is a span"),
        ({"max_bytes": "1 GB"}, {}, "at most 15 MB"),
        ({"signature": {"type": "github", "secret": "${env:S}"}, "tolerance": 5}, {}, "have no time"),
        ({"sekret": 1}, {}, "unknown key 'sekret'"),
        ({}, {"key": "none"}, "only a primary_key tells a repetition"),
        ({}, {"max_loss": 0.5}, "no file of webhooks replaces another"),
        ({}, {"format": {"type": "csv"}}, "the feed says it"),
    ],
    ids=range(20),
)
def test_what_cannot_be_a_feed_of_webhooks_is_refused(
    change: dict[str, Any], contract: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ContractError, match=problem):
        parse_contract(node({**YML, **change}, **contract))


def test_a_secret_in_clear_is_refused_and_not_repeated() -> None:
    for secret in ("hunter2-hunter2", ["${env:S}", "hunter2-hunter2"]):
        with pytest.raises(ContractError, match="is a secret; keep it in the environment") as raised:
            parse_contract(node({**YML, "signature": {"type": "github", "secret": secret}}))
        assert "hunter2" not in str(raised.value)


def test_an_editor_takes_a_feed_of_webhooks_and_flags_its_mistakes() -> None:
    schema = Draft7Validator(yml_schema())
    model = {
        **node({**YML, "remember": "3 days", "max_bytes": 5000}),
        "columns": [{"name": "id", "data_type": "varchar"}],
    }
    assert not list(schema.iter_errors({"models": [model]}))
    assert list(schema.iter_errors({"models": [{**node({**YML, "paht": "/x"}), "columns": []}]}))


def test_what_is_not_signed_is_served_on_this_machine_alone_and_paths_are_not_shared() -> None:
    unsigned = replace(FEED, signature="none")
    for host in ("127.0.0.1", "::1", "localhost"):
        refuse_what_cannot_be_served([unsigned], host)
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.com"):  # noqa: S104 - to be refused
        with pytest.raises(Permanent, match="open to other machines"):
            refuse_what_cannot_be_served([FEED, replace(unsigned, source="b", path="/b")], host)
        refuse_what_cannot_be_served([FEED], host)
    with pytest.raises(Permanent, match="have the same path"):
        refuse_what_cannot_be_served([FEED, replace(FEED, source="b")], "127.0.0.1")


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    check_of(replace(FEED, secrets=(f"${{file:{tmp_path}/secret}}",)))(VECTOR, VECTOR_BODY, 1614265330)
