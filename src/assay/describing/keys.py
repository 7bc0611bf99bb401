"""What tells the records of some files apart, and which of several records of a key wins: proved on all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from assay.contract.contract import Load
from assay.contract.errors import ContractError
from assay.contract.moments import pattern
from assay.contract.names import quoted
from assay.describing.column_types import Proposed
from assay.describing.outside import add_moment
from assay.describing.texts import FILE, Texts
from assay.reading.exact_casts import from_text

_IDENTIFIES = re.compile(
    r"(^|_|\b)(id|key|nr|no|number|num|code|uuid|guid|sku|ean|isbn|nummer|schluessel)($|_|\b)|Id$|ID$", re.IGNORECASE
)
_PACKED = (".gz", ".zst", ".bz2", ".xz")
_MOST_COLUMNS = 12
_MOST_TRIES = 120
_LONGEST = 3
_SAME = 0.5
"""Share of the keys of a file that stand in the next one where each is a snapshot."""
_ALIKE = 0.2
"""How alike, beyond chance, the records of a key in a file and the next are where they are versions of one thing."""
_DATED = (
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}"), "%Y-%m-%dT%H%M%S"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{6}"), "%Y-%m-%d_%H%M%S"),
    (re.compile(r"[0-9]{8}_[0-9]{6}"), "%Y%m%d_%H%M%S"),
    (re.compile(r"[0-9]{14}"), "%Y%m%d%H%M%S"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "%Y-%m-%d"),
    (re.compile(r"[0-9]{4}_[0-9]{2}_[0-9]{2}"), "%Y_%m_%d"),
    (re.compile(r"[0-9]{8}"), "%Y%m%d"),
    (re.compile(r"[0-9]{2}\.[0-9]{2}\.[0-9]{4}"), "%d.%m.%Y"),
    (re.compile(r"[0-9]{4}-[0-9]{2}"), "%Y-%m"),
)


@dataclass(frozen=True)
class Identity:
    """What a record is known by.

    Attributes:
        key: Columns; none where each record counts by itself.
        load: Whether files add up or the newest is the truth.
        newest_by: The column whose greatest value wins; empty for none.
        file_date: The pattern of the files' names, where their moment decides; empty where it does not.
        unsure: What may be otherwise, in sentences.
        dated: The column of the key that is the moment of the file's name, where it takes that.
    """

    key: tuple[str, ...]
    load: Load = "events"
    newest_by: str = ""
    file_date: str = ""
    unsure: list[str] = field(default_factory=list)
    dated: Proposed | None = None


def identity_of(
    texts: Texts, columns: Sequence[Proposed], paths: Sequence[Path], outside: Sequence[str] = ()
) -> Identity:
    """The key of the records, proved on all of them.

    Args:
        texts: What stands in the files.
        columns: Their types.
        paths: The files, in the order in which they were read.
        outside: Columns that stand in the folders of the files.
    """
    typed = [c for c in columns if c.type.kind != "text" and not c.type.is_nested]
    as_text = [c for c in typed if not texts.types or c.name in outside]
    texts.values.update({c.name: from_text(quoted(c.name), c.type) for c in as_text})
    dated = date_in_names(paths)
    candidates = _candidates(texts, columns, outside)
    named = [name for name in candidates if is_named_so(name) or name in outside]
    inside = [name for name in candidates if name not in outside]
    key = _key(texts, named, per_file=False)
    if (
        not key
        and dated
        and (within := _key(texts, [name for name in inside if name in named], per_file=True))
        and _share_that_stays(texts, within) >= _SAME
        and _alike(texts, within, outside) >= _ALIKE
    ):
        return _of_versions(texts, columns, within, dated)
    by_chance = [] if key else ["its name does not say so, and it may be by chance"]
    key = key or _key(texts, candidates, per_file=False)
    within = _key(texts, inside, per_file=True) if len(paths) > 1 else ()
    if key:
        unsure = [f"key: {', '.join(key)} tells all records apart; {why}" for why in by_chance]
        others = [name for name in candidates if (name,) != key and distinct_records(texts, [name]) == texts.records]
        unsure += [f"key: {other} tells records apart as well" for other in others[:2]]
        versions = [
            f"key: {', '.join(within)} tells the records of each file apart; if later files correct earlier ones, make "
            "that the key and say in `newest_by` which one wins"
        ]
        return Identity(key, unsure=[*unsure, *(versions if 0 < len(within) < len(key) else [])])
    if not within:
        repeated = texts.records - distinct_records(texts, texts.names)
        some = f", and {repeated:,} repeat another in all that they say" if repeated else ""
        return Identity((), unsure=[f"key: no {_LONGEST} columns tell all records apart{some}; each counts by itself"])
    if dated and _alike(texts, within, outside) < _ALIKE:
        moment = add_moment(texts, dated, paths)
        for more in ((), *((name,) for name in outside), tuple(outside)):
            key = (moment.name, *more, *within)
            if distinct_records(texts, key) == texts.records:
                says = (
                    f"key: {', '.join(within)} tells the records of each file apart and stands in several for records "
                    f"that say other things, so the date in the files' names was added as {moment.name}; where later "
                    "files correct earlier ones, leave it out of the key"
                )
                return Identity(key, file_date=dated, unsure=[says], dated=moment)
        texts.names.remove(moment.name)
    return _of_versions(texts, columns, within, dated)


def _alike(texts: Texts, key: Sequence[str], outside: Sequence[str]) -> float:
    """How much the records of one key in a file and the next say the same, beyond chance: from 0, or below, to 1.

    Versions of one thing agree in most of their values; lines that each day numbers anew do not. It is Cohen's kappa,
    on average over the columns that are in no key; 1 where there is none, or no key stands in two files that follow.
    """
    figures = []
    same_key = " and ".join(f"a.{quoted(name)} = b.{quoted(name)}" for name in key)
    for name in (quoted(name) for name in texts.names if name not in (*key, *outside)):
        [(observed, chance)] = texts.connection.execute(
            f"select (select avg(case when a.{name} is not distinct from b.{name} then 1.0 else 0.0 end) "
            f"from described as a inner join described as b on {same_key} and b.{FILE} = a.{FILE} + 1), "
            f"(select sum(n * n) / sum(n) ** 2 from (select count(*)::double as n from described group by {name}))"
        ).fetchall()
        if observed is not None and chance < 1:
            figures.append((float(observed) - chance) / (1 - chance))
    return sum(figures) / len(figures) if figures else 1.0


def is_named_so(name: str) -> bool:
    """Whether a column is called like one of a key; where none has a name, the first one is."""
    return bool(_IDENTIFIES.search(name)) or name == "column_1"


def _of_versions(texts: Texts, columns: Sequence[Proposed], key: tuple[str, ...], dated: str) -> Identity:
    """A key that tells records of one file apart, and stands in several."""
    repeated = texts.records - distinct_records(texts, key)
    says = f"key: {', '.join(key)} stands {repeated:,} times in more than one file"
    share = _share_that_stays(texts, key)
    if dated and share >= _SAME:
        return Identity(key, "snapshot", file_date=dated, unsure=[
            f"load: on average {share:.0%} of the keys of a file stand in the next one, so each file was taken for the "
            "whole truth (`load: snapshot`); where files add up, write `load: events`"
        ])  # fmt: skip
    if dated:
        return Identity(key, file_date=dated, unsure=[f"{says}; the row of the newest file was taken to win"])
    moments = [column.name for column in columns if column.type.kind in ("timestamp", "timestamptz")]
    if moments:
        return Identity(key, newest_by=moments[-1], unsure=[f"{says}; the row with the latest {moments[-1]} wins"])
    return Identity((), unsure=[f"{says}, and nothing says which one is newer; each record counts by itself"])


def _candidates(texts: Texts, columns: Sequence[Proposed], outside: Sequence[str]) -> list[str]:
    """Columns that may be part of a key, the likeliest first: those with a value in each record, and no measure.

    What stands in folders tells records apart on purpose, and goes before columns whose values differ by chance.
    """
    whole = [
        column
        for column in columns
        if column.filled == texts.records
        and column.name not in texts.absent
        and column.type.kind != "double"
        and not column.type.is_nested
    ]
    distinct = {column.name: distinct_records(texts, [column.name]) for column in whole}
    measures = {column.name for column in whole if column.type.kind in ("decimal", "timestamp", "timestamptz")}
    order = sorted(
        whole,
        key=lambda c: (
            not is_named_so(c.name),
            c.name not in outside,
            c.name in measures,
            -distinct[c.name],
            texts.names.index(c.name),
        ),
    )
    return [column.name for column in order[:_MOST_COLUMNS]]


def _key(texts: Texts, names: Sequence[str], *, per_file: bool) -> tuple[str, ...]:
    """The shortest combination that is in no two records, of one file or of all; none where there is none."""
    tries = 0
    for length in range(1, _LONGEST + 1):
        for combination in combinations(names if texts.records else (), length):
            tries += 1
            if tries > _MOST_TRIES:
                return ()
            if distinct_records(texts, [*combination, *([FILE] if per_file else [])]) == texts.records:
                return tuple(sorted(combination, key=texts.names.index))
    return ()


def distinct_records(texts: Texts, names: Sequence[str]) -> int:
    """How many records differ in some columns, by their values where these are known."""
    listed_names = ", ".join(f"{texts.values.get(name, quoted(name))} as {quoted(name)}" for name in names)
    [(count,)] = texts.connection.execute(
        f"select count(*) from (select distinct {listed_names} from described)"
    ).fetchall()
    return int(count)


def _share_that_stays(texts: Texts, key: Sequence[str]) -> float:
    """The share of a file's keys that stand in the next one too, on average."""
    names = ", ".join(map(quoted, key))
    same = " and ".join(f"a.{quoted(name)} = b.{quoted(name)}" for name in key)
    [(share,)] = texts.connection.execute(
        f"with keys as (select distinct {names}, {FILE} from described), last as (select max({FILE}) as n from keys) "
        f"select avg(stays) from (select a.{FILE}, avg(case when b.{FILE} is not null then 1.0 else 0.0 end) as stays "
        f"from keys as a left join keys as b on {same} and b.{FILE} = a.{FILE} + 1 "
        f"where a.{FILE} < (select n from last) group by a.{FILE})"
    ).fetchall()
    return float(share or 0)


def date_in_names(paths: Sequence[Path]) -> str:
    """The pattern of the files' names, when all differ in nothing but a moment; empty when they do not."""
    names = [path.name for path in paths]
    for regex, directive in _DATED:
        match = regex.search(names[0])
        if match is None:
            continue
        text = f"{_literal(names[0][: match.start()])}{directive}{_literal(names[0][match.end() :])}"
        try:
            if all(pattern(text).read(name) for name in names):
                return text
        except ContractError:
            continue
    return ""


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def glob_of(source: str, paths: Sequence[Path], folders: str = "") -> str:
    """A glob for these files and those that follow: by their endings, in the folders of the source."""
    endings = {"".join(path.suffixes[-2 if path.suffix in _PACKED else -1 :]) for path in paths}
    ending = endings.pop() if len(endings) == 1 else ""
    return f"{source}/{folders}*{ending}" if not set(ending) & set("*?[{") else f"{source}/{folders}*"
