"""Settling: page verdicts with the evidence of the whole archive.

There is one article for each text, no article for a page that only repeats others, and no text in an article that the
site repeats. The result depends on what is in the archive, not on the order in which it came, and settling twice
changes nothing. Nothing is lost: `pages.own_type` keeps a page's own verdict and `own_verdicts` that on its blocks, and
an article that is taken out waits in `shelved`, until the evidence falls.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlite_utils import Database

from broadsheet.cleaners.document import PageType, PageVerdict, Verdict
from broadsheet.output.archive.article_storage import ArticleChange, note_change
from broadsheet.output.archive.fulltext import index_postponed, remove_from_index
from broadsheet.output.archive.page_rows import (
    LAYOUT_EVIDENCE,
    REPEATS_EVIDENCE,
    SETTLED_EVIDENCE,
    article_id,
)
from broadsheet.output.archive.shelf import ShelvingReason, shelve, unshelve
from broadsheet.output.archive.stored_text import as_json
from broadsheet.output.archive.stored_values import stored_texts, utc_now
from broadsheet.output.settle.copies_and_parts import (
    SHORT_WORDS,
    PageIdentity,
    Representatives,
    find_parts,
    find_representatives,
)
from broadsheet.output.settle.host_layouts import find_layouts, store_layouts, stored_layout_verdict
from broadsheet.output.settle.list_pages import LIST_TABLES, create_pages_view, find_list_pages
from broadsheet.output.settle.second_look import SecondLook, look_again, stored_second_look
from broadsheet.output.settle.settle_steps import ParallelMap, SettleSteps, serial_map, settle_in_steps
from broadsheet.output.settle.settled_fields import settle_statements
from broadsheet.output.settle.similar_articles import relate_articles
from broadsheet.output.settle.site_repeats import (
    create_kept_view,
    drop_site_tables,
    find_common_texts,
    kept_text,
    rejudge_pages,
    verdict_reasons,
)
from broadsheet.output.settle.unsettled import (
    AFFECTED_TABLES,
    WHOLE_ARCHIVE,
    StaleHosts,
    awaited_urls_have_changed,
    find_affected_pages,
    find_unsettled_hosts,
    hosts_of_pages,
    is_settled,
    judges_have_changed,
    list_hosts,
    note_settled,
    read_roles,
)
from broadsheet.output.write.applied_rulings import apply_rulings
from broadsheet.output.write.assembled_text import ArticlePart, put_parts, rebuild_page
from broadsheet.output.write.edit_decisions import decide_pending, note_absences
from broadsheet.output.write.site_verdicts import pages_with_site_verdicts, replace_site_verdicts, site_verdict_reasons

# The URLs that pages name as canonical, other than their own.
_CREATE_NAMED_URLS = """CREATE TEMP TABLE settle_named AS SELECT DISTINCT p.canonical_url AS url
    FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.own_type IN ('article', 'teaser') AND p.canonical_url <> '' AND p.canonical_url <> u.url"""

# The pages that may be copies or parts of another, and no others: an archive may have more pages than memory holds. A
# title or digest is read only of the few pages whose comparison needs it.
_HAS_SHARED_TEXT = """EXISTS (SELECT 1 FROM pages o
    WHERE o.text_digest = p.text_digest AND o.own_type IN ('article', 'teaser') AND o.id <> p.id)"""
_HAS_LEADS = "(p.id IN (SELECT page_id FROM _page_leads) OR u.url IN (SELECT url FROM _page_leads))"
_PAGE_IDENTITIES = f"""SELECT p.id, u.url,
        CASE WHEN {_HAS_LEADS} OR (p.word_count < {SHORT_WORDS} AND {_HAS_SHARED_TEXT}) THEN p.title ELSE '' END,
        CASE p.canonical_url WHEN u.url THEN NULL ELSE coalesce(p.canonical_url, '') END,
        CASE WHEN {_HAS_SHARED_TEXT} THEN p.text_digest ELSE '' END, p.word_count
    FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.own_type IN ('article', 'teaser') AND ((p.canonical_url <> '' AND p.canonical_url <> u.url)
        OR u.url IN (SELECT url FROM temp.settle_named) OR {_HAS_SHARED_TEXT} OR {_HAS_LEADS})
    ORDER BY u.url"""
_AFFECTED_IDENTITIES = """SELECT p.id, u.url, p.title,
        CASE p.canonical_url WHEN u.url THEN NULL ELSE coalesce(p.canonical_url, '') END, p.text_digest, p.word_count
    FROM settle_affected a CROSS JOIN pages p ON p.id = a.page_id JOIN urls u ON u.id = p.id
    WHERE p.own_type IN ('article', 'teaser') ORDER BY u.url"""
_AFFECTED_PAGES = "SELECT page_id FROM settle_affected"

# The pages whose rows may have to change: those that were looked at, and the copies and parts of such pages.
_COLLECT_JUDGED = (
    "CREATE TEMP TABLE settle_judged (page_id INTEGER PRIMARY KEY)",
    "INSERT OR IGNORE INTO settle_judged (page_id) SELECT page_id FROM settle_listable",
    """INSERT OR IGNORE INTO settle_judged (page_id)
        SELECT h.page_id FROM settle_listable i CROSS JOIN _page_parts h ON h.head_id = i.page_id""",
    """INSERT OR IGNORE INTO settle_judged (page_id)
        SELECT c.page_id FROM settle_listable i CROSS JOIN _page_copies c ON c.original_id = i.page_id""",
    """INSERT OR IGNORE INTO settle_judged (page_id) SELECT c.page_id FROM settle_listable i
        CROSS JOIN _page_parts h ON h.head_id = i.page_id CROSS JOIN _page_copies c ON c.original_id = h.page_id""",
)
_START_AGAIN = ("DROP TABLE IF EXISTS temp.settle_judged", "DELETE FROM settle_listable")
_LIST_CHANGED = """INSERT INTO settle_listable (page_id) SELECT w.value FROM json_each(?) w WHERE NOT EXISTS (
    SELECT 1 FROM _shelf x WHERE x.page_id = w.value AND x.why NOT IN ('emptied', 'copy'))"""
_JUDGED_COPIES = """SELECT c.page_id, c.original_id FROM settle_judged j
    CROSS JOIN _page_copies c ON c.page_id = j.page_id"""
_JUDGED_PARTS = """SELECT h.page_id, h.head_id, h.place FROM settle_judged j
    CROSS JOIN _page_parts h ON h.page_id = j.page_id"""
_STORED_COPIES = """SELECT page_id, original_id FROM _page_copies
    WHERE ?1 IS NULL OR page_id IN (SELECT value FROM json_each(?1))"""
_SHELVED = "SELECT page_id, id FROM _shelved"
_JUDGED_SHELVED = """SELECT x.page_id, x.id FROM settle_judged j CROSS JOIN _shelved x ON x.page_id = j.page_id"""

_COUNT_ARTICLE_PAGES = "SELECT count(*) FROM pages WHERE own_type IN ('article', 'teaser')"
_SHELVING_COUNTS = "SELECT why, count(*) FROM _shelved GROUP BY why"
_COUNT_SITE_VERDICTS = "SELECT count(*) FROM _own_verdicts"
_IS_SETTLED_EVIDENCE = " + ".join(f"""instr(p.evidence, '"{beginning}')""" for beginning in SETTLED_EVIDENCE) + " > 0"
_STORED_ROWS = f"""SELECT p.id, u.url, p.own_type, p.page_type, p.article_id, {_IS_SETTLED_EVIDENCE}
    FROM {{pages}} JOIN urls u ON u.id = p.id WHERE p.own_type IN ('article', 'teaser') ORDER BY p.id"""

# When the crawler fetches a page again it writes the page's own verdict; `pages` has the settled one, which counts
# where the latest response is the one that the row of `pages` is about.
_UPDATE_REASONS = """UPDATE urls SET held_reason = (SELECT page_type FROM pages p WHERE p.id = urls.id),
        reason = CASE WHEN state = 'done' AND held_at IS fetched_at
            THEN (SELECT page_type FROM pages p WHERE p.id = urls.id) ELSE reason END
    WHERE id IN (
        SELECT p.id FROM pages p JOIN urls u ON u.id = p.id WHERE p.own_type IN ('article', 'teaser')
            AND u.held_reason IN ('article', 'teaser', 'list', 'other', 'gallery') AND u.held_reason <> p.page_type)"""


@dataclass(frozen=True, slots=True)
class SettleResult:
    """The result of settling: what it found, and what it changed.

    `layout_pages` look like articles and are none by the layout that they are made in, `emptied_pages` since all their
    text is the site's. `removed_articles` were shelved
    and `returned_articles` brought back from there; `rewritten_rows` are those of `pages`; `repeated_blocks` are blocks
    that the site's memory takes out of pages, and `rejudged_pages` the pages where its verdicts changed.
    """

    articles: int
    duplicate_pages: int
    list_pages: int
    layout_pages: int
    emptied_pages: int
    removed_articles: int
    returned_articles: int
    rewritten_rows: int
    repeated_blocks: int
    rejudged_pages: int


@dataclass(frozen=True, slots=True)
class _SettledRow:
    """A page's row as it should be, and whether its type was another."""

    page_id: int
    page_type: str
    article_id: int | None
    evidence: str
    has_other_type: bool


@dataclass(frozen=True, slots=True)
class _RowChanges:
    """The number of articles that were shelved and brought back, and of rows of `pages` that were rewritten."""

    removed: int = 0
    returned: int = 0
    rewritten: int = 0


@dataclass(frozen=True, slots=True)
class _PageRelations:
    """The relations among the pages that were looked at: representatives of copies, and parts of articles.

    Beside them the first pages of articles in parts, also former ones, and the pages that became a copy or ceased to be
    one.
    """

    representatives: Representatives
    parts: dict[int, ArticlePart]
    head_pages: tuple[int, ...]
    moved_pages: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Findings:
    """The findings on an archive's pages, by page id: of the whole archive, or of the pages in `settle_judged`.

    They are the representatives of copies, the number of articles that a representative repeats if it is a list, the
    pages that are parts of an article, the types of pages that are no articles by their layout, and what a second look
    found when blocks were judged.
    """

    representatives: Representatives
    repeat_counts: dict[int, int]
    parts: dict[int, ArticlePart]
    layout_verdicts: Mapping[int, PageVerdict]
    second_look: SecondLook
    is_whole: bool

    def shelving_reason(self, page_id: int) -> ShelvingReason | None:
        """Return the reason for taking a page's article out; None if it stays."""
        if page_id in self.layout_verdicts:
            return ShelvingReason.LAYOUT
        if self.representatives[page_id] != page_id:
            return ShelvingReason.DUPLICATE
        if self._first_page(page_id) != page_id:
            return ShelvingReason.PART
        return ShelvingReason.LIST if page_id in self.repeat_counts else self.second_look.shelving_reason(page_id)

    @property
    def shelvable_pages(self) -> set[int]:
        """Return the pages whose articles may be taken out."""
        second_look = (*self.second_look.emptied, *self.second_look.copies)
        return {*self.representatives, *self.parts, *self.repeat_counts, *self.layout_verdicts, *second_look}

    def head_page(self, page_id: int) -> int:
        """Return the page whose article has a page's text in it, as a copy or as a part."""
        return self.second_look.original(self._first_page(page_id))

    def _first_page(self, page_id: int) -> int:
        representative = self.representatives[page_id]
        return self.parts[representative].head_id if representative in self.parts else representative


def settle(db: Database, clock: Callable[[], str] = utc_now, parallel_map: ParallelMap = serial_map) -> SettleResult:
    """Settle the archive and say what changed, in one transaction, or in several where much changes. `clock` gives UTC
    ISO 8601 times.

    What is pure and takes long goes through `parallel_map`.
    """
    with settle_in_steps(db) as steps:
        settled_at = clock()
        if is_settled(db) and not apply_rulings(db, settled_at):
            changes = _settle_rest(db, settled_at)
        else:
            changes = _judge_stale_pages(db, settled_at, parallel_map, steps)
        counts = Counter({ShelvingReason(reason): count for reason, count in db.execute(_SHELVING_COUNTS)})
        (article_pages,) = db.execute(_COUNT_ARTICLE_PAGES).fetchone()
        (repeated_blocks,) = db.execute(_COUNT_SITE_VERDICTS).fetchone()
    return SettleResult(
        articles=article_pages - counts.total(),
        duplicate_pages=counts[ShelvingReason.DUPLICATE] + counts[ShelvingReason.COPY],
        list_pages=counts[ShelvingReason.LIST],
        layout_pages=counts[ShelvingReason.LAYOUT],
        emptied_pages=counts[ShelvingReason.EMPTIED],
        repeated_blocks=repeated_blocks,
        **changes,
    )


def _judge_stale_pages(db: Database, settled_at: str, parallel_map: ParallelMap, steps: SettleSteps) -> dict[str, int]:
    """Judge again what may have changed since the archive was last settled; returns what did, by field of the result.

    Fields are settled first, since titles and authors decide on what follows. Layouts and what a site repeats are
    judged on hosts where something changed that they depend on; copies, parts and lists are looked for among the pages
    that have to do with a changed one.
    """
    _drop_temporary_tables(db)
    create_kept_view(db)
    is_whole = judges_have_changed(db)
    unsettled_hosts = WHOLE_ARCHIVE if is_whole else StaleHosts(find_unsettled_hosts(db))
    settle_statements(db, list_hosts(db, unsettled_hosts), settled_at)
    hosts_of_texts = find_common_texts(db, in_whole_archive=is_whole)
    stale_hosts = WHOLE_ARCHIVE if is_whole else StaleHosts(hosts_of_texts | find_unsettled_hosts(db))
    layout_verdicts, moved_pages = _judge_layouts(db, list_hosts(db, stale_hosts))
    if not is_whole:
        find_affected_pages(db, moved_pages, awaited_urls_changed=awaited_urls_have_changed(db))
    relations = _relate_pages(db, layout_verdicts, is_whole=is_whole)
    findings = _gather_findings(db, relations, layout_verdicts, is_whole=is_whole)
    removed_articles, returned_articles = _shelve_and_unshelve(db, findings, settled_at)
    changed_rows = list(_changed_rows(db, findings))
    _rewrite_rows(db, changed_rows)
    changed_roles = relations.moved_pages | {row.page_id for row in changed_rows if row.has_other_type}
    stale_hosts = stale_hosts.and_hosts(hosts_of_pages(db, changed_roles))
    rejudged_pages = 0
    for host in list_hosts(db, stale_hosts):
        steps.end_step()
        rejudged_pages += _clear_repeats(db, host, settled_at, parallel_map)
    steps.end_step()
    apply_rulings(db, settled_at)
    later = _look_again(db, findings.second_look, list_hosts(db, stale_hosts), settled_at)
    for head_page in relations.head_pages:
        rebuild_page(db, head_page, settled_at)
    stale_hosts = stale_hosts.and_hosts(hosts_of_pages(db, relations.head_pages))
    relate_articles(db, parallel_map, stale_hosts, relations.head_pages)
    _settle_rest(db, settled_at)
    if steps.was_alone:
        note_settled(db)
    _drop_temporary_tables(db)
    return _changes(
        removed_articles + later.removed,
        returned_articles + later.returned,
        len(changed_rows) + later.rewritten,
        rejudged_pages,
    )


def _drop_temporary_tables(db: Database) -> None:
    drop_site_tables(db)
    db.execute("DROP VIEW IF EXISTS temp.settle_pages")
    for table in ("settle_judged", *AFFECTED_TABLES, *LIST_TABLES):
        db.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _settle_rest(db: Database, settled_at: str) -> dict[str, int]:
    """Settle what depends on more than pages and costs little where nothing has changed."""
    db.execute(_UPDATE_REASONS)
    decide_pending(db, settled_at)
    note_absences(db, settled_at)
    return _changes(0, 0, 0, 0)


def _changes(removed: int, returned: int, rewritten: int, rejudged: int) -> dict[str, int]:
    """Return the fields of the result that say what was changed."""
    return {
        "removed_articles": removed,
        "returned_articles": returned,
        "rewritten_rows": rewritten,
        "rejudged_pages": rejudged,
    }


def _judge_layouts(db: Database, hosts: Iterable[str]) -> tuple[dict[int, PageVerdict], set[int]]:
    """Judge and store the layouts of these hosts.

    Returns what the pages are that are no articles by them, and the pages that were none before and are now, or the
    other way round. Fills `settle_layout_out`.
    """
    db.execute("CREATE TEMP TABLE settle_layout_out (page_id INTEGER PRIMARY KEY, is_out INTEGER NOT NULL)")
    layout_verdicts: dict[int, PageVerdict] = {}
    moved_pages: set[int] = set()
    for layouts in find_layouts(db, hosts):
        store_layouts(db, layouts)
        moved_pages |= layouts.formerly_taken_out ^ layouts.taken_out.keys()
        rows = [(page, page in layouts.taken_out) for page in layouts.formerly_taken_out | layouts.taken_out.keys()]
        db.conn.executemany("INSERT INTO settle_layout_out (page_id, is_out) VALUES (?, ?)", rows)
        layout_verdicts |= layouts.taken_out
    return layout_verdicts, moved_pages


def _read_page_identities(db: Database) -> list[PageIdentity]:
    """Read the article pages that may be copies or parts of one another, in the order of their URLs."""
    db.execute("DROP TABLE IF EXISTS temp.settle_named")
    try:
        db.execute(_CREATE_NAMED_URLS)
        db.execute("CREATE UNIQUE INDEX temp.settle_named_url ON settle_named (url)")
        return [_page_identity(row) for row in db.execute(_PAGE_IDENTITIES)]
    finally:
        db.execute("DROP TABLE IF EXISTS temp.settle_named")


def _page_identity(row: tuple[Any, ...]) -> PageIdentity:
    page_id, url, title, canonical_url, digest, word_count = row
    return PageIdentity(page_id, url, title, url if canonical_url is None else canonical_url, digest, word_count)


def _relate_pages(db: Database, layout_verdicts: dict[int, PageVerdict], *, is_whole: bool) -> _PageRelations:
    """Find copies, then parts, and store them. What is no article by its layout represents none.

    Those of the affected pages, or of all; verdicts by layout that other hosts' pages among them have are added.
    """
    if is_whole:
        pages, affected_pages = _read_page_identities(db), None
    else:
        pages = [_page_identity(row) for row in db.execute(_AFFECTED_IDENTITIES).fetchall()]
        affected_pages = {page_id for (page_id,) in db.execute(_AFFECTED_PAGES)}
        judged_pages = {page_id for (page_id,) in db.execute("SELECT page_id FROM settle_layout_out")}
        for page_id in affected_pages - judged_pages:
            if verdict := stored_layout_verdict(db, page_id):
                layout_verdicts[page_id] = verdict
    pages = [page for page in pages if page.page_id not in layout_verdicts]
    text_of = partial(kept_text, db)
    representatives = find_representatives(pages, text_of)
    parts = find_parts(db, pages, representatives, text_of, is_whole=is_whole)
    moved_pages = _store_copies(db, representatives, affected_pages)
    return _PageRelations(representatives, parts, put_parts(db, parts, affected_pages), moved_pages)


def _store_copies(db: Database, representatives: Representatives, pages: Collection[int] | None) -> frozenset[int]:
    """Store which page represents which, of these pages or of all; returns those that became a copy or are none now."""
    wanted = None if pages is None else json.dumps(sorted(pages))
    stored_copies = dict(db.execute(_STORED_COPIES, [wanted]).fetchall())
    stale_pages = [(page,) for page, original in stored_copies.items() if representatives[page] != original]
    db.conn.executemany("DELETE FROM _page_copies WHERE page_id = ?", stale_pages)
    new_copies = [pair for pair in representatives.items() if stored_copies.get(pair[0]) != pair[1]]
    db.conn.executemany("INSERT INTO _page_copies (page_id, original_id) VALUES (?, ?)", new_copies)
    return frozenset(stored_copies.keys() ^ representatives.keys())


def _gather_findings(
    db: Database, relations: _PageRelations, layout_verdicts: Mapping[int, PageVerdict], *, is_whole: bool
) -> _Findings:
    """Look for lists among what is neither copy nor part: two copies of one text must not each be evidence that the
    other repeats it.
    """
    create_pages_view(db)
    second_look = stored_second_look(db)
    if is_whole:
        repeat_counts = find_list_pages(db, in_whole_archive=True)
        relates = (relations.representatives, repeat_counts, relations.parts)
        return _Findings(*relates, layout_verdicts, second_look, is_whole=True)
    db.execute("CREATE TEMP TABLE settle_changed (page_id INTEGER PRIMARY KEY)")
    for table in ("settle_affected", "settle_layout_out"):
        db.execute(f"INSERT OR IGNORE INTO settle_changed (page_id) SELECT page_id FROM {table}")
    repeat_counts = find_list_pages(db, in_whole_archive=False)
    return _findings_on_judged(db, repeat_counts, layout_verdicts, second_look)


def _findings_on_judged(
    db: Database,
    repeat_counts: dict[int, int],
    layout_verdicts: Mapping[int, PageVerdict],
    second_look: SecondLook,
) -> _Findings:
    """Collect the pages whose rows may have to change in `settle_judged`, and return the findings on them, with the
    copies and parts that are stored.
    """
    for statement in _COLLECT_JUDGED:
        db.execute(statement)
    representatives = Representatives(db.execute(_JUDGED_COPIES).fetchall())
    parts = {page: ArticlePart(head, place) for page, head, place in db.execute(_JUDGED_PARTS)}
    return _Findings(representatives, repeat_counts, parts, layout_verdicts, second_look, is_whole=False)


def _clear_repeats(db: Database, host: str, settled_at: str, parallel_map: ParallelMap) -> int:
    """Store the verdicts of the site's memory on a host where they differ from the stored ones: take out what the site
    repeats, bring back what it repeats no more. Returns the number of pages that changed.
    """
    changed_verdicts: dict[int, dict[int, Verdict]] = {}
    unvisited_pages = pages_with_site_verdicts(db, host)
    for page_id, verdicts in rejudge_pages(db, host, read_roles(db, host), parallel_map):
        if verdict_reasons(verdicts) != (site_verdict_reasons(db, page_id) if page_id in unvisited_pages else {}):
            changed_verdicts[page_id] = verdicts
        unvisited_pages.discard(page_id)
    changed_verdicts |= {page_id: {} for page_id in unvisited_pages}
    remove_from_index(db, changed_verdicts)
    replace_site_verdicts(db, dict(sorted(changed_verdicts.items())), settled_at)
    index_postponed(db)
    return len(changed_verdicts)


def _look_again(db: Database, stored: SecondLook, hosts: Collection[str], settled_at: str) -> _RowChanges:
    """Take out the pages of these hosts that have no text left, or that of another page, and bring back the others."""
    found = look_again(db, hosts, stored)
    if not (pages := stored.changed_pages(found)):
        return _RowChanges()
    for statement in _START_AGAIN:
        db.execute(statement)
    db.execute(_LIST_CHANGED, [json.dumps(pages)])
    findings = _findings_on_judged(db, {}, {}, found)
    removed_articles, returned_articles = _shelve_and_unshelve(db, findings, settled_at)
    changed_rows = list(_changed_rows(db, findings))
    _rewrite_rows(db, changed_rows)
    return _RowChanges(removed_articles, returned_articles, len(changed_rows))


def _changed_rows(db: Database, findings: _Findings) -> Iterator[_SettledRow]:
    """Yield the rows of `pages` that differ from what the findings make of them, as they should be."""
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


def _settled_verdict(findings: _Findings, page_id: int) -> PageVerdict | None:
    """Return the verdict on a page that looks like an article and is none; None if it is one."""
    if layout_verdict := findings.layout_verdicts.get(page_id):
        facts = tuple(f"{LAYOUT_EVIDENCE}{fact}" for fact in layout_verdict.evidence)
        return PageVerdict(layout_verdict.page_type, facts)
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


def _shelve_and_unshelve(db: Database, findings: _Findings, settled_at: str) -> tuple[int, int]:
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
