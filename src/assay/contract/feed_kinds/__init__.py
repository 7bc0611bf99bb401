"""The kinds of feeds as a yml declares them: what each reads, and what it says of its source's contract."""
