"""How good the data is, in one number per table and for the lake, worked out when a run ends.

The score of a table is the weighted mean of its rules, from 0 to 100:

    100 * sum(weight * share) / sum(weight)

over the rules of the latest result of each of its checks; `share` is the share of records that hold the rule, or 1 or 0
where a rule is not about records; the weight is 3 for a rule that is an error, 2 for a regression and 1 for a warning.
The score of the lake is the mean over its tables, where gold counts 3 times, silver 2 times and bronze once.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assay.base import clock
from assay.tables.retired import read_retired

LAKE = "all"
TREND = 20
"""Scores that a trend shows."""
_LEVELS = "▁▂▃▄▅▆▇█"
_SCORE = """
    insert into ops.quality_score
    with latest as (
        select check_id from ops.latest_checks
        where table_name in (select table_name from ops.tables)
            and table_name not in (select table_name from ops.retired where check_name = '')
            and (table_name, check_name) not in (select (table_name, check_name) from ops.retired)
    ),
    rules as (
        select
            table_name, has_passed,
            case severity when 'error' then 3 when 'regression' then 2 else 1 end as weight,
            coalesce(share_ok, has_passed::integer) as share
        from ops.check_results
        where check_id in (select check_id from latest)
    ),
    tables as (
        select
            table_name, 100 * sum(weight * share) / sum(weight) as score, count(*) as rules,
            count(*) filter (not has_passed) as broken,
            case split_part(table_name, '.', 1) when 'gold' then 3 when 'silver' then 2 else 1 end as weight
        from rules group by table_name
    )
    select table_name, $at::date, round(score, 4), rules, broken, $at, $run_id from tables
    union all
    select $lake, $at::date, round(sum(weight * score) / sum(weight), 4), sum(rules), sum(broken), $at, $run_id
    from tables having count(*) > 0
"""


def score(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Work out the scores of what is known now, and keep them; a second time in one run replaces the first."""
    connection.execute("delete from ops.quality_score where run_id = ?", [run_id])
    connection.execute(_SCORE, {"at": clock.now(), "run_id": run_id, "lake": LAKE})


def trends(connection: duckdb.DuckDBPyConnection) -> dict[str, list[float]]:
    """The last scores of each table of the project and of the lake (`all`), oldest first."""
    rows = connection.execute(
        f"select table_name, max_by(score, rowid, {TREND}) from ops.quality_score group by table_name"
    ).fetchall()
    retired = {entry.name for entry in read_retired(connection)}
    return {table: scores[::-1] for table, scores in rows if table not in retired}


def sparkline(scores: Sequence[float]) -> str:
    """A small plot in a line of text: the lowest mark is 90 or less, the highest 100."""
    steps = len(_LEVELS) - 1
    return "".join(_LEVELS[round(steps * max(0.0, (value - 90) / 10))] for value in scores)
