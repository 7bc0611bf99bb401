"""A real PostgreSQL in a temporary folder, and lakes with a feed of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Protocol

import psycopg

from tests.fed_lake import OneFeed
from tests.ports import free_port
from tests.writers import Writers

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")
PASSWORD = "s3cr#t/pä ss@word"  # noqa: S105 - of a server that lives for a minute, with all that an URL escapes


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs; None where there is none."""
    for place in PLACES:
        for folder in sorted(Path("/").glob(place.lstrip("/")), reverse=True):
            if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
                return folder
    return None


class Server:
    """A PostgreSQL on a port of 127.0.0.1, in a temporary folder; root runs it as the user postgres."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self._programs = folder, programs
        self.port = free_port()
        self._user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.user = ("postgres", "postgres") if self._user else ()
        if self.user:
            shutil.chown(folder, "postgres")

    def start(self, *more: str) -> None:
        """Start it, with options of the server's own."""
        if not (self.folder / "data").exists():
            passwords = self.folder / "password"
            passwords.write_text(PASSWORD)
            options = [f"--pwfile={passwords}", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
            self._run("initdb", "-D", "data", "-U", "owner", *options)
        options = [f"-p {self.port}", "-c listen_addresses=127.0.0.1", f"-c unix_socket_directories={self.folder}"]
        options += ["-c fsync=off", "-c max_prepared_transactions=5", "-c wal_level=logical"]
        options += ["-c max_replication_slots=20", "-c max_wal_senders=20", *more]
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", " ".join(options), "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    def connect(self, *, autocommit: bool = True) -> psycopg.Connection[Any]:
        place = f"host=127.0.0.1 port={self.port} user=owner dbname=postgres"
        return psycopg.connect(place, password=PASSWORD, autocommit=autocommit)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._user, str(self._programs / program), *arguments]
        log = self.folder / "commands"
        with log.open("wb") as output:  # a pipe would stay open as long as the server lives
            done = subprocess.run(
                command, cwd=self.folder, stdout=output, stderr=output, check=False, stdin=subprocess.DEVNULL
            )
        assert done.returncode == 0, f"{command}: {log.read_text()}"


class HasPort(Protocol):
    """What listens on a port of 127.0.0.1: a server, or a proxy before it."""

    port: int


class FedLake(OneFeed):
    """A lake with one source, `orders`, that a feed of a table fetches."""

    secrets = {"SHOP_PASSWORD": PASSWORD}  # noqa: RUF012 - nobody changes it

    def __init__(self, home: Path, server: HasPort, feed: dict[str, Any], columns: dict[str, Any]) -> None:
        super().__init__(home)
        self.server = server
        self.declare(feed, columns)

    def declare(self, feed: dict[str, Any], columns: dict[str, Any], **contract: Any) -> None:
        """Write the yml of the source; the first column is the key."""
        url = f"postgresql://reader:${{env:SHOP_PASSWORD}}@127.0.0.1:{self.server.port}/postgres"
        declared = {"version": "1.0.0", "owner": "tests", "new_columns": "rescue", **contract}
        model = {
            "name": "bronze_orders",
            "description": "One row per order.",
            "config": {"meta": {"contract": declared, "feed": {"kind": "postgres", "url": url, **feed}}},
            "constraints": [{"type": "primary_key", "columns": [next(iter(columns))]}],
            "columns": [
                {"name": name, **(kind if isinstance(kind, dict) else {"data_type": kind})}
                for name, kind in columns.items()
            ],
        }
        self.write(model)

    def landed(self) -> list[Path]:
        """The batches, by the moment of reading."""
        return sorted(self.folder.rglob("*.parquet"), key=lambda path: path.name)


class PostgresWriters(Writers):
    """Write to a PostgreSQL that may be restarted."""

    passing = (psycopg.OperationalError,)

    def __init__(self, server: Server, seed: int) -> None:
        super().__init__(seed)
        self.server = server
