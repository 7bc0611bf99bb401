select
    room,
    measured_at::date as measured_on,
    count(*) as readings,
    min(temperature_celsius) as lowest_celsius,
    max(temperature_celsius) as highest_celsius
from {{ ref('silver_readings') }}
where {{ assay.affected('room', 'measured_at::date') }}
group by room, measured_at::date
