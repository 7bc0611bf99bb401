"""Patches of library behaviour that has no setting: one module for each, listed in `registry` with a switch.

Belongs here: whatever replaces a private name of Dagster, and the garbage collector's settings. Keep out: all that
Dagster's public interface can do, and anything that the lake cannot do without.
"""
