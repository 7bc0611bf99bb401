"""Which templates of dbt give the same text in every run, and which are left to dbt."""

from __future__ import annotations

import pytest
from jinja2 import Environment

from assay.tables.static_jinja import StaticJinja, templates_in

GIVEN = ("adapter", "builtins", "config", "context", "env_var", "flags", "invocation_id", "model", "modules", "ref")
GIVEN += ("run_started_at", "target", "this", "var")
MACROS = (
    ("shop", "plain", "{% macro plain(x) %}{{ x }} + {{ ref('a') }}{% endmacro %}"),
    ("shop", "outer", "{% macro outer() %}{{ plain(1) }}{% endmacro %}"),
    ("shop", "clock", "{% macro clock() %}{{ run_started_at }}{% endmacro %}"),
    ("shop", "late", "{% macro late() %}{{ outer() }}{{ shop.clock() }}{% endmacro %}"),
    ("shop", "round", "{% macro round(n) %}{{ round(n - 1) if n else plain(n) }}{% endmacro %}"),
    ("dbt", "run_query", "{% macro run_query(sql) %}{{ adapter.execute(sql) }}{% endmacro %}"),
    ("dbt", "concat", "{% macro concat(x) %}{{ adapter.dispatch('concat', 'dbt')(x) }}{% endmacro %}"),
    ("dbt", "default__concat", "{% macro default__concat(x) %}{{ x | join('||') }}{% endmacro %}"),
    ("dbt", "today", "{% macro today() %}{{ adapter.dispatch('today')() }}{% endmacro %}"),
    ("dbt", "default__today", "{% macro default__today() %}current_date{% endmacro %}"),
    ("shop", "duckdb__today", "{% macro duckdb__today() %}'{{ modules.datetime.date.today() }}'{% endmacro %}"),
)


@pytest.fixture(scope="module")
def jinja() -> StaticJinja:
    environment = Environment(extensions=["jinja2.ext.do"])  # noqa: S701 - SQL
    return StaticJinja(MACROS, GIVEN, ("run_id", "full_refresh"), environment)


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "select * from {{ ref('a') }} where {{ this.schema }} = 1",
        "{{ config(materialized='keyed') }} select {{ config.get('alias') }}",
        "{% set columns = ['a', 'b'] %}{% for c in columns %}{{ c }}{{ ',' if not loop.last }}{% endfor %}",
        "{% if execute %}{% set node = graph.nodes['a'] %}{% endif %}{{ node.name }}",
        "{{ plain(2) }}{{ shop.outer() }}",
        "{{ dbt.concat(['a', 'b']) }}",
        "{{ adapter.quote('a') }}",
        "{{ var('currency', 'EUR') }}",
        "{{ round(3) }}",
        "{% raw %}{{ run_started_at }}{% endraw %}",
    ],
)
def test_what_the_project_alone_decides_is_static(jinja: StaticJinja, text: str) -> None:
    assert jinja.is_static(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ run_started_at }}",
        "{{ invocation_id }}",
        "{{ env_var('HOME') }}",
        "{{ target.name }}",
        "{% if flags.FULL_REFRESH %}1{% endif %}",
        "{{ modules.datetime.datetime.now() }}",
        "{{ run_query('select 1') }}",
        "{{ shop.clock() }}",
        "{{ late() }}",
        "{{ dbt.today() }}",
        "{{ today() }}",
        "{{ var('run_id') }}",
        "{{ var('full_refresh', []) }}",
        "{{ var(name) }}",
        "{{ var.has_var('run_id') }}",
        "{% set get = var %}{{ get('run_id') }}",
        "{{ adapter.get_relation(this) }}",
        "{{ adapter['execute']('select 1') }}",
        "{% set database = adapter %}{{ database.execute('select 1') }}",
        "{{ adapter.dispatch(this.name)() }}",
        "{{ adapter.dispatch(macro_name='today')() }}",
        "{{ adapter.dispatch('nowhere')() }}",
        "{{ context['run_started_at'] }}",
        "{{ builtins.ref('a') }}",
        "{{ shop['clock']() }}",
        "{% set other = shop %}{{ other.clock() }}",
        "{{ shop.nowhere() }}",
        "{{ config }}",
        "{{ nobody_knows }}",
        "{% if ref('a') %}{% set target = 1 %}{% endif %}{{ target }}",
        "{% set config = 1 %}{{ ref('a') }}",
        "{{ [1, 2] | random }}",
        "{{ [1, 2] | map('random') }}",
        "{{ lipsum() }}",
        "{{ ref.__globals__ }}",
        "{{ ref['__globals__'] }}",
        "{{ ref | attr('__globals__') }}",
        "{% include 'other' %}",
        "{% if %}",
    ],
)
def test_what_may_differ_from_run_to_run_is_left_to_dbt(jinja: StaticJinja, text: str) -> None:
    assert not jinja.is_static(text)


def test_a_package_that_is_called_as_what_dbt_gives_leaves_everything_to_dbt() -> None:
    environment = Environment()  # noqa: S701 - as above
    assert not StaticJinja([("model", "f", "")], GIVEN, (), environment).is_static("select 1")


def test_arguments_of_a_data_test_are_templates_wherever_they_stand() -> None:
    arguments = {"model": "{{ ref('a') }}", "values": ["x", {"y": ("z", 1)}]}
    assert list(templates_in(arguments)) == ["{{ ref('a') }}", "x", "z"]
