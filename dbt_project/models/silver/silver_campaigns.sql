with campaigns as (
    {{ assay.newest_rows('bronze_campaigns') }}
),

final as (
    select
        campaign_id,

        right(campaign_type, 1) as campaign_type,
        start_date,
        end_date,

        _file_id,
        _duplicates_identical,
        _duplicates_conflicting
    from campaigns
)

select * from final
