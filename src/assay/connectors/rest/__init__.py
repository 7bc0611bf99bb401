"""HTTP APIs, whole or by windows of time."""
