"""A page cleaned again: the reading replaced, what changed, and back."""
