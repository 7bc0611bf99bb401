{# Only the keys that are redone; in a full build all. Give the columns of the model's redo key, in its order. #}
{% macro affected() -%}
    temp.main.is_affected_{{ model.name }}({{ varargs | join(', ') }})
{%- endmacro %}

{# The rows of a bronze table that count, one for each key: clean rows of current files, the newest of each key.
   Rows that are equally new are told apart by all that they say, so the order of arrival decides nothing.
   Of a contract with `key: none` every clean row of current files counts.
   Of `load: changes` the rows that are there at the source: tables/change_views.py puts a view in the place of this.
   Where all of a table is built, tables/lone_rows.py compares only the rows whose key stands in several. #}
{% macro newest_rows(bronze) -%}
    {%- set relation = ref(bronze) -%}
    {%- set contract = assay.contract_of(bronze) -%}
    {%- set key = contract.key | join(', ') -%}
    {%- set everything = 'row(' ~ (contract.columns + ['_rescued_pairs']) | join(', ') ~ ')' -%}
    {%- if execute and not contract.key -%}
    select
        bronze.*,
        current_files.file_date as _file_date,
        0::bigint as _duplicates_identical,
        0::bigint as _duplicates_conflicting
    from {{ relation }} as bronze
    inner join ops.current_files as current_files
        on
            bronze._file_id = current_files.file_id
            and current_files.source = {{ assay.literal(bronze.split('_', 1)[1]) }}
    where
        bronze._violations is null
        {% if (model.config.meta.get('redo') or {'key': ['_file_id']})['key'] | list == ['_file_id'] -%}
        and {{ assay.affected('bronze._file_id') }}
        {%- endif %}
    {%- else -%}
    /*assay:newest_rows {{ bronze }}*/
    select
        * exclude (_rescued_pairs),
        count(*) filter (_rank > 1 and _is_same) over (partition by {{ key }}) as _duplicates_identical,
        count(*) filter (_rank > 1 and not _is_same) over (partition by {{ key }}) as _duplicates_conflicting
    from (
        select
            *,
            row_number() over newest as _rank,
            coalesce({{ everything }} is not distinct from first_value({{ everything }}) over newest, false) as _is_same
        from (
            /*rows that count*/
            select
                bronze.*,
                {{ assay.rescued_pairs('bronze._rescued') }} as _rescued_pairs,
                current_files.file_date as _file_date
            from {{ relation }} as bronze
            inner join ops.current_files as current_files
                on
                    bronze._file_id = current_files.file_id
                    and current_files.source = {{ assay.literal(bronze.split('_', 1)[1]) }}
            where
                bronze._violations is null
                and {{ assay.affected(*contract.key) }}
            /*end of rows*/
        )
        window newest as (
            partition by {{ key }}
            order by
                {% if contract.newest -%} {{ contract.newest }} desc nulls last, {%- endif %}
                {% for column in contract.columns -%} {{ column }} desc nulls last, {% endfor -%}
                _rescued_pairs desc nulls last,
                _file_id
        )
    )
    qualify _rank = 1
    /*assay:end*/
    {%- endif -%}
{%- endmacro %}

{# Each version of the rows of a source of changes, with `_valid_from`, `_valid_to`, `_operation` and `_ended_by`. When a
   model is built, tables/change_views.py puts a view in the place of what stands here, as in that of `newest_rows`. #}
{% macro history_rows(bronze) -%}
    /*assay:history_rows {{ bronze }}*/
    select
        *,
        null::timestamptz as _valid_from,
        null::timestamptz as _valid_to,
        null::varchar as _ended_by
    from {{ ref(bronze) }}
    /*assay:end*/
{%- endmacro %}

{# What was rescued, in the order of its names: two files may write the same columns in another order. #}
{% macro rescued_pairs(rescued) -%}
    case
        when {{ rescued }} is not null then list_sort(list_transform(
            json_keys({{ rescued }}),
            lambda name: [name, ({{ rescued }} -> ('/' || replace(replace(name, '~', '~0'), '/', '~1')))::varchar]
        ))
    end
{%- endmacro %}

{# What the macros need of the contract that stands beside a bronze model. #}
{% macro contract_of(bronze) -%}
    {%- set found = {'key': [], 'columns': [], 'types': {}, 'newest': none} -%}
    {%- if execute -%}
        {%- set node = graph.nodes['model.' ~ project_name ~ '.' ~ bronze] -%}
        {%- for column in node.columns.values() -%}
            {%- do found['types'].update({column.name: column.data_type}) -%}
            {%- do found['columns'].append(assay.quoted(column.name)) -%}
        {%- endfor -%}
        {%- for constraint in node.constraints if constraint.type == 'primary_key' -%}
            {%- for name in constraint.columns -%}{%- do found['key'].append(assay.quoted(name)) -%}{%- endfor -%}
        {%- endfor -%}
        {%- set newest = node.config.meta.contract.get('newest_by') or node.config.meta.get('feed') -%}
        {%- if newest is string -%}
            {%- do found.update({'newest': assay.quoted(newest)}) -%}
        {%- elif newest -%}
            {%- do found.update({'newest': '_file_date'}) -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{# Rebuild the keys that the inputs changed; tables/keyed.py does it on dbt's own connection. #}
{% materialization keyed, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set inputs = {} -%}
    {%- for id in model.depends_on.nodes -%}{%- do inputs.update({graph.nodes[id].name: assay.node_parts(graph.nodes[id])}) -%}{%- endfor -%}
    {%- set payload = {
        'model': assay.node_parts(model),
        'inputs': inputs,
        'sql': sql,
        'run_id': var('run_id', 'dbt'),
        'is_full_refresh': assay.is_full_refresh(),
        'rebuilds_changed': var('rebuilds_changed', false),
    } -%}
    {% call statement('main', language='python') -%}
        {{ assay.python_call('assay.tables.keyed', 'build_keyed', payload) }}
    {%- endcall %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
