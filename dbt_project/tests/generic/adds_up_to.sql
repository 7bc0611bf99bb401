{# A sum over this table is the sum over another one: on the way nothing was lost and nothing counted twice. #}
{% test adds_up_to(model, column_name, to, field) %}
with found as (
    select coalesce(sum({{ column_name }}), 0) as total from {{ model }}
),

expected as (
    select coalesce(sum({{ field }}), 0) as total from {{ to }}
)

select
    found.total as found_total,
    expected.total as expected_total
from found
cross join expected
where found.total <> expected.total
{% endtest %}
