"""Judge again with the evidence of the whole archive: one article a text, no page that only repeats others, and no
text in an article that the site repeats.

The result depends on what is in the archive, not on the order in which it came, and settling twice changes
nothing. Nothing is lost: `pages.own_type` keeps a page's own verdict and `own_verdicts` that on its blocks, and an
article that is taken out waits in `shelved`, until the evidence falls.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.document import PageType, Verdict
from output.db.clock import utc_now
from output.db.text import as_json
from output.db.transaction import writing
from output.settle.aggregates import ArticlePage, aggregates
from output.settle.duplicates import SHORT_WORDS, Member, Winners, winners
from output.settle.join_pages import find_parts
from output.settle.parallel_map import Share, alone
from output.settle.similar.relate import relate
from output.settle.site_memory.repeats import count_kept, forget_counts, judged_again, kept_text, told_by
from output.store.articles import article_id, note_change
from output.store.multipage import Part, put_parts
from output.store.page_rows import SETTLED_EVIDENCE
from output.store.shelf import shelve, unshelve
from output.verdicts.apply_rulings import apply_rulings
from output.verdicts.rebuild import rebuild_page
from output.verdicts.site_verdicts import held_verdicts, holding_pages, put_verdicts
from output.watch.decide_edits import decide, note_absences

# What other pages than their own are named as canonical by pages.
_NAMED = """CREATE TEMP TABLE settle_named AS SELECT DISTINCT p.canonical_url AS url
    FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.own_type IN ('article', 'teaser') AND p.canonical_url <> '' AND p.canonical_url <> u.url"""

# The pages that may be one with another, and no others: an archive may have more pages than memory holds. Of these,
# what only few are asked for is read of those few.
_SHARED = """EXISTS (SELECT 1 FROM pages o
    WHERE o.text_digest = p.text_digest AND o.own_type IN ('article', 'teaser') AND o.id <> p.id)"""
_LEADING = "(p.id IN (SELECT page_id FROM page_leads) OR u.url IN (SELECT url FROM page_leads))"
_MEMBERS = f"""SELECT p.id, u.url, CASE WHEN {_LEADING} OR (p.word_count < {SHORT_WORDS} AND {_SHARED})
            THEN p.title ELSE '' END,
        CASE p.canonical_url WHEN u.url THEN NULL ELSE coalesce(p.canonical_url, '') END,
        CASE WHEN {_SHARED} THEN p.text_digest ELSE '' END, p.word_count
    FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.own_type IN ('article', 'teaser') AND ((p.canonical_url <> '' AND p.canonical_url <> u.url)
        OR u.url IN (SELECT url FROM temp.settle_named) OR {_SHARED} OR {_LEADING})
    ORDER BY u.url"""

_WORDS = "SELECT id, word_count FROM pages WHERE own_type IN ('article', 'teaser') ORDER BY id"
_COUNT = "SELECT count(*) FROM pages WHERE own_type IN ('article', 'teaser')"
_STANDING = f"""SELECT p.id, u.url, p.own_type, p.page_type, p.article_id, instr(p.evidence, '"{SETTLED_EVIDENCE}') > 0
    FROM pages p JOIN urls u ON u.id = p.id WHERE p.own_type IN ('article', 'teaser') ORDER BY p.id"""

# What the crawler wrote when it fetched the page again is its own verdict; the page's row has the settled one, where
# what came is what the page's row is about.
_REASONS = """UPDATE urls SET held_reason = (SELECT page_type FROM pages p WHERE p.id = urls.id),
        reason = CASE WHEN state = 'done' AND held_at IS fetched_at
            THEN (SELECT page_type FROM pages p WHERE p.id = urls.id) ELSE reason END
    WHERE id IN (
        SELECT p.id FROM pages p JOIN urls u ON u.id = p.id WHERE p.own_type IN ('article', 'teaser')
            AND u.held_reason IN ('article', 'teaser', 'list') AND u.held_reason <> p.page_type)"""


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling found, and what it changed.

    `removed` and `returned` are articles, `pages_changed` rewritten rows; `repeated` are blocks that the site's
    memory takes out of pages, and `judged_again` the pages where its verdicts changed.
    """

    articles: int
    duplicates: int
    lists: int
    removed: int
    returned: int
    pages_changed: int
    repeated: int
    judged_again: int


@dataclass(frozen=True, slots=True)
class _Judged:
    """A page's row as it should be."""

    page_id: int
    page_type: str
    article_id: int | None
    evidence: str


@dataclass(frozen=True, slots=True)
class _Findings:
    """The winner of each page, and how many articles a winner repeats if it is a list."""

    winner: Winners
    repeats: dict[int, int]
    parts: dict[int, Part]

    def shelved_for(self, page_id: int) -> str:
        """Why a page's article is taken out; empty if it stays."""
        if self.winner[page_id] != page_id:
            return "duplicate"
        if self.head(page_id) != page_id:
            return "part"
        return "list" if page_id in self.repeats else ""

    @property
    def shelves(self) -> Counter[str]:
        """How many pages' articles are taken out, by why."""
        pages = self.winner.keys() | self.parts.keys() | self.repeats.keys()
        return Counter(why for page in pages if (why := self.shelved_for(page)))

    def head(self, page_id: int) -> int:
        """The page whose article a page's text is in, as a copy or as a part."""
        winner = self.winner[page_id]
        return self.parts[winner].head if winner in self.parts else winner


def settle(db: Database, clock: Callable[[], str] = utc_now, share: Share = alone) -> Settled:
    """Settle the archive in one transaction, and say what changed. `clock` gives UTC ISO 8601 times.

    What is pure and takes long goes through `share`.
    """
    with writing(db):
        count_kept(db)
        findings = _findings(db)
        heads = put_parts(db, findings.parts)
        at = clock()
        removed, returned = _move(db, findings, at)
        repeated, judged = _clear_repeats(db, findings, at, share)
        forget_counts(db)
        changed = list(_changes(db, findings))
        _rewrite(db, changed)
        apply_rulings(db, at)
        for head in heads:
            rebuild_page(db, head, at)
        relate(db, share)
        db.execute(_REASONS)
        decide(db, at)
        note_absences(db, at)
        pages = int(db.execute(_COUNT).fetchone()[0])
    shelves = findings.shelves
    return Settled(
        articles=pages - shelves.total(),
        duplicates=shelves["duplicate"],
        lists=shelves["list"],
        removed=removed,
        returned=returned,
        pages_changed=len(changed),
        repeated=repeated,
        judged_again=judged,
    )


def _members(db: Database) -> list[Member]:
    """The article pages that may be one with another, by URL."""
    db.execute("DROP TABLE IF EXISTS temp.settle_named")
    try:
        db.execute(_NAMED)
        db.execute("CREATE UNIQUE INDEX temp.settle_named_url ON settle_named (url)")
        return [
            Member(page, url, title, url if canonical is None else canonical, digest, words)
            for page, url, title, canonical, digest, words in db.execute(_MEMBERS)
        ]
    finally:
        db.execute("DROP TABLE IF EXISTS temp.settle_named")


def _findings(db: Database) -> _Findings:
    """Duplicates first: two copies of one text must not each be evidence that the other repeats it."""
    members = _members(db)
    text_of = _reader_of_own_texts(db)
    winner = winners(members, text_of)
    parts = find_parts(db, members, winner, text_of)
    copies = winner.keys() | {page for page, part in parts.items() if part.head != page}
    naming = (ArticlePage(page, words) for page, words in db.execute(_WORDS) if page not in copies)
    return _Findings(winner, aggregates(db, naming), parts)


def _reader_of_own_texts(db: Database) -> Callable[[int], str]:
    """The text that a page gives by itself, whatever its site repeats and wherever its article goes on."""
    return lambda page_id: kept_text(db, page_id)


def _clear_repeats(db: Database, findings: _Findings, at: str, share: Share) -> tuple[int, int]:
    """Take out what each site repeats and bring back what it repeats no more; blocks out, and pages that changed."""
    lists = findings.repeats.keys()
    unjudged = lists | {page for page, winner in findings.winner.items() if winner in lists}
    changes: dict[int, dict[int, Verdict]] = {}
    out, holding = 0, holding_pages(db)
    for page, verdicts in judged_again(db, unjudged | findings.winner.keys(), unjudged, share):
        out += len(verdicts)
        if told_by(verdicts) != (held_verdicts(db, page) if page in holding else {}):
            changes[page] = verdicts
        holding.discard(page)
    changes |= {page: {} for page in holding}
    put_verdicts(db, dict(sorted(changes.items())), at)
    return out, len(changes)


def _changes(db: Database, findings: _Findings) -> Iterator[_Judged]:
    """How the rows of pages should be that are not so."""
    for page_id, url, own_type, page_type, article, marked in db.execute(_STANDING):
        head = findings.head(page_id)
        repeats = findings.repeats.get(head, 0)
        number = None if repeats else article_id(url if head == page_id else _url(db, head))
        wanted = str(PageType.LIST) if repeats else own_type
        if (wanted, number) == (page_type, article) and not (repeats or marked):
            continue
        evidence = _one(db, "SELECT evidence FROM pages WHERE id = ?", page_id)
        facts = [fact for fact in json.loads(evidence) if not fact.startswith(SETTLED_EVIDENCE)]
        want = _Judged(page_id, wanted, number, as_json([*facts, *_repeating(repeats)]))
        if want != _Judged(page_id, page_type, article, evidence):
            yield want


def _repeating(repeats: int) -> Iterator[str]:
    if repeats:
        yield f"{SETTLED_EVIDENCE}{repeats} articles"


def _url(db: Database, page_id: int) -> str:
    return _one(db, "SELECT url FROM urls WHERE id = ?", page_id)


def _one(db: Database, query: str, page_id: int) -> str:
    return str(db.execute(query, [page_id]).fetchone()[0])


def _rewrite(db: Database, changed: Iterable[_Judged]) -> None:
    db.conn.executemany(
        "UPDATE pages SET page_type = ?, article_id = ?, evidence = ? WHERE id = ?",
        [(want.page_type, want.article_id, want.evidence, want.page_id) for want in changed],
    )


def _move(db: Database, findings: _Findings, at: str) -> tuple[int, int]:
    """Shelve what leaves and bring back what returns; the numbers of both."""
    shelved = dict(db.execute("SELECT page_id, id FROM shelved").fetchall())
    waiting = [(why, page) for page in shelved if (why := findings.shelved_for(page))]
    db.conn.executemany("UPDATE shelved SET why = ?1 WHERE page_id = ?2 AND why <> ?1", waiting)
    leaving = [
        (number, why)
        for page in sorted(findings.winner.keys() | findings.parts.keys() | findings.repeats.keys())
        if (why := findings.shelved_for(page))
        for (number,) in db.execute("SELECT id FROM articles WHERE page_id = ?", [page]).fetchall()
    ]
    returning = [number for page, number in shelved.items() if not findings.shelved_for(page)]
    shelve(db, leaving)
    for number, _ in leaving:
        note_change(db, number, at, "removed")
    for number in returning:
        unshelve(db, number)
        note_change(db, number, at, "added")
    return len(leaving), len(returning)
