"""What arrives is held against what came before: odd files are told, and poison nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.base.settings import Settings
from assay.base.warehouse import prepare
from assay.checks.load_checks import check_load
from assay.checks.results import CheckResult, Rule, record
from assay.checks.session import Session
from assay.contract.catalog import Catalog
from tests.source import Source

pytestmark = pytest.mark.slow  # real runs of many files

COLUMNS = {"id": "bigint", "day": "date", "price": "decimal(12,2)", "kind": "varchar", "note": "varchar"}
FIRST = date(2017, 1, 1)  # a Sunday
WHY = "A test."


@dataclass
class Shop:
    """A source whose files come week by week, and its checks."""

    source: Source
    checks: dict[str, Any] = field(default_factory=dict)
    freshness: dict[str, Any] | None = None
    number: int = 0

    def send(self, rows: int = 1000, *, after: int = 7, name: str = "", **values: Callable[[int], object]) -> str:
        """Put in one file and load it; values are functions of the row's number."""
        day = FIRST + timedelta(days=self.number)
        name = name or f"{day}.csv"
        self.number += after
        usual: dict[str, Callable[[int], object]] = {
            "price": lambda n: f"{n % 7}.50",
            "kind": lambda n: "abc"[n % 3],
            "note": lambda n: "" if n % 10 == 0 else "x",
        }
        lines = ["id,day,price,kind,note"]
        for n in range(rows):
            cells = {column: make(n) for column, make in {**usual, **values}.items()}
            lines.append(f"{self.number * 10_000 + n},{day},{cells['price']},{cells['kind']},{cells['note']}")
        self.source.put(name, "\n".join(lines) + "\n")
        self.source.run()
        return name

    def check(self, name: str) -> CheckResult:
        """Evaluate a check as the run that loaded the last file would, and keep the result."""
        return self.check_all(name)[0]

    def check_all(self, *names: str) -> list[CheckResult]:
        """Evaluate checks in one run."""
        node = self.source.node
        node["config"]["meta"] |= {"checks": self.checks, "freshness": self.freshness}
        catalog = Catalog({"nodes": {}}, {node["name"]: node})
        lake = Session(Settings(home=self.source.home), catalog, self.source.connection, f"run {self.source.runs}")
        results = [check_load(lake, self.source.name, name) for name in names]
        record(lake.connection, results, lake.run_id)
        return results

    def weeks(self, number: int) -> None:
        """Ordinary files, each checked."""
        for n in range(number):
            self.send(1000 + 10 * (n % 3))
            assert self.check("volume").passed


def rule(result: CheckResult, name: str) -> Rule:
    [match] = [rule for rule in result.rules if rule.name == name]
    return match


def odd_files(shop: Shop) -> list[int]:
    rows = shop.source.sql("select file_id from ops.profiles where column_name = '' and is_odd order by file_id")
    return [file for (file,) in rows]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(Source(tmp_path / "lake", COLUMNS, newest_by="day"), {"distribution": {"columns": ["price", "kind"]}})


def test_the_first_files_have_nothing_to_be_held_against(shop: Shop) -> None:
    shop.send(1000)
    shop.check("volume")
    shop.send(3)
    result = shop.check("volume")
    assert result.passed
    assert result.summary == "not enough history for 1 new files: 6 earlier ones of the kind are needed"
    assert rule(result, "records_per_file").observed == "no file to judge; 1 files without enough history"


def test_a_short_file_is_told_and_is_no_measure_for_the_next(shop: Shop) -> None:
    shop.weeks(8)
    for _ in range(10):  # more than would fill the history
        name = shop.send(100)
        result = shop.check("volume")
        assert (result.verdict, rule(result, "records_per_file").severity) == ("warn", "warn")
        message = rule(result, "records_per_file").observed
        assert message.startswith(f"sales/{name}: 100 where 1,01"), message
        assert "(-90 %)" in message
        assert rule(result, "records_per_file").examples[0]["file"] == f"sales/{name}"
    assert rule(result, "records_per_file").value == pytest.approx(-90, abs=0.5)
    shop.send(1000)
    assert shop.check("volume").passed


def test_a_warning_is_said_once(shop: Shop) -> None:
    shop.weeks(8)
    shop.send(100)
    assert shop.check("volume").verdict == "warn"
    shop.send(1000)
    assert shop.check("volume").passed


def test_a_column_that_comes_empty_is_named(shop: Shop) -> None:
    shop.weeks(8)
    shop.send(note=lambda n: "" if n % 3 == 0 else "x")
    result = shop.check("completeness")
    assert [outcome.name for outcome in result.rules if not outcome.passed] == ["nulls_of_note"]
    assert "33.4 where 10 is usual" in rule(result, "nulls_of_note").observed
    shop.send()
    assert shop.check("completeness").passed


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"kind": lambda n: "abcd"[n % 4]}, "drift_of_kind"),
        ({"kind": lambda _: "a"}, "drift_of_kind"),
        ({"price": lambda n: f"{100 * (n % 7)}.50"}, "drift_of_price"),
        ({"price": lambda n: f"{2 * (n % 7)}.50"}, "total_of_price"),
    ],
)
def test_values_that_shift_are_named(shop: Shop, values: dict[str, Callable[[int], object]], named: str) -> None:
    shop.weeks(8)
    assert shop.check("distribution").passed
    shop.send(**values)
    result = shop.check("distribution")
    assert named in [outcome.name for outcome in result.rules if not outcome.passed]
    assert result.verdict == "warn"


def test_days_are_held_against_the_same_day_of_the_week(shop: Shop) -> None:
    for number in range(7 * 8):
        shop.send(3000 if number % 7 == 0 else 1000, after=1)
        assert shop.check("volume").passed, number
    shop.send(1000, after=1)  # a Sunday that is like a Monday
    result = shop.check("volume")
    assert result.verdict == "warn"
    assert rule(result, "records_per_file").examples[0]["day"] == "2017-02-26, a Sunday"


def test_a_load_that_failed_moves_no_baseline(shop: Shop) -> None:
    """The files themselves are as usual, but a check of the run failed, so that nobody knows."""
    for _ in range(8):
        shop.send(1000)
        shop.check("volume")
        failed = CheckResult("silver.sales", "contract", (Rule("r", "", "", False),), "")
        record(shop.source.connection, [failed], f"run {shop.source.runs}")
    shop.send(10)
    assert "not enough history" in shop.check("volume").summary


def test_a_run_that_died_before_its_checks_leaves_no_file_out(shop: Shop) -> None:
    for _ in range(8):
        shop.send(1000)
    assert shop.source.sql("select count(*) from ops.profiles") == [(0,)]
    shop.check("volume")
    assert shop.source.sql("select count(distinct file_id) from ops.profiles") == [(8,)]
    shop.send(10)
    assert shop.check("volume").verdict == "warn"


def test_an_odd_file_of_a_run_that_died_is_judged_by_the_next_one(shop: Shop) -> None:
    """It is no longer of the last load, and unjudged it would be a measure for others."""
    shop.weeks(8)
    name = shop.send(10)
    shop.send(1000)
    result = shop.check("volume")
    assert [example["file"] for example in rule(result, "records_per_file").examples] == [f"sales/{name}"]
    assert shop.source.sql("select count(*) from ops.profiles where column_name = '' and is_odd") == [(1,)]


def test_files_that_arrive_together_are_judged_as_if_one_by_one(shop: Shop) -> None:
    """A backfill: half of it is short, and none of the short files is a measure for another."""
    for records in (*[1000] * 8, *[100] * 9, 1000):
        shop.send(records)
    result = shop.check("volume")
    assert "100 where 1,000 is usual (-90 %), and 8 more files" in rule(result, "records_per_file").observed
    assert odd_files(shop) == list(range(9, 18))


def test_a_backfill_is_told_in_one_line_and_its_newest_file_for_itself(shop: Shop) -> None:
    for number in range(40):
        shop.send(100 if number in (9, 20) else 1000, note=lambda n, at=number: "" if at > 35 or n % 10 == 0 else "x")
    volume, completeness = shop.check_all("volume", "completeness")
    assert volume.passed
    assert volume.history == (
        "39 files of history, each judged by those before it: 5 were odd (volume 2, completeness 3, "
        "distribution 2) and are no measure for others"
    )
    assert completeness.verdict == "warn"
    assert rule(completeness, "nulls_of_note").observed.startswith("sales/2017-10-01.csv: 100 where 10 is usual")
    assert "more files" not in completeness.summary
    assert odd_files(shop) == [10, 21, 37, 38, 39, 40]
    shop.send()
    assert not shop.check("volume").history


def test_what_blocks_and_broken_records_are_told_of_a_backfill_too(shop: Shop) -> None:
    shop.checks["volume"] = {"severity": "error", "because": WHY}
    for number in range(40):
        shop.send(500 if number == 9 else 1000, price=lambda n, at=number: "much" if at == 3 and n < 15 else "1.00")
    assert [result.verdict for result in shop.check_all("volume", "validity")] == ["fail", "warn"]


def test_a_warning_is_said_once_though_another_check_blocks(shop: Shop) -> None:
    """The file is looked at again for the sake of the other check."""
    shop.checks["volume"] = {"severity": "error", "because": WHY}
    shop.weeks(8)
    shop.send(note=lambda _: "")
    assert [shop.check(name).verdict for name in ("completeness", "volume")] == ["warn", "pass"]
    shop.send()
    assert shop.check("completeness").passed
    assert odd_files(shop) == [9]


def test_a_file_of_many_broken_records_is_no_measure_for_others(shop: Shop) -> None:
    for _ in range(5):
        shop.send()
        shop.check("validity")
    shop.send(price=lambda n: "much" if n < 15 else "1.00")
    assert shop.check("validity").verdict == "warn"
    assert odd_files(shop) == [6]
    shop.send(100)
    assert "not enough history" in shop.check("volume").summary
    assert shop.check("validity").passed


@pytest.mark.parametrize("severity", ["warn", "error"])
def test_a_lake_from_before_broken_records_were_counted_in_profiles_goes_on(shop: Shop, severity: str) -> None:
    shop.checks["validity"] = {"severity": severity, "because": WHY}
    shop.source.model = shop.source.model.replace("null::varchar[]", "case when price < 0 then ['no_price'] end")
    for _ in range(5):
        shop.send()
        shop.check("validity")
    shop.send(price=lambda n: "much" if n < 5 else "-1.00" if n < 15 else "1.00")
    shop.check("validity")
    shop.source.sql("alter table ops.profiles drop column broken")
    shop.source.sql("update ops.profiles set is_odd = false")  # by too many broken records no file was
    prepare(shop.source.connection)
    shop.send(100)
    result = shop.check("validity")
    assert result.verdict == ("fail" if severity == "error" else "pass")
    counted = "select broken from ops.profiles where column_name = '' order by file_id"
    assert shop.source.sql(counted) == [*[(0,)] * 5, (15,), (0,)]
    assert "not enough history" in shop.check("volume").summary


def test_too_many_broken_records_go_on_blocking_where_they_do(shop: Shop) -> None:
    shop.checks["validity"] = {"severity": "error", "because": WHY}
    shop.send(1000, name="bad.csv", price=lambda n: "much" if n < 15 else "1.00")
    assert shop.check("validity").verdict == "fail"
    shop.send(1000)
    assert shop.check("validity").verdict == "fail"
    shop.send(1000, name="bad.csv")
    assert shop.check("validity").verdict == "pass"


def test_what_blocks_goes_on_blocking_until_the_file_is_replaced_or_accepted(shop: Shop) -> None:
    shop.checks["volume"] = {"severity": "error", "because": WHY}
    shop.weeks(8)
    name = shop.send(100, name="short.csv")
    shop.number -= 7
    assert shop.check("volume").verdict == "fail"
    shop.send(1000)
    assert shop.check("volume").verdict == "fail"
    shop.checks["accepted"] = [{"file": f"sales/{name}", "because": WHY}]
    accepted = shop.check("volume")
    assert accepted.verdict == "pass"
    assert "1 odd files are accepted" in rule(accepted, "records_per_file").observed
    del shop.checks["accepted"]
    assert shop.check("volume").verdict == "fail"
    shop.send(1000, name="short.csv")
    assert shop.check("volume").verdict == "pass"


def test_a_file_read_again_gets_a_new_profile(shop: Shop) -> None:
    shop.weeks(3)
    shop.source.look()
    shop.source.load(is_full_refresh=True)
    assert shop.source.sql("select count(*) from ops.profiles") == [(0,)]
    shop.check("volume")
    assert shop.source.sql("select count(distinct file_id) from ops.profiles") == [(3,)]


def test_a_file_that_was_judged_by_another_rule_is_judged_again(shop: Shop) -> None:
    """A full refresh forgets the profiles; what a new rule breaks is counted, and blocks."""
    shop.checks["validity"] = {"severity": "error", "because": WHY}
    shop.weeks(3)
    assert shop.check("validity").passed
    shop.source.model = shop.source.model.replace("null::varchar[]", "case when price = 0.5 then ['no_price'] end")
    shop.source.look()
    shop.source.load(is_full_refresh=True)
    result = shop.check("validity")
    assert (result.verdict, odd_files(shop)) == ("fail", [1, 2, 3])
    assert rule(result, "records_break_no_rule").observed == "434 of 3,030 records; 14.36 % in the worst file"


def test_many_broken_records_are_told(shop: Shop) -> None:
    shop.send(1000, price=lambda n: "much" if n < 15 else "1.00")
    result = shop.check("validity")
    broken_records = rule(result, "records_break_no_rule")
    assert (result.verdict, broken_records.observed) == ("warn", "15 of 1,000 records; 1.50 % in the worst file")
    assert (broken_records.value, broken_records.threshold, broken_records.share_ok) == (1.5, 1.0, 0.985)
    shop.checks["validity"] = {"most_pct": 2, "because": WHY}
    assert shop.check("validity").passed


def test_a_silent_source_is_told(shop: Shop) -> None:
    shop.freshness = {"lag": "30 hours"}
    assert rule(shop.check("freshness"), "newest_file").observed == "no file yet"
    shop.send()
    assert shop.check("freshness").passed
    shop.source.sql("update ops.files set first_seen = first_seen - interval 31 hours")
    result = shop.check("freshness")
    assert (result.verdict, rule(result, "newest_file").observed) == ("warn", "the newest came 31.0 hours ago")


def test_a_file_without_records_is_odd_and_breaks_nothing(shop: Shop) -> None:
    shop.weeks(8)
    shop.send(0)
    result = shop.check("volume")
    assert result.verdict == "warn"
    assert all(shop.check(name).is_evaluated for name in ("completeness", "distribution", "validity"))
