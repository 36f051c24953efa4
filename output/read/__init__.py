"""Search, explain, examples, verify: what a reading connection is enough for."""
