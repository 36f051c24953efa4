"""Articles as JSON lines: one object a line, UTF-8, values exact."""

from __future__ import annotations

import json
from typing import TextIO

from sqlite_utils import Database

from output.db.text import escaped_json
from output.exports.rows import iter_articles


def export_jsonl(db: Database, stream: TextIO, *, one_per_cluster: bool = False) -> int:
    """Write the articles to the stream and return how many. Control and direction characters are escaped."""
    count = 0
    for article in iter_articles(db, one_per_cluster=one_per_cluster):
        stream.write(escaped_json(json.dumps(article, ensure_ascii=False)) + "\n")
        count += 1
    return count
