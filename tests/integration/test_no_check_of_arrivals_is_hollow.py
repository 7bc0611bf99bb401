"""Every rule about the files of every source is broken once, by content alone, and the check must fail and name it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from assay.base.settings import Settings
from assay.base.warehouse import connect
from assay.checks.results import CheckResult
from assay.checks.session import Session
from assay.contract.catalog import Catalog
from assay.contract.contract import Column
from assay.contract.freshness import Policy
from assay.contract.names import quoted
from assay.loading.bronze_table import BronzeTable
from assay.orchestration.checks import LOAD_CHECKS, run_check
from assay.tables.dbt import parse_if_changed
from assay.tables.table_definition import Definition, bronze_form
from tests.lab import WHOLE

ROWS = 200
"""Rows of a usual file: the fewest of which shares say something."""
FILES = 9
"""Files of each source, a week apart; the last one is broken."""
USUAL = {
    "integer": "1 + i % 7",
    "decimal": "1.5 + i % 7",
    "text": "chr(97 + (i % 7)::integer)",
    "date": "date '2017-01-01' + (i % 7)::integer",
    "timestamp": "timestamp '2017-01-01' + to_hours((i % 7)::integer)",
    "timestamptz": "timestamptz '2017-01-01' + to_hours((i % 7)::integer)",
}
"""SQL for the values of a column by its kind; `i` is the number of the row."""


SOURCES = sorted(path.stem.removeprefix("bronze_") for path in (WHOLE / "models" / "bronze").glob("*.sql"))


def catalog() -> Catalog:
    """The project, where no source may be silent for ever, so that each has the check of it."""
    read = Catalog.read(WHOLE)
    own = Catalog(read.manifest, read.models)
    daily = Policy(timedelta(hours=24))
    own.policies.update({f"bronze_{source}": own.policies.get(f"bronze_{source}", daily) for source in own.contracts})
    return own


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A warehouse in which every source has usual files of nine weeks, and all are judged."""
    home = tmp_path_factory.mktemp("hollow")
    settings = Settings(home=home, dbt_project=WHOLE)
    parse_if_changed(settings)
    with connect(home / "warehouse.duckdb", wait_seconds=0) as connection:
        session = Session(settings, catalog(), connection, "usual")
        for source in SOURCES:
            contract = session.catalog.contracts[source]
            definition = Definition(bronze_form(contract, ""))
            BronzeTable(connection, contract, "", definition, "usual").prepare()
            for number in range(FILES):
                deliver(session, source, number)
        yield session


def deliver(
    lake: Session,
    source: str,
    number: int = FILES - 1,
    *,
    rows: int = ROWS,
    malformed: int = 0,
    violations: int = 0,
    age: float = 0,
    values: Mapping[str, str] | None = None,
) -> None:
    """Put one file's rows, and what the ledger says of it, in the place of those that were there."""
    contract, file = lake.catalog.contracts[source], SOURCES.index(source) * 100 + number
    bronze = f"bronze.{quoted(source)}"
    for table, column in ((bronze, "_file_id"), ("ops.files", "file_id"), ("ops.profiles", "file_id")):
        lake.connection.execute(f"delete from {table} where {column} = {file}")
    lake.connection.execute(
        "insert into ops.files (sighting_id, file_id, source, path, format, contract_version, contract_fingerprint, "
        "status, records_read, records_loaded, records_malformed, first_seen, load_id, run_id, file_date) "
        "select $file, $file, $source, $path, 'csv', '1.0.0', '', 'loaded', $rows + $malformed, $rows, $malformed, "
        f"now() - interval {age} hours - interval {FILES - 1 - number} years, $number, 'usual', "
        "date '2017-01-01' + (7 * $number)::integer",
        {"file": file, "source": source, "path": f"{source}/{number}", "rows": rows, "malformed": malformed}
        | {"number": number},
    )
    made = {column.name: usual(column) for column in contract.columns} | {**(values or {})}
    typed = ", ".join(f"({made[column.name]})::{column.type.sql}" for column in contract.columns)
    lake.connection.execute(
        f"insert into {bronze} select {typed}, null, case when i < {violations} then ['a_rule'] end, {file}, {number}, "
        f"now() from range({rows}) as made (i)"
    )


def usual(column: Column) -> str:
    return USUAL[column.type.kind]


def check(lake: Session, source: str, name: str) -> CheckResult:
    """Ask as a run of its own would."""
    return run_check(replace(lake, judged={}), f"bronze.{source}", name)


def breaking(catalog: Catalog, source: str, rule: str) -> Iterator[Mapping[str, object]]:
    """What is wrong with a file that breaks a rule; every way in which it may be."""
    checks = catalog.load_checks[source]
    more = checks.volume_pct / 100 + 2
    about, _, name = rule.partition("_of_")
    if rule == "newest_file":
        yield {"age": 24 * 365}
    elif rule == "records_per_file":
        yield {"rows": int(more * ROWS)}
    elif rule == "records_break_no_rule":
        yield {"malformed": ROWS}
        yield {"violations": ROWS}
    elif about == "nulls":
        yield {"values": {name: "null"}}
    elif about == "drift":
        column = next(column for column in catalog.contracts[source].columns if column.name == name)
        yield {"values": {name: "'elsewhere'" if column.type.kind == "text" else "1000000"}}
    elif about == "total":
        yield {"values": {name: f"{more} * ({USUAL['decimal']})"}}


def rules_of(catalog: Catalog, source: str) -> set[str]:
    """Every rule that a source's yml makes."""
    checks, contract = catalog.load_checks[source], catalog.contracts[source]
    amounts = {column.name for column in contract.columns if column.type.kind in ("decimal", "double")}
    return {
        *("records_break_no_rule", "records_per_file", "newest_file"),
        *(f"nulls_of_{name}" for name in contract.names),
        *(f"drift_of_{name}" for name in checks.columns),
        *(f"total_of_{name}" for name in checks.columns if name in amounts),
    }


@pytest.mark.parametrize("source", SOURCES)
def test_each_rule_about_files_fails_by_its_name_when_it_is_broken(lake: Session, source: str) -> None:
    """A rule that is never odd looks like a quiet source for ever."""
    broken: set[str] = set()
    for name in (name for name in LOAD_CHECKS if name in lake.catalog.checks[f"bronze.{source}"]):
        as_ever = check(lake, source, name)
        assert as_ever.passed, as_ever.summary
        for rule in as_ever.rules:
            assert rule.value is not None, f"{source}: {rule.name} judged nothing: {rule.observed}"
            for wrong in breaking(lake.catalog, source, rule.name):
                deliver(lake, source, **wrong)
                result = check(lake, source, name)
                assert rule.name in {outcome.name for outcome in result.rules if not outcome.passed}, (
                    f"{rule.name} is hollow"
                )
                assert rule.name in result.summary
                broken.add(rule.name)
            deliver(lake, source)
    assert broken == rules_of(lake.catalog, source)


@pytest.mark.parametrize("source", SOURCES)
def test_a_column_that_comes_empty_is_the_only_one_that_is_named(lake: Session, source: str) -> None:
    for column in lake.catalog.contracts[source].names:
        deliver(lake, source, values={column: "null"})
        result = check(lake, source, "completeness")
        deliver(lake, source)
        [broken] = [rule for rule in result.rules if not rule.passed]
        assert broken.name == f"nulls_of_{column}"
        assert broken.examples[0]["file"] == f"{source}/{FILES - 1}"
