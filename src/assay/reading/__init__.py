"""A file as typed rows: exact casts, and one reader for each format.

Belongs here: SQL and Arrow streams over one file. Keep out: where the rows go, and what the ledger says of the file.
"""
