"""A function of the project that reads the pages of an API which yml cannot describe.

It stands in `feeds/` of the dbt project, is called with a `HookClient` and a `HookWindow`, and yields lists of records
as `Reply.records` gives them. What holds for other feeds holds for it: who is asked, what is tried again, limits, and
that nothing lands unless it comes to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from assay.base.left_out import let_in_pandas
from assay.base.user_code import raised_by_project
from assay.connectors.rest.client import Client
from assay.connectors.rest.document import MISSING, Page, at, document_of, page_of
from assay.connectors.rest.exchange import Response
from assay.contract.feed_kinds.rest import RestFeed
from assay.feeds.errors import FeedError, Permanent

FOLDER = "feeds"
"""Of the dbt project."""


@dataclass(frozen=True)
class HookWindow:
    """What is asked for.

    Attributes:
        since: From when on, as `format` of the window writes it; empty for a whole source.
        until: Until when; empty for a whole source.
    """

    since: str = ""
    until: str = ""


class Reply:
    """A response.

    Attributes:
        headers: By name in lower case.
    """

    def __init__(self, client: Client, response: Response) -> None:
        self._client, self._response = client, response
        self.headers = response.headers

    def records(self, pointer: str = "") -> list[bytes]:
        """The records in the array at a JSON pointer, each as the source sent it.

        Raises:
            FeedError: There is no array of objects, or the body was cut.
        """
        response = self._response
        page: Page = self._telling(lambda: page_of(response.body, pointer, is_lines=response.is_lines))
        return page.lines

    def value(self, pointer: str) -> Any:
        """What stands at a JSON pointer, numbers as texts; None where nothing does.

        Raises:
            FeedError: The body was cut.
        """
        value = at(self._telling(lambda: document_of(self._response.body)), pointer)
        return None if value is MISSING else value

    def _telling(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except FeedError as error:
            raise self._client.told(error, self._response) from None


class HookClient:
    """Asks the API of a feed; with its `params`, `headers` and `auth`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(self, link: str = "", params: Mapping[str, str] | None = None) -> Reply:
        """Ask for an url of the API, or a path below `url`; the feed's own path when it is left out."""
        return Reply(self._client, self._client.get(link, {**self._client.params, **(params or {})}))

    def post(self, link: str = "", json: Any = None, params: Mapping[str, str] | None = None) -> Reply:
        """Send JSON, for an API that is asked that way."""
        return Reply(self._client, self._client.post(link, {**self._client.params, **(params or {})}, json))


def hook_pages(feed: RestFeed, client: Client, window: HookWindow, project: Path) -> Iterator[list[bytes]]:
    """The pages that the hook of a feed gives.

    Args:
        feed: With a hook.
        client: Asks its API.
        window: What is asked for.
        project: The dbt project.

    Raises:
        Permanent: There is no such function, it fails, or it gives something else.
    """
    whose = f"feed {feed.source}: hook {feed.hook}"
    try:
        for page in _function(feed, project)(HookClient(client), window):
            if not isinstance(page, list) or not all(isinstance(line, bytes) for line in page):
                raise Permanent(f"{whose} yields {type(page).__name__}, expected a list as `reply.records(…)` gives it")
            yield page
    except FeedError:
        raise
    except Exception as error:
        where = raised_by_project(error, project)
        if not where:
            raise
        raise Permanent(client.scrubbed(f"{whose} fails: {where}")) from None


def _function(feed: RestFeed, project: Path) -> Callable[[HookClient, HookWindow], Iterable[list[bytes]]]:
    module_name, _, name = feed.hook.partition(":")
    path = project / FOLDER / f"{module_name}.py"
    if not path.is_file():
        raise Permanent(f"feed {feed.source}: hook {feed.hook}: there is no {FOLDER}/{path.name} in the dbt project")
    spec = spec_from_file_location(f"assay_feeds_{module_name}", path)
    assert spec is not None  # noqa: S101 - its name ends with .py
    assert spec.loader is not None  # noqa: S101 - as above
    module = module_from_spec(spec)
    let_in_pandas()  # the project's own code may use it
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise Permanent(f"feed {feed.source}: hook {feed.hook}: {FOLDER}/{path.name} has no function {name}")
    return function  # type: ignore[no-any-return]
