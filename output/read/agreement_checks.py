"""Checks that tables agree: values stored twice, counts, rows that need another row.

`invariants.toml` has those that SQL can test: each a query, and the words for what it finds. The others compute.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import TEXTLESS_KINDS
from broadsheet.cleaners.document import ARTICLE_TYPES, KeepReason, PageType, RemovalReason
from broadsheet.cleaners.page.canonical_urls import host_of

from ..archive.metadata_columns import read_stated_date
from ..archive.stored_values import content_id
from ..archive.url_words import OutcomeReason, ReasonFamily
from ..settle.unsettled import settled_removed_counts
from ..write.removed_counts import count_removed
from .file_checks import Finding, row_finding, value_finding

_ARTICLES = ("articles", "shelved")
_KNOWN_REASON = re.compile(
    "|".join(
        (
            r"(?:http_\d{3})?",
            *(re.escape(word) for word in (*PageType, *OutcomeReason)),
            rf"(?:{'|'.join(ReasonFamily)}):.*",
        )
    ),
    re.DOTALL,
)


_WORD_SETS: Mapping[str, Iterable[str]] = {
    "article_types": ARTICLE_TYPES,
    "page_types": PageType,
    "keep_reasons": KeepReason,
    "removal_reasons": RemovalReason,
    "textless_kinds": TEXTLESS_KINDS,
}
"""The parameters of the queries in `invariants.toml`."""


@cache
def _invariants() -> Mapping[str, Sequence[Mapping[str, str]]]:
    return tomllib.loads(files(__package__).joinpath("invariants.toml").read_text("utf-8"))


def _broken(db: Database, check: str) -> Iterator[Finding]:
    """Yield a finding for each row that breaks an invariant of a check."""
    words = {name: json.dumps(list(words)) for name, words in _WORD_SETS.items()}
    for invariant in _invariants()[check]:
        for row in db.conn.execute(invariant["query"], words):
            location = invariant["place"].format(*row)
            yield Finding(f"{location} {invariant['fault'].format(*row)}", location)


def articles_and_pages(db: Database) -> Iterator[Finding]:
    """Check that pages and articles name one another, and each page that looks like an article has one."""
    yield from _broken(db, "articles_and_pages")


def ledgers(db: Database) -> Iterator[Finding]:
    """Check that each ledger has no gap, that blocks = kept + removed, that each reason fits, and that the page has a
    layout.
    """
    yield from _broken(db, "ledgers")


def copied_values(db: Database) -> Iterator[Finding]:
    """Check that copied values agree: a page's with its article's, an article's title with its last revision's."""
    yield from _broken(db, "copied_values")


def url_counts(db: Database) -> Iterator[Finding]:
    """Check the stored counts of URLs by state, and that no article waits for the full-text index."""
    yield from _broken(db, "url_counts")


class NumberedTable(NamedTuple):
    """A table that derives row numbers from content; `columns` is SQL for the texts that are hashed."""

    name: str
    columns: str
    make_id: Callable[..., int] = content_id


NUMBERED_TABLES = (
    NumberedTable("captures", "url, replace(fetched_at, 'Z', '+00:00'), payload_digest"),
    NumberedTable("robots_files", "host, access, text"),
    NumberedTable("_cleaners", "version, rules, model, site_rules, libraries"),
    NumberedTable("takedowns", "pattern"),
    NumberedTable(
        "corrections",
        "CASE WHEN block_id THEN CAST(block_id AS TEXT) ELSE field END, coalesce(CAST(article_id AS TEXT), ''),"
        " coalesce(host, '')",
    ),
    NumberedTable("articles", "url"),
    NumberedTable("shelved", "url"),
    NumberedTable("_layouts", "host, lower(hex(signature))"),
)


def row_numbers(db: Database) -> Iterator[Finding]:
    """Check that each number that is derived from a row's content matches the content."""
    for table in NUMBERED_TABLES:
        for row_id, *parts in db.conn.execute(f"SELECT id, {table.columns} FROM {table.name}"):
            if table.make_id(*map(_text, parts)) != row_id:
                yield row_finding(table.name, row_id, f"has not the number of its {table.columns.split(',')[0]}")


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def hosts(db: Database) -> Iterator[Finding]:
    """Check that each stored host matches its URL."""
    for table in ("urls", *_ARTICLES):
        for row_id, url, host in db.conn.execute(f"SELECT id, url, host FROM {table}"):
            if host_of(_text(url)) != host:
                yield value_finding(table, "host", row_id, "is not that of its URL")


def dates(db: Database) -> Iterator[Finding]:
    """Check that the instant and the day of each date follow from the date that the page states."""
    for table in _ARTICLES:
        for name in ("published", "modified"):
            query = f"SELECT id, {name}, {name}_day, {name}_stated FROM {table} WHERE {name}_stated IS NOT NULL"
            for row_id, instant, day, raw in db.conn.execute(query):
                date = read_stated_date(_text(raw))
                if (date.instant or None, date.day or None) != (instant, day):
                    yield value_finding(table, name, row_id, f"is not the date of {name}_stated")


def url_reasons(db: Database) -> Iterator[Finding]:
    """Check that the reason of each URL is a known word."""
    for column in ("reason", "held_reason"):
        for row_id, reason in db.conn.execute(f"SELECT id, {column} FROM urls WHERE {column} IS NOT NULL"):
            if not _KNOWN_REASON.fullmatch(_text(reason)):
                yield value_finding("urls", column, row_id, f"is {_text(reason)[:40]!r}, which is not a reason")


def removed_counts(db: Database) -> Iterator[Finding]:
    """Check settling's counts of removed blocks against the ledgers, for hosts that have not changed since."""
    for host, stored in settled_removed_counts(db):
        if stored is not None and stored != count_removed(db, host):
            yield Finding(f"the blocks removed on {host} are other ones than settling has counted")


NEEDED_ROWS = (
    ("articles", "id", "revisions", "article_id"),
    ("articles", "id", "changes", "article_id"),
    ("captures", "coalesce(rendered_for, url)", "urls", "url"),  # what a page loads in a browser has no row
    ("_resource_users", "url", "urls", "url"),
    ("captures", "robots_id", "robots_files", "id"),
    ("revisions", "capture_id", "captures", "id"),
    ("_pending_revisions", "capture_id", "captures", "id"),
    ("_yields", "run_id", "runs", "id"),
    ("_reclean_before", "reclean_id", "runs", "_reclean"),
    ("alarms", "run_id", "runs", "id"),
    ("_pictures", "capture_id", "captures", "id"),
    ("_page_files", "user_id", "urls", "id"),
    ("_page_files", "url_id", "urls", "id"),
    ("pages", "layout_id", "_layouts", "id"),
)
"""Table and column whose value needs a row elsewhere, without a foreign key."""


def needed_rows(db: Database) -> Iterator[Finding]:
    """Check that all referenced rows exist, also where the schema has no foreign key.

    Uses `NOT IN`, because some referenced columns have no index: SQLite then builds one, once.
    """
    for table, column, parent, parent_column in NEEDED_ROWS:
        for (value,) in db.execute(missing_rows_query(table, column, parent, parent_column)):
            yield row_finding(table, value, f"refers by {column} to a missing row of {parent}")


def missing_rows_query(table: str, column: str, parent: str, parent_column: str) -> str:
    """Return SQL for the values of a column that are missing from `parent_column` of the other table."""
    return f"""SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL
        AND {column} NOT IN (SELECT {parent_column} FROM {parent} WHERE {parent_column} IS NOT NULL)"""
