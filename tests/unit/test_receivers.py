"""Who is told: by level and owner, from the environment and a file; and nobody reads their addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.incidents.receivers import Receiver, ReceiverError, for_owner, read_receivers

ADDRESS = "slack://tokenA/tokenB/tokenC"


def test_urls_of_the_environment_and_of_the_file_are_told_everything_by_default(tmp_path: Path) -> None:
    (tmp_path / "notify.yml").write_text(
        "- url: json://127.0.0.1:1/\n- {url: json://127.0.0.1:2/, levels: [3, 4], owners: [sales-data]}\n"
    )
    receivers = read_receivers(tmp_path, f" {ADDRESS}  mailto://a:b@example.org ")
    assert [receiver.label for receiver in receivers] == ["1 (slack)", "2 (mailto)", "3 (json)", "4 (json)"]
    assert (receivers[0].levels, receivers[0].owners) == ({2, 3, 4}, frozenset())
    assert (receivers[3].levels, receivers[3].owners) == ({3, 4}, {"sales-data"})


def test_without_a_word_there_is_no_receiver(tmp_path: Path) -> None:
    assert read_receivers(tmp_path, "") == []


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (f"url: {ADDRESS}", "expected a list of receivers"),
        (f"- {ADDRESS}", "receiver 1: expected `url:`"),
        (f"- {{url: {ADDRESS}, level: 2}}", "receiver 1: unknown key level; there are url, levels, owners"),
        (f"- {{url: {ADDRESS}, levels: [1]}}", r"levels: \[1\] are not some of \[2, 3, 4\]"),
        (f"- {{url: {ADDRESS}, levels: [[2]]}}", "are not some of"),
        (f"- {{url: {ADDRESS}, levels: 2}}", r"levels: expected a list such as \[2, 3, 4\]"),
        (f"- {{url: {ADDRESS}, owners: sales}}", r"owners: expected a list such as \[team\]"),
        ("- {url: tokenA}", "its url is none"),
        (f"- url: {ADDRESS}\n- url: {ADDRESS}", r"receiver 2: its url is that of receiver 1 \(slack\)"),
        (f"- url: {ADDRESS}\n  levels: [", "line 3: is no YAML"),
    ],
)
def test_what_is_not_understood_is_refused_without_a_secret(tmp_path: Path, config: str, why: str) -> None:
    (tmp_path / "notify.yml").write_text(config + "\n")
    with pytest.raises(ReceiverError, match=why) as caught:
        read_receivers(tmp_path, "")
    assert "token" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_address_is_not_shown() -> None:
    receiver = Receiver("1 (slack)", ADDRESS)
    assert "token" not in repr(receiver)
    assert len(receiver.key) == 8


def test_the_owner_hears_of_the_owner_s_tables_and_at_the_last_level_everyone_does() -> None:
    anybody = Receiver("1", "json://1")
    sales = Receiver("2", "json://2", owners=frozenset(["sales-data"]))
    chiefs = Receiver("3", "json://3", levels=frozenset([4]), owners=frozenset(["chiefs"]))
    everyone = [anybody, sales, chiefs]
    assert for_owner(everyone, "sales-data", 2) == [anybody, sales]
    assert for_owner(everyone, "marketing", 3) == [anybody]
    assert for_owner(everyone, "marketing", 4) == everyone
    assert for_owner([sales, chiefs], "marketing", 2) == [sales]  # a team that nobody listens for is everyone's
