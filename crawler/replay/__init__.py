"""Replay of a crawl from WARC files: import, cleaning again, and trials on stored pages."""
