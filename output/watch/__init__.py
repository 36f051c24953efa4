"""When to look again, and what an edit is."""
