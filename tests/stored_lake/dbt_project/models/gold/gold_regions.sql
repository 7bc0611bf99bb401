select
    region,
    count(*) as sales,
    sum(amount_usd)::decimal(18, 2) as amount_usd
from {{ ref('silver_sales') }}
where {{ assay.affected('region') }}
group by region
