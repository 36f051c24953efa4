"""Review of whole pages, one of each layout.

The question is whether a page's text is the article and all of it, or rightly none. A layout stands for all pages that
are made alike, so the layouts judged least go first. Among these those go first whose pages were judged differently,
which are nearest to the line between an article and none, and then the largest. Of a layout the page with the least
certain text is proposed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import ARTICLE_TYPES

from ..archive.stored_values import stored_texts
from ..write.person_verdicts import Review, list_reviews
from .block_review import LATEST, NearbyBlock, ReviewFigures, review_figures

_MOST_LAYOUTS = 200
_PAGES_OF_LAYOUT = 300  # that are looked at for the least certain one
_LOOSE_PAGES = 1000  # pages without a layout that are looked at

_LAYOUTS = f"""SELECT id, host, pages, articles, kind, evidence FROM _layouts
    ORDER BY pages DESC, id LIMIT {_MOST_LAYOUTS}"""
# Without its own order SQLite would move the limit outwards, and look at all pages of the layout.
_OF_LAYOUT = f"""SELECT id FROM (
        SELECT id, certainty FROM pages WHERE layout_id = ? ORDER BY id LIMIT {_PAGES_OF_LAYOUT})
    ORDER BY certainty NULLS LAST, id"""
_LOOSE = f"""SELECT p.id, u.host, p.page_type FROM (SELECT id, page_type, certainty FROM pages
        WHERE layout_id IS NULL LIMIT {_LOOSE_PAGES}) p JOIN urls u ON u.id = p.id
    ORDER BY p.certainty NULLS LAST, p.id"""
_JUDGED_PAGE = "SELECT p.id, p.layout_id, u.host, p.page_type FROM urls u JOIN pages p ON p.id = u.id WHERE u.url = ?"
_PAGE = """SELECT u.url, u.host, p.title, p.page_type, p.evidence, p.word_count, p.kept, p.removed, p.certainty,
        coalesce(a.id, s.id, 0), coalesce(s.why, ''), p.cleaner_version,
        coalesce((SELECT c.id FROM captures c WHERE c.id = p.capture_id AND c.warc_file IS NOT NULL), 0)
    FROM pages p JOIN urls u ON u.id = p.id LEFT JOIN articles a ON a.page_id = p.id
        LEFT JOIN shelved s ON s.page_id = p.id
    WHERE p.id = ?"""
_BLOCKS = """SELECT b.position, b.kept, t.text FROM _page_blocks b JOIN _block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? ORDER BY b.position"""


@dataclass(frozen=True, slots=True)
class ReviewedLayout:
    """Pages that are made alike, or (`kind` is `loose`) those of a host and a type whose layout is not known: how many,
    how many of them are articles, and why, in words.
    """

    id: int
    host: str
    pages: int
    articles: int
    kind: str
    evidence: str

    @property
    def is_mixed(self) -> bool:
        """Return whether some of the layout's pages are articles and others are not."""
        return 0 < self.articles < self.pages


@dataclass(frozen=True, slots=True)
class PageProposal:
    """A page to judge, with its verdict, the layout that it stands for, and its blocks, if it is an article's.

    `article_id` and `capture_id` are 0 where there is none; `shelving_reason` says why it is no article of its own.
    """

    page_id: int
    url: str
    host: str
    title: str
    page_type: str
    evidence: tuple[str, ...]
    word_count: int
    kept: int
    removed: int
    certainty: float | None
    article_id: int
    shelving_reason: str
    cleaner_version: str
    capture_id: int
    layout: ReviewedLayout
    blocks: tuple[NearbyBlock, ...]

    @property
    def is_article(self) -> bool:
        """Return whether the page's text is stored as an article."""
        return self.article_id > 0 and not self.shelving_reason


class PageReviewView(NamedTuple):
    """The page to judge next (None: nothing is left), the figures of the judgements, and the latest of them."""

    proposal: PageProposal | None
    figures: ReviewFigures
    latest: tuple[Review, ...]


def read_page_review(db: Database) -> PageReviewView:
    """Read the review of pages."""
    reviews = [review for review in list_reviews(db) if review.is_of_page]
    return PageReviewView(
        proposal=_propose(db, reviews),
        figures=review_figures(reviews),
        latest=tuple(reversed(reviews[-LATEST:])),
    )


def find_judged_page(db: Database, page_id: int) -> Review | None:
    """Find the verdict on a page as a judgement still to be made; None if there is no such page."""
    proposal = _read_proposal(db, page_id, ReviewedLayout(0, "", 0, 0, "", ""))
    if proposal is None:
        return None
    verdict = (proposal.is_article, proposal.page_type, proposal.shelving_reason, None, "")
    return Review(proposal.url, proposal.host, None, *verdict, proposal.cleaner_version)


def _propose(db: Database, reviews: Sequence[Review]) -> PageProposal | None:
    """Return the page to judge next."""
    rows = [row for review in reviews if (row := db.execute(_JUDGED_PAGE, [review.url]).fetchone())]
    judged_ids = {page_id for page_id, _, _, _ in rows}
    judged_layouts = Counter(layout_id or _loose_id(host, page_type) for _, layout_id, host, page_type in rows)
    for layout, page_ids in sorted(_layouts(db), key=lambda pair: _rank(pair[0], judged_layouts)):
        page_ids = page_ids or [page_id for (page_id,) in db.execute(_OF_LAYOUT, [layout.id])]
        page_id = next((page_id for page_id in page_ids if page_id not in judged_ids), None)
        if page_id is not None:
            return _read_proposal(db, page_id, layout)
    return None


def _rank(layout: ReviewedLayout, judged_layouts: Mapping[object, int]) -> tuple[object, ...]:
    """Return the place of a layout: smaller goes first."""
    key = _loose_id(layout.host, layout.evidence) if layout.kind == "loose" else layout.id
    return judged_layouts.get(key, 0), not layout.is_mixed, -layout.pages, str(key)


def _loose_id(host: str, page_type: str) -> str:
    return f"{host} {page_type}"


def _layouts(db: Database) -> Iterator[tuple[ReviewedLayout, list[int]]]:
    """Yield the layouts; those that stand for pages without one come with their pages, the least certain first."""
    for row in db.execute(_LAYOUTS).fetchall():
        yield ReviewedLayout(*row), []
    loose_pages: dict[tuple[str, str], list[int]] = {}
    for page_id, host, page_type in db.execute(_LOOSE):
        loose_pages.setdefault((host, page_type), []).append(page_id)
    for (host, page_type), page_ids in loose_pages.items():
        articles = len(page_ids) if page_type in ARTICLE_TYPES else 0
        yield ReviewedLayout(0, host, len(page_ids), articles, "loose", page_type), page_ids


def _read_proposal(db: Database, page_id: int, layout: ReviewedLayout) -> PageProposal | None:
    row = db.execute(_PAGE, [page_id]).fetchone()
    if row is None:
        return None
    url, host, title, page_type, evidence, *rest = row
    texts = stored_texts(evidence, "pages", "evidence", page_id)
    proposal = PageProposal(*[page_id, url, host, title, page_type, texts, *rest, layout, ()])
    if not proposal.article_id:
        return proposal
    blocks = (NearbyBlock(position, bool(is_kept), text) for position, is_kept, text in db.execute(_BLOCKS, [page_id]))
    return replace(proposal, blocks=tuple(blocks))
