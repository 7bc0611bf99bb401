with receipts as (
    {{ assay.newest_rows('bronze_transactions') }}
),

in_store_time as (
    select
        *,
        (transaction_timestamp at time zone 'UTC') at time zone 'America/New_York' as sold_at
    from receipts
),

final as (
    select
        basket_id,
        product_id,

        household_id,
        store_id,

        quantity,
        sales_value as sales_usd,
        coalesce(retail_disc, 0)::decimal(12, 2) as retail_discount_usd,
        coalesce(coupon_disc, 0)::decimal(12, 2) as coupon_discount_usd,
        coalesce(coupon_match_disc, 0)::decimal(12, 2) as coupon_match_discount_usd,

        sold_at::date as sales_date,
        sold_at,
        transaction_timestamp as sold_at_utc,

        _file_id,
        _duplicates_identical,
        _duplicates_conflicting
    from in_store_time
)

select * from final
