"""Installs what tests of feeds read from and what others read a lake with, where it is missing.

System packages come by apt-get where root may, the rest by npm, Maven and uv into this folder.

Run by `make feeds`; says what to install where it may not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests import mariadb, other_readers, postgres
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
    if not other_readers.has_java():
        _install("default-jdk-headless", "Java (a JDK of 17 or newer)")
    if not other_readers.has_driver():
        if shutil.which("mvn") is None:
            _install("maven", "Maven, which fetches DuckDB's driver for Java")
        _run(other_readers.MAVEN)
        if not other_readers.has_driver():
            sys.exit(
                f"{other_readers.DRIVER} is not the file that the tests are made for; remove it and make feeds again"
            )
    if not other_readers.has_packages():
        for command in other_readers.UV:
            _run(command)
        other_readers.note_packages()


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
