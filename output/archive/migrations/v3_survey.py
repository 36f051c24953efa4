"""Version 3: articles that are alike, and how rules and sites did in each run."""

from __future__ import annotations

# `sketches` and `sketch_hashes` are what texts are compared by. A text that changes or goes loses its relations at
# once; `settle` finds them anew. Which hashes are a stale page's no index says: they go together, in one scan.
_UNRELATE = """
            UPDATE sketches SET hashes = NULL WHERE page_id = old.page_id;
            DELETE FROM duplicates WHERE article_id = old.id;
            DELETE FROM duplicates WHERE duplicate_id = old.id;
            DELETE FROM clusters WHERE article_id = old.id;"""

_SIMILAR = (
    "CREATE TABLE sketches (page_id INTEGER PRIMARY KEY, hashes INTEGER)",
    """CREATE TABLE sketch_hashes (
        hash INTEGER NOT NULL, page_id INTEGER NOT NULL, PRIMARY KEY (hash, page_id)) WITHOUT ROWID""",
    """CREATE TABLE duplicates (
        article_id INTEGER NOT NULL, duplicate_id INTEGER NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('exact', 'near', 'version', 'syndicated', 'part')),
        similarity REAL NOT NULL, contained REAL NOT NULL, PRIMARY KEY (article_id, duplicate_id)) WITHOUT ROWID""",
    "CREATE INDEX duplicates_duplicate ON duplicates (duplicate_id)",
    "CREATE TABLE clusters (article_id INTEGER PRIMARY KEY, cluster_id INTEGER NOT NULL)",
    "CREATE INDEX clusters_cluster ON clusters (cluster_id)",
    f"CREATE TRIGGER articles_unrelate_gone AFTER DELETE ON articles BEGIN {_UNRELATE} END",
    f"""CREATE TRIGGER articles_unrelate_changed AFTER UPDATE OF text ON articles WHEN old.text <> new.text
        BEGIN {_UNRELATE} END""",
    """CREATE VIEW article_clusters AS
        SELECT a.id AS article_id, a.url AS url, coalesce(c.cluster_id, a.id) AS cluster_id,
            row_number() OVER (PARTITION BY coalesce(c.cluster_id, a.id)
                ORDER BY coalesce(datetime(a.published), '9999'), a.word_count DESC, a.id) AS by_date,
            row_number() OVER (PARTITION BY coalesce(c.cluster_id, a.id)
                ORDER BY a.word_count DESC, coalesce(datetime(a.published), '9999'), a.id) AS by_length
        FROM articles a LEFT JOIN clusters c ON c.article_id = a.id""",
)

# `listed` says which URLs a sitemap or feed names, whoever named them first.
_COVERAGE = (
    """CREATE TABLE listed (
        url_id INTEGER NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('sitemap', 'feed')),
        PRIMARY KEY (url_id, kind)) WITHOUT ROWID""",
    """INSERT INTO listed SELECT id, found_via FROM urls WHERE kind = 'page' AND found_via IN ('sitemap', 'feed')""",
)

_RATES = (
    """CREATE TABLE yields (
        run_id INTEGER NOT NULL REFERENCES runs (id), host TEXT NOT NULL, part TEXT NOT NULL,
        pages INTEGER NOT NULL, articles INTEGER NOT NULL, barren INTEGER NOT NULL, alike INTEGER NOT NULL,
        words_low INTEGER NOT NULL, words_median INTEGER NOT NULL, removed_share REAL NOT NULL,
        cleaner_version TEXT NOT NULL, PRIMARY KEY (run_id, host, part)) WITHOUT ROWID""",
    """CREATE TABLE rule_rates (
        run_id INTEGER NOT NULL REFERENCES runs (id), host TEXT NOT NULL,
        reason_id INTEGER NOT NULL REFERENCES reasons (id), pages INTEGER NOT NULL,
        PRIMARY KEY (run_id, host, reason_id)) WITHOUT ROWID""",
    """CREATE TABLE alarms (
        run_id INTEGER NOT NULL REFERENCES runs (id), at TEXT NOT NULL, host TEXT NOT NULL, part TEXT NOT NULL,
        what TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY (run_id, host, part, what)) WITHOUT ROWID""",
)

SURVEY: tuple[str, ...] = (*_SIMILAR, *_COVERAGE, *_RATES)
