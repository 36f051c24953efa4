"""Many WARC files taken in side by side, each into an archive of its own."""
