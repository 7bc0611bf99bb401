with campaigns as (
    select
        *,
        (end_date - start_date + 1)::integer as days_planned
    from {{ ref('silver_campaigns') }}
    where {{ assay.affected('campaign_id') }}
),

reached as (
    select * from {{ ref('silver_campaign_households') }}
),

redemptions as (
    select * from {{ ref('silver_coupon_redemptions') }}
),

household_days as (
    select
        household_id,
        sales_date,
        sum(sales_usd) as spend_usd
    from {{ ref('silver_transactions') }}
    group by household_id, sales_date
),

spent as (
    select
        campaigns.campaign_id,
        household_days.*,
        household_days.sales_date < campaigns.start_date as is_before
    from campaigns
    inner join household_days
        on household_days.sales_date between campaigns.start_date - campaigns.days_planned and campaigns.end_date
),

days as (
    select
        campaign_id,
        count(distinct sales_date) filter (is_before) as days_before,
        count(distinct sales_date) filter (not is_before) as days_during
    from spent
    group by campaign_id
),

compared as (
    select
        spent.campaign_id,
        spent.household_id,
        any_value(reached.household_id) is not null as is_reached,
        sum(spent.spend_usd) filter (spent.is_before) as before_usd,
        coalesce(sum(spent.spend_usd) filter (not spent.is_before), 0) as during_usd
    from spent
    left join reached
        on spent.campaign_id = reached.campaign_id and spent.household_id = reached.household_id
    group by spent.campaign_id, spent.household_id
    having count(*) filter (spent.is_before) > 0
),

totals as (
    select
        campaign_id,
        count(*) filter (is_reached) as reached_compared,
        count(*) filter (not is_reached) as others_compared,
        sum(before_usd) filter (is_reached) as reached_before_usd,
        sum(during_usd) filter (is_reached) as reached_during_usd,
        sum(before_usd) filter (not is_reached) as others_before_usd,
        sum(during_usd) filter (not is_reached) as others_during_usd
    from compared
    group by campaign_id
),

rates as (
    select
        totals.campaign_id,
        totals.reached_compared,
        totals.others_compared,
        7 * totals.reached_before_usd / nullif(totals.reached_compared * days.days_before, 0) as reached_before_usd,
        7 * totals.reached_during_usd / nullif(totals.reached_compared * days.days_during, 0) as reached_during_usd,
        7 * totals.others_before_usd / nullif(totals.others_compared * days.days_before, 0) as others_before_usd,
        7 * totals.others_during_usd / nullif(totals.others_compared * days.days_during, 0) as others_during_usd
    from totals
    inner join days on totals.campaign_id = days.campaign_id
),

reach as (
    select
        campaign_id,
        count(*) as households_reached
    from reached
    group by campaign_id
),

taken as (
    select
        campaign_id,
        count(*) as redemptions,
        count(distinct household_id) as redeemers
    from redemptions
    group by campaign_id
),

final as (
    select
        campaigns.campaign_id,

        campaigns.campaign_type,
        campaigns.start_date,
        campaigns.end_date,

        coalesce(reach.households_reached, 0) as households_reached,
        coalesce(taken.redeemers, 0) as redeemers,
        coalesce(taken.redemptions, 0) as redemptions,
        round(100 * taken.redeemers / reach.households_reached, 2)::decimal(5, 2) as redemption_rate_pct,

        coalesce(days.days_before, 0) as days_before,
        coalesce(days.days_during, 0) as days_during,
        coalesce(rates.reached_compared, 0) as reached_compared,
        coalesce(rates.others_compared, 0) as others_compared,
        round(rates.reached_before_usd, 2)::decimal(12, 2) as reached_before_usd,
        round(rates.reached_during_usd, 2)::decimal(12, 2) as reached_during_usd,
        round(rates.others_before_usd, 2)::decimal(12, 2) as others_before_usd,
        round(rates.others_during_usd, 2)::decimal(12, 2) as others_during_usd,
        round(
            (rates.reached_during_usd - rates.reached_before_usd)
            - (rates.others_during_usd - rates.others_before_usd),
            2
        )::decimal(12, 2) as lift_usd
    from campaigns
    left join reach on campaigns.campaign_id = reach.campaign_id
    left join taken on campaigns.campaign_id = taken.campaign_id
    left join days on campaigns.campaign_id = days.campaign_id
    left join rates on campaigns.campaign_id = rates.campaign_id
)

select * from final
