"""All that imports Dagster: factories of assets, checks, resources and sensors, and the run launcher.

Belongs here: what Dagster has to know of a lake. Keep out: decisions and checks, which work without Dagster.
"""
