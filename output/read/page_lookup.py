"""Look-ups of one page: its blocks and verdicts, its WARC record, what its URL gave after redirects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import ArticleImage, BlockKind
from broadsheet.cleaners.page.canonical_urls import canonicalise

from ..archive.article_filter import find_known_url
from ..archive.ledger import REPEATED_POSITION
from ..archive.page_rows import stored_images
from ..archive.stored_text import storable_text
from ..archive.stored_values import BLOCK_KINDS, decoding, stored_texts
from ..archive.url_words import NO_REASON, OutcomeReason, Reason, UrlState
from ..raw.raw_exchange import LOCATION_COLUMNS, RecordLocation, record_locations
from ..write.person_verdicts import find_article
from ..write.site_fields import OwnField, corrected_fields

_PAGE = """SELECT u.url, p.title, p.page_type, p.own_type, p.evidence, p.article_id, p.kept, p.removed,
        s.why, p.certainty
    FROM pages p JOIN urls u ON u.id = p.id LEFT JOIN shelved s ON s.page_id = p.id WHERE p.id = ?"""
_BLOCKS = f"""SELECT b.position, b.block_id, b.kept, r.reason, r.rule, n.reason, n.rule,
        coalesce(l.pages, e.pages), coalesce(l.of_pages, e.of_pages), t.text, b.kind,
        {REPEATED_POSITION}
    FROM _page_blocks b JOIN urls u ON u.id = b.page_id JOIN _block_texts t ON t.id = b.block_id
        JOIN _reasons r ON r.id = b.reason_id
        LEFT JOIN _block_evidence e ON e.block_id = b.block_id AND e.host = u.host AND e.at_place = 0 AND e.pages > 1
        LEFT JOIN _block_evidence l ON l.block_id = b.block_id AND l.host = u.host AND l.at_place = 1 AND l.pages > 1
        LEFT JOIN _own_verdicts o ON o.page_id = b.page_id AND o.position = b.position AND r.rule = 'person'
        LEFT JOIN _reasons n ON n.id = coalesce(o.site_reason_id, o.reason_id)
    WHERE b.page_id = ? ORDER BY b.position"""
_PAGE_OF_ARTICLE = """SELECT page_id FROM articles WHERE id = ?1 UNION ALL SELECT page_id FROM shelved WHERE id = ?1"""
_PAGE_OF_URL = "SELECT u.id FROM urls u JOIN pages p ON p.id = u.id WHERE u.url = ?"
_STATE = "SELECT url, state, reason FROM urls WHERE url = ?"


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block of the ledger. `own_reason` and `own_rule` are the verdict that a ruling replaced; None without one.

    The text stands on `page_count` of the host's `of_pages` pages; None if it stands on one, or was not counted.
    `repeats` is the position of the kept block that this one repeats; None if it repeats none.
    """

    position: int
    block_id: int
    is_kept: bool
    reason: str
    rule: str
    own_reason: str | None
    own_rule: str | None
    page_count: int | None
    of_pages: int | None
    text: str
    kind: BlockKind
    repeats: int | None = None

    @property
    def evidence(self) -> str:
        """Count the host's pages that have the text, as in `3 of 9 pages`; empty if only one has it."""
        return f"{self.page_count} of {self.of_pages} pages" if self.page_count else ""

    def begins_with(self, words: str) -> bool:
        """Return whether the text begins with these words, ignoring case and the space between them."""
        typed = " ".join(words.removesuffix("…").split()).casefold()
        return " ".join(self.text.split()).casefold().startswith(typed)


class StoredPage(NamedTuple):
    """A page's verdict with its evidence, and the blocks, which only article pages have.

    `shelving_reason` says why its article is shelved; None if it is not. `certainty` (0 to 1) rates its text; None if
    unknown. `images` are the article's pictures. `corrected` has what the page itself states in corrected fields.
    """

    url: str
    title: str
    page_type: str
    own_type: str
    evidence: tuple[str, ...]
    article_id: int | None
    kept_count: int
    removed_count: int
    shelving_reason: str | None
    certainty: float | None
    images: tuple[ArticleImage, ...]
    blocks: tuple[StoredBlock, ...]
    corrected: tuple[OwnField, ...] = ()


def find_page(db: Database, url_or_id: str) -> StoredPage | None:
    """Find the page at a URL; otherwise the current page of the article that a URL or number names."""
    page_id = _find_id(db, _PAGE_OF_URL, find_known_url(db, url_or_id))
    if page_id is None and (article_id := find_article(db, url_or_id)) is not None:
        page_id = _find_id(db, _PAGE_OF_ARTICLE, article_id)
    return None if page_id is None else read_page(db, page_id)


def read_page(db: Database, page_id: int) -> StoredPage:
    """Read the page with this number in `pages`."""
    row = db.execute(_PAGE, [page_id]).fetchone()
    url, title, page_type, own_type, evidence, article_id, kept_count, removed_count, shelving_reason, certainty = row
    return StoredPage(
        url=url,
        title=title,
        page_type=page_type,
        own_type=own_type,
        evidence=stored_texts(evidence, "pages", "evidence", page_id),
        article_id=article_id,
        kept_count=kept_count,
        removed_count=removed_count,
        shelving_reason=shelving_reason,
        certainty=certainty,
        images=stored_images(db, page_id),
        blocks=tuple(_stored_block(page_id, *columns) for columns in db.execute(_BLOCKS, [page_id]).fetchall()),
        corrected=corrected_fields(db, page_id),
    )


def _stored_block(page_id: int, *columns: Any) -> StoredBlock:
    position, block_id, is_kept, *values, kind_number, repeats = columns
    with decoding("_page_blocks", "kind", f"{page_id}/{position}"):
        kind = BlockKind(BLOCK_KINDS[kind_number])
    return StoredBlock(*[position, block_id, bool(is_kept), *values, kind, repeats])


def find_url_state(db: Database, url: str) -> tuple[str, str, str] | None:
    """Find (URL, state, reason) of a URL that the archive knows, fetched or not."""
    row: tuple[str, str, str] | None = db.execute(_STATE, [find_known_url(db, url)]).fetchone()
    return row


def _find_id(db: Database, query: str, value: object) -> int | None:
    row = db.execute(query, [value]).fetchone()
    return int(row[0]) if row else None


_RECORD_LOCATIONS = f"""SELECT c.url, c.fetched_at, {LOCATION_COLUMNS}
    FROM captures c LEFT JOIN captures o ON o.id = c.refers_to WHERE c.warc_file IS NOT NULL AND """
_RECORD_OF_URL = f"""{_RECORD_LOCATIONS} c.url = ?1
    ORDER BY c.id IS (SELECT p.capture_id FROM urls u JOIN pages p ON p.id = u.id WHERE u.url = ?1) DESC,
        c.fetched_at DESC, c.id LIMIT 1"""
_RECORD_OF_ARTICLE = f"{_RECORD_LOCATIONS} c.id = (SELECT capture_id FROM pages WHERE id = ({_PAGE_OF_ARTICLE}))"


class StoredRecord(NamedTuple):
    """A capture and the place of its record; `body` is the record with its body, if its own has none.

    `fetched_at` is UTC ISO 8601.
    """

    url: str
    fetched_at: str
    location: RecordLocation
    body: RecordLocation | None


def find_record(db: Database, url_or_id: str) -> StoredRecord | None:
    """Find the record that the page at a URL was read from; None if there is none.

    For a URL without a page this is its latest capture, otherwise the record of the article that the number or URL
    names. Once a site answers `304` or `404`, the latest capture is not the stored page. URLs are looked up as
    `find_known_url` does; one that only a redirect of a robots.txt led to has captures alone.
    """
    spellings = dict.fromkeys(
        (storable_text(url_or_id.strip()), find_known_url(db, url_or_id) or "", canonicalise(url_or_id) or "")
    )
    row = next((row for url in spellings if url and (row := db.execute(_RECORD_OF_URL, [url]).fetchone())), None)
    if row is None and (article_id := find_article(db, url_or_id)) is not None:
        row = db.execute(_RECORD_OF_ARTICLE, [article_id]).fetchone()
    if row is None:
        return None
    url, fetched_at, *places = row
    return StoredRecord(url, fetched_at, *record_locations(places))


_MAX_HOPS = 10
_STATE_OF_URL = "SELECT id, state, reason FROM urls WHERE url = ?"
_REDIRECT_TARGET = "SELECT location FROM urls WHERE url = ? AND location IS NOT NULL"
_FETCHED_ARTICLE = """SELECT a.title, a.authors, coalesce(a.published_stated, ''), a.text
    FROM pages p JOIN articles a ON a.id = p.article_id WHERE p.id = ?"""


class FetchedArticle(NamedTuple):
    """An article as it is stored; `authors` is a JSON list, `published` as the page states it."""

    title: str
    authors: str
    published: str
    text: str


class UrlResult(NamedTuple):
    """The state and reason of a URL after its redirects, and the article, if there is one."""

    state: UrlState | None
    reason: Reason
    article: FetchedArticle | None = None


def find_url_result(db: Database, url: str) -> UrlResult:
    """Find the result of a URL; the state is None if the archive has no row of it."""
    for _ in range(_MAX_HOPS):
        row = db.execute(_STATE_OF_URL, [storable_text(url)]).fetchone()
        if row is None:
            return UrlResult(None, NO_REASON)
        url_id, state, reason = row
        target = (
            db.execute(_REDIRECT_TARGET, [storable_text(url)]).fetchone() if reason == OutcomeReason.REDIRECT else None
        )
        if target is None:
            article = db.execute(_FETCHED_ARTICLE, [url_id]).fetchone()
            return UrlResult(state, reason, FetchedArticle(*article) if article else None)
        url = target[0]
    return UrlResult(UrlState.FAILED, OutcomeReason.TOO_MANY_REDIRECTS)
