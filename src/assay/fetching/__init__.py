"""Running feeds, once or again and again, as processes that the services look after; and how things stand with them.

Which connector reads which kind is known here. Imports connectors and the frame; knows no Dagster.
"""
