"""Campaigns: what is announced when one starts, and the coupons that households redeem day by day.

Belongs here: `landing/campaigns`, `campaign_households`, `coupons` and `coupon_redemptions`. Keep out: receipts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from assay.contract.names import literal
from demo.replay.arrivals import ArrivingFile


@dataclass(frozen=True)
class _Announced:
    """A source with one file for each `known_on` in its rows."""

    source: str
    suffix: str
    rows: str
    options: str


# Dates are midnights in the source; a date says the same.
_STARTS = """
create table campaign_starts as
select
    campaign_id,
    campaign_type,
    start_date::date as start_date,
    end_date::date as end_date,
    greatest(start_date::date, (select min(arrival_day) from arrivals)) as known_on
from campaign_descriptions
"""
_SOURCES = (
    _Announced("campaigns", "jsonl", "select * from campaign_starts", "format json"),
    _Announced(
        "campaign_households",
        "csv.gz",
        "select campaigns.*, known_on from campaigns inner join campaign_starts using (campaign_id)",
        "format csv, header true, delimiter ',', compression gzip",
    ),
    _Announced(
        "coupons",
        "tsv.zst",
        "select coupons.*, known_on from coupons inner join campaign_starts using (campaign_id)",
        "format csv, header true, delimiter '\t', compression zstd",
    ),
    _Announced(
        "coupon_redemptions",
        "jsonl",
        "select * replace (redemption_date::date as redemption_date), redemption_date::date as known_on "
        "from coupon_redemptions",
        "format json",
    ),
)


def campaign_files(con: duckdb.DuckDBPyConnection, first: date, last: date) -> list[ArrivingFile]:
    """For each day on which campaigns start three files, for each day with redemptions one.

    A campaign that started before the first receipts arrived is announced with them. Makes the table
    `campaign_starts`; needs `arrivals`.
    """
    con.execute(_STARTS)
    return [file for source in _SOURCES for file in _files(con, source, first, last)]


def _files(con: duckdb.DuckDBPyConnection, source: _Announced, first: date, last: date) -> list[ArrivingFile]:
    days = con.execute(
        f"select distinct known_on from ({source.rows}) where known_on between ? and ? order by known_on",
        [first, last],
    ).fetchall()
    return [_file(source, day) for (day,) in days]


def _file(source: _Announced, day: date) -> ArrivingFile:
    query = f"""
        select * exclude (known_on)
        from ({source.rows})
        where known_on = {literal(day.isoformat())}
        order by all
    """
    return ArrivingFile(source.source, f"{source.source}_{day}.{source.suffix}", day, query, source.options)
