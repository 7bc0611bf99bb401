"""Installs the servers that tests of feeds read, where they are missing: with apt-get where root may, and with npm.

Run by `make feeds`; says what to install where it may not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests import mariadb, postgres
from tests.places import PROJECT

AZURITE = "azurite@3.37.0"
NODE = PROJECT / ".azurite"
"""Where the emulator of Azure Blob is installed, which is a package of npm."""


def azurite() -> str | None:
    """The program of the emulator of Azure Blob; None where it is not installed."""
    return shutil.which("azurite-blob") or shutil.which("azurite-blob", path=str(NODE / "node_modules" / ".bin"))


def main() -> None:
    """Install what is missing."""
    if postgres.binaries() is None:
        _install("postgresql", "PostgreSQL's programs (initdb, pg_ctl)")
    if not mariadb.is_installed():
        _install("mariadb-server", "MariaDB's programs (mariadbd, mariadb-install-db)")
    if azurite() is None:
        if shutil.which("npm") is None:
            _install("npm", "npm, which installs the emulator of Azure Blob")
        NODE.mkdir(exist_ok=True)
        _run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(NODE), AZURITE])


def _install(package: str, what: str) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(f"The tests of feeds need {what}: install your system's package {package}, then make feeds again")
    _run(["apt-get", "update", "-q"])
    _run(["apt-get", "install", "-yq", "--no-install-recommends", package])


def _run(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, check=False, cwd=Path("/"))
    if done.returncode:
        sys.exit(f"`{' '.join(command)}` failed, so the tests of feeds cannot run")


if __name__ == "__main__":
    main()
