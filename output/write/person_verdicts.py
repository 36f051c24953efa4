"""A person's verdicts: rulings, which change texts, and reviews, which are evidence of the cleaner.

A ruling says that a text belongs to the article, or does not: in one article, on one host, or anywhere. It is stored
until it is taken back; `broadsheet.output.write.verdicts` brings ledger and texts in line with it. A review says
whether the cleaner was right about a sampled block or page. It changes no text.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

from sqlite_utils import Database

from ..archive.article_filter import find_known_url, find_titled
from ..archive.stored_text import storable_text
from ..archive.stored_values import content_id
from .corrections import CorrectedField, Correction, store_correction, undo_correction
from .verdicts import OF_ALL, find_steps

_LIST_RULINGS = """SELECT r.block_id, r.kept, r.article_id, r.host, r.at, r.note, r.reason, r.rule, t.text,
        (SELECT coalesce(a.url, s.url) FROM (SELECT 1) LEFT JOIN articles a ON a.id = r.article_id
            LEFT JOIN shelved s ON s.id = r.article_id), r.id
    FROM rulings r JOIN _block_texts t ON t.id = r.block_id ORDER BY r.at, r.id"""
_READ_RULINGS = "SELECT block_id, kept, article_id, host, at, note, reason, rule FROM rulings"
_ARTICLE_AT = "SELECT article_id FROM article_urls WHERE url = ? ORDER BY kind = 'canonical'"
_ARTICLE = "SELECT id FROM articles WHERE id = ?1 UNION SELECT id FROM shelved WHERE id = ?1"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict on a block text for one article, for one host, or (with neither) for every page.

    `ruled_at` is a UTC ISO 8601 time. `reason` and `rule` are those of the verdict that it overruled most often.
    """

    block_id: int
    is_kept: bool
    article_id: int | None = None
    host: str | None = None
    ruled_at: str = ""
    note: str = ""
    reason: str = ""
    rule: str = ""

    @property
    def id(self) -> int:
        """Return the id of the ruling: one for each block and scope, so that a later ruling replaces an earlier one."""
        return self.correction.id

    @property
    def correction(self) -> Correction:
        """Return the correction that the ruling is."""
        return Correction(
            CorrectedField.BLOCK, "kept" if self.is_kept else "removed", self.block_id, self.article_id, self.host,
            at=self.ruled_at, note=self.note, reason=self.reason, rule=self.rule,
        )  # fmt: skip


class ListedRuling(NamedTuple):
    """A ruling as the user sees it: with the block's text, the article's URL, and on how many pages it is in force.

    `url` is None where the ruling is not for a single article. The text stays as long as the ruling does.
    """

    ruling: Ruling
    text: str
    url: str | None
    page_count: int


def list_rulings(db: Database) -> list[ListedRuling]:
    """List all rulings, the earliest first."""
    pages = {(step.ruling_id, step.page_id) for step in find_steps(db, OF_ALL, {})}
    counts = Counter(ruling_id for ruling_id, _ in pages)
    return [
        ListedRuling(Ruling(row[0], bool(row[1]), *row[2:8]), row[8], row[9], counts[row[10]])
        for row in db.execute(_LIST_RULINGS).fetchall()
    ]


def stored_ruling(db: Database, scope: Ruling) -> Ruling | None:
    """Return the stored ruling on the same block in exactly the same scope; None if there is none."""
    row = db.execute(f"{_READ_RULINGS} WHERE id = ?", [scope.id]).fetchone()
    return Ruling(row[0], bool(row[1]), *row[2:]) if row else None


def store_ruling(db: Database, ruling: Ruling) -> None:
    """Store a ruling, replacing the one in the same scope. Runs in the caller's transaction."""
    store_correction(db, ruling.correction)


def drop_ruling(db: Database, ruling: Ruling) -> None:
    """Undo the ruling in this scope; its effect on the ledger stays until rulings are applied."""
    undo_correction(db, ruling.correction, ruling.ruled_at)


def block_text(db: Database, block_id: int) -> str | None:
    """Return the text of a block by its id; None if the archive has none."""
    row = db.execute("SELECT text FROM _block_texts WHERE id = ?", [block_id]).fetchone()
    return str(row[0]) if row else None


def count_pages(db: Database, block_id: int) -> int:
    """Count the pages on which a block stands, kept or removed."""
    return int(
        db.execute("SELECT count(DISTINCT page_id) FROM _page_blocks WHERE block_id = ?", [block_id]).fetchone()[0]
    )


def find_article(db: Database, reference: str) -> int | None:
    """Find the id of the article that a user names by id, by one of its URLs (`find_known_url`), or by its title if
    no other article has it; None if there is none.
    """
    if reference.isascii() and reference.isdigit() and len(reference) < 19:
        return _first_number(db.execute(_ARTICLE, [int(reference)]).fetchall())
    url = find_known_url(db, reference)
    if url is not None:
        return _first_number(db.execute(_ARTICLE_AT, [url]).fetchall())
    titled = find_titled(db, reference)
    return titled[0] if len(titled) == 1 else None


def _first_number(rows: Iterable[tuple[int]]) -> int | None:
    return next((int(number) for (number,) in rows), None)


_Z_OF_95_PERCENT = 1.959964  # standard deviations around the mean within which 95 % lie

_STORE_REVIEW = """INSERT INTO _reviews (id, url, host, block_id, kept, reason, rule, is_right, at, cleaner_version)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kept = excluded.kept, reason = excluded.reason, rule = excluded.rule,
        is_right = excluded.is_right, at = excluded.at, cleaner_version = excluded.cleaner_version"""
_LIST_REVIEWS = """SELECT r.url, r.host, r.block_id, r.kept, r.reason, r.rule, r.is_right, r.at, r.cleaner_version,
        coalesce(t.text, '')
    FROM _reviews r LEFT JOIN _block_texts t ON t.id = r.block_id ORDER BY r.at, r.id"""


@dataclass(frozen=True, slots=True)
class Review:
    """A person's judgement on the verdict of a block, or (`block_id` None) on that of a whole page.

    A page is judged right if its text is the whole article and no more, or if it is not an article. `is_kept` then says
    that it is an article, and `reason` is its type. `is_right` is None where the person cannot tell. `text` is the
    block's, empty where the archive no longer has it.
    """

    url: str
    host: str
    block_id: int | None
    is_kept: bool
    reason: str
    rule: str
    is_right: bool | None
    judged_at: str
    cleaner_version: str
    text: str = ""

    @property
    def id(self) -> int:
        """Return an id for each page and block, so that a later judgement replaces an earlier one."""
        return content_id("review", storable_text(self.url), "page" if self.block_id is None else str(self.block_id))

    @property
    def is_of_page(self) -> bool:
        """Return whether a whole page was judged."""
        return self.block_id is None


class Reliability(NamedTuple):
    """The reliability of verdicts: how many of the judged blocks were right.

    The bounds are shares from 0 to 1, between which that of all such blocks lies with 95 % certainty.
    """

    right: int
    judged: int
    low: float
    high: float


def store_review(db: Database, review: Review) -> None:
    """Store a judgement, replacing an earlier one. Runs in the caller's transaction."""
    verdict = (review.is_kept, review.reason, review.rule, review.is_right, review.judged_at, review.cleaner_version)
    db.execute(_STORE_REVIEW, [review.id, review.url, review.host, review.block_id, *verdict])


def drop_review(db: Database, review: Review) -> None:
    """Undo a judgement."""
    db.execute("DELETE FROM _reviews WHERE id = ?", [review.id])


def list_reviews(db: Database) -> list[Review]:
    """List all judgements, on blocks and on pages, the earliest first."""
    rows = db.execute(_LIST_REVIEWS).fetchall()
    return [
        Review(url, host, block_id, bool(is_kept), reason, rule, None if is_right is None else bool(is_right), *values)
        for url, host, block_id, is_kept, reason, rule, is_right, *values in rows
    ]


def reliability(right: int, judged: int) -> Reliability:
    """Compute the share of right judgements with Wilson's interval, which holds for few judgements and near 0 and 1
    too.
    """
    if not judged:
        return Reliability(0, 0, 0.0, 1.0)
    share, spread = right / judged, _Z_OF_95_PERCENT**2 / judged
    middle = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return Reliability(right, judged, max(0.0, middle - half), min(1.0, middle + half))


def reliability_by(pairs: Iterable[tuple[str, bool]]) -> dict[str, Reliability]:
    """Return the reliability of each key among pairs of key and judgement, the most judged first."""
    judgements: dict[str, list[bool]] = defaultdict(list)
    for key, is_right in pairs:
        judgements[key].append(is_right)
    keys = sorted(judgements, key=lambda key: (-len(judgements[key]), key))
    return {key: reliability(sum(judgements[key]), len(judgements[key])) for key in keys}
