"""Exporters, one module a format; each streams, with one article in memory at a time."""
