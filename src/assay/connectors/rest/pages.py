"""From one page to the next, until the last one is known to be the last; what is in doubt is an error.

A listing that ends early looks like one that is whole. So each type of paging says why it ended, and a page that
contradicts another one fails all that was read: a total that changes, a cursor that comes again, a page that is not
full before others, a full one after which nothing says that it was the last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.connectors.rest.document import MISSING, Page, at, kind_of
from assay.connectors.rest.exchange import Response
from assay.connectors.rest.keyset import Keyset
from assay.connectors.rest.page import NO_CONTENT, links_of, number_at, read_page, text_at
from assay.contract.feed_kinds.rest import RestFeed
from assay.feeds.errors import FeedError, Permanent, Transient


@dataclass(frozen=True)
class Ask:
    """A request for a page: its parameters, or a link that was given."""

    params: tuple[tuple[str, str], ...] = ()
    link: str = ""
    base: str = ""


Sender = Callable[[Ask], Response]


class Walk:
    """All pages of one reading.

    Args:
        feed: How pages lead on.
        send: Asks for one.
        told: Adds to an error about a response whose it is.
        params: Of the first request, and of all that are not links.
        look: Looks at each page; raises what is wrong with it.
        wanted: Pointers into each record, whose values `look` gets.
        bound: The end of a window whose records come in the order of their time, in ISO form; None for none.
    """

    def __init__(
        self,
        feed: RestFeed,
        send: Sender,
        told: Callable[[FeedError, Response], FeedError],
        params: Mapping[str, str],
        look: Callable[[Page], object] = lambda _: None,
        wanted: tuple[str, ...] = (),
        bound: str | None = None,
    ) -> None:
        self._feed, self._paging, self._send, self._told, self._look = feed, feed.paging, send, told, look
        self._fixed = dict(params)
        self._wanted = (*wanted, *([feed.paging.key] if feed.paging.key else []))
        self._seen: set[Ask] = set()
        self._last: list[bytes] = []
        self._keys, self._inside = Keyset(feed.paging, bound), 0
        self._total: int | None = None
        self._short: int | None = None
        self._asked_pages = self._came = 0
        self.pages = self.records = 0
        self.ended_by = ""
        self.digest = hashlib.sha256()

    def first(self) -> Page:
        """The first page alone."""
        response = self._send(self._ask(*self._step(self._paging.first)))
        return self._page(response)

    def lines(self) -> Iterator[bytes]:
        """All records; when it ends, all of them were there, and `ended_by` says by what that is known.

        Raises:
            FeedError: They were not.
        """
        ask: Ask | None = self._ask(*self._step(self._paging.first))
        while ask is not None:
            if ask in self._seen:
                raise Transient(f"feed {self._feed.source}: the same page is asked for twice: a cursor came again")
            self._seen.add(ask)
            response = self._send(ask)
            page = self._page(response)
            try:
                fresh = self._fresh(page)
                self.pages += 1
                self.records += len(fresh)
                ask = self._next(page, fresh, response)
                if ask is None:
                    self._check_total()
            except FeedError as error:
                raise self._told(error, response) from None
            for line in fresh:
                self.digest.update(line + b"\n")
            yield from fresh

    def _page(self, response: Response) -> Page:
        try:
            page = read_page(self._feed, response, self._wanted)
            if page.is_single and self._paging.type != "none":
                raise Permanent(
                    f"{self._feed.records or 'the document'} is an object, expected the array of records; say where "
                    "it stands by `records: /data`"
                )
            self._look(page)
        except FeedError as error:
            raise self._told(error, response) from None
        return page

    def _ask(self, *pairs: tuple[str, str]) -> Ask:
        paging = self._paging
        size = [(paging.size_param, str(paging.size))] if paging.size_param else []
        return Ask((*self._fixed.items(), *size, *pairs))

    def _step(self, number: int) -> list[tuple[str, str]]:
        return [(self._paging.param, str(number))] if self._paging.type in ("page", "offset") else []

    def _fresh(self, page: Page) -> list[bytes]:
        """The records of a page that were not on the one before."""
        paging, lines = self._paging, page.lines
        if paging.size and len(lines) > paging.size:
            raise Permanent(f"a page has {len(lines):,} records, expected at most {paging.size:,}; correct `size`")
        if lines and lines == self._last and not paging.has_overlap and not paging.is_inclusive:
            raise Permanent("a page is the one before once more; is `param` what the API calls it?")
        fresh = lines
        if paging.has_overlap and self.pages:
            if lines[:1] != self._last[-1:]:
                raise Transient("the pages shifted while they were read: a record went or came before the last one")
            fresh = lines[1:]
        self._inside = len(fresh)
        if paging.type == "keyset":
            fresh, self._inside = self._keys.fresh(page)
        self._last = lines
        return fresh

    def _next(self, page: Page, fresh: list[bytes], response: Response) -> Ask | None:
        """What to ask for then; None where this was the last page, for the reason that `ended_by` has."""
        paging, count = self._paging, len(page.lines)
        self._note_total(page)
        if response.status == NO_CONTENT:
            self.ended_by = "no content"
            return None
        if self._short is not None and self._inside:
            raise Transient(
                f"a page of {self._short:,} records was not the last one, expected {paging.size:,}: `size` is not what "
                "the API gives, or the page was cut"
            )
        self._short = count if count < paging.size else None
        return _NEXT[paging.type](self, page, fresh, response)

    def _flag(self, page: Page) -> bool | None:
        """What the document says of a next page; None where it is not declared that it does."""
        pointer = self._paging.more
        if pointer is None:
            return None
        value = at(page.envelope, pointer)
        if not isinstance(value, bool):
            raise Permanent(f"{pointer} is {kind_of(value)}, expected true or false")
        return value

    def _is_over(self, page: Page, fresh: list[bytes]) -> bool:
        """Whether the last page is known to be this one, by what pages of numbers and keys have in common."""
        flag = self._flag(page)
        if flag is not None:
            if flag and not fresh:
                raise Transient(f"{self._paging.more} says that more follows a page with nothing new")
            return not flag and self._is_end(f"{self._paging.more} is false")
        if self._total is not None:
            if not fresh and self.records < self._total:
                raise Transient(f"an empty page after {self.records:,} of {self._total:,} records")
            return self.records >= self._total and self._is_end(f"all {self._total:,} records came")
        is_last = not fresh or (self._paging.has_overlap and len(page.lines) == 1)
        return is_last and self._is_end("a page without new records")

    def _is_end(self, reason: str) -> bool:
        self.ended_by = reason
        return True

    def _after_all(self, _: Page, __: list[bytes], response: Response) -> Ask | None:
        if "next" in links_of(response.headers.get("link", "")):
            raise Permanent("the response has a next page (header Link); declare `paging: {type: link}`")
        self.ended_by = "the only page"
        return None

    def _after_number(self, page: Page, fresh: list[bytes], _: Response) -> Ask | None:
        paging = self._paging
        if paging.pages is not None:
            number = number_at(at(page.envelope, paging.pages), paging.pages)
            if self._asked_pages and number != self._asked_pages:
                raise Transient(f"{paging.pages} was {self._asked_pages:,} and is {number:,}: the pages shifted")
            self._asked_pages = number
            if self.pages >= number:
                self.ended_by = f"page {self.pages:,} of {number:,}"
                return None
        elif self._is_over(page, fresh):
            return None
        self._came += len(page.lines) - (1 if paging.has_overlap and self.pages > 1 else 0)
        step = self.pages if paging.type == "page" else self._came - (1 if paging.has_overlap else 0)
        return self._ask(*self._step(paging.first + step))

    def _after_cursor(self, page: Page, _: list[bytes], response: Response) -> Ask | None:
        paging = self._paging
        value = at(page.envelope, paging.next) if paging.next else response.headers.get(paging.next_header.lower(), "")
        if self._is_last(page, value):
            return None
        return self._ask((paging.param, text_at(value, paging.next or paging.next_header)))

    def _after_link(self, page: Page, _: list[bytes], response: Response) -> Ask | None:
        if self._paging.next is None:
            links = links_of(response.headers.get("link", ""))
            value: Any = links.get("next", None if links else MISSING)
        else:
            value = at(page.envelope, self._paging.next)
        if self._is_last(page, value):
            return None
        return Ask(link=text_at(value, self._paging.next or "Link"), base=response.url)

    def _is_last(self, page: Page, value: Any) -> bool:
        """Whether a page is the last one by what stands where the next one is named."""
        flag, is_full = self._flag(page), len(page.lines) == self._paging.size
        if flag is False:
            return self._is_end(f"{self._paging.more} is false")
        if value not in (MISSING, None, ""):
            return False
        if flag:
            raise Transient(f"{self._paging.more} says that more follows, and nothing says where")
        if value is MISSING and is_full and (self._total is None or self.records < self._total):
            raise Transient("a full page names no next one, and nothing says that it is the last")
        return self._is_end("no next page")

    def _after_keyset(self, page: Page, fresh: list[bytes], _: Response) -> Ask | None:
        if self._is_over(page, fresh):
            return None
        if self._keys.is_past_bound:
            self.ended_by = "the end of the window"
            return None
        return self._ask((self._paging.param, self._keys.key))

    def _note_total(self, page: Page) -> None:
        pointer = self._paging.total
        if pointer is None or page.envelope is None:
            return
        number = number_at(at(page.envelope, pointer), pointer)
        if self._total is not None and number != self._total:
            raise Transient(f"{pointer} was {self._total:,} and is {number:,}: records came or went while it was read")
        self._total = number

    def _check_total(self) -> None:
        if self._total is not None and self.records != self._total:
            raise Transient(f"{self._paging.total} says {self._total:,} records, and {self.records:,} came")


_NEXT: Mapping[str, Callable[[Walk, Page, list[bytes], Response], Ask | None]] = {
    "none": Walk._after_all,
    "page": Walk._after_number,
    "offset": Walk._after_number,
    "cursor": Walk._after_cursor,
    "link": Walk._after_link,
    "keyset": Walk._after_keyset,
}
