select
    sales.item,
    count(*) as sales,
    coalesce(any_value(stock.is_in_stock), false) as is_in_stock
from {{ ref('silver_sales') }} as sales
left join {{ ref('silver_stock') }} as stock on sales.item = stock.item
where {{ assay.affected('sales.item') }}
group by sales.item
