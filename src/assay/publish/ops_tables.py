"""The tables and views of `ops` that readers get."""

OPS_TABLES = (
    "files",
    "archives",
    "sources",
    "schema_changes",
    "snapshots",
    "acceptances",
    "tables",
    "seen",
    "conservation",
    "checks",
    "check_results",
    "profiles",
    "quality_score",
    "deliveries",
    "freshness",
    "retired",
    "publications",
    "pruned",
    "rebuilds",
    "build_costs",
)
HISTORY = ("checks", "check_results")
"""Tables of `ops` to which runs add, the most by far; after old rows were dropped they are copied whole."""
OPS_VIEWS = ("live_files", "current_files")
