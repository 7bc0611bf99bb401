"""The landing assets: one per source, which looks at the landing zone and writes the ledger."""

import time
from collections.abc import Container, Iterator, Mapping, Sequence

import dagster as dg

from assay.base import log
from assay.base.settings import Settings
from assay.base.warehouse import transaction
from assay.checks.session import Session
from assay.contract.catalog import Catalog
from assay.contract.contract import Contract
from assay.contract.declared_feeds import feeds_of
from assay.ledger.archives import read_archives
from assay.ledger.folded_files import find
from assay.ledger.landing_zone import Arrival, settled
from assay.ledger.scan import Ledger, Looked
from assay.ledger.unclaimed import NAMED, list_unclaimed
from assay.orchestration.keys import feed_key, landing_key
from assay.orchestration.metadata_tables import text_table


def landing_assets(catalog: Catalog) -> dg.AssetsDefinition:
    """One asset per source of the catalog; together one step, because files of all sources settle in the same wait."""
    fed = feeds_of(catalog.models)

    @dg.multi_asset(
        name="landing",
        specs=[_spec(contract, fed) for contract in catalog.contracts.values()],
        can_subset=True,
        required_resource_keys={"lake"},
    )
    def landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        lake: Session = context.resources.lake
        wanted = [lake.catalog.contracts[key.path[-1]] for key in sorted(context.selected_asset_keys)]
        settings = lake.settings
        settings.landing.mkdir(parents=True, exist_ok=True)
        by_source, unlisted = _find_all(settings, wanted)
        ready, growing = settled(
            each_once(by_source),
            settle_seconds=settings.settle_seconds,
            limit_seconds=settings.settle_limit_seconds,
        )
        for arrival in growing:
            context.log.warning(f"{arrival.name} is still being written; it is taken by the next run")
            log.info("file", status="growing", run=lake.run_id, file=arrival.name)
        for contract in wanted:
            if contract.source in by_source:
                yield look(lake, contract, ready, by_source[contract.source])
        for warning in _of_unclaimed(lake):
            context.log.warning(warning)
        if unlisted:
            raise dg.Failure("; ".join(unlisted), allow_retries=False)

    return landing


def each_once(by_source: Mapping[str, Sequence[Arrival]]) -> list[Arrival]:
    """The arrivals of all sources; one that several sources share is one file, which each of them sees once."""
    return list({arrival.name: arrival for arrivals in by_source.values() for arrival in arrivals}.values())


def _find_all(settings: Settings, wanted: Sequence[Contract]) -> tuple[dict[str, list[Arrival]], list[str]]:
    """The files of each source, and the errors of those that cannot be listed: one bad folder fails its source only."""
    by_source, unlisted = {}, []
    for contract in wanted:
        try:
            by_source[contract.source] = find(settings.landing, contract.files)
        except OSError as error:
            unlisted.append(f"landing.{contract.source}: {contract.files} cannot be listed: {error.strerror or error}")
    return by_source, unlisted


def _of_unclaimed(lake: Session) -> Iterator[str]:
    """Warnings about files that no source claims."""
    archives = read_archives(lake.connection)
    unclaimed = list_unclaimed(lake.settings.landing, list(lake.catalog.contracts.values()), archives)
    if unclaimed.count:
        log.info("unclaimed", run=lake.run_id, files=unclaimed.count, bytes=unclaimed.size_bytes)
        yield f"{unclaimed.in_words(NAMED)}; `assay files --unclaimed` says why"
    if unclaimed.problem:
        yield unclaimed.problem


def look(
    lake: Session, contract: Contract, ready: list[Arrival], arrivals: list[Arrival]
) -> dg.MaterializeResult[None]:
    """Write the sightings of one source to the ledger and say what they were."""
    began = time.perf_counter()
    names = {arrival.name for arrival in arrivals}
    ledger = Ledger(lake.connection, contract, lake.run_id, lake.settings.archive_limits)
    with transaction(lake.connection):
        looked = ledger.look(arrival for arrival in ready if arrival.name in names)
    _log(lake, contract.source, looked, ready)
    return dg.MaterializeResult(
        asset_key=landing_key(contract.source),
        metadata={**_metadata(looked), "seconds": round(time.perf_counter() - began, 3)},
    )


def _log(lake: Session, source: str, looked: Looked, ready: list[Arrival]) -> None:
    if not log.is_on():
        return
    sizes = {arrival.name: arrival.hint.size_bytes for arrival in ready if arrival.hint}
    seen = [(status, name, None) for status in ("arrived", "duplicate", "missing") for name in getattr(looked, status)]
    for status, name, reason in [*seen, *(("refused", name, log.brief(why)) for name, why in looked.refused)]:
        log.info("file", status=status, run=lake.run_id, source=source, file=name, bytes=sizes.get(name), reason=reason)


def _spec(contract: Contract, fed: Container[str]) -> dg.AssetSpec:
    return dg.AssetSpec(
        landing_key(contract.source),
        deps=[feed_key(contract.source)] if contract.source in fed else None,
        group_name="landing",
        kinds={"file", contract.format.type},
        owners=[f"team:{contract.owner}"],
        tags={"assay/layer": "landing", "assay/load": contract.load},
        description=(
            f"One row per sighting of a file of {contract.source}, in the ledger `ops.files`: which content arrived "
            f"under which name, and what became of it.\n\nLooks at `{contract.files}` in the landing zone, under "
            f"contract {contract.version}. A content that was loaded before is a *duplicate*, whatever its name; a "
            f"file that does not fit is *refused* with its reason. `assay files {contract.source}` lists them all."
        ),
    )


def _metadata(looked: Looked) -> Mapping[str, dg.MetadataValue | int]:
    counts = {
        "files_known": looked.known,
        "files_arrived": len(looked.arrived),
        "files_duplicate": len(looked.duplicate),
        "files_refused": len(looked.refused),
        "files_missing": len(looked.missing),
        "bytes_hashed": looked.size_bytes,
    }
    return {
        **counts,
        **({"arrived": text_table(("file",), [(name,) for name in looked.arrived])} if looked.arrived else {}),
        **({"refused": text_table(("file", "reason"), looked.refused)} if looked.refused else {}),
    }
