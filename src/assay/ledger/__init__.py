"""What has arrived: the landing zone, the inspection of a file, and the ledger of files `ops.files`.

Belongs here: which content arrived under which name, what became of it, and which of two contents counts.
"""
