"""The URLs of a host, joined by URL: what the archive knows last of each, and the shortest way to it."""

from __future__ import annotations

from sqlite_utils import Database

from broadsheet.output.db.url_words import OutcomeReason, UrlState
from broadsheet.output.merge.source_archive import SCHEMA_NAME
from broadsheet.output.write.forget import FORGOTTEN_URL

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
_LATEST = ("attempts", "http_status", "location", "not_before", "fetched_at")
_HELD = ("held_reason", "held_at", "revisit_seconds", "unfounded")
_FIRST = ("found_via", "found_on", "first_seen")
_COLUMNS = ("url", "host", "kind", "state", "reason", *_FIRST, "depth", "priority", "lastmod", *_LATEST, *_HELD)

# As where a crawl comes upon a URL on a better way: one that was skipped for its depth is to be fetched after all.
_IS_REVIVED = f"""excluded.state = '{UrlState.QUEUED}' AND urls.state = '{UrlState.SKIPPED}'
    AND urls.reason IN ('{OutcomeReason.DEPTH}', '{OutcomeReason.NOFOLLOW}')"""


def _chosen(condition: str, columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name} = CASE WHEN {condition} THEN excluded.{name} ELSE urls.{name} END" for name in columns)


_PUT_URLS = f"""INSERT INTO urls ({", ".join(_COLUMNS)})
    SELECT {", ".join(f"s.{name}" for name in _COLUMNS)} FROM {URLS_OF_HOST} ORDER BY s.id
    ON CONFLICT (url) DO UPDATE SET
        {_chosen(f"({_IS_LATER}) OR ({_IS_REVIVED})", ("state", "reason"))},
        {_chosen(_IS_LATER, _LATEST)}, {_chosen(_IS_LATER_HELD, _HELD)}, {_chosen(_IS_EARLIER_SEEN, _FIRST)},
        depth = min(urls.depth, excluded.depth), priority = max(urls.priority, excluded.priority),
        lastmod = CASE WHEN coalesce(excluded.lastmod, '') > coalesce(urls.lastmod, '')
            THEN excluded.lastmod ELSE urls.lastmod END"""
_SKIP_FORGOTTEN = f"""UPDATE urls SET state = '{UrlState.SKIPPED}', reason = '{OutcomeReason.FORGOTTEN}',
        not_before = NULL
    WHERE url IN (SELECT s.url FROM {URLS_OF_HOST}) AND kind = 'page' AND reason <> '{OutcomeReason.FORGOTTEN}'
        AND {FORGOTTEN_URL.format("url")}"""
_PUT_LISTED = f"""INSERT OR IGNORE INTO listed (url_id, kind)
    SELECT t.id, l.kind FROM temp.merge_hosts h CROSS JOIN {SCHEMA_NAME}.urls s ON s.id = h.url_id
        JOIN {SCHEMA_NAME}.listed l ON l.url_id = s.id JOIN main.urls t ON t.url = s.url WHERE h.host = ?"""
_COUNTS = ("found", "fetched", "articles", "led", "dry", "hopes")
_PUT_PATTERNS = f"""INSERT INTO url_patterns (host, pattern, {", ".join(_COUNTS)})
    SELECT host, pattern, {", ".join(_COUNTS)} FROM {SCHEMA_NAME}.url_patterns WHERE host = ?
    ON CONFLICT (host, pattern) DO UPDATE SET
        {", ".join(f"{name} = max(url_patterns.{name}, excluded.{name})" for name in _COUNTS)}"""


def note_hosts(target: Database) -> list[str]:
    """Make the temporary table of the source's URLs by host; returns the hosts. Runs in the caller's transaction."""
    for statement in _CREATE_HOSTS:
        target.execute(statement)
    return [host for (host,) in target.execute("SELECT DISTINCT host FROM temp.merge_hosts ORDER BY host").fetchall()]


def merge_urls(target: Database, host: str) -> None:
    """Take over a host's URLs, which lists name them, and what their patterns have brought. Inside a transaction."""
    for statement in (_PUT_URLS, _SKIP_FORGOTTEN, _PUT_LISTED, _PUT_PATTERNS):
        target.execute(statement, [host])
