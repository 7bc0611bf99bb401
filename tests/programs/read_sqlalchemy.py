"""Prints what a statement gives by an URL of SQLAlchemy, as CSV: URL and SQL."""

import csv
import sys

import sqlalchemy

with sqlalchemy.create_engine(sys.argv[1]).connect() as connection:
    rows = connection.execute(sqlalchemy.text(sys.argv[2]))
    csv.writer(sys.stdout).writerows([list(rows.keys()), *map(tuple, rows)])
