with redemptions as (
    {{ assay.newest_rows('bronze_coupon_redemptions') }}
),

final as (
    select
        household_id,
        coupon_upc,
        campaign_id,
        redemption_date,

        _file_id,
        _duplicates_identical,
        _duplicates_conflicting
    from redemptions
)

select * from final
