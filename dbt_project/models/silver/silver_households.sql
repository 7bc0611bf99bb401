with households as (
    {{ assay.newest_rows('bronze_households') }}
),

final as (
    select
        household_id,

        age as age_group,
        regexp_extract(age, '^[0-9]+')::integer as age_from_years,
        income as income_group,
        case
            when income like 'Under %' then 0
            else 1000 * regexp_extract(income, '^[0-9]+')::bigint
        end as income_from_usd,
        home_ownership,
        marital_status = 'Married' as is_married,
        left(household_size, 1)::integer as people_from,
        left(household_comp, 1)::integer as adults,
        left(kids_count, 1)::integer as children_from,

        _file_id,
        _duplicates_identical,
        _duplicates_conflicting
    from households
)

select * from final
