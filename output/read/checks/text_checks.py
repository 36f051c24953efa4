"""Whether texts are what their numbers, digests and counts say, and articles the kept blocks of their pages."""

from __future__ import annotations

from collections.abc import Iterator

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import TEXTLESS_KINDS
from broadsheet.cleaners.document import KeepReason, RemovalReason
from broadsheet.cleaners.lineage import CLEANER_VERSION
from broadsheet.output.db.ids import BLOCK_BITS, content_id, text_digest
from broadsheet.output.db.text import count_words, sql_words
from broadsheet.output.read.checks.finding import Finding, value_finding
from broadsheet.output.verdicts.rebuild import assemble_page

_TEXTS = "SELECT id, text, markdown, page_id, cleaner_version FROM articles"
_BY_PERSON = f"""SELECT b.page_id FROM page_blocks b JOIN reasons r ON r.id = b.reason_id
    WHERE r.reason IN {sql_words((KeepReason.RESTORED, RemovalReason.REMOVED_BY_PERSON))}"""
_ARTICLE_PAGES = f"""SELECT id, text_digest, word_count FROM pages
    WHERE own_type IN ('article', 'teaser') AND id IN (SELECT page_id FROM page_blocks)
    AND id NOT IN (SELECT page_id FROM overruled) AND id NOT IN ({_BY_PERSON})"""
_OWN_BLOCKS = """SELECT t.text FROM page_blocks b
        LEFT JOIN own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        CROSS JOIN block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? AND coalesce(o.kept, b.kept) = 1 ORDER BY b.position"""
_ARTICLES = f"""SELECT a.id, a.text, a.word_count, (SELECT r.text_digest FROM revisions r
        WHERE r.article_id = a.id AND r.change NOT IN {sql_words(TEXTLESS_KINDS)} ORDER BY r.number DESC LIMIT 1)
    FROM {{table}} a"""
_STANDFIRSTS = "SELECT id, page_id, standfirst FROM {table} WHERE standfirst <> ''"
_BLOCKS_OF_PAGE = """SELECT t.text FROM page_blocks b CROSS JOIN block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? ORDER BY b.position"""


def block_texts(db: Database) -> Iterator[Finding]:
    """The number of a block's text is the digest of the text."""
    for block_id, text in db.conn.execute("SELECT id, text FROM block_texts"):
        if not isinstance(text, str) or content_id(text, bits=BLOCK_BITS) != block_id:
            yield value_finding("block_texts", "text", block_id, "is not the text of that number")


def article_texts(db: Database) -> Iterator[Finding]:
    """An article's text is its kept blocks in order, word for word, and those of the pages that go on with it.

    So is its Markdown, if it was made by this version of the cleaner.
    """
    for article_id, text, markdown, page_id, cleaner in db.conn.execute(_TEXTS):
        assembled = assemble_page(db, page_id)
        if assembled.text.split() != text.split():
            yield value_finding("articles", "text", article_id, "is not its kept blocks")
        elif cleaner == CLEANER_VERSION and assembled.markdown.split() != markdown.split():
            yield value_finding("articles", "markdown", article_id, "is not its kept blocks")


def page_digests(db: Database) -> Iterator[Finding]:
    """Digest and word count of an article's page are those of its own kept blocks, where no person ruled on them."""
    for page_id, digest, word_count in db.conn.execute(_ARTICLE_PAGES).fetchall():
        text = "\n".join(block_text for (block_text,) in db.conn.execute(_OWN_BLOCKS, [page_id]))
        if text_digest(text) != digest:
            yield value_finding("pages", "text_digest", page_id, "is not that of its own blocks")
        elif count_words(text) != word_count:
            yield value_finding("pages", "word_count", page_id, "is not that of its own blocks")


def article_digests(db: Database) -> Iterator[Finding]:
    """An article's word count and the digest of its last revision are those of its text."""
    for table in ("articles", "shelved"):
        for article_id, text, word_count, digest in db.conn.execute(_ARTICLES.format(table=table)):
            if count_words(text) != word_count:
                yield value_finding(table, "word_count", article_id, "is not that of its text")
            if digest is not None and text_digest(text) != digest:
                yield value_finding(table, "text", article_id, "has not the digest of its last revision")


def standfirsts(db: Database) -> Iterator[Finding]:
    """Each line of an article's standfirst stands on its page."""
    for table in ("articles", "shelved"):
        for article_id, page_id, standfirst in db.conn.execute(_STANDFIRSTS.format(table=table)).fetchall():
            texts = (text for (text,) in db.conn.execute(_BLOCKS_OF_PAGE, [page_id]))
            page_words = " ".join(" ".join(texts).split())
            if not all(" ".join(line.split()) in page_words for line in standfirst.splitlines()):
                yield value_finding(table, "standfirst", article_id, "does not stand on its page")
