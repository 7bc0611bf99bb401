{# A dbt Python model that hands a payload to a function of ours, on dbt's own connection. #}
{% macro python_call(module, function, payload) -%}
from assay.tables.handed_over import call


class dbtObj:
    def __init__(self, load_df_function):
        pass


def model(dbt, connection):
    call(connection, {{ tojson(module) }}, {{ tojson(function) }}, {{ tojson(tojson(payload)) }})


def materialize(df, connection):
    pass
{%- endmacro %}

{# The parts of a node that decide how its rows are made. #}
{% macro node_parts(node) -%}
    {{ return({
        'name': node.name,
        'patch_path': node.patch_path,
        'original_file_path': node.original_file_path,
        'columns': node.columns,
        'constraints': node.constraints,
        'config': {'meta': node.config.meta},
    }) }}
{%- endmacro %}

{% macro is_full_refresh() -%}
    {{ return(flags.FULL_REFRESH or model.name in var('full_refresh', [])) }}
{%- endmacro %}
