"""Archive with more rows of each kind than a page, a sample or a list takes, made in SQL: row n is of page n."""

from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.write.archive_writer import Archive
from tests import internal_tables as inner

BIG, ARTICLES, LOOSE = "big.example", 2002, 1001
_URL = "'https://' || {host} || '/' || n"
_HOST = f"CASE WHEN n <= {LOOSE} THEN '{BIG}' ELSE 'h' || (n % 201) || '.example' END"
_SEEN = "'2026-01-01T00:00:00Z'"


def put_many(db: Database, table: str, first: int, last: int, **columns: str) -> None:
    """Store rows whose columns are SQL expressions of a number n from first to last; others have a default of their
    type."""
    defaults = {"INTEGER": "0", "REAL": "0.0", "BLOB": "x''"}
    for _, name, kind, is_needed, default, _ in db.execute(f"PRAGMA table_info({table})").fetchall():
        if is_needed and default is None:
            columns.setdefault(name, defaults.get(kind, "''"))
    db.execute(
        f"""WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})
        INSERT INTO {table} ({", ".join(columns)}) SELECT {", ".join(columns.values())} FROM numbers"""
    )


def fill_crowd(file: Path) -> None:
    """Store 2,002 articles of 202 hosts, of which the first 1,001 are of one host and of no layout."""
    url = _URL.format(host=f"({_HOST})")
    with Archive.open(file) as archive:
        db = archive.db
        db.execute("PRAGMA foreign_keys = OFF")
        put_many(db, "urls", 1, ARTICLES, id="n", url=url, host=_HOST, kind="'page'", state="'done'",
                 reason="'article'", found_via="'link'", first_seen=_SEEN)  # fmt: skip
        put_many(db, "urls", 3001, 3101, id="n", url="'https://gone.example/' || n", host="'gone.example'",
                 kind="'page'", state="'failed'", reason="'http_404'", found_via="'link'",
                 first_seen=_SEEN, in_sitemap="1")  # fmt: skip
        put_many(db, "pages", 1, ARTICLES, id="n", page_type="'article'", own_type="'article'", evidence="'[]'",
                 title="'Title ' || n", robots="'[]'", article_id="CASE WHEN n <= 51 THEN 1 ELSE n END",
                 certainty="CASE WHEN n IN (1302, 1403) THEN 0.1 WHEN n = 1301 OR n > 2000 THEN 0.2 ELSE 0.9 END",
                 layout_id=f"CASE WHEN n <= {LOOSE} THEN NULL WHEN n <= 1302 THEN 1 ELSE 2 + n % 202 END")  # fmt: skip
        put_many(db, "articles", 1, ARTICLES, id="n", url=url, host=_HOST, title="'Title ' || n", page_id="n",
                 authors="json_array('Author ' || (n % 13))", tags="json_array('tag ' || (n % 14))",
                 published_day="(1900 + n % 43) || '-01-01'", language="'l' || (n % 15)", section="'s' || (n % 16)",
                 metadata_sources="'{}'", text=f"CASE WHEN n <= {LOOSE} THEN 'tide' ELSE 'ebb' END", word_count="n",
                 page_type=f"CASE n WHEN {ARTICLES} THEN 'teaser' ELSE 'article' END", first_seen=_SEEN,
                 last_seen=_SEEN)  # fmt: skip
        put_many(db, inner.REASONS, 1, 26, id="n", reason="'reason ' || n", rule="'rule ' || n")
        put_many(db, inner.BLOCK_TEXTS, 1, 2000, id="n", text="'text ' || n")
        for position, (block, reason) in enumerate((("1", "1"), ("n + 1", "2"), ("n + 1001", "3 + n % 24"))):
            put_many(db, inner.PAGE_BLOCKS, 1, 700, page_id="n", position=str(position), block_id=block, kept="0",
                     kind="0", reason_id=reason)  # fmt: skip
        put_many(db, inner.LAYOUTS, 1, 203, id="n", host=f"'{BIG}'", pages="CASE n WHEN 1 THEN 301 ELSE 3 END",
                 articles="0", kind="'article'", evidence="'made alike'")  # fmt: skip
        put_many(db, "captures", 1, 51, id="n", url="(SELECT url FROM urls WHERE id = 1)", fetched_at=_SEEN,
                 content_type="'text/html'")  # fmt: skip
        put_many(db, inner.OUTSIDE_HOSTS, 1, 21, host="'out' || n || '.example'", links="1000 * n")
        put_many(db, "runs", 1, 61, id="n", started_at="printf('2026-01-%02dT00:%02d:00', 1 + n / 60, n % 60)",
                 outcome="'finished'", options="'{}'", versions="'{}'",
                 counts="'{\"page/done/list\": 1}'")  # fmt: skip
        put_many(db, inner.YIELDS, 1, 61, run_id="n", host=f"'{BIG}'", part="'*'", pages="1", articles="1")
        put_many(
            db,
            "alarms",
            1,
            51,
            run_id="61",
            message="'alarm ' || n",
            at=_SEEN,
            host=f"'{BIG}'",
            part="printf('*/%02d', n)",
            what="'barren'",
        )
        put_many(db, inner.REVIEWS, 1, 11, id="n", url=f"'https://{BIG}/' || n", host=f"'{BIG}'", block_id="n + 600",
                 reason="'reason 9'", is_right="1")  # fmt: skip
        put_many(
            db, "revisions", 1, 51, article_id="n", number="2", seen_at=_SEEN, change="'body'", kinds="'[\"body\"]'"
        )
        put_many(
            db, "changes", 1, 51, seq="n", article_id="n", at=_SEEN, change="'changed'", kind="'body'", revision="2"
        )
        db.conn.commit()
