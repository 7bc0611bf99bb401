"""The receipts that arrive on a day, as one CSV file.

Belongs here: `landing/transactions`. Keep out: the day of arrival itself, which is in arrivals.py.
"""

from __future__ import annotations

from datetime import date

import duckdb

from assay.contract.names import literal
from demo.replay.arrivals import ArrivingFile

SOURCE = "transactions"
OPTIONS = "format csv, header true, delimiter ',', timestampformat '%Y-%m-%d %H:%M:%S'"


def transaction_files(con: duckdb.DuckDBPyConnection, first: date, last: date) -> list[ArrivingFile]:
    """One file per day with arrivals, both ends included: all columns of the source, in order of basket and product.

    Makes the table `arrived` from `transactions` and `arrivals`.
    """
    con.execute(
        f"""
        create table arrived as
        select arrivals.arrival_day, transactions.*
        from transactions
        inner join arrivals using (basket_id)
        where arrivals.arrival_day between {literal(first.isoformat())} and {literal(last.isoformat())}
        """
    )
    days = con.execute("select distinct arrival_day from arrived order by arrival_day").fetchall()
    return [_file(day) for (day,) in days]


def _file(day: date) -> ArrivingFile:
    query = f"""
        select * exclude (arrival_day)
        from arrived
        where arrival_day = {literal(day.isoformat())}
        order by basket_id, product_id
    """
    return ArrivingFile(SOURCE, f"transactions_{day}.csv", day, query, OPTIONS)
