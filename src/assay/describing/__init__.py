"""Files before they are a source: what a contract would make of them, and which contract fits them.

Belongs here: looking at files that no landing zone holds. Keep out: the lake itself, which nothing here touches.
"""
