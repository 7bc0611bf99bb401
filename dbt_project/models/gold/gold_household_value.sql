{% set window_days = 7 * 51 %}

with receipts as (
    select
        *,
        date_trunc('week', sales_date)::date as week_start_date
    from {{ ref('silver_transactions') }}
),

products as (
    select * from {{ ref('silver_products') }}
),

households as (
    select * from {{ ref('silver_households') }}
),

weeks as (
    select
        week_start_date,
        max(sales_date) as as_of_date
    from receipts
    group by week_start_date
),

affected_weeks as (
    select * from weeks
    where {{ assay.affected('week_start_date') }}
),

window_weeks as (
    select distinct weeks.week_start_date
    from weeks
    inner join affected_weeks
        on
            weeks.week_start_date
            between affected_weeks.week_start_date - {{ window_days }} and affected_weeks.week_start_date
),

household_weeks as (
    select
        receipts.household_id,
        receipts.week_start_date,

        max(receipts.sales_date) as last_purchase_date,
        count(distinct receipts.basket_id) as baskets,
        sum(receipts.sales_usd) as spend_usd,
        coalesce(sum(receipts.sales_usd) filter (products.is_private_brand), 0) as private_brand_usd,
        coalesce(sum(receipts.sales_usd) filter (products.product_id is not null), 0) as known_brand_usd
    from receipts
    inner join window_weeks on receipts.week_start_date = window_weeks.week_start_date
    left join products on receipts.product_id = products.product_id
    group by receipts.household_id, receipts.week_start_date
),

windows as (
    select
        household_weeks.household_id,
        affected_weeks.week_start_date,
        affected_weeks.as_of_date,

        max(household_weeks.last_purchase_date) as last_purchase_date,
        count(*) as weeks_with_purchase,
        sum(household_weeks.baskets) as baskets,
        sum(household_weeks.spend_usd) as spend_usd,
        sum(household_weeks.private_brand_usd) as private_brand_usd,
        sum(household_weeks.known_brand_usd) as known_brand_usd,
        sum(
            case
                when household_weeks.week_start_date = affected_weeks.week_start_date then household_weeks.spend_usd
                else 0
            end
        ) as spend_in_week_usd
    from affected_weeks
    inner join household_weeks
        on
            household_weeks.week_start_date
            between affected_weeks.week_start_date - {{ window_days }} and affected_weeks.week_start_date
    group by household_weeks.household_id, affected_weeks.week_start_date, affected_weeks.as_of_date
),

final as (
    select
        windows.household_id,
        windows.week_start_date,
        windows.as_of_date,

        windows.last_purchase_date,
        (windows.as_of_date - windows.last_purchase_date)::integer as recency_days,
        ((windows.as_of_date - windows.last_purchase_date) // 7)::integer as weeks_silent,
        (windows.as_of_date - windows.last_purchase_date) // 7 >= 8 as is_churned,

        windows.weeks_with_purchase,
        windows.baskets::bigint as baskets,
        windows.spend_usd::decimal(18, 2) as spend_usd,
        windows.spend_in_week_usd::decimal(18, 2) as spend_in_week_usd,
        round(100 * windows.private_brand_usd / nullif(windows.known_brand_usd, 0), 2)::decimal(5, 2)
            as private_brand_pct,
        households.household_id is not null as has_demographics
    from windows
    left join households on windows.household_id = households.household_id
)

select * from final
