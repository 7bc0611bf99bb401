"""`assay diff` on real lakes: what readers saw before a run and after it, and two lakes that were loaded apart."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.cli.clear_values import NotForYou
from assay.cli.diffing import Asked, diff
from assay.contract.personal import MASKED
from assay.publish.kept_states import NoSuchState
from tests.lab import HOSTILE_HOME, Lab, copy_project, edit, environment, product, receipt

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def ask(lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Asks in this process for a difference in the lake; gives the exit code and what was printed."""

    def asked(a: str, b: str, lake: Lab = lab, **more: Any) -> tuple[int, str]:
        for name, value in environment(lake.settings).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        return diff(a, b, Asked(**more)), capsys.readouterr().out

    return asked


@pytest.mark.slow  # three runs
def test_a_run_shows_what_it_changed(lab: Lab, ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(NoSuchState, match="nothing is published in"):
        ask("published", "published")
    lab.products("2017-01-01", [product()])
    lab.receipts("one", [receipt(), receipt(basket_id=101, sales_value="4.00")])
    lab.good_run()
    assert ask("published", "published") == (0, ask("published", "published")[1])
    lab.receipts("one", [receipt(sales_value="2.75"), receipt(basket_id=102)])
    lab.good_run()
    code, printed = ask("published~1", "published", output="json")
    tables = {table["table"]: table for table in json.loads(printed)["tables"]}
    silver = tables["silver.transactions"]
    assert code == 1
    assert (silver["rows_a"], silver["rows_b"], silver["key"]) == (2, 2, ["basket_id", "product_id"])
    assert (silver["only_a"], silver["only_b"], silver["differing"]) == (1, 1, 1)
    assert silver["differing_by_column"] == {"sales_usd": 1}
    assert silver["left_out"] == ["_file_id"]
    [differing] = [example for example in silver["examples"] if example["kind"] == "differing"]
    assert (differing["a"]["sales_usd"], differing["b"]["sales_usd"]) == ("2.50", "2.75")
    assert tables["gold.daily_sales"]["differing"] == 1
    assert tables["silver.products"]["is_same"]
    assert ask("published~1", "published", table="silver.products")[0] == 0
    assert "2.50 → 2.75" in ask("published~1", str(lab.settings.home), table="silver/*")[1]

    other = Lab(tmp_path / "other")
    other.receipts("elsewhere", [receipt(basket_id=102), receipt(sales_value="2.75")])
    other.products("2017-01-01", [product()])
    other.good_run()
    code, printed = ask(str(lab.settings.home), str(other.settings.home))
    assert (code, "no table differs" in printed) == (0, True), printed
    assert ask("published", str(other.settings.home), table="silver.transactions", has_load_columns=True)[0] == 1

    command = [sys.executable, "-c", "from assay.cli.start import main; main()", "diff", "published", "published"]
    done = subprocess.run(
        [*command, "gold.none"], env=environment(lab.settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "neither published nor published shows a table 'gold.none'" in done.stderr


@pytest.mark.slow  # a project of its own
def test_values_that_a_yml_calls_personal_are_shown_to_whom_the_setting_names(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(tmp_path)
    edit(
        project / "models" / "silver" / "silver_transactions.yml",
        ("name: store_id\n", "name: store_id\n        config: {meta: {personal: true}}\n"),
    )
    lab = Lab(tmp_path / HOSTILE_HOME, project)
    lab.receipts("one", [receipt(store_id=777777), receipt(basket_id=777778, quantity=-777779)])
    lab.good_run()
    lab.receipts("one", [receipt(store_id=888888)])
    lab.good_run()
    for output in ("table", "json", "markdown"):
        code, printed = ask("published~1", "published", lab, output=output)
        assert code == 1
        assert MASKED in printed
        assert "777777" not in printed
        assert "888888" not in printed
        assert "777779" not in printed  # in the record of a quarantined row, beside a store
    with pytest.raises(NotForYou, match="clear_for does not name"):
        ask("published~1", "published", lab, is_clear=True)
    monkeypatch.setenv("ASSAY_CLEAR_FOR", pwd.getpwuid(os.geteuid()).pw_name)
    assert "777777" not in ask("published~1", "published", lab)[1]
    assert {"777777", "888888"} <= set(re.findall(r"\d+", ask("published~1", "published", lab, is_clear=True)[1]))


@pytest.mark.slow  # tables of half a gigabyte
@pytest.mark.parametrize("megabytes", [256])
def test_tables_larger_than_memory_are_compared_within_it(tmp_path: Path, megabytes: int) -> None:
    """Of 540 MB in Parquet; the process itself has 0.2 GB beside what DuckDB counts."""
    script = """
import sys
from pathlib import Path
from assay.base.spill import database_beside_runs
from assay.publish.compared_values import Pair
from assay.publish.table_diff import RowComparison
home, megabytes = Path(sys.argv[1]), int(sys.argv[2])
rows = (
    "select range as id, md5(range::varchar) as a, md5((range + 1)::varchar) as b, sha256(range::varchar) as c, "
    "range % 9 as n from range(2000000)"
)
changed = "case when id % 1000 = 3 then n + 1 else n end as n"
other = f"select * replace ({changed}) from ({rows}) where id % 1000 <> 5 order by b"
with database_beside_runs(home, megabytes << 20, None) as connection:
    for name, query in (("a", rows), ("b", other)):
        connection.execute(f"copy ({query}) to '{home}/{name}.parquet'")
    pairs = [Pair(name, "", "") for name in ("id", "a", "b", "c", "n")]
    relations = [f"read_parquet('{home}/{name}.parquet')" for name in "ab"]
    comparison = RowComparison(connection, *relations, pairs, 0.0, 2)
    for outcome in (comparison.by_key(["id"]), comparison.as_they_are()):
        first = [example.a[0] for example in outcome.examples if example.a]
        print(outcome.only_a, outcome.only_b, outcome.differing, first)
# Of this program alone: what `getrusage` gives began with the memory of the process that started it.
peaks = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(peaks[0].split()[1]) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(megabytes)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    *outcomes, peak = done.stdout.splitlines()
    assert outcomes == ["2000 0 2000 ['5', '1005', '3', '1003']", "4000 2000 0 ['3', '5']"]
    assert sum(path.stat().st_size for path in tmp_path.glob("*.parquet")) > 500 << 20
    assert int(peak) < megabytes + 400
