{# Called by dbt for each model, because dbt_project.yml names this package in `dispatch`.
   The schema of a model is its layer, and the table is called as the entity: silver_products is silver.products. #}

{% macro default__generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}

{% macro default__generate_alias_name(custom_alias_name=none, node=none) -%}
    {{ custom_alias_name or node.name.split('_', 1)[1] }}
{%- endmacro %}

{# A name as SQL identifier, whatever it holds; the same as `assay.contract.names.quoted`. #}
{% macro quoted(name) -%}
    "{{ name | replace('"', '""') }}"
{%- endmacro %}

{# A text as SQL literal; the same as `assay.contract.names.literal`. #}
{% macro literal(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}
