"""Rows that belong to no single host: reasons, cleaners, robots.txt, rulings, takedowns, and links out of the crawl."""

from __future__ import annotations

from collections.abc import Callable

from sqlite_utils import Database

from broadsheet.output.db.transaction import write_transaction
from broadsheet.output.merge.outside_links import merge_links
from broadsheet.output.merge.source_archive import SCHEMA_NAME, SourceArchive
from broadsheet.output.write.forget import FORGOTTEN_URL, plan_takedown, take_down

_REVIEW_COLUMNS = "id, url, host, block_id, kept, reason, rule, is_right, at, cleaner_version"
_COPIES = (
    f"""INSERT OR IGNORE INTO reasons (reason, rule) SELECT reason, rule FROM {SCHEMA_NAME}.reasons
        ORDER BY reason, rule""",
    f"""INSERT OR IGNORE INTO cleaners (id, version, rules, model, site_rules, libraries)
        SELECT id, version, rules, model, site_rules, libraries FROM {SCHEMA_NAME}.cleaners""",
    f"""INSERT OR IGNORE INTO robots_files (id, host, url, seen_at, access, reason, text)
        SELECT id, host, url, seen_at, access, reason, text FROM {SCHEMA_NAME}.robots_files""",
    f"INSERT OR IGNORE INTO url_orders (id) SELECT id FROM {SCHEMA_NAME}.url_orders",
    f"""INSERT INTO rulings (id, block_id, article_id, host, kept, at, note, reason, rule)
        SELECT id, block_id, article_id, host, kept, at, note, reason, rule FROM {SCHEMA_NAME}.rulings WHERE true
        ON CONFLICT (id) DO UPDATE SET kept = excluded.kept, at = excluded.at, note = excluded.note,
            reason = excluded.reason, rule = excluded.rule
        WHERE excluded.at > rulings.at""",
    f"""INSERT INTO reviews ({_REVIEW_COLUMNS}) SELECT {_REVIEW_COLUMNS} FROM {SCHEMA_NAME}.reviews
        WHERE NOT {FORGOTTEN_URL.format("url")}
        ON CONFLICT (id) DO UPDATE SET kept = excluded.kept, reason = excluded.reason, rule = excluded.rule,
            is_right = excluded.is_right, at = excluded.at, cleaner_version = excluded.cleaner_version
        WHERE excluded.at > reviews.at""",
)
_NEW_TAKEDOWNS = f"""SELECT s.id, s.pattern, s.at, s.urls, s.articles, s.blocks, s.note
    FROM {SCHEMA_NAME}.takedowns s LEFT JOIN main.takedowns t ON t.pattern = s.pattern
    WHERE t.pattern IS NULL ORDER BY s.at, s.pattern"""
_PUT_TAKEDOWN = """INSERT OR IGNORE INTO takedowns (id, pattern, at, urls, articles, blocks, note)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""


def merge_shared_rows(target: Database, source: SourceArchive) -> None:
    """Take over what belongs to no host, a later ruling in place of an earlier. Runs in the caller's transaction."""
    for statement in _COPIES:
        target.execute(statement)
    merge_links(target, source)


def merge_takedowns(target: Database, clock: Callable[[], str]) -> int:
    """Take down here what was taken down there; returns how many takedowns removed something. Each is a transaction
    of its own."""
    removing_count = 0
    for row in target.execute(_NEW_TAKEDOWNS).fetchall():
        _, pattern, *_, note = row
        if not plan_takedown(target, pattern).is_empty:
            take_down(target, pattern, note, clock)
            removing_count += 1
        else:
            with write_transaction(target):
                target.execute(_PUT_TAKEDOWN, row)
    return removing_count
