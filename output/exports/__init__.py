"""Exporters, one format a file; each streams and holds one article in memory at a time."""
