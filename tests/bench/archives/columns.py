"""What may differ between two archives of one site, and what a number in them stands for.

Every column that is not named here is compared as it stands; so is one that a later schema adds.
"""

from tests.internal_tables import named


def _names(text: str) -> frozenset[str]:
    return frozenset(named(text).split())


TIMES = _names("""
    _sqlite_migrations.applied_at alarms.at articles.first_seen articles.last_seen
    _block_evidence.first_seen _scans.first_seen
    captures.fetched_at changes.at _imports.finished_at revisions.seen_at
    robots_files.seen_at corrections.at corrections.undone_at rulings.at runs.finished_at runs.started_at
    _shelf.first_seen _shelf.last_seen shelved.first_seen shelved.last_seen takedowns.at
    articles_overview.first_seen articles_overview.last_seen edits.at _reviews.at versions.day versions.seen_at
    captures_overview.fetched_at pages_overview.fetched_at
    urls.fetched_at urls.first_seen urls.held_at urls._not_before _warc_files.begun_at
""")
"""When something was done. That there is a time is compared, not which."""

VERSIONS = _names("runs.versions _cleaners.libraries")
"""Versions of Broadsheet and of libraries."""

LINEAGE = _names("_cleaners.rules _cleaners.model")
"""Digests of the cleaner's data files; `_cleaners.id` is a digest of them, and goes by what it stands for."""

RECORD_PLACES = _names("""
    captures.warc_file captures.warc_offset captures.warc_length _warc_erasures.file _warc_erasures.offset
    captures_overview.warc_file captures_overview.warc_offset captures_overview.warc_length
    _warc_erasures.following _warc_files.name _warc_files.length
""")
"""Where a raw record lies: its headers hold dates, and the file's name the time. That there is one is compared."""

FOLDERS = _names("meta.value")
"""What the archive says of itself, such as the id that its WARC folder drew. Tests and verify know the rest."""

PRESENCE_ONLY = TIMES | VERSIONS | LINEAGE | RECORD_PLACES | FOLDERS

INSERTION_ORDER = _names("_sqlite_migrations.id changes.seq edits.seq")
"""Numbers that say in which order rows came, and that no row refers to. Not compared."""

REFERENCES = {
    "urls": _names("""
        _page_statements.page_id _own_fields.page_id
        _images.page_id _links.page_id _own_verdicts.page_id _page_blocks.page_id
        _page_layout.page_id _page_leads.page_id pages._copy_of
        _page_parts.page_id _page_parts.head_id _page_signatures.page_id pages.id articles.page_id
        _reclean_before.page_id _shelf.page_id shelved.page_id
        _scans.page_id _unsettled.page_id urls.id captures_overview.page_id pages_overview.id
    """),
    "articles": _names("""
        article_urls.article_id _articles_search.id
        blocks.article_id changes.article_id
        pages.article_id removed.article_id _revision_blocks.article_id revisions.article_id
        rulings.article_id corrections.article_id _unindexed.id articles_overview.id edits.article_id
        article_images.article_id article_dates.article_id article_bylines.article_id shelved.article_id
        links.article_id links.target_id versions.article_id captures_overview.article_id pages_overview.article_id
    """),
    "captures": _names("""
        articles.capture_id captures.id captures.refers_to pages.capture_id revisions.capture_id _shelf.capture_id
        shelved.capture_id versions.capture_id captures_overview.id pages_overview.capture_id
    """),
    "reasons": _names("""
        _own_verdicts.reason_id _own_verdicts.site_reason_id _page_blocks.reason_id _reasons.id
        _revision_blocks.reason_id
    """),
    "robots_files": _names("captures.robots_id robots_files.id"),
    "runs": _names("alarms.run_id runs.id _yields.run_id"),
    "cleaners": _names("_cleaners.id pages.cleaner_id"),
    "layouts": _names("_layouts.id pages.layout_id pages_overview.layout_id"),
}
"""Columns whose number stands for a row of the table named; `MEANINGS` says it in words."""

MEANINGS = {
    name: named(query)
    for name, query in {
        "urls": "SELECT id, url FROM urls",
        "articles": "SELECT id, url FROM articles UNION ALL SELECT id, url FROM shelved",
        "captures": """SELECT id, url || ' #' || row_number() OVER (
            PARTITION BY url ORDER BY fetched_at, http_status, payload_digest) FROM captures""",
        "reasons": "SELECT id, reason || ' by ' || rule FROM _reasons",
        "robots_files": "SELECT id, url || ' ' || access || ' ' || reason || ': ' || text FROM robots_files",
        "runs": "SELECT id, 'run ' || row_number() OVER (ORDER BY started_at, id) || ': ' || command FROM runs",
        "cleaners": "SELECT id, 'cleaner ' || version || ' ' || site_rules FROM _cleaners",
        "layouts": "SELECT id, 'layout ' || hex(signature) || ' of ' || host FROM _layouts",
    }.items()
}
"""What a number stands for: number and words."""

IDENTITIES = {
    named(relation): names
    for relation, names in {
        "_sqlite_migrations": ("migration_set", "name"),
        "article_bylines": ("article_id",),
        "article_dates": ("article_id", "source", "date"),
        "article_images": ("article_id", "position"),
        "articles": ("url",),
        "_articles_search": ("id",),
        "_block_texts": ("text",),
        "captures_overview": ("id",),
        "pages_overview": ("id",),
        "article_urls": ("article_id", "url", "kind"),
        "blocks": ("article_id", "position"),
        "changes": ("article_id", "change", "kind", "revision"),
        "edits": ("article_id", "kind", "revision"),
        "links": ("article_id", "position"),
        "removed": ("article_id", "position"),
        "revisions": ("article_id", "number"),
        "_shelf": ("page_id",),
        "shelved": ("url",),
        "versions": ("article_id", "number"),
    }.items()
}
"""What tells the rows of a table or view apart where that is not its primary key, or where that hangs on the port."""

PACKED = _names("_page_layout.layout")
"""zlib over JSON: compared unpacked, since another version of the packer may pack otherwise."""

PACKED_READINGS = _names("_reclean_before.before")
"""The same, of an object with times and local numbers among its fields."""

READING_FIELDS = _names("capture cleaner seen")
"""Those fields; they are not compared."""

UNORDERED = _names("runs.counts")
"""JSON objects whose names come in the order in which things happened."""

DATED = _names("blocks.evidence removed.evidence")
"""Words with a date of the crawl among them."""

PORT_DEPENDENT = _names("""
    articles.id _shelf.id shelved.id _block_texts.id _page_blocks.block_id blocks.block_id removed.block_id
    _block_evidence.block_id
    _revision_blocks.block_id rulings.id rulings.block_id corrections.id corrections.block_id _url_orders.id
    pages.text_digest revisions.text_digest versions.text_digest captures.payload_digest captures.payload_length
    captures_overview.payload_length captures.etag _scans.scan
""")
"""Digests of what may hold the site's address. Not compared where the two were crawled at different ports."""

WITH_TIMING = _names("""
    captures.refers_to urls.depth urls.found_on urls.found_via urls.lastmod urls._priority _url_patterns.dry
    _url_patterns.led
""")
"""What chance decides where several answers are under way at once: which page is stored first is the one that a URL was
found on, and the capture that others with the same payload refer to. Allowed only where it is asked for; crawls that go
step by step (`step_by_step.py`) agree in these columns too.
"""
