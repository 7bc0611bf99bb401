with newest as (
    {{ assay.newest_rows('bronze_products') }}
),

spelled as (
    select
        product_id,

        manufacturer_id,
        upper(regexp_replace(trim(department), '\s+', ' ', 'g')) as department,
        brand = 'Private' as is_private_brand,
        nullif(upper(regexp_replace(trim(product_category), '\s+', ' ', 'g')), '') as category,
        nullif(upper(regexp_replace(trim(product_type), '\s+', ' ', 'g')), '') as product_type,
        upper(regexp_replace(trim(package_size), '\s+', ' ', 'g')) as size_text,

        _file_id,
        _duplicates_identical,
        _duplicates_conflicting
    from newest
),

final as (
    select
        * exclude (size_text),
        nullif(regexp_replace(size_text, '^([0-9./]+) ?([A-Z]+)$', '\1 \2'), '') as package_size,
        coalesce(department = 'FUEL' or product_type like 'GASOLINE%', false) as is_fuel
    from spelled
)

select * from final
