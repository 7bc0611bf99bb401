"""With what: settings, the lock of the one writer, DuckDB, the ledger, the readers of files, dbt.

Belongs here: handles and what they do to the outside. Keep out: assets, checks, decisions about when; no other
package of ours is imported but `contracts`.
"""
