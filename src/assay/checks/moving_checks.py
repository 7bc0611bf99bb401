"""How long a check's result stays valid, derived from the SQL that the check runs."""

from __future__ import annotations

from assay.checks.session import Session
from assay.contract.moving_rules import Moves, moves_of, moves_of_python, moves_of_rules
from assay.contract.names import TableName, table_of
from assay.tables.versions import seqs


def moves_of_check(lake: Session, model: str, check: str) -> Moves:
    """Whether the result of a check depends on the clock, on chance or on a setting.

    Args:
        lake: The open lake.
        model: A silver or gold model.
        check: `contract` or `consistency`.
    """
    promise = lake.catalog.promises[model]
    columns = [column.name for column in promise.columns]
    if check == "contract":
        return moves_of_rules((rule.expression for rule in promise.rules), columns)
    references = lake.catalog.table_checks[model].references
    moves = moves_of((reference.broken(table_of(model)) for reference in references), columns)
    return moves | _of_rules(lake, model) if model in lake.catalog.rules else moves


def tables_of_rules(lake: Session, model: str) -> set[str]:
    """The tables of the lake that the business rules of a gold model read."""
    read = set()
    for query in _queries(lake, model):
        for name in lake.connection.get_table_names(query, qualified=True):
            read.add(".".join(name.split(" AS ")[0].replace('"', "").split(".")[-2:]))
    return read & seqs(lake.connection).keys()


def _of_rules(lake: Session, model: str) -> Moves:
    """The moves of rules written in Python, by the SQL they compile to and by their calls of Python's clock."""
    source = lake.catalog.rules[model].read_text(encoding="utf-8")
    return moves_of(_queries(lake, model)) | moves_of_python(source)


def _queries(lake: Session, model: str) -> list[str]:
    """The SQL of the business rules of a gold model, which is compiled once in a run."""
    if model not in lake.rule_queries:
        lake.rule_queries[model] = _compiled(lake, model)
    return lake.rule_queries[model]


def _compiled(lake: Session, model: str) -> list[str]:
    import ibis  # noqa: PLC0415 - heavy, and only for checks

    from assay.contract.business_rules import rules_of  # noqa: PLC0415 - imports Pandera

    name = TableName.of_model(model)
    gold = ibis.duckdb.from_connection(lake.connection).table(name.entity, database=name.layer)
    return [str(ibis.to_sql(rows(gold), dialect="duckdb")) for rows in rules_of(lake.catalog.rules[model]).values()]
