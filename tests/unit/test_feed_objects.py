"""Feeds of whole files: how they are declared, what keys are called in landing, and what passes by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    SSLError,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from assay.cli.schema import yml_schema
from assay.connectors.objects.listings import Listings
from assay.connectors.objects.names import path_of, problem_of
from assay.connectors.objects.s3 import S3Source
from assay.connectors.objects.source import Changed, Denied, OneObject
from assay.connectors.objects.told import Told
from assay.contract.declared_feeds import declared_feed
from assay.contract.errors import ContractError
from assay.contract.feed_kinds.objects import BucketFeed
from assay.contract.parse import parse_contract
from assay.feeds.errors import FeedError, Permanent, Transient

BUCKET = {"kind": "bucket", "url": "s3://shop/exports", "files": "region={region}/*.csv"}
FILES = {"format": {"type": "csv", "delimiter": ",", "header": True, "encoding": "utf-8"}, "load": "events"}
SFTP = {"kind": "sftp", "host": "sftp.example.com", "user": "reader", "folder": "out", "files": "*.csv"}
KEYS = {"access_key": "AKIA", "secret_key": "${env:S}"}


def node(feed: Any, **contract: Any) -> dict[str, Any]:
    declared = {"version": "1.0.0", "owner": "shop", "new_columns": "rescue", **FILES, **contract}
    columns = {name: {"name": name, "data_type": "varchar"} for name in ("id", "region")}
    return {
        "name": "bronze_orders",
        "config": {"meta": {"contract": declared, "feed": feed}},
        "columns": columns,
        "constraints": [{"type": "primary_key", "columns": ["id"]}],
    }


def test_the_feed_says_where_its_files_are_and_the_contract_what_is_in_them() -> None:
    contract = parse_contract(node(BUCKET))
    assert contract.files == "feeds/orders/objects/region=*/*.csv"
    feed = declared_feed("orders", node({**BUCKET, "url": "s3://shop/a/b/", **KEYS}))
    assert isinstance(feed, BucketFeed)
    assert (feed.scheme, feed.bucket, feed.prefix) == ("s3", "shop", "a/b/")
    assert feed.options == (("access_key", "AKIA"), ("secret_key", "${env:S}")) and feed.where == "s3://shop/a/b/"
    assert feed.landed_glob.claims("feeds/orders/objects/region=A/x.csv")
    server = declared_feed("orders", node({**SFTP, "port": 2222}))
    assert server is not None and server.where == "sftp://reader@sftp.example.com:2222/out"
    model = {**node(BUCKET), "columns": [{"name": "id", "data_type": "bigint"}]}
    assert not list(Draft7Validator(yml_schema()).iter_errors({"models": [model]}))


@pytest.mark.parametrize(
    ("feed", "contract", "problem"),
    [
        ({**BUCKET, "url": "https://shop.s3.amazonaws.com"}, {}, "is not s3://bucket/prefix, gs://"),
        ({**BUCKET, "fils": "x"}, {}, r"unknown key 'fils' \(did you mean files\?\)"),
        ({**BUCKET, "files": "/etc/*.csv"}, {}, "is not a glob below the url or folder"),
        ({**BUCKET, "files": "../*.csv"}, {}, "is not a glob below the url or folder"),
        ({**BUCKET, "files": "_x/*.csv"}, {}, "names that start with `.` or `_` are left alone"),
        ({**BUCKET, "done": "done"}, {}, "is not the name of a marker"),
        ({**BUCKET, "secret_key": "hunter2", "access_key": "a"}, {}, "secret_key: is a secret; keep it"),
        ({**BUCKET, "secret_key": "${env:S}"}, {}, "access_key and secret_key go together"),
        ({**BUCKET, "anonymous": True, **KEYS}, {}, "anonymous: requests are not signed"),
        ({**BUCKET, "account_key": "${env:S}"}, {}, "account_key: does not go with s3://; S3 takes access_key"),
        ({**BUCKET, "url": "az://c/x"}, {}, "az:// needs `account`"),
        ({**BUCKET, "url": "gs://c/x", "region": "eu"}, {}, "region: does not go with gs://"),
        ({**BUCKET, "endpoint": "http://user:pw@minio"}, {}, "is not the address of a service"),
        ({**BUCKET, "recent": "dt=%Y-%m-%d"}, {}, "is not the folder of a day or month"),
        ({**BUCKET, "recent": "%Y/", "done": "{name}.ok"}, {}, "recent: does not go with `done`"),
        ({**SFTP, "password": "hunter2"}, {}, "password: is a secret; keep it"),
        ({**SFTP, "key": "-----BEGIN OPENSSH PRIVATE KEY-----hunter2"}, {}, "holds a private key"),
        ({**SFTP, "host_key": "AAAA"}, {}, "is not a public key such as"),
        ({**SFTP, "host": "sftp://x/y"}, {}, "is not the name of a server"),
        ({**SFTP, "done": "{name}.ok", "settle": 5}, {}, "settle: with `done`"),
        ({**SFTP, "known_hosts": "x", "host_key": "ssh-ed25519 AAAA"}, {}, "say the same"),
        ({**SFTP, "key_password": "${env:P}"}, {}, "goes with `key`"),
        (BUCKET, {"files": "a/*.csv"}, "unknown key 'files'.*the feed says it: write `files` there"),
        (BUCKET, {"load": "snapshot"}, "load: snapshot needs `newest_by"),
        (BUCKET, {"format": None}, "format"),
    ],
    ids=range(25),
)
def test_what_cannot_be_a_feed_of_objects_is_refused(feed: Any, contract: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError, match=problem) as raised:
        parse_contract(node(feed, **contract))
    assert "hunter2" not in str(raised.value)


@settings(max_examples=40)
@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["%_", "%_2E", ".", "..", "", "a"]))
)
def test_each_key_has_one_path_which_is_that_of_a_file(parts: list[str]) -> None:
    key = "/".join(parts)
    path = path_of(key)
    assert _key_of(path) == key
    assert not {"", ".", ".."} & set(path.split("/")) and path.isprintable() >= key.isprintable()
    assert "\0" not in path and "\n" not in path


def _key_of(path: str) -> str:
    """The key that a path stands for, read anew from what the module says."""
    parts = []
    for part in path.split("/"):
        content, at = b"", 0
        while at < len(part):
            if part[at : at + 2] == "%_" and part != "%_":
                content, at = content + bytes([int(part[at + 2 : at + 4], 16)]), at + 4
            elif part == "%_":
                at += 2
            else:
                content, at = content + part[at].encode(), at + 1
        parts.append(content.decode())
    return "/".join(parts)


def test_usual_keys_stand_as_they_are_and_long_ones_are_told() -> None:
    for key in ("region=New%20York/a b+c.csv", "ü/€.parquet", "a%b", "_x", "~$a", "100%"):
        assert path_of(key) == key and not problem_of(key)
    assert path_of("a%_b//..") == "a%_25_b/%_/%_2E."
    assert "256 bytes" in problem_of("a/" + "ü" * 128) and "4,0" in problem_of("/".join(["x" * 200] * 20))


def error(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")


@pytest.mark.parametrize(
    ("raised", "key", "told"),
    [
        (error("AccessDenied", 403), "", Permanent),
        (error("AccessDenied", 403), "a", Denied),
        (error("NoSuchBucket", 404), "a", Permanent),
        (error("NoSuchKey", 404), "a", Changed),
        (error("PreconditionFailed", 412), "a", Changed),
        (error("InvalidObjectState", 403), "a", OneObject),
        (error("ExpiredToken", 400), "a", Permanent),
        (error("PermanentRedirect", 301), "", Permanent),
        (error("SignatureDoesNotMatch", 403), "a", Permanent),
        (error("SlowDown", 503), "a", Transient),
        (error("InternalError", 500), "", Transient),
        (error("", 502), "", Transient),
        (error("TooManyRequests", 429), "", Transient),
        (EndpointConnectionError(endpoint_url="http://x"), "", Transient),
        (ConnectTimeoutError(endpoint_url="http://x"), "a", Transient),
        (SSLError(endpoint_url="http://x", error="certificate verify failed"), "", Permanent),
        (NoCredentialsError(), "", Permanent),
    ],
    ids=range(17),
)
def test_what_passes_by_itself_is_told_from_what_does_not(raised: Exception, key: str, told: type[Exception]) -> None:
    source = S3Source(BucketFeed(source="orders", kind="bucket", url="s3://shop/x", files="*.csv"))
    with pytest.raises((FeedError, OneObject)) as seen, source._told("cannot be read", key):
        raise raised
    assert type(seen.value) is told


def test_a_note_counts_what_did_not_land_and_shows_the_first() -> None:
    told = Told(waiting=2, unmarked=1)
    told.refuse("a\n", "no")
    told.refuse("b", "never")
    assert told.sentence() == (
        "2 cannot land, the first is a\\n: no; 2 not landed: the older version in landing is not loaded yet "
        "(`assay run`); 1 not landed: no marker says that it is whole"
    )
    assert Told().sentence() == "" and Told().lag_seconds() == 0


def test_recent_folders_are_listed_and_everything_once_an_hour() -> None:
    ticks = iter([0.0, 10.0, 20.0, 3609.0, 3610.0, 3611.0])
    now = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    listings = Listings("dt=%Y-%m-%d/", now=lambda: now, ticks=lambda: next(ticks))
    assert listings.folders() == ("",)
    assert listings.folders() == ("",), "the listing before it did not come to its end"
    listings.end()
    days = ["dt=2026-02-28/", "dt=2026-03-01/"]
    assert listings.folders() == days
    listings.end()
    assert [listings.folders() for _ in range(3)] == [days, ("",), ("",)], "an hour since the last one began"
    assert Listings("").folders() == ("",)
