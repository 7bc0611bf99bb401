"""A feed is declared in one block: what it says of the contract, what is refused, and where secrets are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from psycopg import Error, OperationalError, errors

from assay.cli.schema import yml_schema
from assay.connectors.postgres.session import _conninfo, _told
from assay.contract.contract import Contract
from assay.contract.declared_feeds import declared_feed
from assay.contract.errors import ContractError
from assay.contract.feed_kinds.table import TableFeed
from assay.contract.feed_kinds.yml_postgres import slot_name, table_parts
from assay.contract.parse import parse_contract
from assay.feeds.credentials import resolved, scrubbed
from assay.feeds.errors import Permanent, Transient

FEED = {"kind": "postgres", "url": "${env:DB}", "table": "public.orders", "mode": "watermark", "cursor": "at"}
WHOLE = {"kind": "postgres", "url": "${env:DB}", "table": "public.orders", "mode": "whole"}
CHANGES = {"kind": "postgres", "url": "${env:DB}", "table": "public.orders", "mode": "changes"}


def node(feed: Any, has_key: bool = True, **contract: Any) -> dict[str, Any]:
    declared = {"version": "1.0.0", "owner": "shop", "new_columns": "rescue", **contract}
    return {
        "name": "bronze_orders",
        "config": {"meta": {"contract": declared, "feed": feed}},
        "columns": {"id": {"name": "id", "data_type": "bigint"}},
        "constraints": [{"type": "primary_key", "columns": ["id"]}] if has_key else [],
    }


def parsed(feed: Any, **contract: Any) -> Contract:
    return parse_contract(node(feed, **contract))


def test_the_feed_says_where_files_are_and_which_row_is_the_newest() -> None:
    rows, whole = parsed(FEED), parsed(WHOLE, max_loss=0.2)
    assert (rows.load, whole.load, whole.max_loss) == ("events", "snapshot", 0.2)
    assert rows.files == whole.files == "feeds/orders/*/*/*/*.parquet"
    assert rows.format.type == "parquet" and rows.file_date == whole.file_date == "%Y-%m-%dT%H-%M-%S.%f.parquet"
    assert declared_feed("orders", node({**FEED, "every": 5})) == TableFeed(
        source="orders",
        kind="postgres",
        url="${env:DB}",
        table=("public", "orders"),
        mode="watermark",
        cursor="at",
        every=5,
    )


def test_a_feed_of_changes_knows_its_key_and_has_a_slot_and_a_publication_of_its_name() -> None:
    feed = declared_feed("orders", node(CHANGES))
    assert isinstance(feed, TableFeed)
    assert (feed.slot, feed.publication, feed.every, feed.key) == ("assay_orders", "assay_orders", 1, ("id",))
    named = declared_feed("orders", node({**CHANGES, "slot": "s_1", "publication": "Of All", "every": 5}))
    assert isinstance(named, TableFeed) and (named.slot, named.publication, named.every) == ("s_1", "Of All", 5)
    declared = feed.completed({"version": "1.0.0", "owner": "shop", "new_columns": "rescue"})
    assert (declared["load"], declared["format"], declared["history"]) == ("changes", {"type": "parquet"}, False)
    assert declared["files"] == "feeds/orders/{_epoch}/*/*/*.parquet"


def test_a_slot_is_called_like_its_feed_and_no_two_alike() -> None:
    sources = ["orders", "Orders", "or-ders", "or_ders", "ör ders", "x" * 57, "x" * 58, "x" * 59, "1"]
    names = [slot_name(source) for source in sources]
    assert names[:1] + names[3:4] == ["assay_orders", "assay_or_ders"] and len(set(names)) == len(sources)
    assert all(re.fullmatch("[a-z0-9_]{1,63}", name) for name in names)


@pytest.mark.parametrize(
    ("feed", "contract", "problem"),
    [
        ({**FEED, "cursr": "at"}, {}, r"unknown key 'cursr' \(did you mean cursor\?\)"),
        ({**FEED, "kind": "mysql"}, {}, "'mysql' is not a kind of feed"),
        ({**FEED, "mode": "cdc"}, {}, "'cdc' is not one of whole, watermark and changes"),
        ({**WHOLE, "mode": "watermark"}, {}, "needs `cursor: updated_at`"),
        ({**WHOLE, "margin": 2}, {}, "margin: goes with `mode: watermark`"),
        ({**WHOLE, "slot": "x"}, {}, "slot: goes with `mode: changes`"),
        ({**FEED, "history": True}, {}, "history: goes with `mode: changes`"),
        ({**CHANGES, "margin": 2}, {}, "margin: goes with `mode: watermark`"),
        ({**CHANGES, "slot": "Shop-1"}, {}, "slot"),
        (CHANGES, {"max_loss": 0.5}, "max_loss: no file of `mode: changes` replaces another"),
        (CHANGES, {"key": "none"}, "a change says by the primary_key which row it is of"),
        ({**FEED, "table": "a.b.c"}, {}, "is not the name of a table"),
        ({**FEED, "margin": 0}, {}, "margin"),
        ({**FEED, "compare_keys": "daily"}, {}, "is not a span such as"),
        ({**FEED, "compare_keys": 1}, {}, "compare_keys is a span such as 1 day, not"),
        ({**WHOLE, "compare_keys": "1 day"}, {}, "compare_keys: goes with `mode: watermark`"),
        ({**FEED, "fold_from": 1}, {}, "fold_from is a whole number, at least 2, not 1"),
        ({**FEED, "fold_from": "ten"}, {}, "fold_from is a whole number, at least 2, not 'ten'"),
        ({**FEED, "fold_below": 0}, {}, "fold_below is a size such as 8 MB, at most 64 MB, not 0"),
        ({**FEED, "fold_below": "65 MB"}, {}, "fold_below is a size such as 8 MB, at most 64 MB, not '65 MB'"),
        ({**FEED, "fold_below": "small"}, {}, "fold_below is a size such as 8 MB, at most 64 MB, not 'small'"),
        ({**FEED, "fold": "seldom"}, {}, "fold"),
        ({**FEED, "cursor_zone": "CET"}, {}, "'CET' is not UTC"),
        ({**FEED, "url": "${gcp:a#b}"}, {}, "is not a place of secrets that is known"),
        ({**FEED, "url": "${vault:secret/shop}"}, {}, "names no key"),
        ({**FEED, "url": "${env:}"}, {}, "a reference is written"),
        ("postgres", {}, "expected keys such as"),
        (FEED, {"files": "orders/*"}, "unknown key 'files'.*leave the key out"),
        (FEED, {"format": {"type": "csv"}}, "the feed says it"),
        (FEED, {"max_loss": 0.5}, "max_loss: no file of `mode: watermark` replaces another"),
        (FEED, {"key": "none", "has_key": False}, "which only a primary_key tells"),
    ],
)
def test_what_cannot_be_a_feed_is_refused(feed: Any, contract: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        parse_contract(node(feed, **contract))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@h/d",
        "postgresql://u:x${env:P}@h/d",
        "host=h password=hunter2",
        "postgresql://h/d?password=hunter2",
    ],
)
def test_a_password_in_clear_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ContractError, match="holds a password") as raised:
        parsed({**FEED, "url": url})
    assert "hunter2" not in str(raised.value)


def test_names_of_tables_are_taken_as_they_are() -> None:
    assert table_parts('public."a ""b"".c"') == ("public", 'a "b".c')
    assert table_parts("Größe.Tab elle") == ("Größe", "Tab elle")
    assert [table_parts(text) for text in ("", ".", "a.", 'a"b', '"a"b', "a..b")] == [()] * 6


def test_secrets_come_from_the_environment_and_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PASSWORD", "a/b@c d")
    (tmp_path / "secret").write_text("file'd\n")
    assert resolved("postgresql://u:${env:PASSWORD}@h/d", "x") == ("postgresql://u:a%2Fb%40c%20d@h/d", ("a/b@c d",))
    monkeypatch.setenv("QUOTED", r"it's \o/")
    assert resolved("host=h password=${env:QUOTED}", "x")[0] == r"host=h password='it\'s \\o/'"
    assert resolved("host=h password='${env:QUOTED}'", "x")[0] == r"host=h password='it\'s \\o/'"
    assert resolved(f"${{file:{tmp_path}/secret}}", "x") == ("file'd", ("file'd",))
    for missing, problem in (("${env:NO_SUCH}", "which is not set"), ("${file:/no/such}", "cannot be read")):
        with pytest.raises(Permanent, match=problem):
            resolved(missing, "feed orders: url")


def test_a_message_is_scrubbed_of_a_secret_however_an_url_writes_it() -> None:
    message = "cannot reach postgresql://u:a%2Fb%40c@h\n(a/b@c)"
    assert scrubbed(message, ["a/b@c"]) == "cannot reach postgresql://u:masked@h (masked)"


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (OperationalError("consuming input failed: SSL connection has been closed unexpectedly"), True),
        (OperationalError("connection failed: server closed the connection unexpectedly"), True),
        (OperationalError("connection failed: Connection refused"), True),
        (OperationalError("FATAL: the database system is starting up"), True),
        (OperationalError("FATAL: canceling authentication due to timeout"), True),
        (errors.AdminShutdown("terminating connection due to administrator command"), True),
        (errors.SerializationFailure("conflict with recovery"), True),
        (errors.DiskFull("no space left on device"), True),
        (OperationalError('FATAL: password authentication failed for user "reader"'), False),
        (OperationalError('FATAL: database "shop" does not exist'), False),
        (OperationalError("server does not support SSL, but SSL was required"), False),
        (OperationalError("SSL error: certificate verify failed"), False),
        (OperationalError("FATAL: no pg_hba.conf entry for host"), False),
        (errors.InsufficientPrivilege("permission denied"), False),
        (errors.UndefinedColumn("no such column"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_passes_by_itself_is_told_from_what_does_not(error: Error, passes: bool) -> None:
    feed = TableFeed(source="orders", kind="postgres", url="${env:DB}", table=("public", "orders"), mode="whole")
    told = _told(error, feed, "db:5432/shop", ("hunter2",))
    assert isinstance(told, Transient if passes else Permanent)
    assert str(told).startswith("feed orders: db:5432/shop: ")


@pytest.mark.parametrize(
    ("hosts", "is_local"),
    [("", True), ("localhost", True), ("127.0.0.1,::1", True), ("/run/postgresql", True), ("db.example.com", False),
     ("127.0.0.1,db", False), ("10.0.0.1", False)],
)  # fmt: skip
def test_a_connection_to_another_machine_is_encrypted(
    monkeypatch: pytest.MonkeyPatch, hosts: str, is_local: bool
) -> None:
    monkeypatch.setenv("DB", f"host='{hosts}' dbname=shop")
    feed = TableFeed(source="orders", kind="postgres", url="${env:DB}", table=("public", "orders"), mode="whole")
    assert _conninfo(feed)[0].get("sslmode") == (None if is_local else "require")
    monkeypatch.setenv("DB", f"host='{hosts}' sslmode=disable")
    assert _conninfo(feed)[0]["sslmode"] == "disable"


def test_an_editor_takes_a_feed_and_flags_its_mistakes() -> None:
    schema = Draft7Validator(yml_schema())
    model = {**node(WHOLE), "columns": [{"name": "id", "data_type": "bigint"}]}
    assert not list(schema.iter_errors({"models": [model]}))
    wrong = {**node({**WHOLE, "tabel": "x"}), "columns": []}
    assert list(schema.iter_errors({"models": [wrong]}))
