"""Which host may be asked now, at what pace, by which robots.txt."""
