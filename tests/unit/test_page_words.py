"""Numbers, times and charts of the page: what people read, and what no value can break out of."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from lxml import etree

from assay.page.charts import Chart, Series, draw, spark
from assay.page.guard import Guard, Refused
from assay.page.words import ago, at, number, percent, score, size

HOSTILE = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1234567, "1,234,567"),
        (0.5, "0.50"),
        (1234.5, "1,234"),
        (Decimal("12.30"), "12.30"),
        (None, "\u2013"),
        (3.0, "3"),
    ],
    ids=str,
)
def test_a_number_is_written_as_people_read_it(value: object, words: str) -> None:
    assert number(value) == words


def test_shares_sizes_and_times_have_their_unit() -> None:
    assert (score(99.9971), score(100.0)) == ("99.99", "100")
    assert (percent(0.995), percent(None), size(1_400_000), size(12)) == ("99.5 %", "\u2013", "1.4 MB", "12 bytes")
    now = datetime(2026, 3, 1, 6, tzinfo=UTC)
    assert 'datetime="2026-03-01T06:00:00+00:00"' in at(now)
    assert "2 h ago" in ago(now - timedelta(hours=2), now)


def chart(**more: object) -> Chart:
    labels = [f"2026-01-0{day}" for day in (1, 2, 3)]
    series = [Series("sales", [1.0, None, 3.0]), Series("the week before", [2.0, 2.0, 2.0], "before")]
    return Chart(**{"title": "Sales rose.", "unit": "USD", "label": "day", "labels": labels, "series": series, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("is_bars", [True, False])
def test_a_chart_is_svg_that_says_what_it_shows(is_bars: bool) -> None:
    root = etree.fromstring(draw(chart(is_bars=is_bars)))
    assert root.attrib["role"] == "img"
    assert "Sales rose. sales, 2026-01-01 to 2026-01-03: from 1 to 3 USD." in root.attrib["aria-label"]
    assert "style" not in draw(chart())
    numbers = [
        float(text) for text in re.findall(r'(?:points|x|y|cx|cy|height)="([\d.]+)"', draw(chart(is_bars=is_bars)))
    ]
    assert numbers and all(0 <= value <= 440 for value in numbers)


def test_the_words_of_a_chart_are_text() -> None:
    made = draw(chart(title=HOSTILE, unit=HOSTILE, labels=[HOSTILE] * 3, series=[Series(HOSTILE, [1.0, 2.0, 3.0])]))
    assert "<script" not in made
    assert "<script" not in spark([1.0, 2.0], HOSTILE, 0, 2)
    etree.fromstring(made)


def test_a_chart_of_nothing_says_so() -> None:
    assert "No figures yet" in draw(chart(series=[Series("sales", [None, None, None])]))
    assert spark([1.0], "one", 0, 1) == ""


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [("127.0.0.1:3001", True), ("localhost:9", True), ("[::1]:3001", True), ("evil.example", False), ("", False),
     ("localhost.evil.example", False), ("[::1", False)],
    ids=str,
)  # fmt: skip
def test_only_hosts_that_are_this_server_are_answered(host: str, is_ours: bool) -> None:
    assert Guard("127.0.0.1").is_ours(host) is is_ours


def test_a_write_needs_the_token_and_the_origin_of_the_page() -> None:
    guard = Guard("127.0.0.1")
    own = {"host": "127.0.0.1:1", "origin": "http://127.0.0.1:1"}
    guard.check_write(own, guard.token)
    for headers, token in (
        (own, ""),
        (own, "guessed\u00e9"),
        ({"host": "127.0.0.1:1"}, guard.token),
        ({**own, "origin": "null"}, guard.token),
        ({**own, "origin": "http://127.0.0.1:2"}, guard.token),
        ({**own, "origin": "http://evil.example"}, guard.token),
    ):
        with pytest.raises(Refused):
            guard.check_write(headers, token)
    with pytest.raises(Refused, match="no login"):
        Guard("0.0.0.0").check_write(own, guard.token)  # noqa: S104 - that this is refused is what is tested
