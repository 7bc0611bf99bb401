"""Which databases are asked in a way of their own."""

from __future__ import annotations

import sqlalchemy as sa

from assay.connectors.databases.dialect import Dialect
from assay.connectors.databases.mysql import MySql
from assay.connectors.databases.sqlite import Sqlite


def dialect_of(url: sa.URL) -> Dialect:
    """How the database of an url is asked."""
    match url.get_backend_name(), url.drivername.partition("+")[2]:
        case (("mysql" | "mariadb"), _):
            return MySql()
        case "sqlite", ("" | "pysqlite"):
            return Sqlite()
    return Dialect()
