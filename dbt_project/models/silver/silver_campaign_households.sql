with campaign_households as (
    {{ assay.newest_rows('bronze_campaign_households') }}
),

final as (
    select
        campaign_id,
        household_id,

        _file_id,
        _duplicates_identical,
        _duplicates_conflicting
    from campaign_households
)

select * from final
