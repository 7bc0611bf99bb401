"""The products known at the end of a week, as one gzipped file of JSON lines.

Belongs here: `landing/products`. Keep out: transactions' day of arrival, which is in arrivals.py.
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb

from assay.contract.names import literal
from demo.replay.arrivals import ArrivingFile

SOURCE = "products"
# DuckDB's own gzip writes neither a time nor a name and does not depend on the machine's zlib.
OPTIONS = "format json, compression gzip"

FIRST_SUNDAY = date(2017, 1, 1)
"""The last day of the source's week 1. Its weeks run from Monday to Sunday; week 1 holds this Sunday alone."""

_KNOWN = f"""
create table known_products as
with sold as (
    select transactions.product_id, min(arrivals.arrival_day) as known_on
    from transactions
    inner join arrivals using (basket_id)
    group by transactions.product_id
),

promoted as (
    select product_id, {literal(FIRST_SUNDAY.isoformat())}::date + 7 * (min(week)::integer - 1) as known_on
    from promotions
    group by product_id
),

seen as (
    select product_id, min(known_on) as known_on
    from (select * from sold union all select * from promoted)
    group by product_id
)

select products.*, seen.known_on
from products
inner join seen using (product_id)
"""


def product_files(con: duckdb.DuckDBPyConnection, first: date, last: date) -> list[ArrivingFile]:
    """One file per Sunday, both ends included: every product sold or promoted up to that day, in order of its id.

    Makes the table `known_products` when there is a Sunday in the period; needs `arrivals`.
    """
    days = sundays(first, last)
    if days:
        con.execute(_KNOWN)
    return [_file(day) for day in days]


def sundays(first: date, last: date) -> list[date]:
    """The Sundays from `first` to `last`, both included."""
    start = first + timedelta(days=(FIRST_SUNDAY.weekday() - first.weekday()) % 7)
    return [start + timedelta(days=offset) for offset in range(0, (last - start).days + 1, 7)]


def _file(day: date) -> ArrivingFile:
    query = f"""
        select * exclude (known_on)
        from known_products
        where known_on <= {literal(day.isoformat())}
        order by product_id
    """
    return ArrivingFile(SOURCE, f"products_{day}.jsonl.gz", day, query, OPTIONS)
