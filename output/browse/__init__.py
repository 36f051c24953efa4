"""The reading room: web pages on this machine to read, judge and mend an archive."""
