"""With ASSAY_LOG=json standard error is JSON alone, says all that a run does, and shows no value of a person."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.base.settings import Settings
from tests.lab import CORE, WHOLE, Lab, edit, environment, receipt
from tests.processes import PATIENCE, command

pytestmark = pytest.mark.slow  # real runs

HOUSEHOLDS = b"household_id;age;income;home_ownership;marital_status;household_size;household_comp;kids_count\n"
PERSON = "Xantippe-Zuckerbrot"


def logged(settings: Settings, *arguments: str) -> tuple[int, str, list[dict[str, Any]]]:
    """Exit code, standard output, and the lines of standard error of a command in a process of its own."""
    done = subprocess.run(
        command(*arguments), env={**environment(settings), "ASSAY_LOG": "json"}, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, [json.loads(line) for line in done.stderr.splitlines()]


def picked(lines: list[dict[str, Any]], event: str, **values: object) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == event and values.items() <= line.items()]


def without(line: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in (*names, "time", "level", "run", "event")}


def test_a_run_says_in_lines_what_became_of_each_file_table_and_check(lab: Lab) -> None:
    path = lab.receipts("day1", [receipt(), receipt(basket_id=101, sales_value="oops")])
    lab.receipts("copy", [receipt(), receipt(basket_id=101, sales_value="oops")])
    lab.put("transactions/odd.csv", b"a,b\n1,2\n")
    code, output, lines = logged(lab.settings, "run")
    assert (code, output) == (0, "")
    assert {"time", "level", "event", "run"} <= set.intersection(*map(set, lines))
    assert len({line["run"] for line in lines}) == 1
    assert (lines[0]["event"], lines[-1]["event"], lines[-1]["outcome"]) == ("run begun", "run ended", "succeeded")
    assert lines[-1]["seconds"] > 0
    seen = {"status": "arrived", "source": "transactions", "file": "transactions/copy.csv"}
    assert without(picked(lines, "file", status="arrived")[0]) == {**seen, "bytes": path.stat().st_size}
    assert picked(lines, "file", status="duplicate")[0]["file"] == "transactions/day1.csv"
    [refused] = picked(lines, "file", status="refused")
    assert (refused["file"], refused["bytes"]) == ("transactions/odd.csv", 8)
    assert refused["reason"] == "its header does not match contract 1.0.0"
    [loaded] = picked(lines, "file", status="loaded")
    figures = {"rows": 1, "malformed": 1}
    assert without(loaded, "seconds") == {**seen, "status": "loaded", **figures}
    assert loaded["seconds"] > 0
    [gold] = picked(lines, "table", table="gold.daily_sales")
    assert (gold["rows"], gold["changed"], gold["seconds"] > 0) == (1, True, True)
    assert picked(lines, "check", table="silver.transactions", check="conservation", verdict="pass")
    assert "gold.daily_sales" in picked(lines, "published")[0]["tables_changed"]

    lab.spoil("update silver.transactions set quantity = -1; update ops.tables set seq = seq + 1")
    code, _, lines = logged(lab.settings, "check", "--select", "silver.transactions")
    assert (code, lines[0]["event"], lines[-1]["outcome"]) == (1, "run begun", "failed")
    [failed] = picked(lines, "check", verdict="fail", check="contract")
    assert failed["broken"]
    reasons = [reason for line in picked(lines, "published") for reason in line["held_back_because"]]
    assert any(reason.endswith("check contract failed") for reason in reasons)


def test_a_failure_and_a_mistake_are_lines_too(lab: Lab) -> None:
    lab.receipts("day1", [receipt()])
    lab.good_run()
    lab.spoil("drop table silver.transactions; create view silver.transactions as select 1 as x")
    code, output, lines = logged(lab.settings, "run")
    assert (code, output) == (1, "")
    assert (lines[-1]["event"], lines[-1]["outcome"]) == ("run ended", "failed")
    assert [line["table"] for line in picked(lines, "error") if "table" in line] == ["silver.transactions"]
    code, _, [line] = logged(lab.settings, "run", "--select", "nosuch")
    assert (code, line["level"]) == (2, "error")
    assert "is not a selection" in line["message"]


def test_by_default_there_are_no_lines_and_an_unknown_form_is_named(lab: Lab) -> None:
    for form, code, message in (("", 0, ""), ("xml", 2, "ASSAY_LOG is 'xml'; expected json, or nothing")):
        done = subprocess.run(
            command("run"), env={**environment(lab.settings), "ASSAY_LOG": form}, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == code
        assert message in done.stderr
        assert "{" not in done.stderr


@pytest.fixture
def people(tmp_path: Path) -> Lab:
    """A lake with households, whose columns are all personal."""
    project = tmp_path / "dbt_project"
    shutil.copytree(WHOLE, project, ignore=shutil.ignore_patterns("logs", "target"))
    for path in [*(project / "models").glob("*/*_*.*"), *(project / "rules").glob("*_*.py")]:
        if path.stem.partition("_")[2] not in CORE | {"households"}:
            path.unlink()
    return Lab(tmp_path / "lake", project)


def household(number: object, age: str = "25-34", kids: str = "1") -> bytes:
    return f"{number};{age};35-49K;Renter;Married;3;2 Adults Kids;{kids}\n".encode()


def test_no_value_of_a_person_is_in_any_line(people: Lab) -> None:
    """In a row that breaks a rule, a malformed record, files refused for header and rows, and a failing check."""
    files = {
        "2017-01-01": HOUSEHOLDS + household(1, age=PERSON) + household(2) + household(PERSON),
        "2017-02-01": household(3, age=PERSON),
        "2017-03-01": HOUSEHOLDS + household(4, kids=PERSON),
        "2017-04-01": HOUSEHOLDS + f'5;"{PERSON};\n'.encode(),
    }
    for day, content in files.items():
        people.put(f"households/households_{day}.csv", content)
    code, output, lines = logged(people.settings, "run")
    assert picked(lines, "file", status="refused"), "one was refused"
    assert picked(lines, "file", status="loaded"), "one was loaded"
    assert code == 0, lines
    assert PERSON not in output + json.dumps(lines)
    kept = str(people.stored("select reason from ops.files")) + str(people.stored("select record from ops.malformed"))
    assert PERSON in kept, "it is in the lake, or this test proves nothing"

    good = HOUSEHOLDS + b"".join(map(household, (1, 2, 6, 7)))  # a snapshot of other households would be held back
    people.put("households/households_2017-05-01.csv", good)
    people.good_run()
    people.spoil("update silver.households set household_id = 987654321987, children_from = 9 where household_id = 6")
    people.spoil("update ops.tables set seq = seq + 1 where table_name = 'silver.households'")
    code, output, lines = logged(people.settings, "check", "--select", "silver.households")
    assert picked(lines, "check", table="silver.households", check="contract", verdict="fail")
    assert "987654321987" not in output + json.dumps(lines)

    model = people.settings.dbt_project / "models" / "silver" / "silver_households.sql"
    edit(model, ("income as income_group", "income::integer::varchar as income_group"))
    code, output, lines = logged(people.settings, "run", "--full-refresh", "silver.households")
    [failed] = [line for line in picked(lines, "error") if line.get("table") == "silver.households"]
    assert (code, failed["message"]) == (1, "ConversionException")
    assert "35-49K" not in output + json.dumps(lines), "DuckDB quotes the value that it cannot convert"
