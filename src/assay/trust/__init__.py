"""What there is to know about a published table before one relies on it: pure functions over one published state."""
