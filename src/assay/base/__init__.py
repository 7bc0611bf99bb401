"""What all other packages use: settings, the clock, the run lock, the log, the warehouse, atomic writes, signals.

Belongs here: handles on the machine that know nothing of contracts. Imports no other package of the engine.
"""
