"""What is published, opened for a command; what is missing is said in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import duckdb

from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.publish.reader import open_published
from assay.publish.states import IF_MISSING, moved_from


class NothingPublished(UserError):
    """No run has published anything yet."""


class MovedLake(UserError):
    """The folder of what is published has another path than when it was published."""


@contextmanager
def published_lake(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to what is published now.

    Args:
        settings: The lake.

    Raises:
        NothingPublished: There is nothing to read yet.
        MovedLake: A table's files are looked for where the lake was.
    """
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(open_published(settings.published))
        except FileNotFoundError:
            raise NothingPublished("nothing is published yet; `assay run` loads what has arrived") from None
        try:
            yield connection
        except duckdb.Error as error:
            if IF_MISSING in str(error) and (before := moved_from(settings.published)):
                raise MovedLake(
                    f"{settings.published} was {before} when it was published last; `assay run` publishes it here"
                ) from None
            raise
