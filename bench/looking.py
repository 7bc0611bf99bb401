"""What a look of the sensor costs when nothing is new: 10,000 files in landing, of one source and of fifty."""

from __future__ import annotations

import copy
import os
from pathlib import Path

from report import Table, settings_of

from assay.base.settings import Settings
from assay.base.warehouse import connect, transaction
from assay.contract.catalog import Catalog
from assay.ledger.folded_files import find
from assay.ledger.scan import Ledger
from assay.publish.publishing import publish_ops
from assay.triggers.landing_watch import LandingWatch

FILES = 10_000
LOOKS = 20


def tables(folder: Path) -> list[Table]:
    """One table; the base lists the folders and asks for the size and times of each file, and nothing more."""
    table = Table(f"{LOOKS} looks at {FILES:,} files of which none is new", "listing alone")
    works = {}
    for sources in (1, 50):
        settings = settings_of(home=folder / str(sources))
        catalog = _catalog(sources)
        _fill(settings, catalog, FILES // sources)
        watch = LandingWatch(settings, catalog)
        assert watch.look()[0] == {}  # noqa: S101 - the ledger is read now, as after each run
        if sources == 1:
            works["listing alone"] = lambda at=settings.landing: [_list(at) for _ in range(LOOKS)]
        works[f"looks at {sources} sources"] = lambda out=watch: [out.look() for _ in range(LOOKS)]  # type: ignore[misc]
    table.measure(works)
    return [table]


def _catalog(sources: int) -> Catalog:
    """The receipts' contract under some names."""
    node = dict(Catalog.read(Settings.from_env().dbt_project).models["bronze_transactions"])
    models = {}
    for number in range(sources):
        made = copy.deepcopy(node)
        made["name"] = f"bronze_s{number}"
        made["config"]["meta"]["contract"]["files"] = f"s{number}/*.csv"
        models[made["name"]] = made
    return Catalog({"nodes": {}}, models)


def _fill(settings: Settings, catalog: Catalog, files: int) -> None:
    """Files that the ledger knows, and the ledger as readers see it."""
    header = ",".join(next(iter(catalog.contracts.values())).names)
    for source in catalog.contracts:
        (settings.landing / source).mkdir(parents=True)
        for number in range(files):
            path = settings.landing / source / f"day_{number:05d}.csv"
            path.write_text(f"{header}\n{source} {number}\n")
            os.utime(path, (1_500_000_000, 1_500_000_000))
    connection = connect(settings.warehouse, wait_seconds=0)
    for contract in catalog.contracts.values():
        with transaction(connection):
            Ledger(connection, contract, "bench").look(find(settings.landing, contract.files))
    connection.execute("update ops.files set status = 'loaded'")
    publish_ops(connection, settings.published)
    connection.close()


def _list(landing: Path) -> int:
    return sum(entry.stat().st_size for folder in os.scandir(landing) for entry in os.scandir(folder.path))
