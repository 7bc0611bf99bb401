"""What exists: landing, the dbt models, what is published; their checks beside them.

Belongs here: asset definitions and what they emit. Keep out: how files are read and tables are written (resources),
when anything runs (sensors).
"""
