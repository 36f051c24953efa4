"""Rows and shelves as the findings on pages make them: the type and the article of each page, the articles taken out.

Only differences are written. A page keeps its own type in `pages.own_type`, and an article that is taken out waits in
`_shelf` until the evidence falls.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from broadsheet.cleaners.document import PageType, PageVerdict

from ..archive.article_storage import ArticleChange, note_change
from ..archive.page_rows import LAYOUT_EVIDENCE, REPEATS_EVIDENCE, SETTLED_EVIDENCE, WITHDRAWN_EVIDENCE, article_id
from ..archive.shelf import ShelvingReason, shelve, unshelve
from ..archive.stored_text import SQL_ARTICLE_TYPES, as_json
from ..archive.stored_values import stored_texts
from ..write.assembled_text import ArticlePart
from ..write.corrections import told_kinds
from .copies_and_parts import Representatives
from .second_look import SecondLook, look_again

if TYPE_CHECKING:
    from sqlite_utils import Database

# The pages whose rows may have to change: those that were looked at, and the copies and parts of such pages.
_COLLECT_JUDGED = (
    "CREATE TEMP TABLE settle_judged (page_id INTEGER PRIMARY KEY)",
    "INSERT OR IGNORE INTO settle_judged (page_id) SELECT page_id FROM settle_listable",
    """INSERT OR IGNORE INTO settle_judged (page_id)
        SELECT h.page_id FROM settle_listable i CROSS JOIN _page_parts h ON h.head_id = i.page_id""",
    """INSERT OR IGNORE INTO settle_judged (page_id)
        SELECT c.id FROM settle_listable i CROSS JOIN pages c ON c._copy_of = i.page_id""",
    """INSERT OR IGNORE INTO settle_judged (page_id) SELECT c.id FROM settle_listable i
        CROSS JOIN _page_parts h ON h.head_id = i.page_id CROSS JOIN pages c ON c._copy_of = h.page_id""",
)
_START_AGAIN = ("DROP TABLE IF EXISTS temp.settle_judged", "DELETE FROM settle_listable")
_LIST_CHANGED = """INSERT INTO settle_listable (page_id) SELECT w.value FROM json_each(?) w WHERE NOT EXISTS (
    SELECT 1 FROM _shelf x WHERE x.page_id = w.value AND x.why NOT IN ('emptied', 'copy'))"""
_JUDGED_COPIES = """SELECT c.id, c._copy_of FROM settle_judged j
    CROSS JOIN pages c ON c.id = j.page_id WHERE c._copy_of IS NOT NULL"""
_JUDGED_PARTS = """SELECT h.page_id, h.head_id, h.place FROM settle_judged j
    CROSS JOIN _page_parts h ON h.page_id = j.page_id"""
_SHELVED = "SELECT page_id, id FROM shelved"
_JUDGED_SHELVED = """SELECT x.page_id, x.id FROM settle_judged j CROSS JOIN shelved x ON x.page_id = j.page_id"""
_IS_SETTLED_EVIDENCE = " + ".join(f"""instr(p.evidence, '"{beginning}')""" for beginning in SETTLED_EVIDENCE) + " > 0"
_STORED_ROWS = f"""SELECT p.id, u.url, p.own_type, p.page_type, p.article_id, {_IS_SETTLED_EVIDENCE}
    FROM {{pages}} JOIN urls u ON u.id = p.id WHERE p.own_type IN {SQL_ARTICLE_TYPES} ORDER BY p.id"""


class RowChanges(NamedTuple):
    """The number of articles that were shelved and brought back, and of rows of `pages` that were rewritten, with the
    pages whose type changed.
    """

    removed: int = 0
    returned: int = 0
    rewritten: int = 0
    retyped_pages: frozenset[int] = frozenset()


class _SettledRow(NamedTuple):
    """A page's row as it should be, and whether its type was another."""

    page_id: int
    page_type: str
    article_id: int | None
    evidence: str
    has_other_type: bool


@dataclass(frozen=True)
class PageFindings:
    """The findings on an archive's pages, by page id: of the whole archive, or of the pages in `settle_judged`.

    They are the representatives of copies, the number of articles that a representative repeats if it is a list, the
    pages that are parts of an article, the types of pages that are no articles by their layout, and what a second look
    found when blocks were judged. `corrected` is whether a person says that a page is an article, the latest act last.
    """

    representatives: Representatives
    repeat_counts: dict[int, int]
    parts: dict[int, ArticlePart]
    layout_verdicts: Mapping[int, PageVerdict]
    second_look: SecondLook
    is_whole: bool
    corrected: Mapping[int, bool] = field(default_factory=dict)

    @cached_property
    def told(self) -> dict[int, bool]:
        """Return by first page whether a person says that it is an article; of several pages the latest act counts."""
        return {self.head_page(page_id): is_article for page_id, is_article in self.corrected.items()}

    def shelving_reason(self, page_id: int) -> ShelvingReason | None:
        """Return the reason for taking a page's article out; None if it stays."""
        if page_id in self.layout_verdicts:
            return ShelvingReason.LAYOUT
        if self.representatives[page_id] != page_id:
            return ShelvingReason.DUPLICATE
        if self._first_page(page_id) != page_id:
            return ShelvingReason.PART
        if page_id in self.told:
            return None if self.told[page_id] else ShelvingReason.WITHDRAWN
        return ShelvingReason.LIST if page_id in self.repeat_counts else self.second_look.shelving_reason(page_id)

    @property
    def shelvable_pages(self) -> set[int]:
        """Return the pages whose articles may be taken out."""
        second_look = (*self.second_look.emptied, *self.second_look.copies)
        findings = (self.representatives, self.parts, self.repeat_counts, self.layout_verdicts, self.told)
        return {*second_look, *(page_id for pages in findings for page_id in pages)}

    def head_page(self, page_id: int) -> int:
        """Return the page whose article has a page's text in it, as a copy or as a part."""
        return self.second_look.original(self._first_page(page_id))

    def _first_page(self, page_id: int) -> int:
        representative = self.representatives[page_id]
        return self.parts[representative].head_id if representative in self.parts else representative


def findings_on_judged(
    db: Database,
    repeat_counts: dict[int, int],
    layout_verdicts: Mapping[int, PageVerdict],
    second_look: SecondLook,
) -> PageFindings:
    """Collect the pages whose rows may have to change in `settle_judged`, and return the findings on them, with the
    copies and parts that are stored.
    """
    for statement in _COLLECT_JUDGED:
        db.execute(statement)
    representatives = Representatives(db.execute(_JUDGED_COPIES).fetchall())
    parts = {page: ArticlePart(head, place) for page, head, place in db.execute(_JUDGED_PARTS)}
    told = told_kinds(db)
    return PageFindings(representatives, repeat_counts, parts, layout_verdicts, second_look, False, told)


def write_findings(db: Database, findings: PageFindings, settled_at: str) -> RowChanges:
    """Shelve the articles that the findings take out, bring back the others, and rewrite the rows that differ."""
    removed_articles, returned_articles = _shelve_and_unshelve(db, findings, settled_at)
    changed_rows = list(_changed_rows(db, findings))
    _rewrite_rows(db, changed_rows)
    retyped_pages = frozenset(row.page_id for row in changed_rows if row.has_other_type)
    return RowChanges(removed_articles, returned_articles, len(changed_rows), retyped_pages)


def write_second_look(db: Database, stored: SecondLook, hosts: Collection[str], settled_at: str) -> RowChanges:
    """Take out the pages of these hosts that have no text left, or that of another page, and bring back the others."""
    found = look_again(db, hosts, stored)
    if not (pages := stored.changed_pages(found)):
        return RowChanges()
    for statement in _START_AGAIN:
        db.execute(statement)
    db.execute(_LIST_CHANGED, [json.dumps(pages)])
    return write_findings(db, findings_on_judged(db, {}, {}, found), settled_at)


def _changed_rows(db: Database, findings: PageFindings) -> Iterator[_SettledRow]:
    """Yield the rows of `pages` that the findings change, with their new values."""
    pages = "pages p" if findings.is_whole else "settle_judged j CROSS JOIN pages p ON p.id = j.page_id"
    stored_rows = db.execute(_STORED_ROWS.format(pages=pages))
    for page_id, url, own_type, stored_type, stored_article_id, has_settled_evidence in stored_rows:
        head_page = findings.head_page(page_id)
        settled_verdict = _settled_verdict(findings, head_page)
        head_url = url if head_page == page_id else _url(db, head_page)
        settled_article_id = None if settled_verdict else article_id(head_url)
        settled_type = str(settled_verdict.page_type) if settled_verdict else own_type
        is_unchanged = (settled_type, settled_article_id) == (stored_type, stored_article_id)
        if is_unchanged and not (settled_verdict or has_settled_evidence):
            continue
        evidence = _only_value(db, "SELECT evidence FROM pages WHERE id = ?", page_id)
        stored_facts = stored_texts(evidence, "pages", "evidence", page_id)
        facts = [fact for fact in stored_facts if not fact.startswith(SETTLED_EVIDENCE)]
        settled_evidence = as_json([*facts, *(settled_verdict.evidence if settled_verdict else ())])
        if (settled_type, settled_article_id, settled_evidence) != (stored_type, stored_article_id, evidence):
            yield _SettledRow(
                page_id, settled_type, settled_article_id, settled_evidence, has_other_type=settled_type != stored_type
            )


def _settled_verdict(findings: PageFindings, page_id: int) -> PageVerdict | None:
    """Return the verdict on a page that only looks like an article; None if it is an article."""
    if layout_verdict := findings.layout_verdicts.get(page_id):
        facts = tuple(f"{LAYOUT_EVIDENCE}{fact}" for fact in layout_verdict.evidence)
        return PageVerdict(layout_verdict.page_type, facts)
    if (is_article := findings.told.get(page_id)) is not None:
        return None if is_article else PageVerdict(PageType.OTHER, (f"{WITHDRAWN_EVIDENCE}by correction",))
    if repeat_count := findings.repeat_counts.get(page_id, 0):
        return PageVerdict(PageType.LIST, (f"{REPEATS_EVIDENCE}{repeat_count} articles",))
    emptied_page = findings.second_look.emptied.get(page_id)
    return emptied_page.verdict if emptied_page else None


def _url(db: Database, page_id: int) -> str:
    return _only_value(db, "SELECT url FROM urls WHERE id = ?", page_id)


def _only_value(db: Database, query: str, page_id: int) -> str:
    return str(db.execute(query, [page_id]).fetchone()[0])


def _rewrite_rows(db: Database, rows: Iterable[_SettledRow]) -> None:
    db.conn.executemany(
        "UPDATE pages SET page_type = ?, article_id = ?, evidence = ? WHERE id = ?",
        [(row.page_type, row.article_id, row.evidence, row.page_id) for row in rows],
    )


def _shelve_and_unshelve(db: Database, findings: PageFindings, settled_at: str) -> tuple[int, int]:
    """Shelve the articles that the findings take out and bring back the others; returns how many of each."""
    shelved = _SHELVED if findings.is_whole else _JUDGED_SHELVED
    article_by_page = dict(db.execute(shelved).fetchall())
    reasons = [(str(reason), page_id) for page_id in article_by_page if (reason := findings.shelving_reason(page_id))]
    db.conn.executemany("UPDATE _shelf SET why = ?1 WHERE page_id = ?2 AND why <> ?1", reasons)
    articles_to_shelve = [
        (article, reason)
        for page_id in sorted(findings.shelvable_pages)
        if (reason := findings.shelving_reason(page_id))
        for (article,) in db.execute("SELECT id FROM articles WHERE page_id = ?", [page_id]).fetchall()
    ]
    articles_to_return = [
        article for page_id, article in article_by_page.items() if not findings.shelving_reason(page_id)
    ]
    shelve(db, articles_to_shelve)
    for article, _ in articles_to_shelve:
        note_change(db, article, settled_at, ArticleChange.REMOVED)
    for article in articles_to_return:
        unshelve(db, article)
        note_change(db, article, settled_at, ArticleChange.ADDED)
    return len(articles_to_shelve), len(articles_to_return)
