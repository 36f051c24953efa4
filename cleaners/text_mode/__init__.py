"""Cleaning of plain text, whose markup is gone: each line is kept or removed."""
