"""Events of OpenLineage say what was built of what, who owns it and what checks said; they hold no value of a row."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import duckdb
import pytest

from assay.consumers.openlineage import KEY, NotSent, as_lines, lineage_events, send
from assay.contract.catalog import Catalog
from tests.lab import core_project
from tests.ports import free_port

RUN = "0b9a1f0e-1111-4222-8333-444455556666"
SQL = 'select store_id, sum(sales_usd) as sales_usd from "warehouse"."silver"."transactions" group by store_id'


@pytest.fixture(scope="module")
def events() -> list[Any]:
    with duckdb.connect() as connection:
        connection.execute("create schema ops")
        connection.execute(
            "create table ops.tables as select * from (values "
            f"('bronze.transactions', '{RUN}', timestamptz '2026-01-01 06:00:00+00', 9, 3), "
            f"('gold.daily_sales', '{RUN}', timestamptz '2026-01-01 06:01:00+00', 5, 7), "
            "('gold.retired', 'check', timestamptz '2026-01-01 06:02:00+00', 5, 7)"
            ") as t(table_name, run_id, built_at, row_count, seq)"
        )
        connection.execute(
            "create table ops.latest_checks as select * from (values ('gold.daily_sales', 'contract', 'pass', 'Ann'), "
            "('gold.daily_sales', 'consistency', 'fail', 'Ann')) as t(table_name, check_name, verdict, summary)"
        )
        catalog = Catalog.read(core_project())
        return lineage_events(connection, catalog, {"gold_daily_sales": SQL}, "shop")


def told(events: list[Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in as_lines(events).splitlines()]


def test_a_table_is_built_of_its_inputs_with_columns_owner_and_rows(events: list[Any]) -> None:
    bronze, gold, checked = told(events)
    assert [event["job"]["name"] for event in (bronze, gold, checked)] == [
        "bronze.transactions", "gold.daily_sales", "gold.daily_sales.checks",
    ]  # fmt: skip
    assert [item["name"] for item in bronze["inputs"]] == ["landing/transactions/*.csv"]
    assert sorted(item["name"] for item in gold["inputs"]) == ["silver.products", "silver.transactions"]
    [output] = gold["outputs"]
    assert (output["namespace"], output["name"]) == ("shop", "gold.daily_sales")
    facets = output["facets"]
    assert facets["ownership"]["owners"] == [{"name": "analytics", "type": "TEAM"}]
    assert facets["documentation"]["description"].startswith("One row per store")
    assert {field["name"] for field in facets["schema"]["fields"]} >= {"store_id", "sales_usd"}
    assert all(field["description"] for field in facets["schema"]["fields"])
    read = facets["columnLineage"]["fields"]["sales_usd"]["inputFields"]
    assert [(each["name"], each["field"]) for each in read] == [("silver.transactions", "sales_usd")]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 5
    assert gold["run"]["facets"]["parent"]["run"]["runId"] == RUN
    assert gold["producer"].startswith("urn:assay-lakehouse:")


def test_checks_are_assertions_by_name_and_hold_no_value(events: list[Any]) -> None:
    checked = told(events)[-1]
    assertions = checked["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert {each["assertion"]: each["success"] for each in assertions} == {"contract": True, "consistency": False}
    assert "Ann" not in as_lines(events)


def test_ids_are_those_of_the_standard_and_the_same_each_time(events: list[Any]) -> None:
    ids = [event["run"]["runId"] for event in told(events)]
    assert len({str(UUID(each)) for each in ids}) == 3


@contextmanager
def server(status: int) -> Iterator[tuple[str, list[tuple[str, str, dict[str, Any]]]]]:
    """A catalogue, and what it was sent: path, authorization, event."""
    received: list[tuple[str, str, dict[str, Any]]] = []

    class Catalogue(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            received.append((self.path, self.headers.get("authorization", ""), body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Catalogue) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}", received
        finally:
            listening.shutdown()


def test_a_server_gets_each_event_with_the_key_of_the_environment(
    events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "secret")
    with server(201) as (url, received):
        send(events, url)
        send(events[:1], f"{url}/api/v2/lineage")
    assert [path for path, *_ in received] == ["/api/v1/lineage"] * 3 + ["/api/v2/lineage"]
    assert {key for _, key, _ in received} == {"Bearer secret"}
    assert [event for *_, event in received[:3]] == told(events)


def test_a_server_that_refuses_or_is_not_there_is_named(events: list[Any]) -> None:
    with server(422) as (url, received), pytest.raises(NotSent, match=r"event 1 of 3, about bronze\.transactions"):
        send(events, url)
    assert len(received) == 1
    with pytest.raises(NotSent, match="was not taken"):
        send(events, f"http://127.0.0.1:{free_port()}")
