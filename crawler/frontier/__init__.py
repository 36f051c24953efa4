"""The scheduler: which URL may be requested now, at what pace, and by which robots.txt."""
