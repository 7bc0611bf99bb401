with newest as (
    {{ assay.newest_rows('bronze_sales') }}
)

select
    sale_id,
    coalesce(upper(region), 'TELEPHONE') as region,
    item,
    amount_usd,
    sold_at,
    _file_id,
    _duplicates_identical,
    _duplicates_conflicting
from newest
