"""The contract of a source as an object: read from dbt's manifest, checked, and turned into what others need.

Belongs here: what can be said about a table without opening a lake. Keep out: Dagster, file access, SQL execution.
"""
