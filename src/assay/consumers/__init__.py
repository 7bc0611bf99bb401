"""For those who read what is published: connection lines, where a value comes from, a server for assistants.

All of it reads `published/` alone; nothing here writes to the lake.
"""
