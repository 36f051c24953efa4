"""Bytes on the wire to WARC records, and back."""
