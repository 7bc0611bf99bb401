"""A badge says nothing that becomes wrong as time goes by, and is text whatever a table is called."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from assay.consumers.badges import badge, badge_name, badges_folder, message, svg, write_badges
from assay.publish.status import Age
from assay.trust.table_trust import Checks, TableTrust
from assay.trust.through import Through

NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PASSED = Checks(NOW - HOUR, {"pass": 3}, ())


def trust(**changed: Any) -> TableTrust:
    told: dict[str, Any] = {
        "table": "gold.sales",
        "owner": "analytics",
        "is_shown": True,
        "through": Through("day", date(2026, 2, 28)),
        "age": Age("at once", NOW - 2 * HOUR, None),
        "is_late": False,
        "in_time": None,
        "added": None,
        "checks": PASSED,
        "scores": [],
    }
    return TableTrust(**(told | changed))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "data through 2026-02-28 · checks passed, 2026-03-01 05:00 UTC"),
        ({"through": None}, "files landed up to 2026-03-01 04:00 UTC · checks passed, 2026-03-01 05:00 UTC"),
        (
            {"age": Age("at once", NOW, NOW + HOUR)},
            "data through 2026-02-28 · new data due 2026-03-01 07:00 UTC · checks passed, 2026-03-01 05:00 UTC",
        ),
        (
            {"age": Age("at once", NOW, NOW - HOUR), "is_late": True},
            "data through 2026-02-28 · late since 2026-03-01 05:00 UTC",
        ),
        (
            {"checks": Checks(NOW, {"pass": 1, "FAIL": 2}, ())},
            "data through 2026-02-28 · 2 checks failed, 2026-03-01 06:00 UTC",
        ),
        ({"is_shown": False, "through": None, "age": None, "checks": None}, "not published yet"),
    ],
    ids=["good", "no date", "due", "late", "failed", "not published"],
)
def test_it_names_moments_and_no_ages(changed: dict[str, Any], words: str) -> None:
    assert message(trust(**changed)) == words
    assert "ago" not in words


def test_it_says_until_when_it_holds_and_what_it_is_late_for() -> None:
    facts = badge(trust(age=Age("at once", NOW, NOW + HOUR)), NOW)
    assert (facts["holds_until"], facts["is_late"], facts["isError"]) == ("2026-03-01T07:00:00+00:00", False, False)
    late = badge(trust(age=Age("at once", NOW, NOW - HOUR), is_late=True), NOW)
    assert (late["holds_until"], late["is_late"], late["isError"]) == (None, True, True)


@pytest.mark.parametrize("table", ["gold.<script>alert(1)</script>", "gold.a&b\"'\x00\x1b\u202e", "gold." + "x" * 900])
def test_a_table_of_any_name_is_text_in_a_picture_of_bounded_size(table: str) -> None:
    picture = ElementTree.fromstring(svg(badge(trust(table=table), NOW)))  # noqa: S314 - our own
    assert {element.tag.rpartition("}")[2] for element in picture.iter()} == {
        "svg",
        "title",
        "rect",
        "path",
        "g",
        "text",
    }
    assert int(picture.attrib["width"]) < 2_500


def test_files_are_named_by_the_table_replaced_when_it_says_something_else_and_go_with_it(tmp_path: Path) -> None:
    folder = badges_folder(tmp_path)
    odd = trust(table="gold.a/b c")
    assert write_badges(tmp_path, [trust(age=Age("at once", NOW, NOW + HOUR)), odd], NOW) == NOW + HOUR
    assert sorted(path.name for path in folder.iterdir()) == [
        "gold.a%2Fb%20c.json", "gold.a%2Fb%20c.svg", "gold.sales.json", "gold.sales.svg",
    ]  # fmt: skip
    before = (folder / f"{badge_name('gold.a/b c')}.json").stat().st_ino
    assert write_badges(tmp_path, [odd], NOW + HOUR) is None
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".svg"]
    assert (folder / "gold.a%2Fb%20c.json").stat().st_ino == before, "it says the same and is left alone"
    failed = trust(table="gold.a/b c", checks=Checks(NOW, {"FAIL": 1}, ()))
    (folder / ".0123").write_text("left by a process that was killed")
    write_badges(tmp_path, [failed], NOW)
    assert json.loads((folder / "gold.a%2Fb%20c.json").read_text())["verdict"] == "bad"
    assert "1 check failed" in (folder / "gold.a%2Fb%20c.svg").read_text()
    assert len(list(folder.iterdir())) == 2


def test_tables_with_long_names_have_badges_of_their_own(tmp_path: Path) -> None:
    names = [f"gold.{'ü' * 90}{end}" for end in "ab"]
    write_badges(tmp_path, [trust(table=name) for name in names], NOW)
    assert len(list(badges_folder(tmp_path).glob("*.svg"))) == 2
    assert {json.loads(path.read_text())["table"] for path in badges_folder(tmp_path).glob("*.json")} == set(names)


def test_a_damaged_badge_is_written_again(tmp_path: Path) -> None:
    write_badges(tmp_path, [trust()], NOW)
    for damaged in ("{", "[]", "{}"):
        (badges_folder(tmp_path) / "gold.sales.json").write_text(damaged)
        write_badges(tmp_path, [trust()], NOW)
        assert json.loads((badges_folder(tmp_path) / "gold.sales.json").read_text())["label"] == "gold.sales"
