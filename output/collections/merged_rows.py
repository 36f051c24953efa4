"""Rows joined from two archives: URLs of a host, captures, runs, and rows of no single host.

A URL keeps what the archives know last of it, and the shortest way to it. Captures get the places of their records in
the copied WARC files. Rows of no single host are reasons, cleaners, robots.txt files, takedowns, corrections
with their texts, and links out of the crawl.

Links out are counted once, by whatever ways an archive comes into another. The target remembers the counts of each
archive under that archive's name. A source's counts are those of its own and those that it remembers of others. Of each
of these, only the excess over the count remembered here is new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from sqlite_utils import Database

from ..archive.article_storage import changes_made_now, put_user_values, stored_article
from ..archive.atomic_writes import write_transaction
from ..archive.fulltext import index_postponed, postpone_indexing
from ..archive.metadata_columns import ARTICLE_COLUMNS
from ..archive.page_rows import Sighting, article_id
from ..archive.rendered_layouts import RenderedLayout
from ..archive.revisions import correct_revision
from ..archive.stored_text import as_json, storable_text
from ..archive.stored_values import STORE_FACT, content_id, stored_object, text_digest
from ..archive.table_columns import folded_name, quoted_name, table_columns
from ..archive.url_words import OutcomeReason, UrlState
from ..settle.own_reading import OwnReading, read_own_reading
from ..write.corrections import COLUMNS
from ..write.page_writer import save_page
from ..write.takedowns import FORGOTTEN_URL, is_forgotten, plan_takedown, take_down
from .source_archive import SCHEMA_NAME, SourceArchive, former_identity

_CREATE_HOSTS = (
    "DROP TABLE IF EXISTS temp.merge_hosts",
    """CREATE TEMP TABLE merge_hosts (host TEXT NOT NULL, url_id INTEGER NOT NULL, PRIMARY KEY (host, url_id))
        WITHOUT ROWID""",
    f"INSERT INTO merge_hosts (host, url_id) SELECT host, id FROM {SCHEMA_NAME}.urls ORDER BY host, id",
)
URLS_OF_HOST = f"temp.merge_hosts h CROSS JOIN {SCHEMA_NAME}.urls s ON s.id = h.url_id WHERE h.host = ?"
"""SQL: the source's rows of `urls`, as s, of a host, which is the parameter. `note_hosts` makes the table."""

_IS_LATER = "coalesce(excluded.fetched_at, '') > coalesce(urls.fetched_at, '')"
_IS_LATER_HELD = "coalesce(excluded.held_at, '') > coalesce(urls.held_at, '')"
_IS_EARLIER_SEEN = "excluded.first_seen < urls.first_seen"
_LATEST = ("attempts", "http_status", "location", "_not_before", "fetched_at")
_HELD = ("held_reason", "held_at", "_revisit_seconds", "_unfounded")
_FIRST = ("found_via", "found_on", "first_seen")
_SINGLE = ("url", "host", "kind", "state", "reason", "depth", "_priority", "lastmod", "in_sitemap", "in_feed")
_URL_COLUMNS = (*_SINGLE, *_FIRST, *_LATEST, *_HELD)

# As where a crawl comes upon a URL on a better way: one that was skipped for its depth is to be fetched after all.
_IS_REVIVED = f"""excluded.state = '{UrlState.QUEUED}' AND urls.state = '{UrlState.SKIPPED}'
    AND urls.reason IN ('{OutcomeReason.DEPTH}', '{OutcomeReason.NOFOLLOW}')"""


def _chosen(condition: str, columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name} = CASE WHEN {condition} THEN excluded.{name} ELSE urls.{name} END" for name in columns)


_PUT_URLS = f"""INSERT INTO urls ({", ".join(_URL_COLUMNS)})
    SELECT {", ".join(f"s.{name}" for name in _URL_COLUMNS)} FROM {URLS_OF_HOST} ORDER BY s.id
    ON CONFLICT (url) DO UPDATE SET
        {_chosen(f"({_IS_LATER}) OR ({_IS_REVIVED})", ("state", "reason"))},
        {_chosen(_IS_LATER, _LATEST)}, {_chosen(_IS_LATER_HELD, _HELD)}, {_chosen(_IS_EARLIER_SEEN, _FIRST)},
        kind = CASE excluded.kind WHEN 'picture' THEN 'picture' ELSE urls.kind END,
        in_sitemap = max(urls.in_sitemap, excluded.in_sitemap), in_feed = max(urls.in_feed, excluded.in_feed),
        depth = min(urls.depth, excluded.depth), _priority = max(urls._priority, excluded._priority),
        lastmod = CASE WHEN coalesce(excluded.lastmod, '') > coalesce(urls.lastmod, '')
            THEN excluded.lastmod ELSE urls.lastmod END"""
_SKIP_FORGOTTEN = f"""UPDATE urls SET state = '{UrlState.SKIPPED}', reason = '{OutcomeReason.FORGOTTEN}',
        _not_before = NULL
    WHERE url IN (SELECT s.url FROM {URLS_OF_HOST}) AND kind IN ('page', 'picture')
        AND reason <> '{OutcomeReason.FORGOTTEN}' AND {FORGOTTEN_URL.format("url")}"""
_COUNTS = ("fetched", "articles", "led", "dry", "hopes", "echoes")
_PUT_PATTERNS = f"""INSERT INTO _url_patterns (host, pattern, {", ".join(_COUNTS)})
    SELECT host, pattern, {", ".join(_COUNTS)} FROM {SCHEMA_NAME}._url_patterns WHERE host = ?
    ON CONFLICT (host, pattern) DO UPDATE SET
        {", ".join(f"{name} = max(_url_patterns.{name}, excluded.{name})" for name in _COUNTS)}"""

_RENDERED = [field.name for field in fields(RenderedLayout)]
_PUT_RENDERED = f"""INSERT INTO _rendered_layouts ({", ".join(_RENDERED)})
    SELECT {", ".join(_RENDERED)} FROM {SCHEMA_NAME}._rendered_layouts WHERE host = ?
    ON CONFLICT (host, signature) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in _RENDERED[2:])}
        WHERE excluded.rendered > _rendered_layouts.rendered"""


def note_hosts(target: Database) -> list[str]:
    """Make the temporary table of the source's URLs by host; returns the hosts. Runs in the caller's transaction."""
    for statement in _CREATE_HOSTS:
        target.execute(statement)
    return [host for (host,) in target.execute("SELECT DISTINCT host FROM temp.merge_hosts ORDER BY host").fetchall()]


def merge_urls(target: Database, host: str) -> None:
    """Take over a host's URLs, which lists name them, what their patterns have brought, and what a browser gained.
    Inside a transaction.
    """
    for statement in (_PUT_URLS, _SKIP_FORGOTTEN, _PUT_PATTERNS, _PUT_RENDERED):
        target.execute(statement, [host])


# A picture whose capture stays out, since it was taken down here, stays out too.
_PUT_PICTURES = f"""INSERT INTO _pictures (url_id, capture_id, digest, type, width, height, bytes)
    SELECT t.id, p.capture_id, p.digest, p.type, p.width, p.height, p.bytes
    FROM {SCHEMA_NAME}._pictures p JOIN {SCHEMA_NAME}.urls s ON s.id = p.url_id JOIN main.urls t ON t.url = s.url
        JOIN main.captures c ON c.id = p.capture_id WHERE true
    ON CONFLICT (url_id) DO UPDATE SET capture_id = excluded.capture_id, digest = excluded.digest,
        type = excluded.type, width = excluded.width, height = excluded.height, bytes = excluded.bytes
        WHERE (SELECT fetched_at FROM main.captures WHERE id = excluded.capture_id)
            > (SELECT fetched_at FROM main.captures WHERE id = _pictures.capture_id)"""


_PUT_PAGE_FILES = f"""INSERT OR IGNORE INTO _page_files (user_id, url_id) SELECT user.id, file.id
    FROM {SCHEMA_NAME}._page_files f JOIN {SCHEMA_NAME}.urls s ON s.id = f.user_id
        JOIN {SCHEMA_NAME}.urls t ON t.id = f.url_id
        JOIN main.urls user ON user.url = s.url JOIN main.urls file ON file.url = t.url
    WHERE user.reason <> '{OutcomeReason.FORGOTTEN}' AND file.reason <> '{OutcomeReason.FORGOTTEN}'"""


def merge_pictures(target: Database) -> None:
    """Take over the facts of pictures, of a URL the later ones, and which pages use which files; after URLs and
    captures. Inside a transaction.
    """
    target.execute(_PUT_PICTURES)
    target.execute(_PUT_PAGE_FILES)


_CAPTURE_COLUMNS = (
    *("id", "url", "fetched_at", "http_status", "final_url", "content_type", "payload_digest", "payload_length"),
    *("directives", "usage", "usage_stated", "robots_id", "refers_to", "truncated", "etag", "last_modified"),
    *("record_faults", "rendered_for"),
)
# Captures that were taken down here stay out, unless the record of one holds what another capture refers to, or a
# browser used it for another page too.
_CREATE_LEFT_OUT = f"""CREATE TEMP TABLE merge_left_out AS
    SELECT s.id AS id, s.warc_file AS warc_file, s.warc_offset AS warc_offset FROM {SCHEMA_NAME}.captures s
    WHERE ({FORGOTTEN_URL.format("s.url")} OR ({FORGOTTEN_URL.format("s.rendered_for")} AND NOT EXISTS (
        SELECT 1 FROM {SCHEMA_NAME}._resource_users r
        WHERE r.capture_id = s.id AND NOT {FORGOTTEN_URL.format("r.url")}))) AND NOT EXISTS (
        SELECT 1 FROM {SCHEMA_NAME}.captures o WHERE o.refers_to = s.id AND NOT {FORGOTTEN_URL.format("o.url")})"""
# One that the target has from an imported file has its record in a file of its own now, where a takedown finds it.
_OF_RECORD = ("refers_to", "truncated", "record_faults", "warc_file", "warc_offset", "warc_length")
_PUT_CAPTURES = f"""INSERT INTO captures ({", ".join(_CAPTURE_COLUMNS)}, warc_file, warc_offset, warc_length)
    SELECT {", ".join(f"s.{name}" for name in _CAPTURE_COLUMNS)}, coalesce(p.name, s.warc_file), s.warc_offset,
    s.warc_length FROM {SCHEMA_NAME}.captures s LEFT JOIN temp.merge_places p ON p.source_name = s.warc_file
    WHERE s.id NOT IN (SELECT id FROM temp.merge_left_out) ORDER BY s.id
    ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _OF_RECORD)}
        WHERE coalesce(captures.warc_file, '') NOT IN (SELECT name FROM main._warc_files)
            AND excluded.warc_file IN (SELECT name FROM main._warc_files)"""
_PUT_RESOURCE_USERS = (
    f"""INSERT OR IGNORE INTO _resource_users (capture_id, url) SELECT r.capture_id, r.url
        FROM {SCHEMA_NAME}._resource_users r JOIN main.captures c ON c.id = r.capture_id
        WHERE NOT {FORGOTTEN_URL.format("r.url")}""",
    f"""UPDATE captures SET rendered_for = (SELECT min(url) FROM _resource_users WHERE capture_id = captures.id)
        WHERE id IN (SELECT capture_id FROM main._resource_users) AND {FORGOTTEN_URL.format("rendered_for")}""",
)
# Their records came with the copied bytes, and are written over.
_PUT_ERASURES = f"""INSERT OR IGNORE INTO _warc_erasures (file, offset, following)
    SELECT p.name, n.warc_offset, coalesce((SELECT min(o.warc_offset) FROM {SCHEMA_NAME}.captures o
            WHERE o.warc_file = n.warc_file AND o.warc_offset > n.warc_offset), f.length)
    FROM temp.merge_left_out n JOIN temp.merge_places p ON p.source_name = n.warc_file
        JOIN main._warc_files f ON f.name = p.name
    WHERE n.warc_offset >= p.copied"""
# A capture that the target has in another file, as where the source is a renamed copy of it, needs no second record: no
# row would name that, and no takedown find it. What the source holds stays there.
_PUT_REPEATED_ERASURES = f"""INSERT OR IGNORE INTO _warc_erasures (file, offset, following)
    SELECT p.name, s.warc_offset, coalesce((SELECT min(o.warc_offset) FROM {SCHEMA_NAME}.captures o
            WHERE o.warc_file = s.warc_file AND o.warc_offset > s.warc_offset), f.length)
    FROM {SCHEMA_NAME}.captures s JOIN temp.merge_places p ON p.source_name = s.warc_file
        JOIN main._warc_files f ON f.name = p.name JOIN main.captures t ON t.id = s.id
        JOIN main._warc_files h ON h.name = t.warc_file
    WHERE s.warc_offset >= p.copied AND t.warc_file <> p.name"""
# A takedown there that waited for a file: the record came with the copied bytes too. In a file that both archives have,
# the target's own captures say where the record is.
_PUT_WAITING_ERASURES = f"""INSERT OR IGNORE INTO _warc_erasures (file, offset, following)
    SELECT p.name, e.offset, e.following FROM {SCHEMA_NAME}._warc_erasures e
        JOIN temp.merge_places p ON p.source_name = e.file JOIN main._warc_files f ON f.name = p.name
    WHERE p.name <> p.source_name"""
# Each capture has a row of its URL. One that is new here waits in the queue until its host's turn.
_PUT_WAITING_URLS = f"""INSERT OR IGNORE INTO urls (
        url, host, kind, state, found_via, found_on, depth, _priority, first_seen)
    SELECT u.url, u.host, u.kind, '{UrlState.QUEUED}', u.found_via, u.found_on, u.depth, u._priority, u.first_seen
    FROM {SCHEMA_NAME}.urls u WHERE EXISTS (SELECT 1 FROM {SCHEMA_NAME}.captures s WHERE s.url = u.url)
    ORDER BY u.id"""
_FORGOTTEN_KEPT = f"""SELECT DISTINCT s.url FROM {SCHEMA_NAME}.captures s JOIN main.captures t ON t.id = s.id
    WHERE {FORGOTTEN_URL.format("s.url")}"""


def merge_captures(target: Database) -> list[str]:
    """Take over the captures, but for those of URLs that were taken down here, and those that the target has.

    The records of both that came with copied files are to be erased.

    Returns the URLs that were taken down and whose captures had to come in, since others refer to their records: they
    have to be taken down again. `temp.merge_places` has to be there. Runs in the caller's transaction.
    """
    target.execute("PRAGMA defer_foreign_keys = ON")
    target.execute("DROP TABLE IF EXISTS temp.merge_left_out")
    target.execute(_CREATE_LEFT_OUT)
    target.execute("CREATE UNIQUE INDEX temp.merge_left_out_id ON merge_left_out (id)")
    target.execute(_PUT_WAITING_URLS)
    for statement in (_PUT_CAPTURES, *_PUT_RESOURCE_USERS):
        target.execute(statement)
    target.execute(_PUT_ERASURES)
    target.execute(_PUT_REPEATED_ERASURES)
    target.execute(_PUT_WAITING_ERASURES)
    return [url for (url,) in target.execute(_FORGOTTEN_KEPT).fetchall()]


_RUN_COLUMNS = "started_at, finished_at, command, options, versions, outcome, reason, counts"
_RUNS = f"SELECT id, {_RUN_COLUMNS} FROM {SCHEMA_NAME}.runs ORDER BY started_at, id"
_STORED_RUN = f"SELECT {_RUN_COLUMNS} FROM main.runs WHERE id = ?"
_PUT_RUN = f"""INSERT INTO runs (id, {_RUN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET finished_at = coalesce(excluded.finished_at, finished_at),
        outcome = coalesce(excluded.outcome, outcome), reason = coalesce(excluded.reason, reason),
        counts = coalesce(excluded.counts, counts)"""
_MEASURES = (
    f"""INSERT OR IGNORE INTO _yields (run_id, host, part, pages, articles, barren, alike, words_low, words_median,
            removed_share, cleaner_version)
        SELECT r.id, y.host, y.part, y.pages, y.articles, y.barren, y.alike, y.words_low, y.words_median,
            y.removed_share, y.cleaner_version
        FROM {SCHEMA_NAME}._yields y JOIN temp.merge_runs r ON r.source_id = y.run_id""",
    f"""INSERT OR IGNORE INTO alarms (run_id, at, host, part, what, message)
        SELECT r.id, a.at, a.host, a.part, a.what, a.message FROM {SCHEMA_NAME}.alarms a
            JOIN temp.merge_runs r ON r.source_id = a.run_id""",
)


def merge_runs(target: Database) -> None:
    """Take over the source's runs with their yields and alarms.

    A run has the same number here as there. Earlier versions gave one number to the same command run on two machines in
    the same second. The later run then gets a number made of all its values.
    """
    rows = list(_renumbered_runs(target))
    target.execute("DROP TABLE IF EXISTS temp.merge_runs")
    target.execute("CREATE TEMP TABLE merge_runs (source_id INTEGER PRIMARY KEY, id INTEGER NOT NULL)")
    target.conn.executemany("INSERT INTO merge_runs (source_id, id) VALUES (?, ?)", [row[:2] for row in rows])
    target.conn.executemany(_PUT_RUN, [row[1:] for row in rows])
    for statement in _MEASURES:
        target.execute(statement)


def _renumbered_runs(target: Database) -> Iterator[tuple[object, ...]]:
    """Yield the source's runs: their id there, their id here, and the other columns."""
    for run_id, *values in target.execute(_RUNS).fetchall():
        stored = target.execute(_STORED_RUN, [run_id]).fetchone()
        is_other_run = stored is not None and not _is_same_run(stored, values)
        yield run_id, content_id(*map(str, (run_id, *values))) if is_other_run else run_id, *values


def _is_same_run(stored: tuple[object, ...], values: list[object]) -> bool:
    """Return whether two rows describe the same run; one archive may have copied it before it finished."""
    pairs = list(zip(stored, values, strict=True))
    return all(first == second for first, second in pairs if first is not None and second is not None)


_LINKS_PREFIX = "merged_links "
_LINKS = "SELECT host, links FROM _outside_hosts ORDER BY host"
_REMEMBERED = "SELECT key, value FROM meta WHERE key LIKE ? ORDER BY key"
_ADD_LINKS = """INSERT INTO _outside_hosts (host, links) VALUES (?, ?)
    ON CONFLICT (host) DO UPDATE SET links = links + excluded.links"""

HostLinks = Counter[str]
"""Links by the host that they go to."""


def merge_links(target: Database, source: SourceArchive) -> None:
    """Add the source's link counts, minus those that were merged before. Runs in the caller's transaction."""
    known_parts = _remembered_links(target)
    for name, links in _link_parts(source).items():
        known_links = known_parts.get(name, Counter())
        target.conn.executemany(_ADD_LINKS, sorted((links - known_links).items()))
        if links | known_links:
            target.execute(STORE_FACT, [_LINKS_PREFIX + name, as_json(dict(links | known_links))])


def _link_parts(source: SourceArchive) -> Mapping[str, HostLinks]:
    """Return the source's counts by the archive that they come from."""
    parts = _remembered_links(source.db)
    own_links: HostLinks = Counter(dict(source.db.execute(_LINKS).fetchall()))
    for links in parts.values():
        own_links -= links
    own_name = former_identity(source.identity) or source.identity
    return parts | {own_name: parts.get(own_name, Counter()) + own_links}


def _remembered_links(db: Database) -> dict[str, HostLinks]:
    rows = db.execute(_REMEMBERED, [f"{_LINKS_PREFIX}%"]).fetchall()
    return {str(key).removeprefix(_LINKS_PREFIX): _host_links(str(key), value) for key, value in rows}


def _host_links(key: str, value: object) -> HostLinks:
    return Counter({host: int(str(count)) for host, count in stored_object(value, "meta", "value", key).items()})


_REVIEW_COLUMNS = "id, url, host, block_id, kept, reason, rule, is_right, at, cleaner_version"
_COPIES = (
    f"""INSERT OR IGNORE INTO _reasons (reason, rule) SELECT reason, rule FROM {SCHEMA_NAME}._reasons
        ORDER BY reason, rule""",
    f"""INSERT OR IGNORE INTO _cleaners (id, version, rules, model, site_rules, libraries)
        SELECT id, version, rules, model, site_rules, libraries FROM {SCHEMA_NAME}._cleaners""",
    f"""INSERT OR IGNORE INTO robots_files (id, host, url, seen_at, access, reason, text)
        SELECT id, host, url, seen_at, access, reason, text FROM {SCHEMA_NAME}.robots_files""",
    f"INSERT OR IGNORE INTO _url_orders (id) SELECT id FROM {SCHEMA_NAME}._url_orders",
    f"""INSERT INTO _reviews ({_REVIEW_COLUMNS}) SELECT {_REVIEW_COLUMNS} FROM {SCHEMA_NAME}._reviews
        WHERE NOT {FORGOTTEN_URL.format("url")}
        ON CONFLICT (id) DO UPDATE SET kept = excluded.kept, reason = excluded.reason, rule = excluded.rule,
            is_right = excluded.is_right, at = excluded.at, cleaner_version = excluded.cleaner_version
        WHERE excluded.at > _reviews.at""",
)
_MOST_SUBJECT = 60  # characters of what is corrected, in a line
# A text comes along with its correction, unless all that carries it was taken down here. One that no ledger carries any
# more may have been of such a page, where the correction is for everywhere or for its host.
_CARRIED = f"""EXISTS (SELECT 1 FROM main._page_blocks WHERE block_id = r.block_id)
    OR EXISTS (SELECT 1 FROM main._revision_blocks WHERE block_id = r.block_id)
    OR EXISTS (SELECT 1 FROM {SCHEMA_NAME}._page_blocks b JOIN {SCHEMA_NAME}.pages p ON p.id = b.page_id
        JOIN {SCHEMA_NAME}.urls u ON u.id = p.id WHERE b.block_id = r.block_id AND NOT {FORGOTTEN_URL.format("u.url")}
            AND NOT {FORGOTTEN_URL.format("coalesce(p.canonical_url, '')")})
    OR EXISTS (SELECT 1 FROM {SCHEMA_NAME}._revision_blocks
        WHERE block_id = r.block_id AND article_id NOT IN (SELECT id FROM temp.merge_forgotten))"""
_IS_BEYOND_DOUBT = f"""r.block_id NOT IN (SELECT block_id FROM {SCHEMA_NAME}._page_blocks)
    AND r.block_id NOT IN (SELECT block_id FROM {SCHEMA_NAME}._revision_blocks) AND (r.article_id IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM temp.merge_forgotten f WHERE f.host = coalesce(r.host, f.host)))"""
_MAY_COME = f"""coalesce(r.article_id NOT IN (SELECT id FROM temp.merge_forgotten), true)
    AND (r.block_id IS NULL OR {_CARRIED} OR ({_IS_BEYOND_DOUBT}))"""
_STATED = COLUMNS.split(", ")[6:]
# The later act counts, to correct or to undo; of two at one time the greater value, so that both orders agree.
_ACT = ", ".join(("coalesce({0}.undone_at, {0}.at), {0}.undone_at IS NOT NULL, {0}.value",
                  *(f"{{0}}.{name}" for name in _STATED[:-1])))  # fmt: skip
_CORRECTED_TEXTS = f"""INSERT OR IGNORE INTO _block_texts (id, text) SELECT t.id, t.text
    FROM {SCHEMA_NAME}._block_texts t WHERE t.id IN (
        SELECT r.block_id FROM {SCHEMA_NAME}.corrections r WHERE {_MAY_COME})"""
_CONFLICTS = f"""SELECT r.field, coalesce(t.text, r.url), c.value, r.value, ({_ACT.format("r")}) > ({_ACT.format("c")})
    FROM {SCHEMA_NAME}.corrections r JOIN main.corrections c ON c.id = r.id
        LEFT JOIN main._block_texts t ON t.id = r.block_id
    WHERE r.value <> c.value AND {_MAY_COME} ORDER BY r.id"""
_PUT_CORRECTIONS = f"""INSERT INTO corrections ({COLUMNS}) SELECT {COLUMNS} FROM {SCHEMA_NAME}.corrections r
    WHERE {_MAY_COME}
    ON CONFLICT (id) DO UPDATE SET value = excluded.value, {", ".join(f"{name} = excluded.{name}" for name in _STATED)}
        WHERE ({_ACT.format("excluded")}) > ({_ACT.format("corrections")})"""
_FORGOTTEN_URLS = f"SELECT url, host FROM {SCHEMA_NAME}.urls WHERE {FORGOTTEN_URL.format('url')}"
_NEW_TAKEDOWNS = f"""SELECT s.id, s.pattern, s.at, s.urls, s.articles, s.blocks, s.note
    FROM {SCHEMA_NAME}.takedowns s LEFT JOIN main.takedowns t ON t.pattern = s.pattern
    WHERE t.pattern IS NULL ORDER BY s.at, s.pattern"""
_PUT_TAKEDOWN = """INSERT OR IGNORE INTO takedowns (id, pattern, at, urls, articles, blocks, note)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""


def merge_shared_rows(target: Database, source: SourceArchive) -> None:
    """Merge the rows that belong to no host. Runs in the caller's transaction."""
    for statement in _COPIES:
        target.execute(statement)
    merge_links(target, source)


def note_forgotten(target: Database) -> None:
    """Make the temporary table `merge_forgotten`: articles of the source that were taken down here, and their hosts."""
    target.execute("DROP TABLE IF EXISTS temp.merge_forgotten")
    target.execute("CREATE TEMP TABLE merge_forgotten (id INTEGER PRIMARY KEY, host TEXT NOT NULL)")
    rows = [(article_id(url), host) for url, host in target.execute(_FORGOTTEN_URLS)]
    target.conn.executemany("INSERT OR IGNORE INTO merge_forgotten (id, host) VALUES (?, ?)", rows)


def merge_corrections(target: Database) -> tuple[str, ...]:
    """Take over the corrections with their block texts; the later act wins.

    Returns a line for each on which the archives disagree. `note_forgotten` has been called. Runs in the caller's
    transaction.
    """
    target.execute(_CORRECTED_TEXTS)
    conflicts = target.execute(_CONFLICTS).fetchall()
    target.execute(_PUT_CORRECTIONS)
    return tuple(
        f"{field} of {(subject or 'an article, a host or all')[:_MOST_SUBJECT]!r}: {(ours, theirs)[is_later]} counts,"
        f" which is later than {(theirs, ours)[is_later]}"
        for field, subject, ours, theirs, is_later in conflicts
    )


def merge_takedowns(target: Database, clock: Callable[[], str]) -> int:
    """Repeat the source's takedowns in the target; return how many of them removed something.

    Each is a transaction of its own. Every address of what was taken down there has a row, so none is followed here.
    """
    removing_count = 0
    for row in target.execute(_NEW_TAKEDOWNS).fetchall():
        _, pattern, *_, note = row
        if not plan_takedown(target, pattern, follows_redirects=False).is_empty:
            take_down(target, pattern, note, clock, follows_redirects=False)
            removing_count += 1
        else:
            with write_transaction(target):
                target.execute(_PUT_TAKEDOWN, row)
    return removing_count


# Pages of a host joined from two archives, each as its cleaner read it, with their histories.
#
# A page is saved as a crawl saves it. What an archive's other pages made of it (what the site repeats, copies, parts)
# does not come along: settling judges anew with the pages of both archives.
#
# If one archive's history of an article begins with all of the other's, the longer one holds. Histories that part, as
# when two machines looked at different times, are not woven into one: the target's stays, and the source's captures
# say the rest.

_SIGHTINGS = """SELECT seen_at, capture_id FROM (
    SELECT number, seen_at, capture_id FROM {0}.revisions WHERE article_id = ?1 UNION ALL
    SELECT 9e99, seen_at, capture_id FROM {0}._pending_revisions WHERE article_id = ?1) ORDER BY number"""
_REVISION_COLUMNS = (
    "article_id, seen_at, capture_id, title, text_digest, change, number, kinds, added, removed, rewritten, note"
)
_PENDING_COLUMNS = "article_id, seen_at, capture_id, title, text_digest, before"
_REPLACE_REVISIONS = (
    "DELETE FROM revisions WHERE article_id = ?",
    "DELETE FROM _revision_blocks WHERE article_id = ?",
    f"""INSERT INTO revisions ({_REVISION_COLUMNS}) SELECT {_REVISION_COLUMNS} FROM {SCHEMA_NAME}.revisions
        WHERE article_id = ? ORDER BY number""",
    "DELETE FROM _pending_revisions WHERE article_id = ?",
    f"""INSERT INTO _pending_revisions ({_PENDING_COLUMNS}) SELECT {_PENDING_COLUMNS}
        FROM {SCHEMA_NAME}._pending_revisions WHERE article_id = ?""",
    f"""INSERT OR IGNORE INTO _block_texts (id, text) SELECT t.id, t.text FROM {SCHEMA_NAME}._revision_blocks b
        JOIN {SCHEMA_NAME}._block_texts t ON t.id = b.block_id WHERE b.article_id = ?""",
    f"""INSERT INTO _revision_blocks (
            article_id, number, position, block_id, kind, kept, reason_id, box, linked, elsewhere)
        SELECT b.article_id, b.number, b.position, b.block_id, b.kind, b.kept, n.id, b.box, b.linked, b.elsewhere
        FROM {SCHEMA_NAME}._revision_blocks b JOIN {SCHEMA_NAME}._reasons o ON o.id = b.reason_id
            JOIN main._reasons n ON n.reason = o.reason AND n.rule = o.rule
        WHERE b.article_id = ?""",
)
_GONE_ARTICLES = f"""SELECT DISTINCT s.article_id FROM {SCHEMA_NAME}.revisions s
    WHERE NOT EXISTS (SELECT 1 FROM main.revisions t WHERE t.article_id = s.article_id)
        AND s.article_id NOT IN (SELECT id FROM temp.merge_forgotten)"""
_EDIT_COLUMNS = "article_id, at, change, kind, revision"
_CREATE_EDITS = """CREATE TEMP TABLE merge_edits AS
    SELECT DISTINCT article_id, at, kind, coalesce(revision, 0) AS number FROM main.changes WHERE kind <> ''"""
_PUT_EDITS = f"""INSERT INTO changes ({_EDIT_COLUMNS}) SELECT {_EDIT_COLUMNS} FROM {SCHEMA_NAME}.changes s
    WHERE s.kind <> '' AND s.article_id NOT IN (SELECT id FROM temp.merge_forgotten) AND NOT EXISTS (
        SELECT 1 FROM temp.merge_edits e WHERE e.article_id = s.article_id AND e.at = s.at AND e.kind = s.kind
            AND e.number = coalesce(s.revision, 0))
    ORDER BY s.seq"""

Sightings = list[tuple[str, int | None]]
"""When an article was seen, and in which capture, for each of its revisions, the pending one last."""


def read_sightings(target: Database, article_id: int) -> Sightings:
    """Read the article's history as the target has it."""
    return _read_revisions(target, "main", article_id)


def merge_history(target: Database, article_id: int, stored_sightings: Sightings) -> bool:
    """Store the source's revisions of an article if they continue the target's `stored_sightings`; return whether they
    do.
    """
    source_sightings = _read_revisions(target, SCHEMA_NAME, article_id)
    count = len(stored_sightings)
    is_further = len(source_sightings) > count and source_sightings[:count] == stored_sightings
    for statement in _REPLACE_REVISIONS if is_further else ():
        target.execute(statement, [article_id])
    return is_further


def merge_gone_histories(target: Database) -> None:
    """Merge the revisions of articles that neither archive has any more."""
    for (gone_article,) in target.execute(_GONE_ARTICLES).fetchall():
        merge_history(target, gone_article, [])


def merge_edits(target: Database) -> None:
    """Append the source's edits that `changes` does not hold yet; their times stay."""
    target.execute("DROP TABLE IF EXISTS temp.merge_edits")
    target.execute(_CREATE_EDITS)
    target.execute("CREATE INDEX temp.merge_edits_article ON merge_edits (article_id)")
    target.execute(_PUT_EDITS)


def _read_revisions(target: Database, schema: str, article_id: int) -> Sightings:
    return [tuple(row) for row in target.execute(_SIGHTINGS.format(schema), [article_id])]


_PAGES = f"""SELECT s.id, u.url, u.host, v.id, s.capture_id, coalesce(c.fetched_at, ''), s.cleaner_version,
        coalesce(s.cleaner_id, 0), s.own_type, s.text_digest, t.id IS NOT NULL, t.capture_id,
        coalesce(d.fetched_at, ''), t.cleaner_version, coalesce(t.cleaner_id, 0), t.own_type, t.text_digest
    FROM temp.merge_hosts h CROSS JOIN {SCHEMA_NAME}.urls u ON u.id = h.url_id
        CROSS JOIN {SCHEMA_NAME}.pages s ON s.id = u.id JOIN main.urls v ON v.url = u.url
        LEFT JOIN {SCHEMA_NAME}.captures c ON c.id = s.capture_id
        LEFT JOIN main.pages t ON t.id = v.id LEFT JOIN main.captures d ON d.id = t.capture_id
    WHERE h.host = ? ORDER BY u.id"""
_UPDATE_SEEN = """UPDATE {} SET first_seen = min(first_seen, ?1), last_seen = max(last_seen, ?2) WHERE page_id = ?3"""


@dataclass(frozen=True, slots=True)
class _PagePair:
    """A page of the source with its number there and its sighting here, and how both archives' readings compare.

    A reading is known by the time and number of its capture, its cleaner's version and number, and what it says; the
    greater one holds, so that it does not matter which archive comes first. None where the target has no page.
    """

    source_id: int
    sighting: Sighting
    source_reading: tuple[object, ...]
    target_reading: tuple[object, ...] | None

    @property
    def is_newer(self) -> bool:
        """Return whether the source's reading replaces the target's."""
        return self.target_reading is None or self.source_reading > self.target_reading


def merge_pages(target: Database, source: SourceArchive, host: str, clock: Callable[[], str]) -> int:
    """Take over a host's pages in the caller's transaction; returns how many were stored.

    Rows of `changes` get the present time; all else keeps that of the captures.
    """
    with changes_made_now(target, clock):
        stored_count = sum(_merge_page(target, source, pair) for pair in list(_page_pairs(target, host)))
        index_postponed(target)
    return stored_count


def add_user_columns(target: Database) -> None:
    """Add to `articles` the columns that users added to the source's and that this archive lacks."""
    names = {folded_name(column.name) for column in table_columns(target, "articles")}
    rows = target.execute(f"SELECT name, type, hidden FROM pragma_table_xinfo('articles', '{SCHEMA_NAME}')").fetchall()
    for name, declared_type, hidden in rows:
        if not hidden and name not in ARTICLE_COLUMNS and folded_name(name) not in names:
            type_text = f" {quoted_name(declared_type)}" if declared_type else ""
            target.execute(f"ALTER TABLE articles ADD COLUMN {quoted_name(name)}{type_text}")


def _page_pairs(target: Database, host: str) -> Iterator[_PagePair]:
    for row in target.execute(_PAGES, [host]):
        source_id, url, page_host, page_id, capture_id, fetched_at, *rest = row
        source_reading = (fetched_at, capture_id or 0, *rest[:4])
        has_page, target_capture, target_time, *target_rest = rest[4:]
        target_reading = (target_time, target_capture or 0, *target_rest) if has_page else None
        sighting = Sighting(page_id, storable_text(url), page_host, capture_id, fetched_at)
        yield _PagePair(source_id, sighting, source_reading, target_reading)


def _merge_page(target: Database, source: SourceArchive, pair: _PagePair) -> bool:
    """Store a page if the source's reading is the newer one, and join the histories; returns whether it was stored."""
    if is_forgotten(target, pair.sighting.url):
        return False
    stored_sightings = read_sightings(target, pair.sighting.article_id)
    reading = read_own_reading(source.db, pair.source_id) if pair.is_newer else None
    if reading and is_forgotten(target, reading.rows.metadata.canonical_url):
        return False
    if reading:
        _save_reading(target, pair.sighting, reading)
    if merge_history(target, pair.sighting.article_id, stored_sightings):
        # The text as it stands here holds until the target is settled.
        stored = stored_article(target, pair.sighting.url)
        if stored:
            correct_revision(target, pair.sighting.article_id, stored.title, text_digest(stored.text))
    return reading is not None


def _save_reading(target: Database, sighting: Sighting, reading: OwnReading) -> None:
    seen_at = sighting.seen_at or reading.last_seen
    if reading.rows.is_article:
        postpone_indexing(target, sighting.article_id)
    save_page(target, replace(sighting, seen_at=seen_at), reading.rows)
    if reading.first_seen:
        for table in ("articles", "_shelf"):
            seen = [reading.first_seen, reading.last_seen, sighting.page_id]
            target.execute(_UPDATE_SEEN.format(table), seen)
    _put_user_values(target, sighting.page_id, reading.user_values)


def _put_user_values(target: Database, page_id: int, values: Mapping[str, object]) -> None:
    """Copy the values in a user's own columns from the source's article."""
    put_user_values(target, page_id, {name: value for name, value in values.items() if value is not None})  # type: ignore[misc]
