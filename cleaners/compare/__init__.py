"""Comparison of pages with pages (layouts, texts), and of two captures of a page (edits)."""
