"""A cleaned page as rows: what is computed without the database, and the tables beside its page.

Ids of texts, digests, counts and the packed layout are computed where the page was cleaned, in a worker process, and
only an article has text and ledger. So the crawl's process receives small values that unpickle quickly, and the one
thread that writes to the database does little else.

The tables beside a page hold its pictures (`images`), what its sources state (`page_statements`), its leads to the next
page or the whole article, the signature of its layout (`page_signatures`), and the cleaner that made its text
(`cleaners`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from broadsheet.cleaners.document import (
    ArticleImage,
    CleanedPage,
    ExtractorUse,
    FieldStatement,
    Metadata,
    Outlink,
    PageType,
    PageVerdict,
)
from broadsheet.cleaners.judge.certainty import expected_verdict_f1
from broadsheet.cleaners.lineage import Lineage, lineage

from .ledger import LedgerRows, make_ledger_rows
from .stored_text import count_words, storable_text
from .stored_values import content_id, text_digest

if TYPE_CHECKING:
    from sqlite_utils import Database


def article_id(url: str) -> int:
    """Return the id of the article at a URL: 53 bits, the same in every archive."""
    return content_id(storable_text(url))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A page seen at a time (UTC ISO 8601): its row in `urls`, its URL and host, and the capture, None without one."""

    page_id: int
    url: str
    host: str
    capture_id: int | None
    seen_at: str

    @property
    def article_id(self) -> int:
        """Return the id of the article that the page's URL names."""
        return article_id(self.url)


_PUT_IMAGE = "INSERT INTO _images (page_id, position, url, caption, credit, alt, place) VALUES (?, ?, ?, ?, ?, ?, ?)"
_IMAGES = "SELECT url, caption, credit, alt, place FROM _images WHERE page_id = ? ORDER BY position"


def storable_image(image: ArticleImage) -> ArticleImage:
    """Return the picture with texts that an archive can store."""
    url, caption, credit, alt = map(storable_text, (image.url, image.caption, image.credit, image.alt))
    return ArticleImage(url, caption, credit, alt, image.place)


def put_images(db: Database, page_id: int, images: Sequence[ArticleImage]) -> None:
    """Replace the pictures of a page. Runs in the caller's transaction."""
    db.execute("DELETE FROM _images WHERE page_id = ?", [page_id])
    rows = [
        (page_id, n, image.url, image.caption, image.credit, image.alt, image.place) for n, image in enumerate(images)
    ]
    db.conn.executemany(_PUT_IMAGE, rows)


def stored_images(db: Database, page_id: int) -> tuple[ArticleImage, ...]:
    """Return the pictures of a page, in its order."""
    return tuple(ArticleImage(*row) for row in db.execute(_IMAGES, [page_id]).fetchall())


_PUT_LEAD = "INSERT OR IGNORE INTO _page_leads (page_id, way, url, ruled) VALUES (?, ?, ?, ?)"
NEXT_PAGE, WHOLE_ARTICLE = "next", "whole"
_KIND_OF_LINK = {"next": NEXT_PAGE, "single_page": WHOLE_ARTICLE}


class PageLead(NamedTuple):
    """A page's link to its article's `next` page or to the `whole` article; `is_by_rule` if a site rule names it."""

    page_id: int
    kind: str
    url: str
    is_by_rule: bool = False


def page_leads(outlinks: Iterable[Outlink]) -> tuple[tuple[str, str, bool], ...]:
    """Return (kind, URL, whether a site rule names it) of each link that is a lead."""
    return tuple(
        (_KIND_OF_LINK[link.via], storable_text(link.url), link.via == "single_page" or not link.rel)
        for link in outlinks
        if link.via in _KIND_OF_LINK and "prev" not in link.rel
    )


def put_leads(db: Database, page_id: int, leads: Sequence[tuple[str, str, bool]]) -> None:
    """Replace the leads of a page. Runs in the caller's transaction."""
    db.execute("DELETE FROM _page_leads WHERE page_id = ?", [page_id])
    db.conn.executemany(_PUT_LEAD, [(page_id, *lead) for lead in leads])


_PUT_SIGNATURE = """INSERT INTO _page_signatures (page_id, signature) VALUES (?, ?)
    ON CONFLICT (page_id) DO UPDATE SET signature = excluded.signature WHERE signature <> excluded.signature"""


def put_signature(db: Database, page_id: int, signature: bytes | None) -> None:
    """Store a page's signature in place of an earlier one; None leaves that. Runs in the caller's transaction."""
    if signature is not None:
        db.execute(_PUT_SIGNATURE, [page_id, signature])


def stored_signature(db: Database, page_id: int) -> bytes | None:
    """Return the signature of a page; None if it was not taken."""
    row = db.execute("SELECT signature FROM _page_signatures WHERE page_id = ?", [page_id]).fetchone()
    return bytes(row[0]) if row else None


_PUT_STATEMENT = """INSERT INTO _page_statements (page_id, position, field, source, value, note)
    VALUES (?, ?, ?, ?, ?, ?)"""
_STATEMENTS = "SELECT field, source, value, note FROM _page_statements WHERE page_id = ? ORDER BY position"


def storable_statement(statement: FieldStatement) -> FieldStatement:
    """Return the statement with texts that an archive can store."""
    texts = (statement.field, statement.source, statement.value, statement.note)
    return FieldStatement(*map(storable_text, texts))


def put_statements(db: Database, page_id: int, statements: Sequence[FieldStatement]) -> None:
    """Replace what a page's sources state, if it differs. Runs in the caller's transaction."""
    if stored_statements(db, page_id) == tuple(statements):
        return
    db.execute("DELETE FROM _page_statements WHERE page_id = ?", [page_id])
    rows = [(page_id, n, said.field, said.source, said.value, said.note) for n, said in enumerate(statements)]
    db.conn.executemany(_PUT_STATEMENT, rows)


def stored_statements(db: Database, page_id: int) -> tuple[FieldStatement, ...]:
    """Return what a page's sources state, in their order."""
    return tuple(FieldStatement(*row) for row in db.execute(_STATEMENTS, [page_id]).fetchall())


_CLEANER_COLUMNS = "version, rules, model, site_rules, libraries"
_SAME_READING = (
    "UPDATE pages SET cleaner_id = ?1, cleaner_version = ?2 WHERE id = ?3",
    "UPDATE articles SET cleaner_version = ?2 WHERE page_id = ?3 AND cleaner_version <> ?2",
    "UPDATE _shelf SET cleaner_version = ?2 WHERE page_id = ?3 AND cleaner_version <> ?2",
)


@lru_cache(maxsize=256)
def lineage_id(lineage: Lineage) -> int:
    """Return the id of a cleaner: 53 bits, the same in every archive."""
    return content_id(*astuple(lineage))


def intern_lineage(db: Database, lineage: Lineage | None) -> int | None:
    """Return the id of a cleaner, adding its row if it is missing; None for None."""
    if lineage is None:
        return None
    cleaner_id = lineage_id(lineage)
    values = (lineage.version, lineage.rules, lineage.model, lineage.site_rules, lineage.libraries)
    db.execute(
        f"INSERT OR IGNORE INTO _cleaners (id, {_CLEANER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", [cleaner_id, *values]
    )
    return cleaner_id


def stored_lineage(db: Database, cleaner_id: int | None) -> Lineage | None:
    """Return the cleaner with an id; None if the archive has none."""
    row = db.execute(f"SELECT {_CLEANER_COLUMNS} FROM _cleaners WHERE id = ?", [cleaner_id]).fetchone()
    return Lineage(*row) if row else None


def note_same_reading(db: Database, page_id: int, lineage: Lineage) -> None:
    """Note that this cleaner reads a page with the same result as before. Runs in the caller's transaction."""
    cleaner_id = intern_lineage(db, lineage)
    for statement in _SAME_READING:
        db.execute(statement, [cleaner_id, lineage.version, page_id])


@dataclass(frozen=True, slots=True)
class PageRows:
    """The rows that the archive stores of a page. `text`, `markdown` and `ledger` are empty where the page is no
    article.

    `blocks`, `kept` and `outlinks` are counts; `words` and `digest` are those of the text, storable already.
    """

    url: str
    verdict: PageVerdict
    metadata: Metadata
    robots: tuple[str, ...]
    cleaner_version: str
    text: str
    markdown: str
    words: int
    digest: str
    blocks: int
    kept: int
    outlinks: int
    ledger: LedgerRows
    leads: tuple[tuple[str, str, bool], ...] = ()  # as `page_leads` returns them; empty unless it is an article
    lineage: Lineage | None = None  # the cleaner that made it
    layout_signature: bytes | None = None  # of the page's markup; None where it was not taken
    images: tuple[ArticleImage, ...] = ()  # empty where it is neither article nor gallery
    statements: tuple[FieldStatement, ...] = ()  # empty unless it is an article
    certainty: float | None = None  # of the text, 0 to 1; None unless it is an article and known
    asked_extractor: bool = field(default=False, compare=False)  # whether trafilatura was asked; only counted, by run

    @property
    def is_article(self) -> bool:
        """Return whether the page enters `articles`."""
        return self.verdict.is_article


def make_page_rows(
    cleaned: CleanedPage, site_rules: str = "", extractor_use: ExtractorUse = ExtractorUse.IN_DOUBT
) -> PageRows:
    """Make the rows of a cleaned page.

    `site_rules` is the digest of the user's site rules that it was cleaned with, and `extractor_use` says on which
    pages trafilatura was asked.
    """
    text, is_article = storable_text(cleaned.text), cleaned.is_article
    is_gallery = cleaned.verdict.page_type == PageType.GALLERY
    return PageRows(
        url=cleaned.url,
        verdict=cleaned.verdict,
        metadata=cleaned.metadata,
        robots=cleaned.robots,
        cleaner_version=cleaned.cleaner_version,
        text=text if is_article else "",
        markdown=storable_text(cleaned.markdown) if is_article else "",
        words=count_words(text),
        digest=text_digest(text),
        blocks=len(cleaned.blocks),
        kept=sum(verdict.kept for verdict in cleaned.verdicts),
        outlinks=len(cleaned.outlinks),
        ledger=make_ledger_rows(cleaned.blocks, cleaned.verdicts, cleaned.chances) if is_article else LedgerRows(),
        leads=page_leads(cleaned.outlinks) if is_article else (),
        lineage=replace(lineage(extractor_use), site_rules=site_rules),
        layout_signature=cleaned.layout_signature,
        images=tuple(map(storable_image, cleaned.images)) if is_article or is_gallery else (),
        statements=tuple(map(storable_statement, cleaned.statements)) if is_article else (),
        certainty=page_certainty(cleaned) if is_article else None,
        asked_extractor=cleaned.asked_extractor,
    )


def page_certainty(cleaned: CleanedPage) -> float | None:
    """Return the expected F1 of the verdicts on a page, 0 to 1; None if unknown."""
    words, kept = [block.words for block in cleaned.blocks], [verdict.kept for verdict in cleaned.verdicts]
    return expected_verdict_f1(words, cleaned.chances, kept)


TOLD_ARTICLE = "told=article"
"""The evidence for an article that is one only by a person's word."""


def with_evidence(page: PageRows, *facts: str) -> PageRows:
    """Return the page with more facts in the evidence of its verdict."""
    return replace(page, verdict=replace(page.verdict, evidence=(*page.verdict.evidence, *facts)))


REPEATS_EVIDENCE, LAYOUT_EVIDENCE, EMPTIED_EVIDENCE = "repeats=", "layout=", "emptied="
WITHDRAWN_EVIDENCE = "withdrawn="
SETTLED_EVIDENCE = (REPEATS_EVIDENCE, LAYOUT_EVIDENCE, EMPTIED_EVIDENCE, WITHDRAWN_EVIDENCE)
"""Evidence that `settle` adds to a page's own begins so; a page that is judged again keeps it until the next settle."""
