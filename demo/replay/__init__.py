"""`assay replay`: the demo's sources, written as the files that would have arrived on the days asked for.

Belongs here: which row arrives on which day, and how its file looks. Keep out: the command line, the lake's tables,
and any repair of the data: values are written exactly as the source has them. docs/demo-data.md is this package in
prose.
"""

from demo.replay.arrivals import PeriodError
from demo.replay.replaying import ReplaySummary, replay
from demo.replay.source_data import DemoDataMissingError

__all__ = ["DemoDataMissingError", "PeriodError", "ReplaySummary", "replay"]
