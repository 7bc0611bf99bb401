"""Incidents: what is wrong now, told once to the right people, and closed by itself.

`kinds` says what can be wrong, `reconcile` decides what opens, rises and closes, `store` keeps incidents and messages
in a file of their own. Keep out: what the causes are (`sensors/causes.py`) and how messages travel (`notifier.py`).
"""
