"""Whether those whom a campaign reached spent more than the others did, and how sure that is."""

from __future__ import annotations

from assay.page.dashboards import Board, dashboard

ERRORS = 1.96
"""Standard errors on either side of an estimate: of 100 such intervals, 95 hold the true value."""
PER_HOUSEHOLD = """
    with campaigns as (
        select campaign_id, start_date, end_date, (end_date - start_date + 1)::integer as days_planned,
            days_before, days_during
        from gold.campaign_results where days_before > 0 and days_during > 0
    ),
    days as (
        select household_id, sales_date, sum(sales_usd) as usd
        from silver.transactions group by household_id, sales_date
    ),
    spent as (
        select campaigns.campaign_id, days.household_id, any_value(days_before) as days_before,
            any_value(days_during) as days_during,
            sum(usd) filter (sales_date < start_date) as before_usd,
            coalesce(sum(usd) filter (sales_date >= start_date), 0) as during_usd
        from campaigns inner join days on sales_date between start_date - days_planned and end_date
        group by campaigns.campaign_id, days.household_id
        having count(*) filter (sales_date < start_date) > 0
    ),
    changes as (
        select spent.campaign_id, reached.household_id is not null as is_reached,
            7 * (during_usd / days_during - before_usd / days_before)::double as change_usd
        from spent left join silver.campaign_households as reached
            on spent.campaign_id = reached.campaign_id and spent.household_id = reached.household_id
    ),
    compared as (
        select campaign_id,
            avg(change_usd) filter (is_reached) - avg(change_usd) filter (not is_reached) as lift,
            sqrt(
                var_samp(change_usd) filter (is_reached) / count(*) filter (is_reached)
                + var_samp(change_usd) filter (not is_reached) / count(*) filter (not is_reached)
            ) as error
        from changes group by campaign_id
    )
"""
"""By how much each household's week changed. The estimate is that of `gold.campaign_results`; the error is that of the
difference of two means of unequal variance (Welch, Biometrika 34, 1947)."""


@dashboard("Campaigns")
def campaigns(board: Board) -> None:
    """The lift of each campaign, and what it is made of."""
    if board.value("select count(*) from gold.campaign_results where lift_usd is not null"):
        board.intervals(
            "What those reached spent more than the others, with intervals of which 95 in 100 hold the true value",
            f"{PER_HOUSEHOLD} select 'campaign ' || campaign_id as campaign, lift - {ERRORS} * error, lift, "
            f"lift + {ERRORS} * error from compared order by campaign_id",
            "USD a household and week",
        )
        board.text(
            "An interval that holds zero says that there may have been no effect. Mailings go to good customers, so "
            "read the rest as a hint and not as proof."
        )
    else:
        board.text("No campaign can be compared yet: its households need receipts from before it and during it.")
    board.table(
        "Each campaign, and what a household spent in a week before and during it",
        "select campaign_id, campaign_type, start_date, end_date, households_reached, redemption_rate_pct, "
        "reached_before_usd, reached_during_usd, others_before_usd, others_during_usd, lift_usd "
        "from gold.campaign_results order by start_date desc, campaign_id",
    )
