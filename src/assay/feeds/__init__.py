"""What all feeds share: each fetches from a source and writes files into landing, each record at least once, in order.

A feed is a small class with `read(position)` (`assay.connectors`); the frame does the rest once: names that are
positions, durable writing, one writer, counting. Imports what is published and the contracts; knows no Dagster.
"""
