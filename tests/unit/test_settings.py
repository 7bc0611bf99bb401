"""The value of a setting: the command line, the environment, `.env`, `assay.toml` and the default, in this order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.base.project import ProjectNotFound
from assay.base.settings import Settings, SettingsError, misspelt
from assay.cli.main import app
from tests.places import PROJECT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which a command is called."""
    for name in ("ASSAY_HOME", "ASSAY_PROJECT", "ASSAY_DBT_PROJECT", "ASSAY_LOG", "ASSAY_NOTIFY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "assay.toml").touch()
    monkeypatch.chdir(folder)
    return folder


def test_each_source_outranks_those_after_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.from_env().home == project / "data"
    (project / "assay.toml").write_text('home = "from toml"\nrun_limit_seconds = 11\nmemory_limit = "1GB"\n')
    assert Settings.from_env().home == project / "from toml"
    (project / ".env").write_text("ASSAY_HOME='from dotenv'\nASSAY_RUN_LIMIT_SECONDS=12\nOTHER=1\n")
    assert Settings.from_env().home == project / "from dotenv"
    monkeypatch.setenv("ASSAY_HOME", "from environment")
    settings = Settings.from_env()
    assert settings.home == project / "from environment"
    assert (settings.run_limit_seconds, settings.memory_limit) == (12, 10**9)
    monkeypatch.setenv("ASSAY_HOME", "")
    assert Settings.from_env().home == project / "from dotenv"


def test_the_command_line_outranks_the_environment(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "environment"))
    monkeypatch.setenv("ASSAY_PROJECT", str(project))
    other = tmp_path / "other"
    other.mkdir()
    (other / "assay.toml").touch()
    done = CliRunner().invoke(app, ["--project", str(other), "--home", str(tmp_path / "line"), "status", "--json"])
    assert done.exit_code == 0, done.output
    settings = Settings.from_env()
    assert (settings.project, settings.home) == (other, tmp_path / "line")
    assert project != other


def test_a_relative_folder_is_taken_from_where_it_is_written(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "assay.toml").write_text('home = "../lake"\n')
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    assert Settings.from_env().home == tmp_path / "lake"
    monkeypatch.setenv("ASSAY_HOME", "here")
    assert Settings.from_env().home == project / "below" / "here"


def test_the_folder_around_a_dbt_project_that_is_named_is_the_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_DBT_PROJECT", str(tmp_path / "elsewhere" / "dbt"))
    with pytest.raises(ProjectNotFound, match=r"which has no dbt_project\.yml"):
        Settings.from_env()
    (tmp_path / "elsewhere" / "dbt").mkdir(parents=True)
    (tmp_path / "elsewhere" / "dbt" / "dbt_project.yml").touch()
    settings = Settings.from_env()
    assert (settings.project, settings.dbt_project) == (tmp_path / "elsewhere", tmp_path / "elsewhere" / "dbt")
    monkeypatch.setenv("ASSAY_PROJECT", str(project))
    settings = Settings.from_env()
    assert (settings.project, settings.dbt_project) == (project, tmp_path / "elsewhere" / "dbt")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('hme = "x"', "hme in .*assay.toml: is not a setting; known are home, "),
        ("run_limit_seconds = -1", "run_limit_seconds in .*assay.toml is -1; expected a whole number of seconds"),
        ('log = "xml"', "log in .*assay.toml is 'xml'; expected json, or nothing"),
        ('memory_limit = "much"', "memory_limit in .*assay.toml is 'much'; expected a size"),
        ("archive_members = 0", "archive_members in .*assay.toml is 0; expected a whole number, at least 1"),
        ("archive_ratio = 1.5", "archive_ratio in .*assay.toml is 1.5; expected a whole number, at least 1"),
        ('archive_size = "much"', "archive_size in .*assay.toml is 'much'; expected a size"),
        (
            'commands = "no colon"',
            "commands in .*assay.toml is 'no colon'; expected the module and name of a Typer app",
        ),
        ('settle_seconds = "soon"', "settle_seconds in .*assay.toml is 'soon'; expected a number of seconds"),
        ('home = "a;b"', "home in .*assay.toml is .*a;b'; its path must not hold ;"),
        ('home = "a%20b"', "home in .*assay.toml is .*a%20b'; its path must not hold %20: rename the folder"),
        ("memory_limit = 4", "memory_limit in .*assay.toml is 4; expected a size, such as 4GB"),
        ('spill_limit = "4"', "spill_limit in .*assay.toml is '4'; expected a size, such as 40GB"),
        ("home = ", "assay.toml: is not TOML"),
        ("home = 3", "home in .*assay.toml is 3; expected the path of a folder"),
        ('home = "assay.toml"', "home in .*assay.toml is .*; expected a folder, found a file"),
        ("run_limit_seconds = true", "run_limit_seconds in .*assay.toml is True; expected a whole number"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_place(project: Path, toml: str, message: str) -> None:
    (project / "assay.toml").write_text(toml)
    with pytest.raises(SettingsError, match=message):
        Settings.from_env()


def test_a_bad_value_is_named_where_it_stands(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "assay.toml").write_text('log = "json"')
    (project / ".env").write_text("ASSAY_LOG=xml")
    with pytest.raises(SettingsError, match=r"ASSAY_LOG in .*\.env is 'xml'"):
        Settings.from_env()
    monkeypatch.setenv("ASSAY_LOG", "yml")
    with pytest.raises(SettingsError, match=r"^ASSAY_LOG is 'yml'"):
        Settings.from_env()


def test_a_dotenv_that_is_not_utf_8_is_named(project: Path) -> None:
    (project / ".env").write_bytes(b"ASSAY_HOME=h\xfc\n")
    with pytest.raises(SettingsError, match=r"\.env: is not text in UTF-8"):
        Settings.from_env()


def test_files_may_begin_with_the_mark_of_their_encoding(project: Path) -> None:
    (project / "assay.toml").write_bytes(b'\xef\xbb\xbfmemory_limit = "1GB"\n')
    (project / ".env").write_bytes(b"\xef\xbb\xbfASSAY_HISTORY_DAYS=7\n")
    settings = Settings.from_env()
    assert (settings.memory_limit, settings.history_days) == (10**9, 7)


def test_variables_that_are_nearly_settings_are_known(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_MEMROY_LIMIT", "1GB")
    monkeypatch.setenv("ASSAY_TEAM", "sales")
    (project / ".env").write_text("ASSAY_HISTORY_DAY=7\nOTHER=1\n")
    assert misspelt(Settings.from_env()) == {
        "ASSAY_HISTORY_DAY": "ASSAY_HISTORY_DAYS",
        "ASSAY_MEMROY_LIMIT": "ASSAY_MEMORY_LIMIT",
    }


def test_receivers_are_a_secret(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_NOTIFY", "slack://tokenA")
    settings = Settings.from_env()
    assert "tokenA" not in repr(settings) + str(settings)
    assert settings.notify.get_secret_value() == "slack://tokenA"
    assert project.exists()


def test_a_project_that_is_not_there_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_PROJECT", str(project / "nothing"))
    with pytest.raises(ProjectNotFound, match="which is not a folder"):
        Settings.from_env()
    (project / "folder").mkdir()
    monkeypatch.setenv("ASSAY_PROJECT", str(project / "folder"))
    with pytest.raises(ProjectNotFound, match=r"which has no assay\.toml"):
        Settings.from_env()


def test_the_command_line_refuses_an_empty_folder(project: Path) -> None:
    """`--home "$LAKE"` with a variable that is not set would make the working directory a lake."""
    for option in ("--home", "--project"):
        done = CliRunner().invoke(app, [option, "", "status"])
        assert done.exit_code == 2
        assert "is empty; name a folder" in " ".join(done.output.replace("│", " ").split())
    assert not (project / "landing").exists()


def test_the_version_is_said() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", CliRunner().invoke(app, ["--version"]).output)


def test_the_document_lists_every_setting_and_no_other() -> None:
    documented = set(
        re.findall(r"^\| `(\w+)` \| `ASSAY_(\w+)`", (PROJECT / "docs" / "settings.md").read_text(), re.MULTILINE)
    )
    assert documented == {(name, name.upper()) for name in Settings.model_fields if name != "project"}
