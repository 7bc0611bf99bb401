"""Assay: files in, gold out, nothing lost. The engine of a lakehouse on Dagster, dbt and DuckDB."""
