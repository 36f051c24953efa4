"""The characters of scripts without spaces between words (Chinese, Japanese), as the full-text index knows them.

The index reads them as overlapping pairs and triples; its SQL is in `broadsheet.output.db.migrations.v1_fulltext`, with
the value of these ranges that it was shipped with. What searches, counts words or compares texts must take the same
ones.
"""

from __future__ import annotations

import re

CJK_RANGES = "⺀-⿟々-〇぀-ヿ㐀-䶿一-鿿豈-﫿\U00020000-\U000323af"
"""Ranges of a character class, as SQLite's GLOB and regular expressions both read it."""

CJK_CHARACTER = re.compile(f"[{CJK_RANGES}]")
