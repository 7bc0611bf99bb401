{# A macro of the lake's own: what it says decides stored rows. #}
{% macro in_stock(quantity) -%}
    coalesce({{ quantity }} > 0, false)
{%- endmacro %}
