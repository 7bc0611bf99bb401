with receipts as (
    select * from {{ ref('silver_transactions') }}
    where {{ assay.affected('store_id', 'sales_date') }}
),

products as (
    select * from {{ ref('silver_products') }}
),

lines as (
    select
        receipts.*,
        coalesce(products.department, 'UNKNOWN') as department,
        {{ sold_by_volume('products', 'receipts') }} as is_sold_by_volume
    from receipts
    left join products on receipts.product_id = products.product_id
),

final as (
    select
        store_id,
        department,
        sales_date,

        count(distinct basket_id) as baskets,
        count(*) as receipt_lines,
        coalesce(sum(quantity) filter (not is_sold_by_volume), 0)::bigint as units,
        sum(sales_usd)::decimal(18, 2) as sales_usd,
        sum(retail_discount_usd)::decimal(18, 2) as retail_discount_usd,
        sum(coupon_discount_usd)::decimal(18, 2) as coupon_discount_usd,
        sum(coupon_match_discount_usd)::decimal(18, 2) as coupon_match_discount_usd
    from lines
    group by store_id, department, sales_date
)

select * from final
