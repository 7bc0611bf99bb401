"""Two rows of one key that differ only in what the contract does not name are not the same; values decide who wins."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lab import Lab, product, products_jsonl, receipt, receipts_csv

pytestmark = pytest.mark.slow  # real runs in several orders

WINNER = (
    "select path, _duplicates_identical, _duplicates_conflicting from silver.{table} as kept "
    "join (select file_id, min(path) as path from ops.files group by file_id) as files on kept._file_id = files.file_id"
)


@pytest.fixture(scope="module")
def new_lab(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Lab]:
    return lambda: Lab(tmp_path_factory.mktemp("lab") / "home")


def with_columns(*names: str, values: str) -> bytes:
    """One receipt, with columns that the contract does not name."""
    header, line, _ = receipts_csv([receipt()]).decode().split("\n")
    return f"{header},{','.join(names)}\n{line},{values}\n".encode()


FILES = {
    "a": with_columns("till", "clerk", values="7,ann"),
    "b": with_columns("till", "clerk", values="8,ann"),
    "c": receipts_csv([receipt()]),
}


def test_which_of_them_wins_does_not_depend_on_the_order_of_arrival(new_lab: Callable[[], Lab]) -> None:
    outcomes = set()
    for order in (FILES, reversed(FILES)):
        lab = new_lab()
        for name in order:
            lab.put(f"transactions/{name}.csv", FILES[name])
            lab.good_run()
        outcomes |= set(lab.rows(WINNER.format(table="transactions")))
    assert outcomes == {("transactions/b.csv", 0, 2)}


def test_the_same_columns_in_another_order_say_the_same(new_lab: Callable[[], Lab]) -> None:
    lab = new_lab()
    lab.put("transactions/a.csv", FILES["a"])
    lab.put("transactions/d.csv", with_columns("clerk", "till", values="ann,7"))
    lab.good_run()
    [(_, identical, conflicting)] = lab.rows(WINNER.format(table="transactions"))
    assert (identical, conflicting) == (1, 0)


TWICE = [
    ({"a/b": 1}, {"a/b": 2}, (0, 1)),
    ({"a~b": "x"}, {}, (0, 1)),
    ({"": {"deep": [1, 2]}}, {"": {"deep": [1, 3]}}, (0, 1)),
    ({"x": 1, "y": None}, {"y": None, "x": 1}, (1, 0)),
    ({"x": None}, {}, (0, 1)),
]
"""What two lines of a product say besides; how many of them are identical, and conflicting."""


def test_lines_of_json_are_the_same_when_they_say_the_same(new_lab: Callable[[], Lab]) -> None:
    lab = new_lab()
    lines = [{**product(product_id=n), **more} for n, (*both, _) in enumerate(TWICE) for more in both]
    lab.put("products/products_2017-01-01.jsonl.gz", products_jsonl(lines))
    lab.good_run()
    counted = lab.rows("select _duplicates_identical, _duplicates_conflicting from silver.products order by product_id")
    assert counted == [expected for *_, expected in TWICE]
