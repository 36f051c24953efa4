"""An answer to exactly one outcome; what a worker does for a page."""
