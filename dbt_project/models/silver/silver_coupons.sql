with coupons as (
    {{ assay.newest_rows('bronze_coupons') }}
),

final as (
    select
        coupon_upc,
        product_id,
        campaign_id,

        _file_id,
        _duplicates_identical,
        _duplicates_conflicting
    from coupons
)

select * from final
