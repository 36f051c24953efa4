"""The same from WARC files: import, and cleaning again."""
