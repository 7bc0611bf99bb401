"""Real servers for all tests of feeds; where there is none they are skipped, and fail in CI and in `make
feeds`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
from psycopg import sql

from tests.mariadb import MariaDb, is_installed, prepare
from tests.postgres import PASSWORD, Server, binaries


def _miss(program: str) -> NoReturn:
    """Fail where all servers have to be there; skip on a desk."""
    missing = f"no {program} is installed: `make feeds` says how to get one"
    (pytest.fail if os.environ.get("CI") or os.environ.get("ASSAY_FEEDS") else pytest.skip)(missing)
    raise AssertionError


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    programs = binaries()
    if programs is None:
        _miss("PostgreSQL")
    folder = Path(tempfile.mkdtemp(prefix="assay-pg-"))
    folder.chmod(0o755)
    server = Server(folder, programs)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def db(server: Server) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the owner, with an empty schema `shop` and a role `reader` that may read it and see others."""
    with server.connect() as connection:
        connection.execute("drop schema if exists shop cascade")
        connection.execute("create schema shop")
        if not connection.execute("select 1 from pg_roles where rolname = 'reader'").fetchone():
            connection.execute(sql.SQL("create role reader login password {}").format(PASSWORD))
        connection.execute("grant usage on schema shop to reader; grant pg_read_all_stats to reader")
        connection.execute("alter default privileges in schema shop grant select on tables to reader")
        yield connection


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    if not is_installed():
        _miss("MariaDB")
    folder = Path(tempfile.mkdtemp(prefix="assay-maria-"))
    folder.chmod(0o755)
    server = MariaDb(folder)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def maria(mariadb: MariaDb) -> Iterator[Any]:
    """A connection of the owner to an empty database `shop`."""
    connection = mariadb.connect(database=None)
    prepare(connection)
    yield connection
    connection.close()


@pytest.fixture
def log_db(server: Server, db: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """As `db`, for feeds that read the log: `reader` may, and no slot and publication is left of a test before."""
    _forget(db)
    db.execute("alter role reader replication")
    yield db
    with server.connect() as again:  # a test may restart the server
        _forget(again)
        again.execute("alter role reader noreplication")


def _forget(db: psycopg.Connection[Any]) -> None:
    db.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active")
    for (name,) in db.execute("select pubname from pg_publication").fetchall():
        db.execute(sql.SQL("drop publication {}").format(sql.Identifier(name)))
