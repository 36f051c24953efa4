"""The reading room: a page on this machine over an archive, to see it, judge it and mend it."""
