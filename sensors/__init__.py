"""WHEN something runs: what has arrived is loaded, and what fell behind is rebuilt, without a hand.

Belongs here: pure decisions over what is seen, each with a thin decorator that Dagster calls. Keep out: what a run
does.
"""
