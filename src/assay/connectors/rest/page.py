"""A response as a page: what is refused of it, and what it says of other pages."""

from __future__ import annotations

import re
from typing import Any

from assay.connectors.rest.document import MISSING, Page, at, kind_of, page_of
from assay.connectors.rest.exchange import Response
from assay.contract.feed_kinds.rest import RestFeed
from assay.feeds.errors import Permanent, Transient

NO_CONTENT = 204
_DIGITS = 18
"""Of the largest number of records that is believed."""
_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)')
_REL = re.compile(r';\s*rel\s*=\s*"?([^";]*)"?', re.IGNORECASE)
_NO_JSON = ("text/html", "text/csv", "text/xml", "application/xml")


def read_page(feed: RestFeed, response: Response, wanted: tuple[str, ...]) -> Page:
    """The page in a response.

    Raises:
        Permanent: It is not what was declared.
        Transient: It was cut.
    """
    if response.status == NO_CONTENT:
        return Page()
    if not response.body.strip():
        raise Transient("the body is empty, expected JSON")
    if response.media_type in _NO_JSON:
        raise Permanent(f"the body is {response.media_type}, expected JSON")
    if response.is_lines and not response.has_end:
        raise Permanent("lines come without their length, so that nobody would know of a cut; read a JSON document")
    page = page_of(response.body, "" if response.is_lines else feed.records, wanted, is_lines=response.is_lines)
    if feed.errors and (wrong := at(page.envelope, feed.errors)) not in (MISSING, None, False, "", [], {}):
        raise Transient(f"{feed.errors} of the document is {kind_of(wrong)}: the source could not give all of it")
    return page


def links_of(header: str) -> dict[str, str]:
    """The links of a header `Link`, by what they are."""
    links: dict[str, str] = {}
    for target, attributes in _LINK.findall(header):
        for names in _REL.findall(attributes):
            links |= dict.fromkeys(names.lower().split(), target)
    return links


def number_at(value: Any, pointer: str) -> int:
    """A whole number that stands at a pointer.

    Raises:
        Permanent: It is none.
    """
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise Permanent(f"{pointer} is {kind_of(value)}, expected a whole number")
    return int(value)


def text_at(value: Any, pointer: str) -> str:
    """A text or number that stands at a pointer, by which a page is asked for.

    Raises:
        Permanent: It is none.
    """
    if not isinstance(value, str) or not value:
        raise Permanent(f"{pointer} is {kind_of(value) if value != '' else 'empty'}, expected a text or a number")
    return value
