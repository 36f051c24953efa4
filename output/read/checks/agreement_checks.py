"""Whether values that are stored twice, or follow from others, agree: a page's title in its article, a URL's host."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import TEXTLESS_KINDS
from broadsheet.cleaners.document import KeepReason, PageType, RemovalReason
from broadsheet.cleaners.urls.canonical import host_of
from broadsheet.output.db.ids import content_id
from broadsheet.output.db.text import sql_words
from broadsheet.output.db.url_words import OutcomeReason, ReasonFamily
from broadsheet.output.read.checks.finding import Finding, row_finding, value_finding
from broadsheet.output.store.stated_date import read_stated_date

_ARTICLES = ("articles", "shelved")
_OF_PAGE = "SELECT a.id FROM {} a JOIN pages p ON p.id = a.page_id WHERE a.{} IS NOT p.{}"
_PAGE_COLUMNS = (("title", "title"), ("canonical_url", "canonical_url"), ("capture_id", "capture_id"),
                 ("cleaner_version", "cleaner_version"))  # fmt: skip
_LAST_TITLES = f"""SELECT a.id FROM {{}} a JOIN revisions r ON r.article_id = a.id
    WHERE r.number = (SELECT max(number) FROM revisions WHERE article_id = a.id
        AND change NOT IN {sql_words(TEXTLESS_KINDS)}) AND r.title IS NOT a.title"""
_MISSING_PAGES = f"""SELECT id FROM urls WHERE kind = 'page' AND state = 'done' AND reason IN {sql_words(PageType)}
    AND id NOT IN (SELECT id FROM pages)"""
_CONTRADICTIONS = f"""SELECT b.page_id, b.position FROM {{}} b JOIN reasons r ON r.id = b.reason_id
    WHERE CASE b.kept WHEN 1 THEN r.reason IN {sql_words(RemovalReason)} ELSE r.reason IN {sql_words(KeepReason)} END"""
_EARLIER_REASONS = ("redirect_without_location",)
_KNOWN_REASON = re.compile(
    "|".join(
        (
            r"(?:http_\d{3})?",
            *(re.escape(word) for word in (*PageType, *OutcomeReason, *_EARLIER_REASONS)),
            rf"(?:{'|'.join(ReasonFamily)}):.*",
        )
    ),
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class NumberedTable:
    """A table whose rows have a number from their content: `columns` is SQL for the texts that it is made of."""

    name: str
    columns: str
    make_id: Callable[..., int] = content_id


NUMBERED_TABLES = (
    NumberedTable("captures", "url, fetched_at, payload_digest"),
    NumberedTable("robots_files", "host, access, text"),
    NumberedTable("cleaners", "version, rules, model, site_rules, libraries"),
    NumberedTable("takedowns", "pattern"),
    NumberedTable("rulings", "CAST(block_id AS TEXT), coalesce(CAST(article_id AS TEXT), ''), coalesce(host, '')"),
    NumberedTable("articles", "url"),
    NumberedTable("shelved", "url"),
    NumberedTable("layouts", "host, lower(hex(signature))"),
)


def row_numbers(db: Database) -> Iterator[Finding]:
    """The number of a row that is made from its content is that of the content."""
    for table in NUMBERED_TABLES:
        for row_id, *parts in db.conn.execute(f"SELECT id, {table.columns} FROM {table.name}"):
            if table.make_id(*map(_text, parts)) != row_id:
                yield row_finding(table.name, row_id, f"has not the number of its {table.columns.split(',')[0]}")


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def hosts(db: Database) -> Iterator[Finding]:
    """The host beside a URL is that of the URL."""
    for table in ("urls", *_ARTICLES):
        for row_id, url, host in db.conn.execute(f"SELECT id, url, host FROM {table}"):
            if host_of(_text(url)) != host:
                yield value_finding(table, "host", row_id, "is not that of its URL")


def dates(db: Database) -> Iterator[Finding]:
    """Instant and day of a date are those of what the page states."""
    for table in _ARTICLES:
        for name in ("published", "modified"):
            query = f"SELECT id, {name}, {name}_day, {name}_raw FROM {table} WHERE {name}_raw IS NOT NULL"
            for row_id, instant, day, raw in db.conn.execute(query):
                date = read_stated_date(_text(raw))
                if (date.instant or None, date.day or None) != (instant, day):
                    yield value_finding(table, name, row_id, f"is not the date of {name}_raw")


def copied_values(db: Database) -> Iterator[Finding]:
    """What an article has from its page, and its last revision from the article, is the same in both."""
    for table in _ARTICLES:
        for column, page_column in _PAGE_COLUMNS:
            for (row_id,) in db.execute(_OF_PAGE.format(table, column, page_column)):
                yield value_finding(table, column, row_id, "is not that of its page")
        type_column = "page_type" if table == "articles" else "own_type"
        for (row_id,) in db.execute(_OF_PAGE.format(table, "page_type", type_column)):
            yield value_finding(table, "page_type", row_id, "is not that of its page")
        for (row_id,) in db.execute(_LAST_TITLES.format(table)):
            yield value_finding(table, "title", row_id, "is not that of its last revision")


def url_reasons(db: Database) -> Iterator[Finding]:
    """A URL's reason is a word that there is, and a page that was read has its row."""
    for column in ("reason", "held_reason"):
        for row_id, reason in db.conn.execute(f"SELECT id, {column} FROM urls WHERE {column} IS NOT NULL"):
            if not _KNOWN_REASON.fullmatch(_text(reason)):
                yield value_finding("urls", column, row_id, f"is {_text(reason)[:40]!r}, which is no reason")
    for (row_id,) in db.execute(_MISSING_PAGES):
        yield row_finding("pages", row_id, "is missing")


def block_reasons(db: Database) -> Iterator[Finding]:
    """A kept block has a reason to keep it, a removed one a reason to remove it."""
    for table in ("page_blocks", "own_verdicts", "overruled"):
        for page_id, position in db.execute(_CONTRADICTIONS.format(table)):
            yield value_finding(table, "reason_id", f"{page_id}/{position}", "contradicts whether the block is kept")
