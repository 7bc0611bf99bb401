"""Programs that are no part of Assay and read what it publishes: Java by DuckDB's driver, SQLAlchemy and Spark.

`make feeds` installs them into `.readers`, apart from the environment of the project.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

from tests.places import PROJECT

FOLDER = PROJECT / ".readers"
PROGRAMS = PROJECT / "tests" / "programs"
_VERSION = "1.5.6.0"
DRIVER = FOLDER / f"duckdb_jdbc-{_VERSION}.jar"
_SHA256 = "04ae3375d7c40dc88dc9bf0014b82ba5e66715564584af4e3abea39c7ba144d3"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
MAVEN = [
    *("mvn", "--batch-mode", "--quiet", "--strict-checksums", f"{_PLUGIN}:copy"),
    *(f"-Dartifact=org.duckdb:duckdb_jdbc:{_VERSION}", f"-DoutputDirectory={FOLDER}"),
]
PYTHON = FOLDER / "python" / "bin" / "python"
_PACKAGES = (
    f"duckdb=={duckdb.__version__}",
    "duckdb-engine==0.17.0",
    "sqlalchemy==1.4.54",  # the one of Superset
    "pyspark==4.3.0",
)
_UV = str(Path(sys.executable).with_name("uv"))
UV = (
    [_UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(PYTHON.parents[1])],
    [_UV, "pip", "install", "--quiet", "--python", str(PYTHON), *_PACKAGES],
)
_NOTE = FOLDER / "packages.txt"


def has_java() -> bool:
    """Whether a file of Java can be run."""
    return shutil.which("javac") is not None


def has_driver() -> bool:
    """Whether DuckDB's driver for Java is there, byte for byte."""
    return DRIVER.exists() and hashlib.sha256(DRIVER.read_bytes()).hexdigest() == _SHA256


def has_packages() -> bool:
    """Whether SQLAlchemy and Spark are there, in these versions."""
    return _NOTE.exists() and _NOTE.read_text() == "\n".join(_PACKAGES)


def note_packages() -> None:
    """Remember that they were installed whole."""
    _NOTE.write_text("\n".join(_PACKAGES))


def by_java(url: str, sql: str, **properties: str) -> subprocess.CompletedProcess[str]:
    """What Java reads by JDBC, as CSV; a property is called as the driver does, with `__` for a dot."""
    words = [f"{name.replace('__', '.')}={value}" for name, value in properties.items()]
    return _run(["java", "-cp", str(DRIVER), str(PROGRAMS / "ReadJdbc.java"), url, sql, *words])


def by_sqlalchemy(url: str, sql: str) -> subprocess.CompletedProcess[str]:
    """What SQLAlchemy reads, as CSV."""
    return _run([str(PYTHON), str(PROGRAMS / "read_sqlalchemy.py"), url, sql])


def by_spark(line: str) -> subprocess.CompletedProcess[str]:
    """What Spark reads by a line of Python, as CSV."""
    return _run([str(PYTHON), str(PROGRAMS / "read_spark.py"), line])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
