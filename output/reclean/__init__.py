"""Cleaning stored pages again: replacing their readings, what that changes, and undoing it."""
