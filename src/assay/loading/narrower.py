"""Which stored files have malformed records that the wider type of a column may hold now, for `assay doctor`.

A type that gets wider is taken in in place, and no file is read again for it; who wants these records asks for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb

from assay.contract.contract import Contract
from assay.contract.errors import ContractError
from assay.contract.names import TableName
from assay.contract.types import column_type, is_wider
from assay.loading.rejudge import Rejudged

_REASONS = r"""
    select
        path,
        regexp_extract(reason, '^(.*?): ''', 1, 's') as name,
        regexp_extract(reason, ''' is no ([a-z]+(\(\d+,\d+\))?)$', 1) as narrow
    from (select path, unnest(reasons) as reason from {} where kind = 'malformed' and is_live)
    group by all order by all
"""


def malformed_under_narrower_types(
    connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]
) -> Iterator[Rejudged]:
    """Files with such records, each once.

    Args:
        connection: What is published.
        contracts: By source.
    """
    for source, contract in contracts.items():
        types = {column.name: column.type.sql for column in contract.columns}
        try:
            rows = connection.execute(_REASONS.format(TableName("quarantine", source).sql)).fetchall()
        except duckdb.CatalogException:  # nothing of it is published yet
            continue
        told = set()
        for path, name, narrow in rows:
            if path not in told and name in types and _is_wider(types[name], narrow):
                told.add(path)
                yield Rejudged(source, path, f"{name} held no more than {narrow}, and is {types[name]} now")


def _is_wider(wide: str, narrow: str) -> bool:
    try:
        return is_wider(wide, column_type(narrow).sql)
    except ContractError:
        return False
