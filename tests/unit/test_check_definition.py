"""A pass stands only while the same is asked by the same code and the same versions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay.ledger import check_definition
from tests.source import bronze_node, built, catalog

PROJECT = catalog(
    {**bronze_node("sales", {"id": "bigint"}, ["id"]), "depends_on": {"nodes": []}},
    built("silver_sales", "bronze_sales"),
)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    check_definition.engines.cache_clear()
    yield
    check_definition.engines.cache_clear()


@pytest.mark.parametrize("upgraded", check_definition.ENGINES)
@pytest.mark.parametrize(("table", "check"), [("silver.sales", "contract"), ("bronze.sales", "volume")])
def test_another_version_of_what_evaluates_checks_asks_them_again(
    monkeypatch: pytest.MonkeyPatch, upgraded: str, table: str, check: str
) -> None:
    before, real = check_definition.definition(PROJECT, table, check), check_definition.version
    assert check_definition.definition(PROJECT, table, check) == before
    monkeypatch.setattr(check_definition, "version", lambda name: "999.9" if name == upgraded else real(name))
    check_definition.engines.cache_clear()
    assert check_definition.definition(PROJECT, table, check) != before


def test_what_is_counted_in_every_run_has_no_pass_that_could_stand() -> None:
    assert check_definition.definition(PROJECT, "silver.sales", "conservation") == ""
