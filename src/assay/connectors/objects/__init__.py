"""Feeds of whole files: objects of buckets, and files of servers."""
