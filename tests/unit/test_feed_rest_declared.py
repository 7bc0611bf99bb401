"""What a feed of an HTTP API may declare, and what contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft7Validator

from assay.cli.schema import yml_schema
from assay.contract.declared_feeds import contract_block
from assay.contract.errors import ContractError
from tests.rest import declared

WINDOW = {"mode": "window", "window": {"from": "since", "start": "2024-01-01"}}
TOKEN = {"type": "bearer", "token": "${env:T}"}
OAUTH = {"type": "oauth2", "token_url": "https://id.example.com/token", "client_id": "a", "client_secret": "${env:S}"}


def window(**keys: Any) -> dict[str, Any]:
    return {"mode": "window", "window": {**WINDOW["window"], **keys}}  # type: ignore[dict-item]


def test_the_feed_says_where_files_are_and_how_they_are_read() -> None:
    contract = {"version": "1.0.0", "owner": "shop", "new_columns": "rescue"}
    feed = {"kind": "rest", "url": "https://a.example.com", "mode": "whole", "each": "/lines"}
    block = contract_block("orders", {"config": {"meta": {"contract": contract, "feed": feed}}})
    assert (block["files"], block["load"]) == ("feeds/orders/*/*/*/*.jsonl", "snapshot")
    assert block["format"] == {"type": "jsonl", "each": "/lines"}
    feed = {"kind": "rest", "url": "https://a.example.com", **WINDOW}
    for wrong in ({"key": "none"}, {"max_loss": 0.5}, {"format": {"type": "json"}}):
        with pytest.raises(ContractError):
            contract_block("orders", {"config": {"meta": {"contract": {**contract, **wrong}, "feed": feed}}})


@pytest.mark.parametrize(
    ("feed", "problem"),
    [
        ({"pagin": {}}, r"unknown key 'pagin' \(did you mean paging\?\)"),
        ({"paging": {"type": "page", "sise": 3}}, r"paging: unknown key 'sise' \(did you mean size\?\)"),
        ({"paging": {"type": "pages"}}, "type: 'pages' is not one of none, page, offset, cursor, link, keyset"),
        ({"paging": {"type": "cursor"}}, "stands at `next: /meta/next_cursor` or in `next_header`"),
        ({"paging": {"type": "cursor", "next": "/a", "next_header": "b"}}, "say one of them"),
        ({"paging": {"type": "keyset", "param": "a"}}, "missing key"),
        ({"paging": {"type": "keyset", "param": "a", "key": "/a", "inclusive": True}}, "inclusive: needs `size`"),
        ({"paging": {"type": "offset", "overlap": True}}, "needs a `size` of at least 2"),
        ({"paging": {"type": "page", "size_param": "n"}}, "size_param: goes with `size`"),
        ({"paging": {"type": "page", "total": "total"}}, "is no JSON pointer"),
        ({"records": "data"}, "is no JSON pointer"),
        ({"auth": {"type": "bearer", "token": "s3cret"}}, "is a secret; keep it in the environment"),
        ({"auth": {"type": "bearer", "token": 5}}, "is a secret; keep it in the environment"),
        ({"auth": {"type": "bearer", "tokn": "${env:T}"}}, r"did you mean token\?"),
        ({"auth": {"type": "key", "name": "k", "in": "body", "value": "${env:T}"}}, "is not one of header and query"),
        ({"auth": {**OAUTH, "refresh_token": "${env:R}"}}, "refresh_token and token_key go together"),
        ({"auth": {**OAUTH, "fields": {"password": "abc"}}}, "password is a secret"),
        ({"auth": {**OAUTH, "token_url": "http://id.example.com/t"}}, "is not an encrypted address"),
        ({"url": "http://api.example.com"}, "read in clear by everyone on the way"),
        ({"url": "https://me:pass@api.example.com"}, "holds a password"),
        ({"url": "https://me@api.example.com"}, "write `auth: {type: basic"),
        ({"url": "https://api.example.com?a=1"}, "below `params`"),
        ({"url": "ftp://api.example.com"}, "is not an address such as"),
        ({"path": "orders"}, "is not a path such as /orders"),
        ({"headers": {"X-Api-Key": "abc"}}, "X-Api-Key is a secret"),
        ({"params": {"access_token": "abc"}}, "access_token is a secret"),
        ({"params": {"all": True}}, "put true and false in quotes"),
        ({"params": {"since": "{from}"}}, "is of a window"),
        ({"mode": "window"}, "needs `window:"),
        ({"window": WINDOW["window"]}, "window: goes with `mode: window`"),
        ({**window(), "params": {"q": ">= {from}"}}, "from when on; one of the two"),
        ({**window(), "params": {"since": "1"}}, "since is set by the window"),
        (window(size="1 day"), "that is not asked until when"),
        (window(until="to", size="1 fortnight"), "is not a span such as"),
        (window(format="epoch"), "is not one of iso, unix"),
        (window(start="January"), "is not a date or time"),
        (window(lag=0), "lag"),
        ({"hook": "orders"}, "is not such as `orders:pages`"),
        ({"hook": "orders:pages", "records": "/data"}, "records: the hook reads the pages"),
        ({"rate": 0}, "rate"),
        ({"mode": "some"}, "is not one of whole and window"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(feed: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError, match=problem) as raised:
        declared(**feed)
    assert "s3cret" not in str(raised.value)


def test_what_is_declared_is_kept() -> None:
    feed = declared(url="http://127.0.0.1:8000", auth=TOKEN, paging={"type": "page", "size": 10}, rate=2, **WINDOW)
    assert feed.what == "window, page" and feed.where == "http://127.0.0.1:8000/orders"
    assert feed.window is not None and feed.window.start.isoformat() == "2024-01-01T00:00:00+00:00"
    assert feed.auth is not None and feed.auth.values == {"token": "${env:T}"}
    assert declared(url="http://10.0.0.1", insecure=True).is_insecure
    assert declared(url="${env:API}").url == "${env:API}"


def test_an_editor_takes_a_feed_and_flags_its_mistakes() -> None:
    schema = Draft7Validator(yml_schema())
    contract = {"version": "1.0.0", "owner": "shop", "new_columns": "rescue"}

    def errors(**feed: Any) -> list[Any]:
        block = {"kind": "rest", "url": "https://a.example.com", "mode": "whole", **feed}
        model = {"name": "bronze_orders", "config": {"meta": {"contract": contract, "feed": block}}, "columns": []}
        return list(schema.iter_errors({"models": [model]}))

    assert not errors(paging={"type": "page"}, auth=OAUTH)
    assert not errors(**WINDOW, params={"n": 100})
    assert errors(paging={"type": "page", "sise": 3}) and errors(pagin=1)
