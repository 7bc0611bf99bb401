"""When something runs, as pure decisions: the landing watch, back-off, breakers, results that end.

Belongs here: decisions over what is seen. Keep out: Dagster's sensors, which ask them.
"""
