"""Verification of an archive: each check tests one invariant of the file and names what breaks it.

`invariants.toml` has the checks that SQL can make: each a query, and the words for what it finds. The others compute.
Rows and values are read one at a time, so memory does not grow with the archive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import TEXTLESS_KINDS
from broadsheet.cleaners.document import ARTICLE_TYPES, KeepReason, PageType, RemovalReason
from broadsheet.cleaners.lineage import CLEANER_VERSION
from broadsheet.cleaners.package_data import read_toml
from broadsheet.cleaners.page.canonical_urls import host_of

from ..archive.archive_errors import DamagedValue
from ..archive.archive_file import TORN_COPY, database_file, is_torn_copy
from ..archive.ledger import read_layout
from ..archive.metadata_columns import JSON_COLUMNS, SOURCES_COLUMN, read_stated_date
from ..archive.revisions import VersionMetadata
from ..archive.row_sample import WHOLE, RowSample
from ..archive.stored_text import SQL_ARTICLE_TYPES, count_words, sql_words
from ..archive.stored_values import content_id, decoding, json_object, json_texts, text_digest
from ..archive.text_links import stored_links, text_links
from ..archive.url_words import OutcomeReason, ReasonFamily
from ..raw.picture_files import picture_faults
from ..raw.warc_reader import raw_faults
from ..settle.own_reading import unpack_reading
from ..settle.page_table import unpack_scan
from ..settle.unsettled import settled_removed_counts
from ..write.assembled_text import assemble_page
from ..write.removed_counts import count_removed
from .file_checks import (
    Finding,
    column_values,
    foreign_keys,
    full_text,
    integrity,
    row_finding,
    schema_objects,
    schema_version,
    value_finding,
)  # fmt: skip

_MAX_PROBLEMS = 20  # of one check

Check = Callable[..., Iterator[Finding]]
"""A check of a database; those of `_SAMPLED_CHECKS` take a `RowSample` too."""


class ArchiveProblem(NamedTuple):
    """A broken invariant: the check that found it, and a one-line description.

    `location` names the value or row, as `pages/evidence row 12`; empty if there is none.
    """

    check: str
    detail: str
    location: str = ""


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


def _broken(db: Database, check: str) -> Iterator[Finding]:
    """Yield a finding for each row that breaks an invariant of a check."""
    words = {name: json.dumps(list(words)) for name, words in _WORD_SETS.items()}
    for invariant in read_toml(__package__, "invariants.toml")[check]:
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


_TEXTS = "SELECT id, text, markdown, page_id, cleaner_version FROM articles WHERE {}"
_BY_PERSON = f"""SELECT b.page_id FROM _page_blocks b JOIN _reasons r ON r.id = b.reason_id
    WHERE r.reason IN {sql_words((KeepReason.RESTORED, RemovalReason.REMOVED_BY_PERSON))}"""
_ARTICLE_PAGES = f"""SELECT id, text_digest, word_count FROM pages
    WHERE own_type IN {SQL_ARTICLE_TYPES} AND id IN (SELECT page_id FROM _page_blocks)
    AND id NOT IN ({_BY_PERSON}) AND {{}}"""
_OWN_BLOCKS = """SELECT t.text FROM _page_blocks b
        LEFT JOIN _own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        CROSS JOIN _block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? AND coalesce(o.kept, b.kept) = 1 ORDER BY b.position"""
_ARTICLE_TEXTS = f"""SELECT a.id, a.text, a.word_count, coalesce(
        (SELECT text_digest FROM _pending_revisions WHERE article_id = a.id), (SELECT r.text_digest FROM revisions r
        WHERE r.article_id = a.id AND r.change NOT IN {sql_words(TEXTLESS_KINDS)} ORDER BY r.number DESC LIMIT 1))
    FROM {{table}} a WHERE {{part}}"""
_STANDFIRSTS = "SELECT id, page_id, standfirst FROM {table} WHERE standfirst <> '' AND {part}"
_LINKED_TEXTS = "SELECT id, page_id, url, markdown, cleaner_version FROM {table} WHERE {part}"
_BLOCKS_OF_PAGE = """SELECT t.text FROM _page_blocks b CROSS JOIN _block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? ORDER BY b.position"""


def block_texts(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check that the number of each block text is its digest."""
    for block_id, text in db.conn.execute(f"SELECT id, text FROM _block_texts WHERE {sample.condition('id')}"):
        if not isinstance(text, str) or content_id(text) != block_id:
            yield value_finding("_block_texts", "text", block_id, "is not the text of that number")


def article_texts(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check that each article's text is exactly the kept blocks of its page and of the pages that continue it.

    Also checks its Markdown, if this version of the cleaner made it.
    """
    for article_id, text, markdown, page_id, cleaner in db.conn.execute(_TEXTS.format(sample.condition("id"))):
        assembled = assemble_page(db, page_id)
        if assembled.text.split() != text.split():
            yield value_finding("articles", "text", article_id, "is not its kept blocks")
        elif cleaner == CLEANER_VERSION and assembled.markdown.split() != markdown.split():
            yield value_finding("articles", "markdown", article_id, "is not its kept blocks")


def page_digests(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check each article page's digest and word count against its own kept blocks, except where a person
    ruled on them.
    """
    for page_id, digest, word_count in db.conn.execute(_ARTICLE_PAGES.format(sample.condition("id"))).fetchall():
        text = "\n".join(block_text for (block_text,) in db.conn.execute(_OWN_BLOCKS, [page_id]))
        if text_digest(text) != digest:
            yield value_finding("pages", "text_digest", page_id, "is not that of its own blocks")
        elif count_words(text) != word_count:
            yield value_finding("pages", "word_count", page_id, "is not that of its own blocks")


def article_digests(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check each article's word count, and the digest of its last revision, against its text."""
    for table in _ARTICLES:
        query = _ARTICLE_TEXTS.format(table=table, part=sample.condition("a.id"))
        for article_id, text, word_count, digest in db.conn.execute(query):
            if count_words(text) != word_count:
                yield value_finding(table, "word_count", article_id, "is not that of its text")
            if digest is not None and text_digest(text) != digest:
                yield value_finding(table, "text", article_id, "has not the digest of its last revision")


def standfirsts(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check that each line of a standfirst is a whole line of a block of its page."""
    for table in _ARTICLES:
        query = _STANDFIRSTS.format(table=table, part=sample.condition("id"))
        for article_id, page_id, standfirst in db.conn.execute(query).fetchall():
            texts = [text for (text,) in db.conn.execute(_BLOCKS_OF_PAGE, [page_id])]
            page_lines = {" ".join(line.split()) for text in texts for line in text.splitlines()}
            if not page_lines.issuperset(" ".join(line.split()) for line in standfirst.splitlines()):
                yield value_finding(table, "standfirst", article_id, "does not stand on its page")


def text_link_rows(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check that the listed links of each text are those in its Markdown."""
    for table in _ARTICLES:
        query = _LINKED_TEXTS.format(table=table, part=sample.condition("id"))
        for article_id, page_id, url, markdown, cleaner in db.conn.execute(query).fetchall():
            listed, found = stored_links(db, page_id), text_links(markdown, url)
            if cleaner != CLEANER_VERSION:  # another one may spell addresses otherwise
                listed, found = ([link._replace(url="") for link in links] for links in (listed, found))
            if listed != found:
                yield value_finding(table, "markdown", article_id, "has other links than are listed")


_METADATA = {name: json_object if name == SOURCES_COLUMN else json_texts for name in sorted(JSON_COLUMNS)}
_JSON_COLUMNS: Mapping[str, Mapping[str, Callable[[object], object]]] = {
    "runs": {"options": json_object, "versions": json_object, "counts": json_object},
    "captures": dict.fromkeys(("directives", "usage", "usage_stated"), json_texts),
    "pages": {"evidence": json_texts, "robots": json_texts},
    "articles": dict(_METADATA),
    "_shelf": {"article": json_object},
    "shelved": dict(_METADATA),
    "revisions": {"kinds": json_texts},
    "_imports": {"options": json_object, "records": json_object},
}
"""The columns that hold JSON, by table, with their decoders."""

_ROW_NAMES = {"revisions": "article_id || '/' || number", "_imports": "file"}
"""SQL of the columns that identify a row in tables without an `id`."""

_LAYOUTS = """SELECT l.page_id, l.layout, l.chances, p.blocks FROM _page_layout l LEFT JOIN pages p ON p.id = l.page_id
    WHERE {}"""
_READINGS = """SELECT b.page_id, b.reclean_id, b.before, coalesce(u.url, '') FROM _reclean_before b
    LEFT JOIN urls u ON u.id = b.page_id WHERE {}"""


def stored_values(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check that every packed value can be decoded."""
    for table in _JSON_COLUMNS:
        yield from _json_faults(db, table)
    for article_id, before in db.conn.execute("SELECT article_id, before FROM _pending_revisions"):
        yield from _fault_of(partial(VersionMetadata.from_json, before), "_pending_revisions", "before", article_id)
    for page_id, layout, chances, block_count in db.conn.execute(_LAYOUTS.format(sample.condition("l.page_id"))):
        yield from _fault_of(partial(check_layout, layout, block_count), "_page_layout", "layout", page_id)
        yield from _fault_of(partial(check_chances, chances, block_count), "_page_layout", "chances", page_id)
    yield from _scan_faults(db, sample)
    yield from _reading_faults(db, sample)


def _json_faults(db: Database, table: str) -> Iterator[Finding]:
    decoders = _JSON_COLUMNS[table]
    rows = db.conn.execute(f"SELECT {_ROW_NAMES.get(table, 'id')}, {', '.join(decoders)} FROM {table}")
    for row_name, *values in rows:
        for (column, decode), value in zip(decoders.items(), values, strict=True):
            if value is not None:
                yield from _fault_of(partial(decode, value), table, column, row_name)


def _scan_faults(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    for page_id, scan in db.conn.execute(f"SELECT page_id, scan FROM _scans WHERE {sample.condition('page_id')}"):
        yield from _fault_of(partial(unpack_scan, scan), "_scans", "scan", page_id)


def _reading_faults(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    for page_id, run_id, packed, url in db.conn.execute(_READINGS.format(sample.condition("b.page_id"))):
        yield from _fault_of(
            partial(unpack_reading, db, url, packed),
            "_reclean_before",
            "before",
            f"{page_id}/{run_id}",
        )


def check_layout(layout: bytes, block_count: int) -> None:
    """Raise ValueError or TypeError if a layout is malformed, or does not have `block_count` blocks."""
    rows = read_layout(layout)
    if len(rows) != block_count:
        raise ValueError(f"has {len(rows)} blocks, its page {block_count}")
    for path, level, link_chars, landmarks, markdown in rows:
        if not (isinstance(path, str) and isinstance(markdown, str) and isinstance(landmarks, list)):
            raise TypeError("no layout of a block")
        if not (isinstance(level, int) and isinstance(link_chars, int)):
            raise TypeError("no layout of a block")


def check_chances(chances: bytes | None, block_count: int) -> None:
    """Raise ValueError if the number of chances differs from the number of blocks."""
    if chances is not None and len(chances) != block_count:
        raise ValueError(f"has {len(chances)} blocks, its page {block_count}")


def _fault_of(decode: Callable[[], object], table: str, column: str, row: object) -> Iterator[Finding]:
    """Yield the finding if a value cannot be decoded."""
    try:
        with decoding(table, column, row):
            decode()
    except DamagedValue as error:
        cause = error.__cause__
        yield value_finding(table, column, row, f"cannot be read: {type(cause).__name__}: {cause}")


def raw_responses(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check the digests of every record, and that each capture finds its own record: URL, time and payload."""
    yield from map(Finding, raw_faults(db, database_file(db), sample))


def pictures(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check that each picture's record holds the file that its row describes."""
    for url_id, fault in picture_faults(db, database_file(db), sample):
        yield row_finding("_pictures", url_id, f"has no file: {fault}")


CHECKS: tuple[Check, ...] = (
    integrity, schema_version, schema_objects, stored_values, column_values, foreign_keys, needed_rows, row_numbers,
    hosts, dates, copied_values, url_reasons, url_counts, full_text, articles_and_pages, ledgers, removed_counts,
    block_texts, page_digests, article_texts, article_digests, standfirsts, text_link_rows, raw_responses, pictures,
)  # fmt: skip
_NAMING_CHECKS: tuple[Check, ...] = (stored_values, column_values)  # these name a value or a row

_SAMPLED_CHECKS: tuple[Check, ...] = (
    stored_values, block_texts, page_digests, article_texts, article_digests, standfirsts, text_link_rows,
    raw_responses, pictures,
)  # fmt: skip
"""The checks that read what pages hold, row by row: most of the time."""

RAW_CHECKS: tuple[Check, ...] = (raw_responses, pictures)
"""The checks that read WARC files."""

_SOURCE_CHECKS: tuple[Check, ...] = (
    schema_objects, *_NAMING_CHECKS, foreign_keys, needed_rows, row_numbers, hosts, block_texts,
)  # fmt: skip
"""The checks of rows that a merge takes over: about half a millisecond a page."""


def verify(db: Database, sample: RowSample = WHOLE, left_out: Collection[Check] = ()) -> list[ArchiveProblem]:
    """Run every check; the list is empty if the archive is intact. A read-only connection is enough.

    A sample limits the checks of texts, packed values, raw responses and pictures; other checks are always complete.
    `left_out` are checks to skip, for example if the WARC files are elsewhere.

    A file too damaged to be read gives a problem, not an exception.
    """
    with _any_text(db):
        problems = [
            problem
            for check in CHECKS
            if check not in left_out
            for problem in islice(_problems(check, db, sample), _MAX_PROBLEMS)
        ]
    is_damaged = any(problem.check == integrity.__name__ for problem in problems)
    if is_damaged and is_torn_copy(database_file(db), is_damaged=True):
        return [ArchiveProblem("whole_copy", TORN_COPY), *problems]
    return problems


def first_problem(db: Database) -> ArchiveProblem | None:
    """Return one problem of the file, if possible one with a location; None if it is intact. Raw responses are not
    checked.
    """
    rest = (check for check in CHECKS if check not in (*_NAMING_CHECKS, *RAW_CHECKS))
    with _any_text(db):
        return next((problem for check in (*_NAMING_CHECKS, *rest) for problem in _problems(check, db)), None)


def first_source_problem(db: Database) -> ArchiveProblem | None:
    """Return a problem that keeps an archive's rows from being copied into another file; None if there is none."""
    with _any_text(db):
        return next((problem for check in _SOURCE_CHECKS for problem in _problems(check, db)), None)


def _problems(check: Check, db: Database, sample: RowSample = WHOLE) -> Iterator[ArchiveProblem]:
    """Run a check and yield the problems that it finds, among them damage that stopped the check itself."""
    try:
        for finding in check(db, sample) if check in _SAMPLED_CHECKS else check(db):
            yield ArchiveProblem(check.__name__, finding.detail, finding.location)
    except DamagedValue as error:
        yield ArchiveProblem(check.__name__, f"{error.location} cannot be read", error.location)
    except Exception as error:  # noqa: BLE001 - a damaged file may raise anything; verify reports it and continues
        yield ArchiveProblem(check.__name__, f"cannot be checked: {type(error).__name__}: {error}")


@contextmanager
def _any_text(db: Database) -> Iterator[None]:
    """Read bytes that are not UTF-8 as surrogates inside the context, so that a check can name their row."""
    text_factory = db.conn.text_factory
    db.conn.text_factory = _lenient_text
    try:
        yield
    finally:
        db.conn.text_factory = text_factory


def _lenient_text(encoded: bytes) -> str:
    return encoded.decode("utf-8", "surrogateescape")
