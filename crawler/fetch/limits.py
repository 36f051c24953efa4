"""Limits on the size and form of a response. One that exceeds them fails its own URL only."""

from __future__ import annotations

HEAD_BYTES = 256 * 1024
"""Bytes of status line and headers together, those of interim (1xx) responses included."""

HEAD_LINES = 1000
"""Lines of status line and headers together."""

HEAD_LINE_BYTES = 64 * 1024
"""Bytes of one header line."""

WIRE_SHARE = 2
"""Bytes on the wire after the head, as a multiple of the body's limit: chunked encoding adds its framing."""

MAX_CODINGS = 3
"""Content codings applied one on top of the other."""

MAX_STREAMS = 64
"""Compressed streams (gzip members, zstd frames) joined into one body."""

MAX_RATIO = 200
"""Decompressed size of a body as a multiple of its size on the wire, once it is over `RATIO_MIN_BYTES`."""

RATIO_MIN_BYTES = 1024 * 1024
"""Decompressed bytes below which the ratio is not checked."""

ZSTD_WINDOW_LOG = 23
"""Zstandard's window, 8 MB: what RFC 9659 allows a server to ask of a client."""
