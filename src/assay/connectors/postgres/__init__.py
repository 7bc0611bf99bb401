"""PostgreSQL: a table whole, by watermark, or by the log of its changes."""
