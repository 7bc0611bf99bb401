"""Contracts in the Open Data Contract Standard (ODCS): a table's yml as a document of it, and a document as a yml.

Belongs here: what stands where in a document. Keep out: what a contract means, which `assay.contract` says.
"""
