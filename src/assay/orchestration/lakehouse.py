"""One lake, as the input of all factories of Dagster's definitions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from assay.base.run_lock import RunLock
from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.triggers.landing_watch import LandingWatch


@dataclass(frozen=True)
class Lakehouse:
    """One lake.

    Attributes:
        settings: Where it is and how its runs behave.
        catalog: All models, contracts and promises of its project.
        lock: The run lock, when this process took it before it starts a run.
    """

    settings: Settings
    catalog: Catalog
    lock: RunLock | None = None

    @classmethod
    def open(cls, settings: Settings | None = None) -> Lakehouse:
        """The lake of the project that is found from here, or of some settings.

        Raises:
            ContractError: A contract or promise cannot be used.
            SettingsError: A setting cannot be used.
        """
        settings = settings or Settings.from_env()
        return cls(settings, Catalog.read(settings.dbt_project))

    @cached_property
    def watch(self) -> LandingWatch:
        """What looks at the landing zone, shared by all sensors of a process."""
        return LandingWatch(self.settings, self.catalog)
