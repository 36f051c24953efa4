"""Comparison of pages with pages of the site (boilerplate, layouts), and of two captures of a page (edits)."""
