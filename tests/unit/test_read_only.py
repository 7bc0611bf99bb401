"""A stranger's SQL is one SELECT over published tables, or it is refused with what to write instead."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from assay.consumers.assistants.read_only import LONGEST, Refused, assert_only_reads
from assay.contract.names import TableName

TABLES = [TableName("gold", "sales"), TableName("silver", 'odd "name".x')]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize(
    "sql",
    [
        "select * from gold.sales",
        "FROM Gold.SALES",
        'from silver."odd ""name"".x"',
        "with a as (select 1 as n) select n from a join gold.sales using (n)",
        "with recursive a as (select 1 as n union all select n + 1 from a where n < 3) from a",
        "select x from range(3) as t(x), unnest([1]) as u(y), (values (1)) as v(z)",
        "select sum(n) over (order by n) from gold.sales qualify row_number() over () = 1",
        "(select 1) union all by name (select 2 except select 3)",
        "select 'drop table x; --', \"attach\" from gold.sales -- ; drop table x",
        "from gold.sales pivot (sum(n) for d in ('a'))",
        "select (select max(n) from gold.sales), exists (from gold.sales)",
    ],
)
def test_what_only_reads_is_run(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert_only_reads(connection, sql, TABLES)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("from read_csv('/etc/passwd')", "read_csv() is not run"),
        ("from '/etc/passwd'", "'/etc/passwd' is not a published table"),
        ("from 'gold.parquet'", "is not a published table"),
        ("select (select content from read_text('/etc/passwd'))", "read_text() is not run"),
        ("select 1 where exists (from glob('/*'))", "glob() is not run"),
        ("with a as (from read_blob('x')) select 1", "read_blob() is not run"),
        ('with "x.csv" as (select 1) from (select 1), "x.csv"', "a common table is called 'x.csv'"),
        (
            "with b as (with duckdb_views as (select 1) select 1) select sql from duckdb_views",
            "'duckdb_views', as a view",
        ),
        ("from gold.sales join lateral (from read_json('x')) on true", "read_json() is not run"),
        ("from lake_published.gold.sales", "'lake_published.gold.sales' is not a published table"),
        ("from memory.assay_masks.secret", "is not a published table"),
        ("from assay_masks.secret", "'assay_masks.secret' is not a published table"),
        ("from sales", "'sales' is not a published table"),
        ("from silver.sales", "write layer and name, one of gold.sales"),
        ("from information_schema.tables", "is not a published table"),
        ("from duckdb_settings()", "duckdb_settings() is not run"),
        ("from query('drop table x')", "query() is not run"),
        ("from query_table('lake_published.gold.sales')", "query_table() is not run"),
        ("select getenv('HOME')", "getenv() is not run"),
        ("select n + length(current_setting('home_directory')) from gold.sales", "current_setting() is not run"),
        ("select json_serialize_plan('from gold.sales')", "json_serialize_plan() is not run"),
        ("select pg_get_viewdef(1)", "pg_get_viewdef() is not run"),
        ("select nextval('s')", "nextval() is not run"),
        ("describe gold.sales", "the tool describe_table says"),
        ("from (summarize gold.sales)", "the tool describe_table says"),
        ("show tables", "the tool describe_table says"),
        ("select 1; select 2", "2 statements were sent"),
        ("select 1; drop table gold.sales", "only SELECT is run"),
        ("", "0 statements were sent"),
        ("selec 1", "cannot be parsed"),
        ("select " + "1," * LONGEST + "1", "characters; write one of at most"),
        *(
            (sql, "only SELECT is run")
            for sql in (
                "attach '/tmp/x.db'",
                "detach lake_published",
                "call pragma_version()",
                "checkpoint",
                "copy (select 1) to '/tmp/x.csv'",
                "copy gold.sales from '/tmp/x.csv'",
                "create table gold.z as select 1",
                "create or replace view gold.sales as select 1",
                "create temp macro m() as 1",
                "create secret s (type s3)",
                "delete from gold.sales",
                "drop table gold.sales",
                "execute p",
                "explain analyze select 1",
                "export database '/tmp/x'",
                "import database '/tmp/x'",
                "insert into gold.sales values (1)",
                "install httpfs",
                "load httpfs",
                "pragma enable_profiling",
                "prepare p as select 1",
                "reset threads",
                "set enable_external_access = true",
                "set variable a = 1",
                "update gold.sales set n = 1",
                "use lake_published",
                "vacuum",
            )
        ),
    ],
)
def test_what_does_more_is_refused(connection: duckdb.DuckDBPyConnection, sql: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        assert_only_reads(connection, sql, TABLES)
    assert reason in str(refused.value)
