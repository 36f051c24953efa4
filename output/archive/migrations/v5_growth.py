"""Version 5: what is deleted is found by indexes, so that a takedown of many captures reads no whole table for each."""

from __future__ import annotations

GROWTH: tuple[str, ...] = (
    "CREATE INDEX pages_capture ON pages (capture_id)",
    "CREATE INDEX articles_capture ON articles (capture_id)",
    "CREATE INDEX shelved_capture ON shelved (capture_id)",
)
