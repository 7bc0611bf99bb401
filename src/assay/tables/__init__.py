"""Silver and gold: dbt in this process, the rebuild of the keys that changed, and versions of tables.

Belongs here: what a stored table was made with, and how it is brought up to date.
"""
