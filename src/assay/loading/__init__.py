"""Loads files into bronze: rows, malformed records and the ledger in one transaction; the fast and the strict way.

Belongs here: what is written when a file is loaded. Keep out: how its bytes become typed rows (`reading`).
"""
