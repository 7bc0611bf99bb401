"""The tools of an assistant, as functions that give plain values; each answers from one published state."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

import duckdb

from assay.base import clock
from assay.base.duckdb_errors import first_line
from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.consumers.assistants.masked_lake import Limits, MaskedLake, Masks, open_masked
from assay.consumers.assistants.read_only import Refused, assert_only_reads
from assay.consumers.tables import find_table, shown_tables
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, table_of
from assay.contract.own_columns import OWN_COLUMNS
from assay.publish.whole_state import open_whole
from assay.text import strict_json
from assay.trust.table_trust import TableTrust, read_trust

_EXACT = 2**53
"""Whole numbers beyond it are texts: most readers of JSON would round them."""
AT_ONCE = 2
"""Questions that are worked on at a time."""


class NotAnswered(UserError):
    """A question that was allowed has no answer: it is wrong, or costs too much."""


class Tools:
    """What an assistant can ask.

    Args:
        settings: The lake.
        limits: Of each question.
    """

    def __init__(self, settings: Settings, limits: Limits = Limits()) -> None:  # noqa: B008 - it is frozen
        self._settings, self._limits, self._masks = settings, limits, Masks()
        self._turns = threading.Semaphore(AT_ONCE)

    def list_tables(self) -> dict[str, Any]:
        """Every published table: what it means, who owns it, up to when it has data, and what its checks say."""
        catalog = self._catalog()
        with _published(self._settings), open_whole(self._settings.published) as state:
            names = shown_tables(state.connection)
            known = [name.table for name in names if name.model in catalog.promises]
            trusts = read_trust(state.connection, catalog, known, clock.now())
            tables = [_summary(catalog, name, trusts.get(name.table)) for name in names]
        return {
            "state": state.number,
            "published_at": _plain(state.published_at),
            "tables": tables,
        }

    def describe_table(self, table: str) -> dict[str, Any]:
        """One table: its columns with their meaning, its key, what it is made of, its checks that did not pass.

        Args:
            table: Layer and name, such as gold.daily_sales.
        """
        catalog = self._catalog()
        with _published(self._settings):
            with open_masked(self._settings.published, catalog, self._masks, self._limits, table) as lake:
                name = find_table(lake.tables, table)
                columns = lake.connection.execute(f"describe {name.sql}").fetchall()
                hidden = lake.hidden[name]
            with open_whole(self._settings.published) as state:
                is_made = name.model in catalog.promises
                trusts = read_trust(state.connection, catalog, [name.table] if is_made else [], clock.now())
        trust = trusts.get(name.table)
        odd = trust.checks.odd if trust and trust.checks else ()
        return {
            **_summary(catalog, name, trust),
            "contract_version": catalog.contract_version(name.table) if is_made else None,
            "key": list(catalog.promises[name.model].key) if is_made else [],
            "made_of": [table_of(model) for model in catalog.parents(name.model)] if is_made else [],
            "columns": [
                {
                    "name": column,
                    "type": kind,
                    "description": _described(catalog, name, column),
                    "is_masked": column in hidden,
                }
                for column, kind, *_ in columns
            ],
            "checks_not_passed": [{"check": c, "verdict": v, "summary": s} for c, v, s in odd],
        }

    def query(self, sql: str, max_rows: int = 100) -> dict[str, Any]:
        """Run one SELECT in DuckDB's dialect over published tables. Values about people are masked words.

        Args:
            sql: One SELECT; tables are named by layer and name, such as gold.daily_sales.
            max_rows: Rows of the answer, 1,000 at most.
        """
        most = max(1, min(max_rows, self._limits.rows))
        catalog = self._catalog()
        with (
            self._turns,
            _published(self._settings),
            open_masked(self._settings.published, catalog, self._masks, self._limits, sql) as lake,
        ):
            assert_only_reads(lake.connection, sql, lake.tables)
            names, rows = self._run(lake, sql, most + 1)
        kept, is_cut = self._within(rows[:most])
        return {
            "state": lake.number,
            "columns": names,
            "rows": kept,
            "is_cut": is_cut or len(rows) > most,
        }

    def _catalog(self) -> Catalog:
        return Catalog.read(self._settings.dbt_project)

    def _run(self, lake: MaskedLake, sql: str, most: int) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a statement until its time is over."""
        is_over = threading.Event()

        def stop() -> None:
            is_over.set()
            lake.connection.interrupt()

        timer = threading.Timer(self._limits.seconds, stop)
        timer.start()
        try:
            cursor = lake.connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return names, cursor.fetchmany(most)
        except duckdb.InterruptException:
            raise NotAnswered(
                f"the query took more than {self._limits.seconds:g} seconds; ask for fewer rows or a part of the dates"
            ) from None
        except duckdb.OutOfMemoryException:
            raise NotAnswered(
                f"the query needs more than {self._limits.memory // 1_000_000:,} MB of memory; filter or group earlier"
            ) from None
        except duckdb.Error as error:
            if is_over.is_set():
                raise NotAnswered(f"the query took more than {self._limits.seconds:g} seconds") from None
            raise NotAnswered(first_line(error)) from None
        finally:
            timer.cancel()

    def _within(self, rows: list[tuple[Any, ...]]) -> tuple[list[list[Any]], bool]:
        """Rows as JSON holds them, as many as the answer may have characters; and whether some were left out."""
        kept: list[list[Any]] = []
        size = 0
        for row in rows:
            values = [self._cell(value) for value in row]
            size += sum(len(str(value)) for value in values)
            if size > self._limits.characters and kept:
                return kept, True
            kept.append(values)
        return kept, False

    def _cell(self, value: object) -> Any:
        plain = _plain(value)
        if isinstance(plain, str) and len(plain) > self._limits.cell:
            return f"{plain[: self._limits.cell]}… ({len(plain):,} characters)"
        return plain


@contextmanager
def _published(settings: Settings) -> Iterator[None]:
    """Say in a sentence what keeps the published state from being read."""
    try:
        yield
    except FileNotFoundError:
        raise NotAnswered("nothing is published yet; `assay run` loads what has arrived") from None
    except duckdb.Error as error:
        raise NotAnswered(f"{settings.published} cannot be read now: {first_line(error)}") from error


def _summary(catalog: Catalog, name: TableName, trust: TableTrust | None) -> dict[str, Any]:
    description = str(catalog.models.get(name.model, {}).get("description") or "").strip()
    if name.layer == "quarantine":
        description = f"Records of {name.entity} that were rejected, each with all reasons, its file and its line."
    summary: dict[str, Any] = {"table": name.table, "description": description}
    if trust is None:
        return summary
    return {
        **summary,
        "owner": trust.owner,
        "data_through": _plain(trust.through.value) if trust.through else None,
        "newest_file_landed_at": _plain(trust.age.as_of) if trust.age else None,
        "is_late": trust.is_late,
        "promise": trust.age.policy if trust.age else None,
        "verdict": trust.state,
        "checks": trust.sentence,
        "oldest_check_at": _plain(trust.checks.checked_at) if trust.checks else None,
        "score_of_100": round(trust.scores[-1][1], 1) if trust.scores else None,
    }


def _described(catalog: Catalog, name: TableName, column: str) -> str:
    columns: Mapping[str, Any] = catalog.models.get(name.model, {}).get("columns", {})
    return str(columns.get(column, {}).get("description") or OWN_COLUMNS.get(column, "")).strip()


def _plain(value: object) -> Any:
    """A value as JSON holds it without loss: what it cannot hold exactly is text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else str(value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | timedelta):
        return str(value)
    if isinstance(value, list | dict | tuple):
        return strict_json.dumps(value, ensure_ascii=False)
    return str(value)


__all__ = ["Limits", "NotAnswered", "Refused", "Tools"]
