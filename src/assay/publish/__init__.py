"""What readers see: the session of a run, the switch to a new snapshot, status and service levels.

Belongs here: what happens when a run begins and ends, and what is read from what is published.
"""
