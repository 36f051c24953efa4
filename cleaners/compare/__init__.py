"""Comparing texts: the pages of one site (repeated boilerplate), and two captures of one page (edits)."""
