"""What became of each stored change of a source: SQL of its state, from which silver takes the rows that are there.

The order of changes is (epoch, position). A *cut*, which is a truncate or the snapshot with which an epoch begins, ends
all rows up to it, and a delete those of its key. A change that left out values which did not change is *completed* with
the newest earlier row of its key that has them, clean or not, back to the last delete or cut. It is judged as the whole
row that it makes then, and held where that breaks a rule or nothing completes it. Of the clean changes after the last
cut the newest of each key is there, unless it is a delete.

Belongs here: SQL alone. `tables/keyed.py` asks it for the keys that are redone, `checks/conservation.py` for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from assay.contract.change_columns import EPOCH, OPERATION, POSITION, SOURCE_TIME, UNCHANGED
from assay.contract.contract import Contract
from assay.contract.names import TableName, literal, quoted
from assay.ledger.change_cuts import current_cuts

THERE, DUPLICATE, SUPERSEDED, HELD, QUARANTINED = "there", "duplicate", "superseded", "held", "quarantined"
"""States of a change: its row is there; it says no more than the one that is; a newer one replaced it or took its row
out; it is held until what completes it is clean; it breaks a rule as it came."""
Affected = Callable[[Sequence[str]], str]
"""SQL for whether a key, of which each column is an expression, is asked for."""


def everything(_: Sequence[str]) -> str:
    """Of all keys."""
    return "true"


def change_states(contract: Contract, affected: Affected, *, are_few: bool = False) -> str:
    """SQL of the changes of some keys, each completed, with its `_state`, the `_reasons` of one that is held, and the
    columns of Assay's own that rows of silver have.

    Args:
        contract: The source's contract, of `load: changes`.
        affected: Whether a key is asked for.
        are_few: Whether few keys are, whose changes are better kept than looked for again.
    """
    return f"""
        with {_placed(contract, affected, are_few=are_few)},
        {_judged(contract)},
        ranked as (
            select
                *, row_number() over newest as _rank, first_value(_at) over newest as _newest_at,
                first_value({OPERATION}) over newest as _newest_operation,
                coalesce({_row(contract)} is not distinct from first_value({_row(contract)}) over newest, false)
                    as _is_same
            from judged
            window newest as (partition by {_key(contract)}, _is_clean and not _is_past order by _number desc)
        ),
        told as (select *, {_STATE} as _state from ranked)
        select
            *,
            count(*) filter (_state = '{DUPLICATE}' and _is_same) over of_key as _duplicates_identical,
            count(*) filter (_state = '{DUPLICATE}' and not _is_same) over of_key as _duplicates_conflicting
        from told
        window of_key as (partition by {_key(contract)})
        union all by name
        select *, {_STATE_ALONE} as _state, 0::bigint as _duplicates_identical, 0::bigint as _duplicates_conflicting
        from (
            select *, coalesce(_at <= (select max(place) from cuts), false) as _is_past from placed
            where _row in (select row from lone)
        )
    """


def row_versions(contract: Contract, affected: Affected, *, are_few: bool = False) -> str:
    """SQL of each version of the rows of some keys: from which moment to which it was there, and what ended it.

    A version lasts until the next clean change of its key or the next cut. The columns of one are those of its change,
    `_valid_from`, `_valid_to` and `_ended_by`; the last two are NULL of a row that is there.

    Args:
        contract: As of `change_states`.
        affected: As of `change_states`.
        are_few: As of `change_states`.
    """
    next_change = f"lead({{}}) over (partition by {_key(contract)} order by _number)"
    return f"""
        with {_placed(contract, affected, are_few=are_few)},
        {_judged(contract)},
        alone as (
            select * from judged where _is_clean and {OPERATION} <> 'truncate'
            qualify row_number() over (partition by {_key(contract)}, _at order by _number desc) = 1
        ),
        followed as (
            select
                *, {next_change.format("_at")} as _next_at, {next_change.format(SOURCE_TIME)} as _next_time,
                {next_change.format(OPERATION)} as _next_operation
            from alone
            union all by name
            select placed.*, coalesce(cuts.number, 0) as _era
            from (
                select * from placed where _row in (select row from lone) and _violations is null
                and {OPERATION} not in ('delete', 'truncate')
            ) as placed asof left join cuts on placed._at > cuts.place
        ),
        ended as (
            select
                followed.*, cuts.place as _cut_place, cuts.happened_at as _cut_time,
                cuts.place.position = '' as _is_epoch
            from followed left join cuts on cuts.number = followed._era + 1
        )
        select
            *, {SOURCE_TIME} as _valid_from,
            case when {_IS_CUT} then _cut_time else _next_time end as _valid_to,
            case when {_IS_CUT} then if(_is_epoch, 'snapshot', 'truncate') else _next_operation end as _ended_by
        from ended
        where {OPERATION} <> 'delete'
    """


_STATE_ALONE = f"""
    case
        when _violations is not null then '{QUARANTINED}'
        when _is_past or {OPERATION} in ('delete', 'truncate') then '{SUPERSEDED}'
        else '{THERE}'
    end
"""
"""Of a change that is the only one of its key, and whole."""
_IS_CUT = "_cut_place is not null and (_next_at is null or _cut_place < _next_at)"
_IS_PARTIAL = f"(coalesce(len({UNCHANGED}), 0) > 0 and {OPERATION} not in ('delete', 'truncate'))"
_STATE = f"""
    case
        when _violations is not null then '{QUARANTINED}'
        when _is_past then '{SUPERSEDED}'
        when _reasons is not null then '{HELD}'
        when _newest_operation = 'delete' then '{SUPERSEDED}'
        when _rank = 1 then '{THERE}'
        when _at = _newest_at and {OPERATION} <> 'delete' then '{DUPLICATE}'
        else '{SUPERSEDED}'
    end
"""


def _placed(contract: Contract, affected: Affected, *, are_few: bool) -> str:
    """CTEs of the changes of the keys that are asked for, of `cuts`, and of `lone` ones.

    Most keys of a table that was read as a snapshot have one change, of which nothing has to be sorted.
    """
    epoch = f"stored.{EPOCH}" if EPOCH in contract.names else "0::bigint"
    asked = affected([f"stored.{quoted(name)}" for name in contract.key])
    return f"""
        cuts as (
            select
                {{'epoch': epoch, 'position': position}} as place, happened_at,
                row_number() over (order by epoch, position) as number
            from ({current_cuts(contract.source)})
        ),
        placed as {"" if are_few else "not "}materialized (
            select
                stored.*, stored.rowid as _row, current_files.file_date as _file_date,
                {{'epoch': {epoch}, 'position': stored.{POSITION}}} as _at,
                {_RESCUED_PAIRS} as _rescued_pairs
            from {TableName.of_source(contract.source).sql} as stored
            inner join ops.current_files as current_files
                on stored._file_id = current_files.file_id and current_files.source = {literal(contract.source)}
            where {asked}
        ),
        lone as (
            select any_value(_row) as row from placed group by {_key(contract)}
            having count(*) = 1 and not bool_or({_IS_PARTIAL})
        )
    """


def _judged(contract: Contract) -> str:
    """CTEs up to `judged`: the other changes, completed and judged."""
    key, payload = _key(contract), _payload(contract)
    rest = [name for name in payload if name not in contract.key]
    order = ", ".join(f"{quoted(name)} asc nulls first" for name in [*payload, *_rest_of_change(contract)])
    return f"""
        parted as (
            select placed.*, coalesce(cuts.number, 0) as _era
            from (select * from placed where _row not in (select row from lone)) as placed
            asof left join cuts on placed._at > cuts.place
        ),
        numbered as (
            select
                *, {OPERATION} = 'truncate' or _era < (select count(*) from cuts) as _is_past,
                {_IS_PARTIAL} as _is_partial,
                row_number() over (
                    partition by {key}
                    order by _at, {OPERATION} = 'delete', {order}, _rescued_pairs asc nulls first, _file_id desc
                ) as _number
            from parted
        ),
        lived as (
            select
                *, count(*) filter ({OPERATION} = 'delete') over (partition by {key} order by _number) as _life,
                bool_or(_is_partial) over (partition by {key}) as _has_partial
            from numbered
        ),
        completed as (
            {_completed(contract, rest)}
            union all by name
            select *, null::varchar[] as _missing from lived where not _has_partial
        ),
        judged as (
            select *, {OPERATION} <> 'truncate' and _violations is null and _reasons is null as _is_clean
            from (
                select *, case when _is_partial and _violations is null then {_reasons(contract)} end
                    as _reasons
                from completed
            )
        )
    """


def _completed(contract: Contract, rest: Sequence[str]) -> str:
    """SQL of the rows of keys with changes that left out values, completed, and the names of what nothing has."""
    if not rest:
        return "select *, []::varchar[] as _missing from lived where _has_partial"
    asked = ", ".join(
        f"""last_value(
            case when {OPERATION} <> 'delete' and not {_is_left_out(name)} then {{'value': {quoted(name)}}} end
            ignore nulls
        ) over life as _filled_{at}"""
        for at, name in enumerate(rest)
    )
    values = ", ".join(
        f"if(_is_partial and {_is_left_out(name)}, _filled_{at}.value, {quoted(name)}) as {quoted(name)}"
        for at, name in enumerate(rest)
    )
    missing = ", ".join(
        f"case when _is_partial and {_is_left_out(name)} and _filled_{at} is null then {literal(name)} end"
        for at, name in enumerate(rest)
    )
    filled = ", ".join(f"_filled_{at}" for at in range(len(rest)))
    return f"""
        select * exclude ({filled}) replace ({values}),
            list_filter([{missing}], lambda name: name is not null) as _missing
        from (
            select *, {asked} from lived where _has_partial
            window life as (
                partition by {_key(contract)}, _era, _life order by _number
                rows between unbounded preceding and current row
            )
        )
    """


def _is_left_out(name: str) -> str:
    return f"coalesce(list_contains({UNCHANGED}, {literal(name)}), false)"


def _reasons(contract: Contract) -> str:
    """SQL of the rules that a completed row breaks, or of the columns that no earlier row has; NULL for none."""
    broken = ", ".join(
        f"case when ({rule.expression}) is false then {literal(rule.name)} end" for rule in contract.rules
    )
    rules = f"list_filter([{broken}]::varchar[], lambda rule: rule is not null)"
    missing = "list_transform(_missing, lambda name: name || ': is unchanged, and in no earlier row')"
    return f"nullif(case when len(_missing) > 0 then {missing} else {rules} end, [])"


def _key(contract: Contract) -> str:
    return ", ".join(map(quoted, contract.key))


def _payload(contract: Contract) -> list[str]:
    """The columns of the table that is mirrored."""
    return [name for name in contract.names if not name.startswith("_")]


def _rest_of_change(contract: Contract) -> list[str]:
    """The other columns that a change has, but for those that place it."""
    return [name for name in contract.names if name.startswith("_") and name not in (OPERATION, POSITION, EPOCH)]


def _row(contract: Contract) -> str:
    """All that a row says."""
    return f"row({', '.join([*map(quoted, _payload(contract)), '_rescued_pairs'])})"


_RESCUED_PAIRS = """
    case
        when stored._rescued is not null then list_sort(list_transform(
            json_keys(stored._rescued),
            lambda name: [name, (stored._rescued -> ('/' || replace(replace(name, '~', '~0'), '/', '~1')))::varchar]
        ))
    end
"""
"""As the macro `rescued_pairs`: two files may write the same columns in another order."""
