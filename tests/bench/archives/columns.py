"""What may differ between two archives of one site, and what a number in them stands for.

Every column that is not named here is compared as it stands; so is one that a later schema adds.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


TIMES = _names("""
    _sqlite_migrations.applied_at alarms.at articles.first_seen articles.last_seen block_evidence.first_seen
    captures.fetched_at changes.at imports.finished_at recleans.finished_at recleans.started_at revisions.seen_at
    robots_files.seen_at rulings.at runs.finished_at runs.started_at shelved.first_seen shelved.last_seen takedowns.at
    articles_overview.first_seen articles_overview.last_seen edits.at reviews.at
    urls.fetched_at urls.first_seen urls.held_at urls.not_before warc_files.begun_at
""")
"""When something was done. That there is a time is compared, not which."""

VERSIONS = _names("runs.versions cleaners.libraries")
"""Versions of Broadsheet and of libraries."""

LINEAGE = _names("cleaners.rules cleaners.model")
"""Digests of the cleaner's data files; `cleaners.id` is a digest of them, and goes by what it stands for."""

RECORD_PLACES = _names("""
    captures.warc_file captures.warc_offset captures.warc_length warc_erasures.file warc_erasures.offset
    warc_erasures.following warc_files.name warc_files.length
""")
"""Where a raw record lies: its headers hold dates, and the file's name the time. That there is one is compared."""

PRESENCE_ONLY = TIMES | VERSIONS | LINEAGE | RECORD_PLACES

INSERTION_ORDER = _names("_sqlite_migrations.id changes.seq edits.seq")
"""Numbers that say in which order rows came, and that no row refers to. Not compared."""

REFERENCES = {
    "urls": _names("""
        images.page_id listed.url_id overruled.page_id own_verdicts.page_id page_blocks.page_id page_layout.page_id
        page_leads.page_id earlier_signatures.page_id page_copies.page_id page_copies.original_id
        page_parts.page_id page_parts.head_id page_signatures.page_id pages.id articles.page_id reclean_before.page_id
        shelved.page_id
        sketches.page_id unsettled.page_id urls.id
    """),
    "articles": _names("""
        article_clusters.article_id article_clusters.cluster_id article_urls.article_id articles_search.id
        blocks.article_id changes.article_id clusters.article_id clusters.cluster_id duplicates.article_id
        duplicates.duplicate_id pages.article_id removed.article_id revision_blocks.article_id revisions.article_id
        rulings.article_id unindexed.id articles_overview.id edits.article_id similar_articles.article_id
        similar_articles.duplicate_id similar_articles.cluster_id article_images.article_id
    """),
    "captures": _names("""
        articles.capture_id captures.id captures.refers_to pages.capture_id revisions.capture_id shelved.capture_id
    """),
    "reasons": _names("""
        overruled.reason_id own_verdicts.reason_id page_blocks.reason_id reasons.id revision_blocks.reason_id
        rule_rates.reason_id
    """),
    "robots_files": _names("captures.robots_id robots_files.id"),
    "runs": _names("alarms.run_id rule_rates.run_id runs.id yields.run_id"),
    "cleaners": _names("cleaners.id pages.cleaner_id"),
    "layouts": _names("layouts.id pages.layout_id"),
}
"""Columns whose number stands for a row of the table named; `MEANINGS` says it in words."""

MEANINGS = {
    "urls": "SELECT id, url FROM urls",
    "articles": "SELECT id, url FROM articles UNION ALL SELECT id, url FROM shelved",
    "captures": """SELECT id, url || ' #' || row_number() OVER (
        PARTITION BY url ORDER BY fetched_at, http_status, payload_digest) FROM captures""",
    "reasons": "SELECT id, reason || ' by ' || rule FROM reasons",
    "robots_files": "SELECT id, url || ' ' || access || ' ' || reason || ': ' || text FROM robots_files",
    "runs": "SELECT id, 'run ' || row_number() OVER (ORDER BY started_at, id) || ': ' || command FROM runs",
    "cleaners": "SELECT id, 'cleaner ' || version || ' ' || site_rules FROM cleaners",
    "layouts": "SELECT id, 'layout ' || hex(signature) || ' of ' || host FROM layouts",
}
"""What a number stands for: number and words."""

IDENTITIES = {
    "_sqlite_migrations": ("migration_set", "name"),
    "article_clusters": ("article_id",),
    "article_images": ("article_id", "position"),
    "articles": ("url",),
    "articles_search": ("id",),
    "block_texts": ("text",),
    "blocks": ("article_id", "position"),
    "changes": ("article_id", "change", "kind", "revision"),
    "edits": ("article_id", "kind", "revision"),
    "removed": ("article_id", "position"),
    "revisions": ("article_id", "number"),
    "shelved": ("url",),
}
"""What tells the rows of a table or view apart where that is not its primary key, or where that hangs on the port."""

PACKED = _names("page_layout.layout")
"""zlib over JSON: compared unpacked, since another version of the packer may pack otherwise."""

PACKED_READINGS = _names("reclean_before.before")
"""The same, of an object with times and local numbers among its fields."""

READING_FIELDS = _names("capture cleaner seen")
"""Those fields; they are not compared."""

UNORDERED = _names("runs.counts")
"""JSON objects whose names come in the order in which things happened."""

DATED = _names("blocks.evidence removed.evidence")
"""Words with a date of the crawl among them."""

PORT_DEPENDENT = _names("""
    articles.id shelved.id block_texts.id page_blocks.block_id blocks.block_id removed.block_id block_evidence.block_id
    revision_blocks.block_id rulings.id rulings.block_id overruled.ruling_id url_orders.id pages.text_digest
    revisions.text_digest captures.payload_digest captures.payload_length captures.etag sketches.hashes sketches.sketch
""")
"""Digests of what may hold the site's address. Not compared where the two were crawled at different ports."""

WITH_TIMING = _names("""
    captures.refers_to urls.depth urls.found_on urls.found_via urls.lastmod urls.priority url_patterns.dry
    url_patterns.found url_patterns.led
""")
"""What chance decides where several answers are under way at once: which page is stored first is the one that a URL was
found on, and the capture that others with the same payload refer to. Allowed only where it is asked for; crawls that go
step by step (`step_by_step.py`) agree in these columns too.
"""
