"""Which households stay away, and what they did before."""

from __future__ import annotations

from assay.page.dashboards import Board, dashboard

BEFORE = 8
"""Weeks with which a household's last weeks are compared."""
LAST = "(select max(week_start_date) from gold.household_value)"
SILENT = f"""
    with silent as (
        select household_id, last_purchase_date, weeks_silent, spend_usd, baskets, private_brand_pct
        from gold.household_value where week_start_date = {LAST} and weeks_silent >= $weeks
    ),
    weeks as (
        select value.household_id, value.spend_in_week_usd as usd,
            (silent.last_purchase_date - value.week_start_date) // 7 as weeks_before
        from gold.household_value as value inner join silent on value.household_id = silent.household_id
        where value.week_start_date <= silent.last_purchase_date
    ),
    spent as (
        select household_id,
            avg(usd) filter (weeks_before < {BEFORE}) as late,
            avg(usd) filter (weeks_before between {BEFORE} and {2 * BEFORE - 1}) as early
        from weeks group by household_id
    )
    select
        silent.household_id as household,
        silent.last_purchase_date as last_purchase,
        silent.weeks_silent,
        silent.spend_usd as spent_in_52_weeks_usd,
        round(spent.early, 2)::decimal(12, 2) as week_before_usd,
        round(spent.late, 2)::decimal(12, 2) as week_at_the_end_usd,
        round(100 * (spent.late / nullif(spent.early, 0) - 1), 1)::decimal(12, 1) as change_pct,
        silent.baskets as receipts,
        silent.private_brand_pct as own_brands_pct
    from silent left join spent on silent.household_id = spent.household_id
    order by silent.spend_usd desc, silent.household_id
"""


@dashboard("Households")
def households(board: Board) -> None:
    """The last week of the stores, and who has not been seen for some weeks."""
    weeks = int(board.choose("weeks", "Silent for at least, weeks", [2, 4, 8, 12], default=8))
    given: dict[str, object] = {"weeks": weeks}
    board.number(
        f"Share of households that have been silent for {weeks} weeks or more, against four weeks before",
        "select 100 * avg((weeks_silent >= $weeks)::integer) filter (week_start_date = last.week), "
        "100 * avg((weeks_silent >= $weeks)::integer) filter (week_start_date = last.week - 28) "
        f"from gold.household_value, (select {LAST} as week) as last",
        "%",
        given,
    )
    board.chart(
        f"Households silent for {weeks} weeks or more, week by week",
        "select week_start_date as week, count(*) filter (weeks_silent >= $weeks) as silent_households "
        f"from gold.household_value where week_start_date > {LAST} - 7 * 52 group by 1 order by 1",
        "households",
        given,
    )
    board.table(
        f"Those who are silent, the most spent first: the mean week of the last {BEFORE} with purchases against the "
        f"{BEFORE} before",
        SILENT,
        given,
    )
    board.text(
        "Who a household is stays masked here, as everywhere; whoever may see it asks "
        '`assay query "select household_id from gold.household_value where is_churned"`.'
    )
