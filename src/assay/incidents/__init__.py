"""Incidents: what is wrong now, told once to the right people, and closed by itself.

`kinds` says what can be wrong, `causes` finds it, `reconcile` decides what opens, rises and closes, `store` keeps
incidents and messages in a file of their own, `notifier` delivers them.
"""
