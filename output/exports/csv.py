"""Articles as CSV (RFC 4180) that a spreadsheet opens without running anything.

A cell that begins with `=`, `+`, `-`, `@`, tab or carriage return is a formula to a spreadsheet, and so may be one with
characters before it that are not to be seen; such a text gets an apostrophe in front, as the OWASP page on CSV
injection advises. So does an entry of a list, since a spreadsheet may be told to part cells at a semicolon.
"""

from __future__ import annotations

import csv
import unicodedata
from typing import TextIO

from sqlite_utils import Database

from broadsheet.output.db.text import inert_text
from broadsheet.output.exports.rows import article_columns, iter_articles

_FORMULA_STARTS = frozenset("=+-@\u2212")
_INVISIBLE_CATEGORIES = frozenset(("Cc", "Cf", "Mn", "Zl", "Zp", "Zs"))
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")  # fillers of Hangul
_BYTE_ORDER_MARK = "\ufeff"
_SEPARATOR = "; "  # of authors or tags in one cell


def export_csv(db: Database, stream: TextIO, *, one_per_cluster: bool = False, byte_order_mark: bool = False) -> int:
    """Write a head line and the articles to the stream, opened with newline='', and return how many articles.

    With a byte order mark in front, Excel takes the file for UTF-8, which it is.
    """
    stream.write(_BYTE_ORDER_MARK if byte_order_mark else "")
    writer = csv.writer(stream)
    names = article_columns(db)
    writer.writerow(map(csv_cell, names))
    count = 0
    for article in iter_articles(db, one_per_cluster=one_per_cluster):
        writer.writerow([csv_cell(article[name]) for name in names])
        count += 1
    return count


def csv_cell(value: object) -> object:
    """A value as a CSV cell: numbers unchanged, lists joined, texts and the entries of lists made harmless."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, dict):
        value = [f"{key}={source}" for key, source in value.items()]
    return _SEPARATOR.join(map(_inert_cell, value)) if isinstance(value, list) else _inert_cell(value)


def _inert_cell(value: object) -> str:
    text = inert_text(str(value))
    return "'" + text if text.startswith("\t") or _begins_formula(text) else text


def _begins_formula(text: str) -> bool:
    """Whether the first character that is to be seen, or what it is a variant of (full width, small), is a sign of
    formulas."""
    for char in text:
        if char not in _INVISIBLE_LETTERS and unicodedata.category(char) not in _INVISIBLE_CATEGORIES:
            return unicodedata.normalize("NFKC", char)[0] in _FORMULA_STARTS
    return False
