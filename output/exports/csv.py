"""Articles as CSV (RFC 4180) that a spreadsheet opens without running anything.

A cell that begins with `=`, `+`, `-`, `@`, tab or carriage return is a formula to a spreadsheet; such a text gets
an apostrophe in front, as the OWASP page on CSV injection advises.
"""

from __future__ import annotations

import csv
from typing import TextIO

from sqlite_utils import Database

from output.db.text import inert
from output.exports.rows import articles, columns

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_BETWEEN = "; "  # between the authors or tags in one cell


def export_csv(db: Database, stream: TextIO, *, one_per_cluster: bool = False) -> int:
    """Write a head line and the articles to the stream, opened with newline='', and return how many articles."""
    writer = csv.writer(stream)
    names = columns(db)
    writer.writerow(names)
    count = 0
    for article in articles(db, one_per_cluster=one_per_cluster):
        writer.writerow([cell(article[name]) for name in names])
        count += 1
    return count


def cell(value: object) -> object:
    """The value as a cell: numbers as they are, lists joined, texts inert."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, dict):
        value = _BETWEEN.join(f"{key}={source}" for key, source in value.items())
    text = inert(_BETWEEN.join(map(str, value)) if isinstance(value, list) else str(value))
    return "'" + text if text.startswith("\t") or text.lstrip().startswith(_FORMULA) else text
