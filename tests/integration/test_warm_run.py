"""`assay run` while the services are up: forked where the libraries are, and the same command to who typed it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.base.handing_over import WHERE
from assay.base.project import DEFINITIONS, TEMPLATE
from assay.base.settings import Settings
from assay.publish.heartbeat import note_tick
from tests.lab import Lab, copy_project, environment, product, receipt
from tests.places import PROJECT
from tests.processes import PATIENCE, finish, holder, wait_until

pytestmark = [
    pytest.mark.slow,  # processes that import everything
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked"),
]
TYPED = """
import sys
from assay.cli.start import main
sys.argv[0] = "assay"
try:
    main()
finally:
    sys.stderr.write(f"imported here: {'dagster' in sys.modules}\\n")
"""
HERE, THERE = "imported here: True\n", "imported here: False\n"


def typed(settings: Settings, *arguments: str, redirection: str = "", **more: str) -> subprocess.Popen[str]:
    """`assay …` as a person types it in a shell; it says at its end whether it imported Dagster itself."""
    command = [sys.executable, "-W", "ignore", "-c", TYPED, *arguments]
    return subprocess.Popen(
        ["bash", "-c", f'exec "$@" {redirection}', "assay", *command], cwd=PROJECT,
        env={**environment(settings), **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextmanager
def warm(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The process that the services keep."""
    command = [sys.executable, "-P", "-m", "assay.cli.warm_server", str(settings.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        time.sleep(0.1)
        note_tick(settings)
        assert wait_until((settings.dagster_home / WHERE).exists)
        yield process


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file that says where the process listens."""
    settings = Settings(home=tmp_path_factory.mktemp("services"))
    with warm(settings):
        yield settings.dagster_home / WHERE


@pytest.fixture
def served(lab: Lab, kept: Path) -> Lab:
    """A lake whose services keep a process with the libraries."""
    lab.settings.dagster_home.mkdir(parents=True, exist_ok=True)
    (lab.settings.dagster_home / WHERE).write_bytes(kept.read_bytes())
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    return lab


def test_it_does_and_says_what_it_does_by_itself(served: Lab, tmp_path: Path) -> None:
    alone = Lab(tmp_path / "alone")
    alone.products("2017-01-01", [product()])
    alone.receipts("day1", [receipt()])
    outputs = []
    for lab, imported in ((served, THERE), (alone, HERE)):
        process = typed(lab.settings, "run")
        output, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
        assert errors.endswith(imported)
        outputs.append(output)
        assert "Warning" not in errors
    assert outputs[0] == outputs[1]
    assert served.rows("from gold.daily_sales order by all") == alone.rows("from gold.daily_sales order by all")
    again, output = finish(typed(served.settings, "run"))
    assert (again, output) == (0, f"nothing was new\n{THERE}")


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "sentence"),
    [
        (["run", "--select", "gold.nosuch"], {}, 2, "selects nothing"),
        (["run", "--full-refresh", "gold.nosuch"], {}, 2, "there is no table 'gold.nosuch'"),
        (["run"], {"ASSAY_LOG": "json"}, 0, '"outcome": "succeeded"'),
    ],
)
def test_arguments_environment_and_exit_code_are_those_of_the_command(
    served: Lab, arguments: list[str], variables: Mapping[str, str], code: int, sentence: str
) -> None:
    ended, output = finish(typed(served.settings, *arguments, **variables))
    assert ended == code, output
    assert sentence in output
    assert output.endswith(THERE)


def test_a_failure_is_said_and_ends_with_1(served: Lab) -> None:
    assert finish(typed(served.settings, "run"))[0] == 0
    served.spoil("drop table silver.transactions; create view silver.transactions as select 1 as x")
    code, output = finish(typed(served.settings, "run"))
    assert code == 1
    assert "failed" in output
    assert output.endswith(THERE)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_who_stops_the_command_stops_the_run(served: Lab, number: int, code: int) -> None:
    """Also by ending it at once, or by closing its terminal: a run that nobody waits for would hold the lake."""
    path = served.receipts("growing", [receipt(basket_id=7)])
    os.utime(path, (time.time() + 1000, time.time() + 1000))  # looked at twice, seconds apart
    process = typed(served.settings, "run", ASSAY_SETTLE_SECONDS="20")
    assert wait_until(lambda: "(process " in holder(served.settings.home))
    pid = int(holder(served.settings.home).rpartition("process ")[2].strip(") \n"))
    assert pid != process.pid
    time.sleep(2)
    process.send_signal(number)
    ended, output = finish(process)
    assert ended == code, output
    assert wait_until(lambda: not Path(f"/proc/{pid}").exists())
    served.good_run()
    assert served.source("transactions")["rows"]["silver"] == 2


@pytest.mark.parametrize("other", ["made_of", "socket", "nothing", "no JSON", "no object", "closed input"])
def test_what_cannot_be_handed_over_is_run_by_itself(served: Lab, other: str) -> None:
    path = served.settings.dagster_home / WHERE
    where = json.loads(path.read_text())
    if other == "nothing":
        path.unlink()
    elif other in ("no JSON", "no object"):
        path.write_text("{" if other == "no JSON" else "[]")
    elif other != "closed input":
        path.write_text(json.dumps({**where, other: "/another"}))
    process = typed(served.settings, "run", redirection="<&-" if other == "closed input" else "")
    code, output = finish(process)
    assert code == 0, output
    assert output.endswith(HERE)


def test_modules_are_found_where_the_command_finds_them(served: Lab, tmp_path: Path) -> None:
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "of_this_shell.py").write_text("")
    lab = Lab(served.settings.home, dbt_project=copy_project(tmp_path))
    written = (TEMPLATE / DEFINITIONS).read_text()
    (tmp_path / DEFINITIONS).write_text(
        written.replace("import dagster as dg\n", "import dagster as dg\nimport of_this_shell\n")
    )
    path = os.pathsep.join([str(tmp_path / "libraries"), str(PROJECT)])
    code, output = finish(typed(lab.settings, "run", PYTHONPATH=path))
    assert code == 0, output
    assert output.endswith(THERE)


def test_services_that_end_before_it_listens_do_not_wait_for_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    command = [sys.executable, "-P", "-m", "assay.cli.warm_server", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
    assert not (settings.dagster_home / WHERE).exists()


def test_the_process_ends_with_the_services_and_leaves_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    where = settings.dagster_home / WHERE
    with warm(settings) as process:
        socket = Path(json.loads(where.read_text())["socket"])
        assert socket.exists()
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
        assert not socket.exists()
        assert not where.exists()
