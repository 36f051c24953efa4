"""Feeds of an archive: what is new in it, and what changed, for feed readers."""
