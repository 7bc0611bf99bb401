{# The source's files, one or several at a time: the contract's columns in their types, and `_rescued`. Made by the loader. #}
{% macro landing() -%}
    temp.main.{{ assay.quoted('landing_' ~ model.name.split('_', 1)[1]) }}
{%- endmacro %}

{# All rules of the contract that a row breaks, by name; NULL when it breaks none. A rule that is NULL passes. #}
{% macro verdict() -%}
    {%- set rules = [] -%}
    {%- set key = [] -%}
    {%- for constraint in model.constraints -%}
        {%- if constraint.type == 'primary_key' -%}
            {%- do key.extend(constraint.columns) -%}
        {%- else -%}
            {%- do rules.append([constraint.name, constraint.expression]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for column in model.columns.values() -%}
        {%- if column.name in key and not (column.config.get('meta') or {}).get('nullable_key') -%}
            {%- do rules.append([column.name ~ '_not_null', assay.quoted(column.name) ~ ' is not null']) -%}
        {%- endif -%}
        {%- for constraint in column.constraints -%}
            {%- if constraint.type == 'check' -%}
                {%- do rules.append([constraint.name, constraint.expression]) -%}
            {%- elif constraint.type == 'not_null' and column.name not in key -%}
                {%- do rules.append([column.name ~ '_not_null', assay.quoted(column.name) ~ ' is not null']) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    /*assay:verdict*/
    {%- if not rules %} null::varchar[]
    {%- else %}
    case
        when
            {% for rule in rules -%}
            ({{ rule[1] }}) is not false{{ ' and' if not loop.last }}
            {% endfor -%}
            then null
        else nullif(list_filter([
            {%- for rule in rules %}
            case when ({{ rule[1] }}) is false then '{{ rule[0] | replace("'", "''") }}' end{{ ',' if not loop.last }}
            {%- endfor %}
        ], lambda rule: rule is not null), [])
    end
    {%- endif %}
    /*assay:end*/
{%- endmacro %}

{# A file's rows, malformed records and ledger entry in one transaction. loading/loader.py does it on dbt's own connection. #}
{% materialization landed, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set payload = {
        'model': assay.node_parts(model),
        'sql': sql,
        'home': env_var('ASSAY_HOME'),
        'run_id': var('run_id', 'dbt'),
        'is_full_refresh': assay.is_full_refresh(),
        'rebuilds_changed': var('rebuilds_changed', false),
    } -%}
    {% call statement('main', language='python') -%}
        {{ assay.python_call('assay.loading.loader', 'load_landed', payload) }}
    {%- endcall %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
