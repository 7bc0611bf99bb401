"""What people look at: the state of a lake on a page.

Belongs here: how what is published is shown. Keep out: what is worked out of it.
"""
