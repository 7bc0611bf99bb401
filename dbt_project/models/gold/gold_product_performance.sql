with affected_receipts as (
    select
        *,
        date_trunc('week', sales_date)::date as week_start_date
    from {{ ref('silver_transactions') }}
    where {{ assay.affected('product_id', "date_trunc('week', sales_date)::date") }}
),

products as (
    select * from {{ ref('silver_products') }}
),

lines as (
    select
        affected_receipts.*,
        coalesce(products.department, 'UNKNOWN') as department,
        products.category,
        coalesce(products.is_private_brand, false) as is_private_brand,
        {{ sold_by_volume('products', 'affected_receipts') }} as is_sold_by_volume
    from affected_receipts
    left join products on affected_receipts.product_id = products.product_id
),

final as (
    select
        product_id,
        week_start_date,

        any_value(department) as department,
        any_value(category) as category,
        any_value(is_private_brand) as is_private_brand,

        count(distinct store_id) as stores,
        count(distinct household_id) as households,
        count(distinct basket_id) as baskets,
        coalesce(sum(quantity) filter (not is_sold_by_volume), 0)::bigint as units,
        sum(sales_usd)::decimal(18, 2) as sales_usd,
        (sum(retail_discount_usd) + sum(coupon_discount_usd) + sum(coupon_match_discount_usd))::decimal(18, 2)
            as discount_usd
    from lines
    group by product_id, week_start_date
)

select * from final
