"""The URLs of a host, joined by URL: what the archive knows last of each, and the shortest way to it."""

from __future__ import annotations

from sqlite_utils import Database

from output.db.url_words import OutcomeReason, UrlState
from output.merge.source_archive import SCHEMA_NAME
from output.write.forget import FORGOTTEN_URL

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
    SELECT {", ".join(_COLUMNS)} FROM {SCHEMA_NAME}.urls WHERE host = ?1 ORDER BY id
    ON CONFLICT (url) DO UPDATE SET
        {_chosen(f"({_IS_LATER}) OR ({_IS_REVIVED})", ("state", "reason"))},
        {_chosen(_IS_LATER, _LATEST)}, {_chosen(_IS_LATER_HELD, _HELD)}, {_chosen(_IS_EARLIER_SEEN, _FIRST)},
        depth = min(urls.depth, excluded.depth), priority = max(urls.priority, excluded.priority),
        lastmod = CASE WHEN coalesce(excluded.lastmod, '') > coalesce(urls.lastmod, '')
            THEN excluded.lastmod ELSE urls.lastmod END"""
_SKIP_FORGOTTEN = f"""UPDATE urls SET state = '{UrlState.SKIPPED}', reason = '{OutcomeReason.FORGOTTEN}',
        not_before = NULL
    WHERE host = ? AND kind = 'page' AND reason <> '{OutcomeReason.FORGOTTEN}' AND {FORGOTTEN_URL.format("url")}"""
_PUT_LISTED = f"""INSERT OR IGNORE INTO listed (url_id, kind)
    SELECT t.id, l.kind FROM {SCHEMA_NAME}.urls s JOIN {SCHEMA_NAME}.listed l ON l.url_id = s.id
        JOIN main.urls t ON t.url = s.url WHERE s.host = ?"""
_COUNTS = ("found", "fetched", "articles", "led", "dry", "hopes")
_PUT_PATTERNS = f"""INSERT INTO url_patterns (host, pattern, {", ".join(_COUNTS)})
    SELECT host, pattern, {", ".join(_COUNTS)} FROM {SCHEMA_NAME}.url_patterns WHERE host = ?
    ON CONFLICT (host, pattern) DO UPDATE SET
        {", ".join(f"{name} = max(url_patterns.{name}, excluded.{name})" for name in _COUNTS)}"""


def merge_urls(target: Database, host: str) -> None:
    """Take over a host's URLs, which lists name them, and what their patterns have brought. Inside a transaction."""
    for statement in (_PUT_URLS, _SKIP_FORGOTTEN, _PUT_LISTED, _PUT_PATTERNS):
        target.execute(statement, [host])
