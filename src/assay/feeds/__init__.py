"""Feeds: what fetches from databases and APIs, and writes files into landing, each row at least once and in order.

A feed is a small class with `read(position)`; everything that all feeds share (`frame.py`) is done once: names that are
positions, durable writing, one writer, repeating, counting. Imports what is published and the contracts; knows no
Dagster.
"""
