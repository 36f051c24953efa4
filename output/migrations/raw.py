"""Version 3: the raw responses, in WARC files beside the archive."""

from __future__ import annotations

RAW: tuple[str, ...] = ()
