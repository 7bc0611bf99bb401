"""Judges stored rows by other rules or another key; no file is read, and rows whose verdict stays are not touched."""

from __future__ import annotations

import duckdb

from assay.contract.contract import Contract
from assay.contract.names import TableName, quoted
from assay.loading.change_verdict import violations
from assay.tables.versions import changed_with_data

_JUDGED = "temp.assay_judged"


def judge_again(connection: duckdb.DuckDBPyConnection, contract: Contract, sql: str) -> list[int]:
    """Give each stored row the verdict of the contract as it is now, in the caller's transaction.

    Args:
        connection: The warehouse.
        contract: The source's contract.
        sql: The model's compiled SQL, which Assay wrote: it adds the verdict to each row, and changes nothing else.

    Returns:
        The contents of which a row has another verdict.

    Raises:
        ChangedWithData: The SQL does not give a row for each that is stored.
    """
    bronze = TableName.of_source(contract.source)
    names = ", ".join(map(quoted, contract.names))
    landing = quoted(f"landing_{contract.source}")
    connection.execute(
        f"create or replace temp view {landing} as select {names}, _rescued, rowid as _row, _file_id as _of, "
        f"_violations as _before from {bronze.sql}"
    )
    connection.execute(
        f"create or replace temp table {_JUDGED.split('.')[1]} as select _row, _of, _violations from "
        f"(select _row, _of, _before, {violations(contract)} as _violations from ({sql}\n)) "
        "where _violations is distinct from _before"
    )
    counted = f"select count(*) from ({sql}\n) union all select count(*) from {bronze.sql}"
    given, stored = (row[0] for row in connection.execute(counted).fetchall())
    if given != stored:
        raise changed_with_data(bronze.table, [f"its SQL gives {given:,} of {stored:,} rows"])
    connection.execute(
        f"update {bronze.sql} as stored set _violations = judged._violations from {_JUDGED} as judged "
        "where stored.rowid = judged._row"
    )
    files = connection.execute(f"select distinct _of from {_JUDGED} order by 1").fetchall()
    connection.execute(f"drop table {_JUDGED}")
    return [int(file_id) for (file_id,) in files]
