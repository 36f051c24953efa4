"""The full-text index: the scripts without spaces in it, and when articles enter it."""
