"""The compiled SQL of the project's models, worked out once for each state of the project."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Lock, Thread

from assay.base.settings import Settings
from assay.tables.dbt import DbtError, compile_models

_LOG = logging.getLogger(__name__)


class CompiledModels:
    """Compiles when somebody asks and the project has changed since; dbt itself works on one at a time.

    Args:
        settings: The lake, whose project is parsed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, Lock()
        self._known: tuple[tuple[int, ...], Mapping[str, str]] | None = None

    def by_model(self) -> Mapping[str, str]:
        """The SQL of each model, by name; none where the project does not compile."""
        stamp = self._stamp()
        with self._lock:
            if self._known is None or self._known[0] != stamp:
                try:
                    self._known = (stamp, compile_models(self._settings))
                except DbtError as error:
                    _LOG.warning("the project does not compile: %s", error)
                    self._known = (stamp, {})
            return self._known[1]

    def begin(self) -> None:
        """Compile in the background, so that who asks first need not wait for dbt to be imported."""
        Thread(target=self.by_model, name="compile", daemon=True).start()

    def _stamp(self) -> tuple[int, ...]:
        stat = (self._settings.dbt_project / "target" / "manifest.json").stat()
        return (stat.st_ino, stat.st_mtime_ns, stat.st_size)
