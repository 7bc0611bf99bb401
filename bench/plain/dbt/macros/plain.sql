{# Tables are built whole. #}
{% macro affected() -%}
    {%- if varargs -%} true {%- endif -%}
{%- endmacro %}

{# The newest row of each key; `_file_id` is the file's name. #}
{% macro newest_rows(bronze) -%}
    {%- set meta = graph.nodes['model.plain.' ~ bronze].config.meta if execute else {} -%}
    select
        * exclude (filename),
        filename as _file_id,
        0::bigint as _duplicates_identical,
        0::bigint as _duplicates_conflicting
    from {{ ref(bronze) }}
    {% if meta.get('is_snapshot') -%} where filename = (select max(filename) from {{ ref(bronze) }}) {%- endif %}
    qualify row_number() over (
        partition by {{ meta.get('key', []) | join(', ') }} order by {{ meta.get('newest_by') or 'filename' }} desc nulls last
    ) = 1
{%- endmacro %}

{# The files of a folder, typed; no rows while there are none, which DuckDB would refuse. #}
{% macro landing(pattern, read, columns) -%}
    {%- set files = env_var('PLAIN_HOME') ~ '/landing/' ~ pattern -%}
    {%- set file_count = run_query("select count(*) from glob('" ~ files ~ "')").columns[0].values()[0] if execute else 0 -%}
    {%- if file_count -%}
    select {% for name, type in columns.items() %}{{ name }}::{{ type }} as {{ name }}, {% endfor %}filename
    from {{ read | replace('FILES', "'" ~ files ~ "'") }}
    {%- else -%}
    select {% for name, type in columns.items() %}null::{{ type }} as {{ name }}, {% endfor %}null::varchar as filename
    where false
    {%- endif -%}
{%- endmacro %}
