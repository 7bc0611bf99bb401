"""Checks beyond the constraints of a table, as objects: how odd files may be, references, and levels of rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from assay.contract.names import quoted, relation, table_of

FILES_AGREE, ROWS_AGREE = "files_of_one_moment_agree", "rows_of_one_file_agree"
"""Rules of `versions_are_ordered`, a check of tables whose newest file wins; a yml may give them another severity."""
Severity = Literal["error", "warn", "regression"]
"""Of a rule that does not hold: `error` blocks, `warn` is told, `regression` blocks above what is accepted."""


@dataclass(frozen=True)
class Level:
    """The severity of a rule that does not hold.

    Attributes:
        severity: `error` blocks, `warn` is told, `regression` blocks above the accepted share.
        accepted_pct: Share of rows, in percent, that may break a rule of severity `regression`.
        because: The reason.
    """

    severity: Severity = "error"
    accepted_pct: float = 0.0
    because: str = ""


@dataclass(frozen=True)
class LoadChecks:
    """The thresholds beyond which a file is reported, or blocks.

    Attributes:
        volume_pct: Change of the number of records, against files of the same weekday, that is not worth a word.
        completeness_points: Change of a column's share of NULLs that is not worth a word, in percentage points.
        psi: Population stability index above which a column's values have shifted.
        columns: Columns whose values are compared.
        broken_pct: Share of a file's records, in percent, that may be malformed or break a rule.
        severity: By check; `warn` where nothing is said.
        accepted: Files that may be odd, with the reason, by their path below the landing zone.
    """

    volume_pct: float = 20.0
    completeness_points: float = 2.0
    psi: float = 0.25
    columns: tuple[str, ...] = ()
    broken_pct: float = 1.0
    severity: Mapping[str, Severity] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """Rows whose columns name a row of another table.

    Attributes:
        name: Of the rule.
        columns: In this table; rows with a NULL in one refer to nothing.
        to: The model that is referred to, by columns of the same names.
        where: SQL over this table: which rows are asked.
        level: What a row without a partner means.
    """

    name: str
    columns: tuple[str, ...]
    to: str
    where: str
    level: Level

    def broken(self, table: str) -> str:
        """SQL for the rows of a table that have no partner.

        One column is asked by a join, three times as fast: DuckDB answers `not exists` for each distinct value,
        after it has found these. With several columns that is the faster way. `not in` would not compare a number with
        a text, as `=` does.
        """
        names = [f"this.{quoted(name)}" for name in self.columns]
        partners = [f"that.{quoted(name)}" for name in self.columns]
        rows = f"select {', '.join(names)} from ({self.asked(table)}) as this"
        there = " and ".join(f"{name} is not null" for name in names)
        same = " and ".join(f"{partner} = {name}" for partner, name in zip(partners, names, strict=True))
        other = f"{relation(table_of(self.to))} as that"
        if len(names) > 1:
            return f"{rows} where {there} and not exists (select 1 from {other} where {same})"
        known = f"(select distinct {partners[0]}, true as _is_there from {other}) as that"
        return f"{rows} left join {known} on {same} where {there} and that._is_there is null"

    def asked(self, table: str) -> str:
        """SQL for the rows that the reference is about."""
        return f"select * from {relation(table)} where {self.where}"


@dataclass(frozen=True)
class TableChecks:
    """The checks of a silver or gold table beyond its constraints.

    Attributes:
        levels: Of rules of the contract that are no plain errors, by name.
        references: To other tables.
    """

    levels: Mapping[str, Level] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
