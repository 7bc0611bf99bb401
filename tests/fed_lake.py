"""A lake with one source that a feed fetches, whatever it fetches from."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from assay.base.settings import Settings
from assay.cli.main import app
from assay.orchestration.instance import prepare_instance
from assay.tables.dbt import parse_if_changed
from tests.lab import Lab
from tests.places import PROJECT


@cache
def parsed_project(yml: str) -> Path:
    """A dbt project with this one yml, parsed once a process."""
    folder = Path(tempfile.mkdtemp(prefix="assay-fed-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    project = folder / "dbt_project"
    (project / "models").mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT / "dbt_project" / name, project)
    (project / "models" / "orders.yml").write_text(yml, encoding="utf-8")
    parse_if_changed(Settings(home=folder / "home", dbt_project=project))
    return project


class OneFeed:
    """A lake with one source, `source`, that a feed fetches.

    Attributes:
        secrets: Variables of its environment.
    """

    source = "orders"
    secrets: dict[str, str]

    def __init__(self, home: Path) -> None:
        self.project, self.home = home / "dbt_project", home / "data"

    def write(self, *models: dict[str, Any]) -> None:
        """Have a project of these models alone."""
        text = yaml.safe_dump({"models": [*models]}, allow_unicode=True, sort_keys=False)
        shutil.rmtree(self.project, ignore_errors=True)
        shutil.copytree(parsed_project(text), self.project)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, dbt_project=self.project, watch_seconds=0.0)

    def lab(self) -> Lab:
        lab = Lab(self.home, self.project)
        prepare_instance(lab.settings)
        parse_if_changed(lab.settings)
        return lab

    @property
    def environment(self) -> dict[str, str]:
        places = {"ASSAY_HOME": str(self.home), "ASSAY_DBT_PROJECT": str(self.project), "ASSAY_SERVE_PORT": "0"}
        return {**os.environ, **places, **self.secrets}

    def command(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("assay")), "feed", *arguments]

    def feed(self, *arguments: str, code: int = 0, **more: Any) -> str:
        """Run `assay feed …` and give all that it printed; in a process of its own where options for that are given."""
        if more:
            options = {"env": self.environment, "cwd": self.project.parent, **more}
            done = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False, **options)
            ended, told = done.returncode, done.stdout + done.stderr
        else:
            result = CliRunner().invoke(app, ["feed", *arguments], env=self.environment)
            assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
            ended, told = result.exit_code, result.output
        assert ended == code, told
        return " ".join(told.split())

    def fetch(self, **more: Any) -> str:
        """Run it once, as `feed` does."""
        return self.feed("run", self.source, "--once", **more)

    def running(self) -> subprocess.Popen[bytes]:
        """A process that goes on fetching, and leaves nothing of the disk free."""
        environment = {**self.environment, "ASSAY_FEED_RESERVE": "0"}
        return subprocess.Popen(
            self.command("run", self.source), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    @property
    def folder(self) -> Path:
        return self.settings.landing / "feeds" / self.source
