with promotions as (
    {{ assay.newest_rows('bronze_promotions') }}
),

final as (
    select
        product_id,
        store_id,
        week,
        display_location,
        mailer_location,

        (date '2016-12-26' + 7 * (week - 1))::date as week_start_date,
        display_location <> '0' as is_on_display,
        mailer_location <> '0' as is_in_mailer,

        _file_id,
        _duplicates_identical,
        _duplicates_conflicting
    from promotions
)

select * from final
