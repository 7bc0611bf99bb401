"""What is known of the households that shop, as one file a month of the kind that a spreadsheet in Europe exports.

Belongs here: `landing/households`. Keep out: receipts.
"""

from __future__ import annotations

from datetime import date

import duckdb

from assay.contract.names import literal
from demo.replay.arrivals import ArrivingFile

SOURCE = "households"
# Semicolons and Latin-1. DuckDB writes UTF-8, which is the same bytes, because every value is ASCII.
OPTIONS = "format csv, header true, delimiter ';'"
DAY_OF_MONTH = 15

_KNOWN = """
create table known_households as
with shopped as (
    select transactions.household_id, min(arrivals.arrival_day) as known_on
    from transactions
    inner join arrivals using (basket_id)
    group by transactions.household_id
)

select demographics.*, shopped.known_on
from demographics
inner join shopped using (household_id)
"""


def household_files(con: duckdb.DuckDBPyConnection, first: date, last: date) -> list[ArrivingFile]:
    """One file on the 15th of each month: every household that has shopped up to then and answered, by its id.

    Makes the table `known_households` when there is such a day in the period; needs `arrivals`.
    """
    months = [
        date(year, month, DAY_OF_MONTH) for year in range(first.year, last.year + 1) for month in range(1, 12 + 1)
    ]
    days = [day for day in months if first <= day <= last]
    if days:
        con.execute(_KNOWN)
    return [_file(day) for day in days]


def _file(day: date) -> ArrivingFile:
    query = f"""
        select * exclude (known_on)
        from known_households
        where known_on <= {literal(day.isoformat())}
        order by household_id
    """
    return ArrivingFile(SOURCE, f"households_{day}.csv", day, query, OPTIONS)
