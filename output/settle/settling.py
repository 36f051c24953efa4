"""Settling: page verdicts with the evidence of the whole archive.

Each text has one article, a page that only repeats others has none, and no article holds text that the site repeats.
The result depends on what is in the archive, not on the order in which it came, and settling twice changes nothing.
Nothing is lost: `pages.own_type` keeps a page's own verdict, `own_verdicts` those on its blocks. A removed article
waits in `shelved` until the evidence falls.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import ARTICLE_TYPES, AUTHORS, FieldStatement, PageType, PageVerdict, Verdict
from broadsheet.cleaners.page.authors import name_key
from broadsheet.cleaners.site.field_evidence import (
    MIN_PAGES,
    SourceFinding,
    StatedPage,
    StatedTitles,
    find_sources,
    weigh_evidence,
)
from broadsheet.cleaners.site.site_judge import OwnPage, SiteEvidence, judge_page

from ..archive.fulltext import index_postponed, remove_from_index
from ..archive.ledger import block_id
from ..archive.page_rows import WITHDRAWN_EVIDENCE, stored_statements
from ..archive.shelf import ShelvingReason
from ..archive.stored_text import SQL_ARTICLE_TYPES, sql_words
from ..archive.stored_values import utc_now
from ..archive.url_words import OutcomeReason
from ..write.assembled_text import ArticlePart, put_parts, rebuild_page
from ..write.corrections import told_kinds
from ..write.edit_decisions import decide_pending, note_absences
from ..write.removed_counts import store_counts
from ..write.site_fields import (
    apply_field_corrections,
    pages_with_site_fields,
    replace_site_fields,
    stored_metadata,
    with_own_fields,
)
from ..write.verdicts import apply_rulings, pages_with_site_verdicts, replace_site_verdicts, site_verdict_reasons
from .copies_and_parts import (
    TITLED_WORDS,
    PageIdentity,
    Representatives,
    find_parts,
    find_representatives,
)
from .host_layouts import find_layouts, store_layouts, stored_layout_verdict
from .list_pages import LIST_TABLES, create_pages_view, find_list_pages
from .second_look import stored_second_look
from .settle_steps import ParallelMap, SettleSteps, serial_map, settle_in_steps
from .settled_rows import PageFindings, findings_on_judged, write_findings, write_second_look
from .site_repeats import (
    create_kept_view,
    drop_site_tables,
    find_common_texts,
    kept_text,
    rejudge_pages,
    verdict_reasons,
)
from .unsettled import (
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

# The URLs that pages name as canonical, other than their own.
_CREATE_NAMED_URLS = f"""CREATE TEMP TABLE settle_named AS SELECT DISTINCT p.canonical_url AS url
    FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.own_type IN {SQL_ARTICLE_TYPES} AND p.canonical_url <> '' AND p.canonical_url <> u.url"""

# The pages that may be copies or parts of another, and no others: an archive may have more pages than memory holds. A
# title or digest is read only of the few pages whose comparison needs it.
_HAS_SHARED_TEXT = f"""EXISTS (SELECT 1 FROM pages o
    WHERE o.text_digest = p.text_digest AND o.own_type IN {SQL_ARTICLE_TYPES} AND o.id <> p.id)"""
_HAS_LEADS = "(p.id IN (SELECT page_id FROM _page_leads) OR u.url IN (SELECT url FROM _page_leads))"
_PAGE_IDENTITIES = f"""SELECT p.id, u.url,
        CASE WHEN {_HAS_LEADS} OR (p.word_count < {TITLED_WORDS} AND {_HAS_SHARED_TEXT}) THEN p.title ELSE '' END,
        CASE p.canonical_url WHEN u.url THEN NULL ELSE coalesce(p.canonical_url, '') END,
        CASE WHEN {_HAS_SHARED_TEXT} THEN p.text_digest ELSE '' END, p.word_count
    FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.own_type IN {SQL_ARTICLE_TYPES} AND ((p.canonical_url <> '' AND p.canonical_url <> u.url)
        OR u.url IN (SELECT url FROM temp.settle_named) OR {_HAS_SHARED_TEXT} OR {_HAS_LEADS})
    ORDER BY u.url"""
_AFFECTED_IDENTITIES = f"""SELECT p.id, u.url, p.title,
        CASE p.canonical_url WHEN u.url THEN NULL ELSE coalesce(p.canonical_url, '') END, p.text_digest, p.word_count
    FROM settle_affected a CROSS JOIN pages p ON p.id = a.page_id JOIN urls u ON u.id = p.id
    WHERE p.own_type IN {SQL_ARTICLE_TYPES} ORDER BY u.url"""
_AFFECTED_PAGES = "SELECT page_id FROM settle_affected"

_STORED_COPIES = """SELECT id, _copy_of FROM pages
    WHERE _copy_of IS NOT NULL AND (?1 IS NULL OR id IN (SELECT value FROM json_each(?1)))"""
_COUNT_ARTICLE_PAGES = f"SELECT count(*) FROM pages WHERE own_type IN {SQL_ARTICLE_TYPES}"
_SHELVING_COUNTS = "SELECT why, count(*) FROM shelved GROUP BY why"
_COUNT_SITE_VERDICTS = "SELECT count(*) FROM _own_verdicts WHERE site_kept IS NOT NULL"
# When the crawler fetches a page again it writes the page's own verdict; `pages` has the settled one, which counts
# where the latest response is the one that the row of `pages` is about.
_SETTLED_REASON = f"""CASE WHEN instr(p.evidence, '"{WITHDRAWN_EVIDENCE}') THEN '{OutcomeReason.WITHDRAWN}'
    ELSE p.page_type END"""
_SETTLED_REASONS = (*ARTICLE_TYPES, PageType.LIST, PageType.OTHER, PageType.GALLERY, OutcomeReason.WITHDRAWN)
_UPDATE_REASONS = f"""UPDATE urls SET held_reason = (SELECT {_SETTLED_REASON} FROM pages p WHERE p.id = urls.id),
        reason = CASE WHEN state = 'done' AND held_at IS fetched_at
            THEN (SELECT {_SETTLED_REASON} FROM pages p WHERE p.id = urls.id) ELSE reason END
    WHERE id IN (
        SELECT p.id FROM pages p JOIN urls u ON u.id = p.id WHERE p.own_type IN {SQL_ARTICLE_TYPES}
            AND u.held_reason IN {sql_words(_SETTLED_REASONS)}
            AND u.held_reason <> {_SETTLED_REASON})"""


class SettleResult(NamedTuple):
    """The result of settling: its findings and its changes.

    `layout_pages` look like articles and are none by the layout that they are made in, `emptied_pages` since all their
    text is the site's. `removed_articles` were shelved and `returned_articles` brought back from there;
    `rewritten_rows` are those of `pages`; `repeated_blocks` are blocks that the site's memory takes out of pages, and
    `rejudged_pages` the pages where its verdicts changed.
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


class _PageRelations(NamedTuple):
    """The relations among the pages that were looked at: representatives of copies, and parts of articles.

    Beside them the first pages of articles in parts, also former ones, and the pages that became a copy or ceased to be
    one.
    """

    representatives: Representatives
    parts: dict[int, ArticlePart]
    head_pages: tuple[int, ...]
    moved_pages: frozenset[int]


def settle(db: Database, clock: Callable[[], str] = utc_now, parallel_map: ParallelMap = serial_map) -> SettleResult:
    """Settle the archive and say what changed, in one transaction, or in several where much changes. `clock` gives UTC
    ISO 8601 times.

    What is pure and takes long goes through `parallel_map`.
    """
    with settle_in_steps(db) as steps:
        settled_at = clock()
        apply_field_corrections(db, settled_at)
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
    """Judge again the pages that may have changed since the last settling; returns counts by field of the result.

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
    changes = write_findings(db, findings, settled_at)
    for head_page in relations.head_pages:  # before a step ends: the next settling knows no former first page
        rebuild_page(db, head_page, settled_at)
    stale_hosts = stale_hosts.and_hosts(hosts_of_pages(db, relations.moved_pages | changes.retyped_pages))
    rejudged_pages = 0
    for host in list_hosts(db, stale_hosts):
        steps.end_step()
        rejudged_pages += _clear_repeats(db, host, settled_at, parallel_map)
    steps.end_step()
    apply_rulings(db, settled_at)
    later_changes = write_second_look(db, findings.second_look, list_hosts(db, stale_hosts), settled_at)
    stale_hosts = stale_hosts.and_hosts(hosts_of_pages(db, relations.head_pages))
    _settle_rest(db, settled_at)
    if steps.was_alone:
        store_counts(db, list_hosts(db, stale_hosts.and_hosts(find_unsettled_hosts(db))))
        note_settled(db)
    _drop_temporary_tables(db)
    return _changes(
        changes.removed + later_changes.removed,
        changes.returned + later_changes.returned,
        changes.rewritten + later_changes.rewritten,
        rejudged_pages,
    )


def _drop_temporary_tables(db: Database) -> None:
    drop_site_tables(db)
    db.execute("DROP VIEW IF EXISTS temp.settle_pages")
    for table in ("settle_judged", *AFFECTED_TABLES, *LIST_TABLES):
        db.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _settle_rest(db: Database, settled_at: str) -> dict[str, int]:
    """Settle facts that depend on more than single pages and cost little where nothing has changed."""
    db.execute(_UPDATE_REASONS)
    decide_pending(db, settled_at)
    note_absences(db, settled_at)
    return _changes(0, 0, 0, 0)


def _changes(removed: int, returned: int, rewritten: int, rejudged: int) -> dict[str, int]:
    """Return the fields of the result that count changes."""
    return {
        "removed_articles": removed,
        "returned_articles": returned,
        "rewritten_rows": rewritten,
        "rejudged_pages": rejudged,
    }


def _judge_layouts(db: Database, hosts: Iterable[str]) -> tuple[dict[int, PageVerdict], set[int]]:
    """Judge and store the layouts of these hosts.

    Returns the types of pages that are no articles by their layout, and the pages whose answer changed. Fills
    `settle_layout_out`.
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
    originals: dict[int, int | None] = dict.fromkeys(stored_copies) | dict(representatives.items())
    changed = [pair for pair in originals.items() if stored_copies.get(pair[0]) != pair[1]]
    db.conn.executemany("UPDATE pages SET _copy_of = ?2 WHERE id = ?1", changed)
    return frozenset(stored_copies.keys() ^ representatives.keys())


def _gather_findings(
    db: Database, relations: _PageRelations, layout_verdicts: Mapping[int, PageVerdict], *, is_whole: bool
) -> PageFindings:
    """Look for lists among what is neither copy nor part: two copies of one text must not each be evidence that the
    other repeats it.
    """
    create_pages_view(db)
    second_look = stored_second_look(db)
    if is_whole:
        repeat_counts = find_list_pages(db, in_whole_archive=True)
        relates = (relations.representatives, repeat_counts, relations.parts)
        return PageFindings(*relates, layout_verdicts, second_look, True, told_kinds(db))
    db.execute("CREATE TEMP TABLE settle_changed (page_id INTEGER PRIMARY KEY)")
    for table in ("settle_affected", "settle_layout_out"):
        db.execute(f"INSERT OR IGNORE INTO settle_changed (page_id) SELECT page_id FROM {table}")
    repeat_counts = find_list_pages(db, in_whole_archive=False)
    return findings_on_judged(db, repeat_counts, layout_verdicts, second_look)


def _clear_repeats(db: Database, host: str, settled_at: str, parallel_map: ParallelMap) -> int:
    """Store the verdicts of the site's memory on a host where they differ from the stored ones: take out what the site
    repeats, bring back what it repeats no more. Returns the number of pages that changed.
    """
    changed_verdicts: dict[int, Mapping[int, Verdict]] = {}
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


# The site's evidence for fields: what the sources of a host's article pages state is counted, and fields follow it.
#
# Fields are settled before anything else, from the pages' own values alone: so what else is settled sees the same
# titles and authors, however often the archive was settled before.

_PAGES = f"""SELECT p.id FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ? AND p.own_type IN {SQL_ARTICLE_TYPES} ORDER BY u.url"""
_STATEMENTS = """SELECT s.field, s.source, s.value, s.note FROM urls u CROSS JOIN _page_statements s ON s.page_id = u.id
    WHERE u.host = ?"""
_TITLES = f"""SELECT p.id, coalesce(o.value, a.title, x.title), coalesce(
            o.source, json_extract(coalesce(a.metadata_sources, x.metadata_sources), '$.title'), ''),
        coalesce(a.sitename, x.sitename, '')
    FROM urls u CROSS JOIN pages p ON p.id = u.id LEFT JOIN articles a ON a.page_id = p.id
        LEFT JOIN shelved x ON x.page_id = p.id LEFT JOIN _own_fields o ON o.page_id = p.id AND o.field = 'title'
    WHERE u.host = ? AND p.own_type IN {SQL_ARTICLE_TYPES} AND coalesce(a.id, x.id) IS NOT NULL"""
_LANGUAGES = f"""SELECT coalesce(o.value, a.language, x.language, ''), count(*)
    FROM urls u CROSS JOIN pages p ON p.id = u.id LEFT JOIN articles a ON a.page_id = p.id
        LEFT JOIN shelved x ON x.page_id = p.id LEFT JOIN _own_fields o ON o.page_id = p.id AND o.field = 'language'
    WHERE u.host = ? AND p.own_type IN {SQL_ARTICLE_TYPES} AND coalesce(a.id, x.id) IS NOT NULL GROUP BY 1"""
_STATED_TITLES = """SELECT s.page_id, s.field, s.source, s.value, s.note FROM urls u
        CROSS JOIN _page_statements s ON s.page_id = u.id
    WHERE u.host = ? AND s.field = 'title' ORDER BY s.page_id, s.position"""
# Pages of which a field may change although the site's evidence speaks against no value.
_CONTRADICTING_PAGES = """SELECT DISTINCT s.page_id FROM urls u CROSS JOIN _page_statements s ON s.page_id = u.id
    WHERE u.host = ? AND (s.field = 'title' AND s.source = 'markup'
        OR s.field = 'authors' AND (instr(s.value, ' in ') OR instr(s.value, ' at ')))"""
_IN_MENU = """SELECT total(r.reason IN ('navigation', 'share buttons')), count(*) FROM _page_blocks b
        CROSS JOIN urls u ON u.id = b.page_id
        LEFT JOIN _own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        CROSS JOIN _reasons r ON r.id = coalesce(o.reason_id, b.reason_id)
    WHERE b.block_id = ? AND u.host = ?"""


def settle_statements(db: Database, hosts: Iterable[str], settled_at: str) -> int:
    """Count the statements of these hosts' pages by source, and settle their fields; return the pages that changed."""
    return sum(_settle_host(db, host, settled_at) for host in hosts)


def _settle_host(db: Database, host: str, settled_at: str) -> int:
    """Settle the fields of a host's pages, one page after the other: a host may have more than memory holds."""
    findings = find_sources(FieldStatement(*row) for row in db.execute(_STATEMENTS, [host]))
    titles, site_names = _read_titles(db, host)
    languages = dict(db.execute(_LANGUAGES, [host]).fetchall())
    evidence = weigh_evidence(findings, titles, site_names, languages, _menu_names(db, host, findings))
    changed_pages = pages_with_site_fields(db, host)
    pages = _CONTRADICTING_PAGES if evidence.is_silent else _PAGES
    page_ids = {page_id for (page_id,) in db.execute(pages, [host]).fetchall()}
    changed_count = 0
    for page_id in sorted(page_ids | changed_pages):
        page = _read_page(db, page_id)
        fields = judge_page(OwnPage(fields=page), SiteEvidence(fields=evidence)).fields
        if fields or page_id in changed_pages:
            changed_count += replace_site_fields(db, page_id, fields, settled_at)
    return changed_count


def _read_titles(db: Database, host: str) -> tuple[list[StatedTitles], frozenset[str]]:
    """Read the titles that a host's articles state, and the keys of the names of the site and of the host itself."""
    statements: dict[int, list[FieldStatement]] = defaultdict(list)
    for page_id, *statement in db.execute(_STATED_TITLES, [host]):
        statements[page_id].append(FieldStatement(*statement))
    rows = db.execute(_TITLES, [host]).fetchall()
    names = {name for *_, name in rows} | {host, host.removeprefix("www.")}
    titles = [StatedTitles(title, source, statements[page_id]) for page_id, title, source, _ in rows]
    return titles, frozenset(map(name_key, names)) - {""}


def _menu_names(db: Database, host: str, findings: Iterable[SourceFinding]) -> frozenset[str]:
    """Return those of the commonest authors of a host that most pages remove as menus or share buttons."""
    common = (one for one in findings if one.field == AUTHORS and one.commonest_pages >= MIN_PAGES)
    menu_names = set()
    for name in {name for finding in common for name in json.loads(finding.commonest)}:
        in_menu, count = db.execute(_IN_MENU, [block_id(name), host]).fetchone()
        if count >= MIN_PAGES and 2 * in_menu >= count:
            menu_names.add(name)
    return frozenset(menu_names)


def _read_page(db: Database, page_id: int) -> StatedPage | None:
    """Read an article's own values and its page's statements; None if the page has no article."""
    stored = stored_metadata(db, page_id)
    if stored is None:
        return None
    own = with_own_fields(db, page_id, stored[1])
    statements = stored_statements(db, page_id)
    return StatedPage(own.title, own.authors, own.published, own.sources, statements, own.language)
