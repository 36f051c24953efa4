"""Checks of stored content: texts against numbers and digests, packed values that must be decoded.

An article must be the kept blocks of its pages. Packed values are JSON columns, layouts and old readings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import TEXTLESS_KINDS
from broadsheet.cleaners.document import KeepReason, RemovalReason
from broadsheet.cleaners.lineage import CLEANER_VERSION

from ..archive.archive_errors import DamagedValue
from ..archive.ledger import read_layout
from ..archive.metadata_columns import JSON_COLUMNS, SOURCES_COLUMN
from ..archive.revisions import VersionMetadata
from ..archive.row_sample import WHOLE, RowSample
from ..archive.stored_text import SQL_ARTICLE_TYPES, count_words, sql_words
from ..archive.stored_values import (
    content_id,
    decoding,
    json_object,
    json_texts,
    text_digest,
)
from ..archive.text_links import stored_links, text_links
from ..settle.own_reading import unpack_reading
from ..settle.page_table import unpack_scan
from ..write.assembled_text import assemble_page
from .file_checks import Finding, value_finding

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
_ARTICLES = f"""SELECT a.id, a.text, a.word_count, coalesce(
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
    for table in ("articles", "shelved"):
        query = _ARTICLES.format(table=table, part=sample.condition("a.id"))
        for article_id, text, word_count, digest in db.conn.execute(query):
            if count_words(text) != word_count:
                yield value_finding(table, "word_count", article_id, "is not that of its text")
            if digest is not None and text_digest(text) != digest:
                yield value_finding(table, "text", article_id, "has not the digest of its last revision")


def standfirsts(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check that each line of a standfirst is a whole line of a block of its page."""
    for table in ("articles", "shelved"):
        query = _STANDFIRSTS.format(table=table, part=sample.condition("id"))
        for article_id, page_id, standfirst in db.conn.execute(query).fetchall():
            texts = [text for (text,) in db.conn.execute(_BLOCKS_OF_PAGE, [page_id])]
            page_lines = {" ".join(line.split()) for text in texts for line in text.splitlines()}
            if not page_lines.issuperset(" ".join(line.split()) for line in standfirst.splitlines()):
                yield value_finding(table, "standfirst", article_id, "does not stand on its page")


def text_link_rows(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check that the listed links of each text are those in its Markdown."""
    for table in ("articles", "shelved"):
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
