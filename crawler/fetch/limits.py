"""How much an answer may cost, and the error for one that cannot be used. Each costs its own URL only."""

from __future__ import annotations

HEAD_BYTES = 256 * 1024
"""Bytes of status line and headers together, those of 1xx answers before the real one included."""

HEAD_LINES = 1000
"""Lines of the same."""

HEAD_LINE_BYTES = 64 * 1024
"""Bytes of one header line."""

MAX_CODINGS = 3
"""Content encodings on top of one another."""

MAX_MEMBERS = 64
"""Compressed streams joined into one body."""

RATIO = 200
"""Times its size on the wire that a body may unpack to, once it is over `RATIO_FROM` bytes."""

RATIO_FROM = 1024 * 1024

ZSTD_WINDOW_LOG = 23
"""Zstandard's window, 8 MB: what RFC 9659 allows a server to ask of a client."""
