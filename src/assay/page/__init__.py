"""The status page: the state of a lake as HTML.

Belongs here: how what is published is shown. Keep out: what is worked out of it.
"""
