"""Search, explain, examples, verify: all that needs only a read-only connection."""
