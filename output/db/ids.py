"""Ids that derive from content, so that two archives of one site agree on them and can be merged."""

from __future__ import annotations

import hashlib

RECORD_BITS = 53  # articles, captures, runs: exact in JSON numbers and in a pandas float column
BLOCK_BITS = 63  # block texts: there are many, and their ids never leave SQLite as JSON numbers
LARGEST_INTEGER = 2**63 - 1
"""The largest that SQLite takes: a person's number that is larger has to be told apart from it, or bounded by it."""


def content_id(*parts: str, bits: int = RECORD_BITS) -> int:
    """Return the first `bits` bits of the SHA-256 of the parts, joined by NUL, as a non-negative integer."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits)


def text_digest(text: str) -> str:
    """Return 128 bits of the SHA-256 of the text, white space folded, as hexadecimal; empty for no text."""
    folded = " ".join(text.split())
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:32] if folded else ""
