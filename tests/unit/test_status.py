"""The status is that of the last run, whatever the clock said."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from assay.base.warehouse import prepare
from assay.publish.status import read_status

LATER, EARLIER = datetime(2030, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)


def test_a_clock_that_was_put_back_does_not_bring_old_figures_back() -> None:
    with duckdb.connect() as connection:
        prepare(connection)
        connection.execute("set search_path = 'ops'")
        connection.execute("insert into ops.sources values ('sales', 'events', '1.0.0', '', null)")
        for run, at, rows in (("first", LATER, 1), ("second", EARLIER, 2)):
            figures = ", ".join(["?"] * 9)
            connection.execute(
                f"insert into ops.conservation values ('sales', ?, ?, {figures}, true)",
                [run, at, rows, rows, 0, rows, rows, 0, 0, 0, 0],
            )
            connection.execute("insert into ops.publications values (?, ?, ?, true, [], [])", [rows, at, run])
        status = read_status(connection)
    assert status["sources"][0]["records"]["read"] == 2
    assert status["published_at"] == EARLIER.isoformat()
    assert status["held_back"] is None
