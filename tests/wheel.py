"""What someone without this repository gets: the wheel and the sdist are built, installed anew, and a lake runs.

`make wheel` runs it for the Python of the virtual environment and for each other one that it finds.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from rich.console import Console

from tests.places import PROJECT

PYTHONS = ("3.11", "3.13")
PATIENCE = 180.0  # seconds
OUT = Console(highlight=False)


def main() -> int:
    """Build, then try each archive; 0 when everything works."""
    with tempfile.TemporaryDirectory(prefix="assay-wheel-") as scratch:
        dist = Path(scratch) / "dist"
        run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(PROJECT)], PROJECT)
        [wheel], [sdist] = dist.glob("*.whl"), dist.glob("*.tar.gz")
        OUT.print(f"built {wheel.name} ({wheel.stat().st_size / 1e3:,.0f} kB) and {sdist.name}")
        tried = 0
        for number in PYTHONS:
            python = find_python(number)
            if python is None:
                OUT.print(f"skipped Python {number}: it is not on this machine")
                continue
            try_out(Path(scratch) / f"python {number}", python, "assay-lakehouse", dist)
            tried += 1
        try_out(Path(scratch) / "sdist", Path(sys.executable), str(sdist), dist)
        OUT.print(f"[bold]the wheel works on {tried} versions of Python, and so does the sdist[/]")
    return 0 if tried else 1


def find_python(number: str) -> Path | None:
    """A Python of this version that runs, on the path or among those of pyenv; nothing is downloaded."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    own = shutil.which(f"python{number}")
    for python in [*([Path(own)] if own else []), *sorted(pyenv.glob(f"{number}.*/bin/python"))]:
        process = subprocess.run([str(python), "--version"], capture_output=True, text=True, check=False)
        if process.returncode == 0 and process.stdout.startswith(f"Python {number}."):
            return python
    return None


def try_out(folder: Path, python: Path, wanted: str, dist: Path) -> None:
    """Install into a new virtual environment, and use it from a folder that knows nothing of the repository."""
    began = time.perf_counter()
    folder.mkdir()
    environment = folder / "environment"
    run([str(python), "-m", "venv", str(environment)], folder)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "install", "--find-links", str(dist), wanted], folder)
    assay = str(environment / "bin" / "assay")
    run([assay, "init", "my lake", "--example"], folder)
    lake = folder / "my lake"
    below = lake / "data"
    assert "238" in run([assay, "run"], lake) + run([assay, "status"], lake)
    output = run([assay, "check"], lake)
    assert "every one accounted for" in output, output
    counted = run([assay, "query", "select count(*) from gold.daily_temperatures", "--format", "csv"], below)
    assert counted.split()[-1] == "10", counted  # from a folder below the project
    run([assay, "doctor"], lake)
    answers(assay, lake)
    written = [path for path in (environment / "lib").rglob("*") if path.name in ("target", "dbt_packages")]
    assert not written, f"something was written below site-packages: {written}"
    OUT.print(f"{folder.name}: init, run, check, query, doctor and dev work, {time.perf_counter() - began:.0f} s")


def answers(assay: str, lake: Path) -> None:
    """Start the UI and wait until it knows the lake's code location."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    services = subprocess.Popen(
        [assay, "dev", "--port", str(port)], cwd=lake, env=plain(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE
        while not knows_the_lake(port):
            assert services.poll() is None, "assay dev ended by itself"
            assert time.monotonic() < deadline, "assay dev does not answer"
            time.sleep(0.5)
    finally:
        services.terminate()
        services.wait(timeout=60)


def knows_the_lake(port: int) -> bool:
    """Whether the UI lists the gold table among its assets."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=b'{"query": "{ assetNodes { assetKey { path } } }"}',
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - as above
            return b"daily_temperatures" in reply.read()
    except (urllib.error.URLError, OSError):
        return False


def run(command: list[str], folder: Path) -> str:
    """What a command prints; ends everything when it fails."""
    done = subprocess.run(command, cwd=folder, env=plain(), capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} in {folder} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def plain() -> dict[str, str]:
    """The environment without what names this repository."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "PYTHON", "VIRTUAL_ENV"))
    }
    return {**kept, "PATH": os.pathsep.join(p for p in kept["PATH"].split(os.pathsep) if ".venv" not in p)}


if __name__ == "__main__":
    sys.exit(main())
