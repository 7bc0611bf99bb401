"""Every check of a table or of the files that arrived, as a function from an open lake to a result.

Belongs here: what is evaluated, its evidence, and for how long a result holds. Keep out: how Dagster shows it.
"""
