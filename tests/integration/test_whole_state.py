"""A reader of one whole state never holds new rows against the book-keeping of old ones."""

from __future__ import annotations

import pytest

from assay.publish.switched_file import switch_link
from assay.publish.whole_state import open_whole
from tests.lab import Lab, product, receipt


def test_before_the_first_run_there_is_no_state(lab: Lab) -> None:
    with pytest.raises(FileNotFoundError), open_whole(lab.settings.published):
        pass


@pytest.mark.slow  # two real runs
def test_between_the_switch_of_the_lake_and_of_its_book_keeping_a_reader_gets_the_state_before(lab: Lab) -> None:
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    published = lab.settings.published
    before = (published / "ops.duckdb").readlink()
    lab.receipts("day2", [receipt(basket_id=2, sales_value="4.00")])
    lab.good_run()
    query = "select sum(sales_usd), (select max(publication_id) from ops.publications) from gold.daily_sales"
    with open_whole(published) as state:
        newest = state.number
        assert [(str(total), number) for total, number in state.connection.execute(query).fetchall()] == [("6.50", 2)]
    switch_link(published / "ops.duckdb", str(before))
    with open_whole(published) as state:
        assert [(str(total), number) for total, number in state.connection.execute(query).fetchall()] == [("2.50", 1)]
        assert state.number is not None
        assert newest is not None
        assert state.number < newest
        assert state.published_at is not None
