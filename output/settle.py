"""Judge again with the evidence of the whole archive: one article a text, no page that only repeats others, and no
text in an article that the site repeats.

The result depends on what is in the archive, not on the order in which it came, and settling twice changes
nothing. Nothing is lost: `pages.own_type` keeps a page's own verdict and `own_verdicts` that on its blocks, and an
article that is taken out waits in `shelved`, until the evidence falls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.record import PageType
from output.aggregates import ArticlePage, aggregates
from output.articles import article_id, as_json, note_change
from output.duplicates import Member, winners
from output.edited import decide, note_absences
from output.joined import find_parts, put_parts
from output.joins import Part
from output.overrule import apply_rulings
from output.pages import SETTLED_EVIDENCE
from output.queue import utc_now
from output.rebuild import rebuild_page
from output.repeats import count_kept, differing, forget_counts, judged_again, kept_text
from output.similar import relate
from output.site_verdicts import held_verdicts, put_verdicts
from output.transaction import writing

_MEMBERS = """SELECT p.id, u.url, p.title, coalesce(p.canonical_url, ''), p.text_digest, p.word_count,
        p.own_type, p.page_type, p.article_id, p.evidence
    FROM pages p JOIN urls u ON u.id = p.id WHERE p.own_type IN ('article', 'teaser') ORDER BY u.url"""

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
    """A page as it stands in its row, or as it should."""

    page_type: str
    article_id: int | None
    evidence: str


@dataclass(frozen=True, slots=True)
class _Page:
    member: Member
    own_type: str
    now: _Judged


@dataclass(frozen=True, slots=True)
class _Findings:
    """The winner of each page, and how many articles a winner repeats if it is a list."""

    winner: dict[int, int]
    repeats: dict[int, int]
    url: dict[int, str]
    parts: dict[int, Part]

    def shelved_for(self, page_id: int) -> str:
        """Why a page's article is taken out; empty if it stays."""
        if self.winner[page_id] != page_id:
            return "duplicate"
        if self.head(page_id) != page_id:
            return "part"
        return "list" if page_id in self.repeats else ""

    def head(self, page_id: int) -> int:
        """The page whose article a page's text is in, as a copy or as a part."""
        winner = self.winner[page_id]
        return self.parts[winner].head if winner in self.parts else winner


def settle(db: Database, clock: Callable[[], str] = utc_now) -> Settled:
    """Settle the archive in one transaction, and say what changed. `clock` gives UTC ISO 8601 times."""
    with writing(db):
        pages = _pages(db)
        count_kept(db)
        findings = _findings(db, pages)
        heads = put_parts(db, findings.parts)
        at = clock()
        removed, returned = _move(db, findings, at)
        repeated, judged = _clear_repeats(db, findings, at)
        forget_counts(db)
        changed = [(page, want) for page in pages if (want := _wanted(page, findings)) != page.now]
        _rewrite(db, changed)
        apply_rulings(db, at)
        for head in heads:
            rebuild_page(db, head, at)
        relate(db)
        db.execute(_REASONS)
        decide(db, at)
        note_absences(db, at)
    shelves = [findings.shelved_for(page.member.page_id) for page in pages]
    return Settled(
        articles=shelves.count(""),
        duplicates=shelves.count("duplicate"),
        lists=shelves.count("list"),
        removed=removed,
        returned=returned,
        pages_changed=len(changed),
        repeated=repeated,
        judged_again=judged,
    )


def _pages(db: Database) -> list[_Page]:
    return [_Page(Member(*row[:6]), row[6], _Judged(*row[7:])) for row in db.execute(_MEMBERS)]


def _findings(db: Database, pages: Iterable[_Page]) -> _Findings:
    """Duplicates first: two copies of one text must not each be evidence that the other repeats it."""
    members = [page.member for page in pages]
    text_of = _reader_of_own_texts(db)
    winner = winners(members, text_of)
    parts = find_parts(db, members, winner, text_of)
    copies = {one.page_id for one in members if winner[one.page_id] != one.page_id}
    copies |= {page for page, part in parts.items() if part.head != page}
    naming = [ArticlePage(one.page_id, one.words) for one in members if one.page_id not in copies]
    return _Findings(winner, aggregates(db, naming), {one.page_id: one.url for one in members}, parts)


def _reader_of_own_texts(db: Database) -> Callable[[int], str]:
    """The text that a page gives by itself, whatever its site repeats and wherever its article goes on."""
    return lambda page_id: kept_text(db, page_id)


def _clear_repeats(db: Database, findings: _Findings, at: str) -> tuple[int, int]:
    """Take out what each site repeats and bring back what it repeats no more; blocks out, and pages that changed."""
    judged = {page for page, winner in findings.winner.items() if winner not in findings.repeats}
    counted = {page for page in judged if findings.winner[page] == page}
    wanted = judged_again(db, counted, judged)
    changes = differing(wanted, held_verdicts(db))
    put_verdicts(db, changes, at)
    return sum(map(len, wanted.values())), len(changes)


def _wanted(page: _Page, findings: _Findings) -> _Judged:
    winner = findings.head(page.member.page_id)
    repeats = findings.repeats.get(winner, 0)
    facts = [fact for fact in json.loads(page.now.evidence) if not fact.startswith(SETTLED_EVIDENCE)]
    if repeats:
        return _Judged(str(PageType.LIST), None, as_json([*facts, f"{SETTLED_EVIDENCE}{repeats} articles"]))
    return _Judged(page.own_type, article_id(findings.url[winner]), as_json(facts))


def _rewrite(db: Database, changed: Iterable[tuple[_Page, _Judged]]) -> None:
    db.conn.executemany(
        "UPDATE pages SET page_type = ?, article_id = ?, evidence = ? WHERE id = ?",
        [(want.page_type, want.article_id, want.evidence, page.member.page_id) for page, want in changed],
    )


def _move(db: Database, findings: _Findings, at: str) -> tuple[int, int]:
    """Shelve what leaves and bring back what returns; the numbers of both."""
    shown = dict(db.execute("SELECT page_id, id FROM articles").fetchall())
    shelved = dict(db.execute("SELECT page_id, id FROM shelved").fetchall())
    waiting = [(why, page) for page in shelved if (why := findings.shelved_for(page))]
    db.conn.executemany("UPDATE shelved SET why = ?1 WHERE page_id = ?2 AND why <> ?1", waiting)
    leaving = [(number, why) for page, number in shown.items() if (why := findings.shelved_for(page))]
    returning = [number for page, number in shelved.items() if not findings.shelved_for(page)]
    for number, why in leaving:
        db.execute("INSERT INTO shelved SELECT *, ? FROM articles WHERE id = ?", [why, number])
        db.execute("DELETE FROM articles WHERE id = ?", [number])
        note_change(db, number, at, "removed")
    for number in returning:
        _bring_back(db, number, at)
    return len(leaving), len(returning)


def _bring_back(db: Database, number: int, at: str) -> None:
    columns = ", ".join(row[1] for row in db.execute("PRAGMA table_info(articles)"))
    db.execute(f"INSERT INTO articles ({columns}) SELECT {columns} FROM shelved WHERE id = ?", [number])
    db.execute("DELETE FROM shelved WHERE id = ?", [number])
    note_change(db, number, at, "added")
