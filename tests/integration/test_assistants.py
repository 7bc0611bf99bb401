"""An assistant asks over the protocol, by a real client and a real process, and gets nothing but what it may see."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from mcp import Client, StdioServerParameters

from assay.consumers.assistants.masked_lake import Limits, Masks, open_masked
from assay.consumers.assistants.tools import NotAnswered, Tools
from assay.contract.catalog import Catalog
from assay.contract.personal import MASKED
from tests.lab import HOSTILE_HOME, Lab, environment, product, receipt

pytestmark = pytest.mark.slow  # a real run, and a process of its own
PERSON = 4_711
SALES = "select * from gold.daily_sales"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("mcp") / HOSTILE_HOME)
    lab.products("2017-01-01", [product(), product(product_id=11)])
    rows = [receipt(basket_id=100 + n, household_id=PERSON + n % 2, product_id=10 + n % 2) for n in range(6)]
    lab.receipts("a", [*rows, receipt(basket_id=999, household_id=PERSON, quantity=-1)])
    lab.good_run()
    return lab


def ask(lab: Lab, questions: Callable[[Client], Awaitable[None]]) -> None:
    """Put questions to a server of its own."""

    async def talk() -> None:
        command = ["-c", "from assay.cli.start import main; main()", "mcp"]
        server = StdioServerParameters(
            command=sys.executable, args=command, env=environment(lab.settings), cwd=lab.settings.dbt_project.parent
        )
        async with Client(server, read_timeout_seconds=120) as client:
            await questions(client)

    asyncio.run(talk())


def test_a_client_lists_describes_and_queries_and_hostile_queries_are_refused(lab: Lab, tmp_path: Path) -> None:
    before = sorted(path.name for path in lab.settings.home.rglob("*"))

    async def questions(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == {"list_tables", "describe_table", "query"}
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)

        tables = {entry["table"]: entry for entry in (await told(client, "list_tables"))["tables"]}
        assert tables["gold.daily_sales"]["data_through"] == "2017-01-02"
        assert tables["gold.daily_sales"]["owner"] == "analytics"
        assert tables["gold.daily_sales"]["verdict"] == "good"
        assert "One row per store" in tables["gold.daily_sales"]["description"]

        described = await told(client, "describe_table", table="silver.transactions")
        masked = {column["name"] for column in described["columns"] if column["is_masked"]}
        assert masked == {"household_id"}
        assert all(column["description"] for column in described["columns"])
        assert described["made_of"] == ["bronze.transactions"]

        answer = await told(client, "query", sql="select sum(sales_usd) as usd from gold.daily_sales")
        assert (answer["columns"], answer["rows"], answer["is_cut"]) == (["usd"], [["15.00"]], False)
        people = "select household_id, count(*) as n from silver.transactions group by 1 order by n"
        rows = (await told(client, "query", sql=people))["rows"]
        assert [n for _, n in rows] == [3, 3]
        assert all(word.startswith(f"{MASKED} ") for word, _ in rows)
        assert len({word for word, _ in rows}) == 2

        for sql in (
            "from read_csv('/etc/passwd')",
            f"copy (select 1) to '{tmp_path}/x.csv'",
            f"attach '{tmp_path}/x.db'",
            "install httpfs",
            "set enable_external_access = true",
            "delete from gold.daily_sales",
            "from lake_published.silver.transactions",
            "select 1; drop table gold.daily_sales",
        ):
            refused = await client.call_tool("query", {"sql": sql})
            assert refused.is_error, sql
            assert "not" in refused.content[0].text, sql
        typo = await client.call_tool("describe_table", {"table": "gold.daily_sale"})
        assert typo.is_error
        assert "there is no table 'gold.daily_sale' for readers; there is gold.daily_sales" in typo.content[0].text

    ask(lab, questions)
    assert list(tmp_path.iterdir()) == []
    assert sorted(path.name for path in lab.settings.home.rglob("*")) == before


async def told(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


def test_no_value_about_a_person_is_in_any_answer(lab: Lab) -> None:
    tools = Tools(lab.settings)
    for table in ("silver.transactions", "quarantine.transactions"):
        answer = tools.query(f"from {table}")
        assert answer["rows"]
        assert str(PERSON) not in json.dumps(answer)


def test_words_are_others_for_another_server(lab: Lab) -> None:
    query = "select distinct household_id from silver.transactions order by 1"
    one, other = (Tools(lab.settings).query(query)["rows"] for _ in range(2))
    assert one != other


def test_the_connection_itself_can_do_nothing_else(lab: Lab, tmp_path: Path) -> None:
    """What the first fence lets through by a fault of ours ends at the second."""
    catalog = Catalog.read(lab.settings.dbt_project)
    with open_masked(lab.settings.published, catalog, Masks(), Limits()) as lake:
        for sql in (
            "from read_text('/etc/passwd')",
            f"copy (select 1) to '{tmp_path}/x.csv'",
            f"copy (select 1) to '{lab.settings.published.resolve()}/x.csv'",
            f"attach '{tmp_path}/x.db'",
            "install httpfs",
            "load httpfs",
            "set threads = 8",
            "set memory_limit = '100GB'",
            "set enable_external_access = true",
            "reset lock_configuration",
            "delete from lake_published.gold.daily_sales",
        ):
            with pytest.raises(duckdb.Error):
                lake.connection.execute(sql)
        definitions = lake.connection.execute("select string_agg(sql, ' ') from duckdb_views()").fetchall()[0][0]
        secret = lake.connection.execute("select value from assay_masks.secret").fetchall()[0][0]
        assert secret not in definitions


@pytest.mark.parametrize(
    ("sql", "limits", "message"),
    [
        ("select count(*) from range(10000000000) as a(x), range(1000) as b(y)", Limits(seconds=0.5), "0.5 seconds"),
        (
            "select len(list(x::varchar || x)) from range(30000000) as t(x)",
            Limits(memory=100_000_000),
            "100 MB of memory",
        ),
        ("select no_column from gold.daily_sales", Limits(), "no_column"),
    ],
)
def test_a_question_that_costs_too_much_is_stopped_with_advice(
    lab: Lab, sql: str, limits: Limits, message: str
) -> None:
    with pytest.raises(NotAnswered, match=message):
        Tools(lab.settings, limits).query(sql)


def test_answers_are_cut_at_rows_characters_and_long_values(lab: Lab) -> None:
    tools = Tools(lab.settings, Limits(rows=5, characters=200, cell=50))
    assert len(tools.query("select x from range(100) as t(x)", max_rows=10_000)["rows"]) == 5
    assert tools.query("select x from range(5) as t(x)", max_rows=5)["is_cut"] is False
    cut = tools.query("select repeat('x', 100) as t from range(5)", max_rows=5)
    assert cut["is_cut"] is True
    assert cut["rows"][0] == ["x" * 50 + "… (100 characters)"]
    exact = "select 9007199254740993::bigint, 1.10::decimal(4, 2), 'nan'::double, date '2020-01-02', [1.5], null"
    assert tools.query(exact)["rows"] == [["9007199254740993", "1.10", "nan", "2020-01-02", '["1.5"]', None]]


def test_a_lake_without_anything_published_says_so(tmp_path: Path, lab: Lab) -> None:
    settings = lab.settings.model_copy(update={"home": tmp_path})
    for question in (Tools(settings).list_tables, lambda: Tools(settings).query(SALES)):
        with pytest.raises(NotAnswered, match="nothing is published yet"):
            question()
