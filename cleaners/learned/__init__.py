"""Blocks as numbers, and the decision trees that read them."""
