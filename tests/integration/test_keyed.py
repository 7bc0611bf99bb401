"""Rebuilding the keys that changed: one example for each fault that there was; `test_keyed_property` draws them."""

from __future__ import annotations

from assay.tables.rebuilds import read_rebuilds
from tests.keyed import Tables, regions


def test_a_new_row_whose_key_is_null_reaches_gold() -> None:
    """`NULL in (…)` is NULL, so the row was neither deleted nor inserted."""
    tables = regions()
    tables.put("a", [(1, "north", 1.0, 10)])
    tables.build()
    tables.put("b", [(2, None, 1.0, 5)])
    tables.build()
    assert tables.rows("gold_regions") == [("north", 10, 1), (None, 5, 1)]


def test_a_row_that_leaves_the_null_key_is_not_there_twice() -> None:
    tables = regions()
    tables.put("a", [(1, None, 1.0, 10), (2, None, 1.0, 1)])
    tables.build()
    tables.put("a", [(1, "south", 1.0, 10), (2, None, 1.0, 1)])
    tables.build()
    assert tables.rows("gold_regions") == [("south", 10, 1), (None, 1, 1)]


def test_one_null_column_of_a_key_of_two_is_a_key_as_any_other() -> None:
    tables = regions()
    tables.add(
        "gold_rates",
        {"region": "varchar", "rate": "double", "amount": "bigint"},
        "select region, rate, sum(amount)::bigint as amount from silver.x where AFFECTED(region, rate) group by all",
        {"key": ["region", "rate"], "inputs": {"silver_x": ["region", "rate"]}},
    )
    tables.put("a", [(1, "north", None, 10), (2, None, 2.0, 1)])
    tables.build()
    tables.put("b", [(3, "north", None, 5), (4, None, 2.0, 1)])
    tables.put("a", [(1, "north", None, 11), (2, "east", 2.0, 1)])
    tables.build()
    assert tables.rows("gold_rates") == [("east", 2.0, 1), ("north", None, 16), (None, 2.0, 1)]


def test_a_change_reaches_the_rows_that_share_a_null_with_it() -> None:
    """`via` pairs rows of two inputs; those whose pairing column is NULL belong together too."""
    tables = regions()
    tables.add(
        "gold_shares",
        {"id": "bigint", "share_pct": "double"},
        "select x.id, round(100.0 * x.amount / y.amount, 6)::double as share_pct from silver.x as x "
        "join gold.regions as y on x.region is not distinct from y.region where AFFECTED(x.id)",
        {
            "key": ["id"],
            "inputs": {"silver_x": ["id"], "gold_regions": {"via": "silver_x", "by": ["region"]}},
        },
    )
    tables.put("a", [(1, None, 1.0, 10), (2, "north", 1.0, 7)])
    tables.build()
    tables.put("b", [(3, None, 1.0, 30)])
    tables.build()
    assert tables.rows("gold_shares") == [(1, 25.0), (2, 100.0), (3, 75.0)]


def test_an_argument_is_never_taken_for_a_column_of_ours() -> None:
    """The macro's argument `region` would find a column of that name in the table of affected keys."""
    tables = regions()
    tables.put("a", [(1, "north", 1.0, 10), (2, "south", 1.0, 20)])
    tables.build()
    tables.put("b", [(3, "north", 1.0, 1)])
    tables.build()
    [(affected,)] = tables.connection.execute(
        "select count(*) from silver.x where is_affected_gold_regions(region)"
    ).fetchall()
    assert affected == 2


def duplicates() -> Tables:
    tables = regions()
    tables.add(
        "gold_quality",
        {"region": "varchar", "duplicates": "bigint"},
        "select region, sum(_duplicates_identical)::bigint as duplicates from (select * from silver.x) "
        "where AFFECTED(region) group by region",
        {"key": ["region"], "inputs": {"silver_x": ["region"]}},
    )
    return tables


def test_what_a_model_makes_of_our_own_columns_follows_them() -> None:
    """The row says the same, only how often it came is new."""
    tables = duplicates()
    tables.put("a", [(1, "north", 1.0, 0)])
    tables.build()
    tables.put("b", [(1, "north", 1.0, 0), (1, "north", 1.0, 0)])
    tables.build()
    assert tables.rows("gold_quality") == [("north", 2)]


def test_a_condition_on_a_column_of_ours_counts_though_every_row_meets_it_now() -> None:
    """A planner that knows that all values are 0 leaves the condition out, and with it the column."""
    tables = regions()
    tables.add(
        "gold_clean",
        {"region": "varchar", "sales": "bigint"},
        "select region, count(*) as sales from silver.x where _duplicates_identical = 0 and AFFECTED(region) "
        "group by region",
        {"key": ["region"], "inputs": {"silver_x": ["region"]}},
    )
    tables.put("a", [(1, "north", 1.0, 0), (2, "north", 1.0, 0)])
    tables.build()
    tables.put("b", [(1, "north", 1.0, 0)])
    tables.build()
    assert tables.rows("gold_clean") == [("north", 1)]


def test_rows_that_are_counted_as_a_whole_read_all_their_columns() -> None:
    tables = regions()
    tables.add(
        "gold_rows",
        {"region": "varchar", "kinds": "bigint"},
        "select region, count(*) as kinds from (select distinct * exclude (id, _file_id) from silver.x "
        "where AFFECTED(region)) group by region",
        {"key": ["region"], "inputs": {"silver_x": ["region"]}},
    )
    tables.put("a", [(1, "north", 1.0, 0), (2, "north", 1.0, 0)])
    tables.build()
    tables.put("b", [(1, "north", 1.0, 0)])
    tables.build()
    assert tables.rows("gold_rows") == [("north", 2)]


def test_columns_of_ours_that_nobody_reads_cause_no_work() -> None:
    """Each snapshot gives every row another `_file_id`; that alone must not rebuild what is made of it."""
    tables = regions()
    tables.put("a", [(1, "north", 1.0, 10), (2, "south", 1.0, 20)])
    tables.build()
    before = tables.connection.execute("select seq from ops.tables where table_name = 'gold.regions'").fetchall()
    tables.put("a", [(1, "north", 1.0, 10), (2, "south", 1.0, 20)])
    tables.build()
    assert tables.connection.execute("select count(*) from temp.affected_gold_regions").fetchall() == [(0,)]
    assert (
        tables.connection.execute("select seq from ops.tables where table_name = 'gold.regions'").fetchall() == before
    )


def test_a_rebuild_says_for_how_many_keys_how_many_rows_it_redid() -> None:
    tables = regions()
    tables.put("a", [(n, f"region{n}", 1.0, 10) for n in range(8)])
    tables.build()
    assert read_rebuilds(tables.connection) == []
    tables.put("b", [(8, "region1", 1.0, 5), (9, "another", 1.0, 5)])
    tables.build()
    redone = {last.table: (last.keys, last.rows, last.row_count) for last in read_rebuilds(tables.connection)}
    assert redone["gold.regions"] == (2, 2, 9)
    tables.build(is_full=True)
    assert read_rebuilds(tables.connection) == []
