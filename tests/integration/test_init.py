"""`assay init` makes a project that is what this repository declares itself with, complete at once."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from assay.base.errors import UserError
from assay.base.project import TEMPLATE
from assay.base.settings import Settings
from assay.cli.init import FolderInUse, init, project_name
from assay.page.app import Page
from assay.page.dashboards.views import dashboard_views
from assay.page.guard import Guard
from tests.lab import Lab
from tests.places import PROJECT
from tests.processes import ASSAY

SAME = (
    "assets/__init__.py",
    "assets/tables.py",
    "dbt_project/profiles.yml",
    "resources/__init__.py",
    "resources/lakehouse.py",
    "sensors/__init__.py",
    "sensors/services.py",
    "workspace.yaml",
)


@pytest.fixture(autouse=True)
def _own_packages() -> Iterator[None]:
    """A process has one project; here are several, whose packages are called the same."""

    def ours() -> list[str]:
        return [name for name in sys.modules if name.split(".")[0] in ("assets", "resources", "sensors")]

    kept, path = {name: sys.modules.pop(name) for name in ours()}, list(sys.path)
    yield
    for name in ours():
        del sys.modules[name]
    sys.modules.update(kept)
    sys.path[:] = path


@pytest.mark.parametrize("name", SAME)
def test_the_template_and_this_project_are_the_same(name: str) -> None:
    assert (TEMPLATE / name).read_text() == (PROJECT / name).read_text()


def test_this_project_adds_to_the_definitions_of_the_template_and_takes_nothing_away() -> None:
    ours = (PROJECT / "definitions.py").read_text()
    for line in (TEMPLATE / "definitions.py").read_text().splitlines():
        wanted = line.strip().rstrip(",").removesuffix("(lake)").split("=")[-1]
        assert wanted in ours, line


def test_the_dbt_project_of_the_template_differs_from_this_one_in_its_name_alone() -> None:
    template = (TEMPLATE / "dbt_project" / "dbt_project.yml").read_text()
    assert template.replace("$project", "retail") == (PROJECT / "dbt_project" / "dbt_project.yml").read_text()


@pytest.mark.slow  # processes
def test_an_example_runs_and_every_record_is_accounted_for(tmp_path: Path) -> None:
    folder = tmp_path / "my lake's [x]"
    init(folder, has_example=True)
    lab = Lab(folder / "data", folder / "dbt_project")
    assert lab.settings.project == folder
    lab.good_run()
    assert lab.source("readings")["rows"] == {
        "bronze": 240, "silver": 238, "quarantined": 1, "superseded": 0, "duplicates": 1,
    }  # fmt: skip
    assert lab.source("readings")["is_conserved"]
    assert lab.rows("select count(*), sum(readings)::int from gold.daily_temperatures") == [(10, 238)]
    assert lab.status()["held_back"] is None
    [view] = dashboard_views(folder)
    client = TestClient(Page(lab.settings, Guard("127.0.0.1"), [view]).app(), base_url="http://127.0.0.1")
    shown = client.get("/temperatures").text
    assert "The highest temperature of" in shown
    assert "All rooms on the last day" in shown
    assert "cannot be shown" not in shown
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["name"] == "my_lake_s_x"


@pytest.mark.slow  # a real run
def test_a_project_without_a_source_runs_too(tmp_path: Path) -> None:
    init(tmp_path / "empty", has_example=False)
    lab = Lab(tmp_path / "empty" / "data", tmp_path / "empty" / "dbt_project")
    lab.good_run()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FolderInUse, match="is not an empty folder"):
        init(tmp_path, has_example=False)
    with pytest.raises(FolderInUse, match="is not an empty folder"):
        init(tmp_path / "mine.txt", has_example=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_is_there_is_filled_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell stands in it, or git."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    init(Path(), has_example=True)
    assert tmp_path.stat().st_ino == before
    assert (Path.cwd() / "assay.toml").is_file()


def test_a_folder_that_cannot_hold_a_lake_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(FolderInUse, match="its path must not hold #: rename the folder"):
        init(tmp_path / "lake #1", has_example=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow  # a process each
@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("import nope_nope\n", r"definitions.py, line 1: ModuleNotFoundError: No module named 'nope_nope'"),
        ("def build_definitions(lake:\n", r"definitions.py, line 1: SyntaxError"),
        ("def build_definitions():\n    pass\n", "found none that takes a lake"),
        ("def build_definitions(lake):\n    return 1, 2\n", "found one that gives a tuple"),
        (
            "x = 1\n",
            r"expected a function build_definitions\(lake\) that gives Definitions, found none",
        ),
        (None, r"definitions.py is not there; `assay init` writes one"),
    ],
)
def test_definitions_that_cannot_be_used_are_a_sentence(tmp_path: Path, written: str | None, message: str) -> None:
    init(tmp_path / "lake", has_example=False)
    path = tmp_path / "lake" / "definitions.py"
    path.write_text(written) if written else path.unlink()
    lab = Lab(tmp_path / "lake" / "data", tmp_path / "lake" / "dbt_project")
    with pytest.raises(UserError, match=message):
        lab.run()


@pytest.mark.parametrize(
    ("name", "written", "message"),
    [
        ("x:app", None, "No module named 'x'"),
        ("x:app", "raise ValueError('no')\n", "x.py, line 1: ValueError: no"),
        ("x:app", "def (\n", "x.py, line 1: SyntaxError"),
        ("x:app", "app = 3\n", "x:app is a int; expected a Typer app"),
        ("x:app", "import typer\napp = typer.Typer()\n@app.command()\ndef run(): ...\n", "which the engine has too"),
    ],
)
def test_commands_of_a_project_that_cannot_be_used_are_a_sentence(
    tmp_path: Path, name: str, written: str | None, message: str
) -> None:
    (tmp_path / "assay.toml").write_text(f'commands = "{name}"\n')
    if written:
        (tmp_path / "x.py").write_text(written)
    done = subprocess.run(
        [sys.executable, "-c", ASSAY, "mine"], cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    engine = [sys.executable, "-c", ASSAY, "status"]
    assert subprocess.run(engine, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_commands_of_a_project_that_is_named_before_them_are_found(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "assay.toml").write_text('commands = "own_commands:app"\n')
    (tmp_path / "lake" / "own_commands.py").write_text(
        "import typer\napp = typer.Typer()\n@app.command()\ndef mine(): print('mine')\n"
    )
    for arguments, output in ((["mine"], "mine\n"), (["--help"], "mine")):
        done = subprocess.run(
            [sys.executable, "-c", ASSAY, "--project", "lake", *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert output in done.stdout


def test_an_error_of_the_engine_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To call it the project's would hide where it is from."""
    init(tmp_path / "lake", has_example=True)
    lab = Lab(tmp_path / "lake" / "data", tmp_path / "lake" / "dbt_project")
    monkeypatch.setattr("assay.orchestration.landing._spec", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lab.run()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("My lake (2)", "my_lake_2"),
        ("2026", "lake_2026"),
        ("assay", "lake_assay"),
        ("…", "lake"),
        ("Übersicht", "bersicht"),
    ],
)
def test_a_name_is_one_that_dbt_takes(folder: str, name: str) -> None:
    assert project_name(folder) == name


@pytest.mark.slow  # real runs
def test_a_file_of_the_project_takes_precedence_over_what_would_be_written(tmp_path: Path) -> None:
    init(tmp_path / "lake", has_example=True)
    own = tmp_path / "lake" / "dbt_project" / "models" / "silver" / "silver_readings.sql"
    own.parent.mkdir()
    own.write_text(
        "select reading_id, upper(room) as room, measured_at, celsius as temperature_celsius, "
        "_file_id, _duplicates_identical, _duplicates_conflicting from ({{ assay.newest_rows('bronze_readings') }})\n"
    )
    lab = Lab(tmp_path / "lake" / "data", tmp_path / "lake" / "dbt_project")
    lab.good_run()
    assert lab.rows("select count(*) from silver.readings where room = 'KITCHEN'") == [(48,)]
    assert not (own.parents[2] / "build" / "models" / "silver" / "silver_readings.sql").exists()


def test_a_command_outside_of_any_project_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASSAY, "status"], cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "`assay init FOLDER` makes one" in " ".join(done.stderr.split())


def test_settings_of_a_project_are_found_from_a_folder_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(tmp_path / "lake", has_example=True)
    monkeypatch.chdir(tmp_path / "lake" / "dbt_project" / "models")
    settings = Settings.from_env()
    assert settings.project == tmp_path / "lake"
    assert settings.home == tmp_path / "lake" / "data"
