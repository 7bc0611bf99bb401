with products as (
    select * from {{ ref('silver_products') }}
    where {{ assay.affected('category') }}
),

weeks as (
    select
        week_start_date,
        row_number() over (order by week_start_date) as week_number
    from {{ ref('silver_promotions') }}
    group by week_start_date
),

sales as (
    select
        receipts.product_id,
        receipts.store_id,
        weeks.week_start_date,
        sum(receipts.sales_usd) as sales_usd
    from {{ ref('silver_transactions') }} as receipts
    inner join weeks on date_trunc('week', receipts.sales_date)::date = weeks.week_start_date
    inner join products on receipts.product_id = products.product_id
    where products.category is not null
    group by receipts.product_id, receipts.store_id, weeks.week_start_date
),

sold as (
    select
        product_id,
        store_id,
        min(week_start_date) as first_week,
        max(week_start_date) as last_week,
        sum(sales_usd) as sales_usd
    from sales
    group by product_id, store_id
),

listed as (
    select
        sold.*,
        last_weeks.week_number - first_weeks.week_number + 1 as store_weeks
    from sold
    inner join weeks as first_weeks on sold.first_week = first_weeks.week_start_date
    inner join weeks as last_weeks on sold.last_week = last_weeks.week_start_date
),

promoted as (
    select
        promotions.product_id,
        promotions.store_id,
        promotions.week_start_date,
        promotions.display_location,
        promotions.mailer_location,
        coalesce(sales.sales_usd, 0) as sales_usd
    from {{ ref('silver_promotions') }} as promotions
    inner join sold
        on
            promotions.product_id = sold.product_id
            and promotions.store_id = sold.store_id
            and promotions.week_start_date between sold.first_week and sold.last_week
    left join sales
        on
            promotions.product_id = sales.product_id
            and promotions.store_id = sales.store_id
            and promotions.week_start_date = sales.week_start_date
),

promoted_once as (
    select distinct
        product_id,
        store_id,
        week_start_date,
        sales_usd
    from promoted
),

promoted_weeks as (
    select
        product_id,
        store_id,
        count(*) as store_weeks,
        sum(sales_usd) as sales_usd
    from promoted_once
    group by product_id, store_id
),

without_promotion as (
    select
        listed.product_id,
        listed.store_id,
        listed.store_weeks - promoted_weeks.store_weeks as store_weeks,
        (
            (listed.sales_usd - promoted_weeks.sales_usd) / (listed.store_weeks - promoted_weeks.store_weeks)
        )::decimal(18, 6) as weekly_usd
    from listed
    inner join promoted_weeks
        on listed.product_id = promoted_weeks.product_id and listed.store_id = promoted_weeks.store_id
    where listed.store_weeks > promoted_weeks.store_weeks
),

with_promotion as (
    select
        product_id,
        store_id,
        display_location,
        mailer_location,
        count(*) as store_weeks,
        (sum(sales_usd) / count(*))::decimal(18, 6) as weekly_usd
    from promoted
    group by product_id, store_id, display_location, mailer_location
),

pairs as (
    select
        products.category,
        with_promotion.display_location,
        with_promotion.mailer_location,
        with_promotion.store_weeks as store_weeks_with,
        without_promotion.store_weeks as store_weeks_without,
        with_promotion.weekly_usd as with_usd,
        without_promotion.weekly_usd as without_usd,
        (with_promotion.weekly_usd - without_promotion.weekly_usd)::decimal(18, 6) as difference_usd
    from with_promotion
    inner join without_promotion
        on
            with_promotion.product_id = without_promotion.product_id
            and with_promotion.store_id = without_promotion.store_id
    inner join products on with_promotion.product_id = products.product_id
),

summed as (
    select
        category,
        display_location,
        mailer_location,
        count(*) as product_stores,
        sum(store_weeks_with)::bigint as store_weeks_with,
        sum(store_weeks_without)::bigint as store_weeks_without,
        sum(with_usd) / count(*) as with_usd,
        sum(without_usd) / count(*) as without_usd,
        sum(difference_usd) / count(*) as difference_usd,
        sqrt(greatest(
            (sum(difference_usd::decimal(38, 6) * difference_usd)::double - sum(difference_usd)::double ^ 2 / count(*))
            / nullif(count(*) - 1, 0),
            0
        ) / count(*)) as standard_error_usd
    from pairs
    group by category, display_location, mailer_location
),

final as (
    select
        category,
        display_location,
        mailer_location,

        {{ display_place('display_location') }} as display,
        {{ mailer_place('mailer_location') }} as mailer,

        product_stores,
        store_weeks_with,
        store_weeks_without,
        round(with_usd, 2)::decimal(12, 2) as with_usd,
        round(without_usd, 2)::decimal(12, 2) as without_usd,
        round(difference_usd, 2)::decimal(12, 2) as lift_usd,
        case when product_stores >= 30 then round(difference_usd - 1.96 * standard_error_usd, 2) end::decimal(12, 2)
            as lift_low_usd,
        case when product_stores >= 30 then round(difference_usd + 1.96 * standard_error_usd, 2) end::decimal(12, 2)
            as lift_high_usd
    from summed
)

select * from final
