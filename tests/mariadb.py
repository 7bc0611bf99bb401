"""A real MariaDB in a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pymysql

from tests.ports import free_port
from tests.postgres import PASSWORD

PLACES = ("/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin")
URL = "mysql+pymysql://reader:${{env:SHOP_PASSWORD}}@127.0.0.1:{port}/shop"
MOST_SECONDS = 120


def program(name: str) -> str | None:
    """Where a program of MariaDB is; None where it is not."""
    return shutil.which(name, path=os.pathsep.join([*PLACES, os.environ.get("PATH", "")]))


def is_installed() -> bool:
    """Whether a server can be started."""
    return bool(program("mariadbd") and program("mariadb-install-db"))


class MariaDb:
    """A MariaDB on a port of 127.0.0.1, in a temporary folder, in a zone that is not UTC; root runs it as mysql."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._user = ["runuser", "-u", "mysql", "--"] if os.geteuid() == 0 else []
        self._server: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(folder, "mysql")

    def start(self) -> None:
        data = f"--datadir={self.folder}/data"
        # The zone of the server is one whose clock changes, so that nothing is right by chance.
        environment = {**os.environ, "TZ": "America/New_York", "TMPDIR": str(self.folder)}
        if not (self.folder / "data").exists():
            made = [str(program("mariadb-install-db")), "--no-defaults", data, "--skip-test-db"]
            made += ["--auth-root-authentication-method=normal"]
            done = subprocess.run(
                [*self._user, *made], env=environment, check=False, capture_output=True, text=True, cwd=self.folder
            )
            assert done.returncode == 0, done.stdout + done.stderr
        options = [f"--socket={self.folder}/socket", f"--port={self.port}", "--bind-address=127.0.0.1"]
        options += [f"--pid-file={self.folder}/pid", "--innodb-flush-log-at-trx-commit=2", "--skip-name-resolve"]
        options += ["--innodb-buffer-pool-size=32M", "--innodb-use-native-aio=0", f"--log-error={self.folder}/log.err"]
        command = [*self._user, str(program("mariadbd")), "--no-defaults", data, *options]
        self._server = subprocess.Popen(command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + MOST_SECONDS
        while True:
            try:
                self.connect(database=None).close()
                return
            except pymysql.err.OperationalError:
                assert self._server.poll() is None and time.monotonic() < deadline, self._told()
                time.sleep(0.1)

    def _told(self) -> str:
        log = self.folder / "log.err"  # the server adds `.err` to a name without an ending
        return log.read_text() if log.exists() else "MariaDB ended before it opened its log"

    def stop(self) -> None:
        """End the server as a power cut does; the next start repairs what it left."""
        assert self._server is not None
        pid = int((self.folder / "pid").read_text())
        subprocess.run([*self._user, "kill", "-9", str(pid)], check=True)
        self._server.wait(timeout=MOST_SECONDS)
        (self.folder / "pid").unlink(missing_ok=True)

    def connect(self, *, autocommit: bool = True, database: str | None = "shop") -> Any:
        """A connection of the owner, in UTC."""
        place = {"unix_socket": f"{self.folder}/socket", "user": "root", "database": database}
        return pymysql.connect(**place, autocommit=autocommit, init_command="set time_zone = '+00:00'")

    @property
    def feed(self) -> dict[str, Any]:
        """What a feed of it says, but for table and mode."""
        return {"kind": "database", "url": URL.format(port=self.port)}


def run(connection: Any, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements; gives the rows of the last one."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


def prepare(connection: Any) -> None:
    """An empty database `shop`, and a user `reader` who may read it and see others."""
    with connection.cursor() as cursor:
        cursor.execute("drop database if exists shop")
        cursor.execute("create database shop character set utf8mb4")
        cursor.execute("use shop")
        cursor.execute("create or replace user reader@'%%' identified by %s", [PASSWORD])
        cursor.execute("grant select on shop.* to reader@'%'")
        cursor.execute("grant process on *.* to reader@'%'")
