"""`assay feed`: what fetches into the landing zone."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from assay.base import log
from assay.base.printable import printable
from assay.base.settings import Settings
from assay.cli.console import complain, out
from assay.contract.catalog import Catalog
from assay.contract.contract import Contract
from assay.contract.declared_feeds import feeds_of
from assay.contract.feed import FeedDeclaration
from assay.contract.feed_kinds.objects import ObjectsFeed
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.contract.masking import hidden_columns
from assay.contract.names import TableName
from assay.contract.personal import MASKED
from assay.contract.places import OF_RECORD
from assay.contract.pointer import pointer_keys, pointer_of
from assay.feeds.errors import FeedError, Permanent
from assay.feeds.frame import Fetched
from assay.feeds.sample import Sample
from assay.fetching.kinds import fetcher_of, sample_of
from assay.fetching.process import become
from assay.fetching.running import run_once
from assay.tables.dbt import parse_if_changed

FAILED = 1
NONE = "no source of this project has a feed; docs/feeds.md shows one"
_RECORDS = 10
_WIDEST = 60
"""Characters of a value that `assay feed test` shows."""
_MEANS_OF_WEBHOOKS = (
    "Events are counted from the beginning again. What is loaded or has landed stays; senders are asked for nothing."
)


_MEANS = (
    "The next fetch reads the whole table again, into an epoch of its own. What is loaded stays: rows that are "
    "read again replace those of their keys, and of a watermark rows that the source deleted meanwhile "
    "stay in silver. Of changes the new epoch replaces all before it, and a new slot the one before."
)
_MEANS_OF_FILES = (
    "The next fetch reads all files again, to the names that they had. What is loaded stays, and a file with the bytes "
    "that it had adds nothing."
)


def declared(settings: Settings) -> tuple[Catalog, dict[str, FeedDeclaration]]:
    """The project, and its feeds by name."""
    parse_if_changed(settings)
    catalog = Catalog.read(settings.dbt_project)
    return catalog, feeds_of(catalog.models)


def show() -> None:
    """Print all feeds; secrets are shown as the references that the yml has."""
    _, feeds = declared(Settings.from_env())
    table = Table("feed", "kind", "reads", "every", "from")
    for name, feed in feeds.items():
        table.add_row(name, feed.kind, escape(feed.what), f"{feed.every:g} s", escape(feed.where))
    out.print(table if feeds else NONE)


def run(name: str, *, is_once: bool) -> int:
    """Fetch a feed; gives the exit code."""
    settings = Settings.from_env()
    log.configure(settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        catalog, feeds = declared(settings)
        feed = known_feed(feeds, name)
        if isinstance(feed, WebhookFeed):
            fetcher_of(settings, feed).fetch()  # says who brings its events; no fetch of it is noted
        if not is_once:
            become(catalog.models[TableName.of_source(name).model], name)
        run_once(settings, feed, lambda fetched: _tell(name, fetched), _tell_wait)
    except FeedError as error:
        complain(str(error), feed=name)
        return FAILED
    return 0


def _tell_wait(sentence: str) -> None:
    if not log.is_on():
        complain(sentence)


def try_out(name: str) -> int:
    """Show what a feed would read; gives the exit code."""
    settings = Settings.from_env()
    try:
        catalog, feeds = declared(settings)
        feed = known_feed(feeds, name)
        if isinstance(feed, WebhookFeed):
            from assay.cli import webhook_trial  # noqa: PLC0415 - what checks signatures

            webhook_trial.show(feed, catalog.contracts[name])
            return 0
        sample = sample_of(settings, feed, _RECORDS)
    except FeedError as error:
        complain(str(error), feed=name)
        return FAILED
    if sample.is_of_files:
        _show_files(sample)
        return 0
    contract = catalog.contracts[name]
    promised: dict[str, list[str]] = {}
    for name_there, wanted in _promised(contract):
        promised.setdefault(name_there, []).append(wanted)
    shown = Table("column", "type there", "lands as", "in the contract")
    for column in sample.columns:
        wanted = ", ".join(promised.pop(column.name, ["-"]))
        shown.add_row(escape(printable(column.name)), escape(column.there), column.landed, escape(wanted))
    for missing, kinds in promised.items():
        shown.add_row(escape(missing), "[red]is not there[/]", "", escape(", ".join(kinds)))
    out.print(shown)
    hidden = hidden_columns(catalog, TableName.of_source(name).table, [column.name for column in sample.columns])
    records = Table(*(escape(printable(column.name)) for column in sample.columns))
    for row in sample.records:
        cells = zip(row, sample.columns, strict=True)
        records.add_row(*(_value(value, column.name in hidden) for value, column in cells))
    out.print(records)
    for note in sample.notes:
        out.print(note, highlight=False, markup=False)
    if hidden:
        out.print(f"{MASKED}: columns about people, and those that the contract does not name", highlight=False)
    return 0


def _show_files(sample: Sample) -> None:
    """Print the first files that would land; their names are no values."""
    table = Table(*(column.name for column in sample.columns))
    for row in sample.records:
        table.add_row(*(escape(printable(str(value))) for value in row))
    out.print(table if sample.records else "nothing is there")


def _promised(contract: Contract) -> Iterator[tuple[str, str]]:
    """Of each column of a contract by what name the source has it, or what it stands in; and its type."""
    places = dict(contract.format.places)
    for column in (column for column in contract.columns if not column.name.startswith("_")):  # those are Assay's own
        place = places.get(column.name, pointer_of(column.name))
        is_of_record = place.startswith(OF_RECORD) or contract.format.each is None
        keys = pointer_keys(place.removeprefix(OF_RECORD) if is_of_record else str(contract.format.each))
        is_itself = is_of_record and keys == (column.name,)
        yield keys[0], column.type.declared if is_itself else f"{column.name} {column.type.declared}"


def _means(feed: FeedDeclaration) -> str:
    """What a new epoch of a feed means."""
    match feed:
        case WebhookFeed():
            return _MEANS_OF_WEBHOOKS
        case ObjectsFeed():
            return _MEANS_OF_FILES
    return _MEANS


def reset(name: str, *, is_sure: bool) -> int:
    """Begin a new epoch of a feed; gives the exit code."""
    settings = Settings.from_env()
    try:
        feed = _feed(settings, name)
        means = _means(feed)
        if not is_sure:
            out.print(f"{means}\n`assay feed reset {name} --epoch` does it.", highlight=False)
            return 0
        fetcher = fetcher_of(settings, feed)
        with fetcher.alone():
            epoch = fetcher.begin_epoch()
    except FeedError as error:
        complain(str(error), feed=name)
        return FAILED
    out.print(f"feed {name} is in epoch {epoch}. {means}", highlight=False)
    return 0


def _feed(settings: Settings, name: str) -> FeedDeclaration:
    return known_feed(declared(settings)[1], name)


def known_feed(feeds: dict[str, FeedDeclaration], name: str) -> FeedDeclaration:
    """The feed of a name.

    Raises:
        Permanent: There is none.
    """
    if name not in feeds:
        known = f"; there are {', '.join(sorted(feeds))}" if feeds else "; no source of this project has one"
        raise Permanent(f"there is no feed {name!r}{known}")
    return feeds[name]


def _tell(name: str, fetched: Fetched) -> None:
    """Print what a fetch brought; the log has its own line."""
    if not log.is_on():
        count = len(fetched.batches) if fetched.unit == "records" else 0
        files = f" in {count:,} file{'s' if count > 1 else ''}" if count else ""
        size = f", {fetched.size_bytes:,} bytes" if fetched.batches else ""
        out.print(
            f"{name}: {fetched.records:,} {fetched.unit} landed{files}{size}{_because(fetched.note)}", highlight=False
        )


def _because(note: str) -> str:
    return f" ({note})" if note else ""


def _value(value: object, is_hidden: bool) -> str:
    if value is None:
        return "[dim]NULL[/]"
    text = MASKED if is_hidden else printable(str(value))
    return escape(text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…")
