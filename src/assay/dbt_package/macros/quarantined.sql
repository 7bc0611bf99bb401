{# All rejected records of a source: malformed records as they stood in the file, and live rows that break a rule.
   With `has_changes`, of `load: changes`, also those that break one once silver has completed them. #}
{% macro quarantined(bronze, has_changes=false) -%}
    {%- set source = bronze.split('_', 1)[1] -%}
    {%- set contract = assay.contract_of(bronze) -%}
    {%- if has_changes -%}
        {%- do contract.types.update({'_operation': 'varchar', '_position': 'varchar', '_unchanged': 'varchar[]'}) -%}
    {%- endif -%}
    {%- set holds_doubles = [] -%}
    {%- for type in contract.types.values() if 'double' in type | lower and type | lower | trim != 'double' -%}
        {%- do holds_doubles.append(type) -%}
    {%- endfor -%}
    select
        'malformed' as kind,
        malformed.reasons,
        malformed.record,
        malformed.line,
        malformed.contract_version,
        malformed.file_id as _file_id,
        malformed.loaded_at as _loaded_at,
        paths.path,
        malformed.file_id in (select file_id from ops.live_files) as is_live
    from ops.malformed as malformed
    left join ops.content_paths as paths on malformed.file_id = paths.file_id
    where malformed.source = {{ assay.literal(source) }}
    union all
    select
        'quarantined' as kind,
        {% if has_changes -%} coalesce(bronze._violations, held.reasons) {%- else -%} bronze._violations {%- endif %} as reasons,
        {#- What was rescued is no column of the contract, so its members are further ones; as a text it keeps its digits. #}
        regexp_replace(
            {% if holds_doubles -%} {{ assay.before_strict_json() }} {%- endif -%}
            json_object(
                {%- for name, type in contract.types.items() %}
                {{ assay.literal(name) }}, {{ assay.json_value('bronze.' ~ assay.quoted(name), type) }}{{ ',' if not loop.last }}
                {%- endfor %}
            )::varchar
            {%- if holds_doubles -%} {{ assay.after_strict_json() }} {%- endif %}, '}$', ''
        ) || coalesce(',' || substr(bronze._rescued::varchar, 2), '}') as record,
        null as line,
        files.contract_version,
        bronze._file_id,
        bronze._loaded_at,
        files.path,
        true as is_live
    from {{ ref(bronze) }} as bronze
    inner join ops.current_files as current_files
        on bronze._file_id = current_files.file_id and current_files.source = {{ assay.literal(source) }}
    left join (
        select file_id, min_by(path, sighting_id) as path, max(contract_version) as contract_version
        from ops.loaded_files group by file_id
    ) as files on bronze._file_id = files.file_id
    {% if has_changes -%}
    left join (
        select key, file_id, position, min(reasons) as reasons
        from ops.held_changes where source = {{ assay.literal(source) }} group by key, file_id, position
    ) as held
        on
            bronze._file_id = held.file_id
            and bronze._position = held.position
            and json_array(
                {%- for name in contract.key -%} bronze.{{ name }}::varchar{{ ', ' if not loop.last }} {%- endfor -%}
            )::varchar = held.key
    where bronze._violations is not null or held.reasons is not null
    {%- else -%}
    where bronze._violations is not null
    {%- endif %}
{%- endmacro %}

{# A value as JSON holds it; NaN and infinity, which JSON does not have, are strings. #}
{% macro json_value(value, type) -%}
    {%- if type | lower | trim == 'double' -%}
        case when isfinite({{ value }}) is not false then to_json({{ value }}) else to_json({{ value }}::varchar) end
    {%- else -%}
        {{ value }}
    {%- endif -%}
{%- endmacro %}

{# Around the text of JSON that holds doubles inside of others: NaN and infinity in it become strings. #}
{% macro before_strict_json() -%} replace(replace(replace(regexp_replace( {%- endmacro %}

{% macro after_strict_json() -%}
    , '("(?:[^"\\]|\\.)*")|(-?(?:NaN|Infinity))', '\1' || chr(1) || '\2' || chr(2), 'g'),
    chr(1) || chr(2), ''), chr(1), '"'), chr(2), '"')
{%- endmacro %}
