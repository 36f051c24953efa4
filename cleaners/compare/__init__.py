"""Pages with pages (what a site repeats), and captures with captures (edits)."""
