"""Articles as CSV (RFC 4180) that a spreadsheet opens without running anything.

A cell that begins with `=`, `+`, `-`, `@`, tab or carriage return is a formula to a spreadsheet; such a text gets
an apostrophe in front, as the OWASP page on CSV injection advises.
"""

from __future__ import annotations

import csv
from typing import TextIO

from sqlite_utils import Database

from output.db.text import inert_text
from output.exports.rows import article_columns, iter_articles

_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_SEPARATOR = "; "  # of authors or tags in one cell


def export_csv(db: Database, stream: TextIO, *, one_per_cluster: bool = False) -> int:
    """Write a head line and the articles to the stream, opened with newline='', and return how many articles."""
    writer = csv.writer(stream)
    names = article_columns(db)
    writer.writerow(names)
    count = 0
    for article in iter_articles(db, one_per_cluster=one_per_cluster):
        writer.writerow([csv_cell(article[name]) for name in names])
        count += 1
    return count


def csv_cell(value: object) -> object:
    """A value as a CSV cell: numbers unchanged, lists joined, texts made harmless."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, dict):
        value = _SEPARATOR.join(f"{key}={source}" for key, source in value.items())
    text = inert_text(_SEPARATOR.join(map(str, value)) if isinstance(value, list) else str(value))
    return "'" + text if text.startswith("\t") or text.lstrip().startswith(_FORMULA_STARTS) else text
