"""What this lake consists of: its tables and checks, and Python assets of its own."""
