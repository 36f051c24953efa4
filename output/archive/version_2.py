"""Version 2 of the schema: the steps that make it of version 1, in their order.

A step is SQL, or a function where rows follow from others. All of them run in the one transaction of the upgrade, also
for a new file, whose tables are empty. A view that changes is dropped and made again, since readers know it by its SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

from .metadata_columns import ARTICLE_COLUMNS, added_columns
from .stored_values import content_id
from .text_links import text_links

Step = str | Callable[[Database], None]

_GAPS = """SELECT article_id, number, place FROM (SELECT article_id, number,
        row_number() OVER (PARTITION BY article_id ORDER BY number) AS place FROM revisions)
    WHERE number <> place ORDER BY article_id, number"""
_NUMBERS = (("revisions", "number"), ("_revision_blocks", "number"), ("changes", "revision"))


def _close_number_gaps(db: Database) -> None:
    """Close the gaps that version 1 left where it had numbered a revision that turned out to be no edit."""
    rows = db.execute(_GAPS).fetchall()
    for table, column in _NUMBERS:  # in the order of the numbers, so that each finds its new one free
        db.conn.executemany(f"UPDATE {table} SET {column} = ?3 WHERE article_id = ?1 AND {column} = ?2", rows)


_ROLES = (".merged.warc", ".warc")
_FILE_COLUMNS = (("_warc_files", "name"), ("captures", "warc_file"), ("_warc_erasures", "file"))


def _name_roles(db: Database) -> None:
    """Name WARC files by role and file; version 1 named the folder, by the database's name of a time.

    Of several folders of a role, those of other databases are read on as imported files are.
    """
    database = Path(next(row[2] for row in db.execute("PRAGMA database_list") if row[1] == "main")).name
    names = [name for (name,) in db.execute("SELECT name FROM _warc_files ORDER BY begun_at, name")]
    folders = dict.fromkeys(name.rpartition("/")[0] for name in names)
    for role in _ROLES:
        of_role = [folder for folder in folders if next(filter(folder.endswith, _ROLES), "") == role]
        own_folder = f"{database}{role}" if f"{database}{role}" in of_role else "".join(of_role[-1:])
        for folder in of_role:
            for table, column in _FILE_COLUMNS:
                named = f"substr({column}, 1, {len(folder) + 1}) = ?"
                if folder == own_folder:
                    renamed = f"UPDATE {table} SET {column} = ? || substr({column}, {len(folder) + 1}) WHERE {named}"
                    db.execute(renamed, [role, f"{folder}/"])
                elif table != "captures":
                    db.execute(f"DELETE FROM {table} WHERE {named}", [f"{folder}/"])


# Articles that are alike are found when somebody asks.
_ALIKE = """DROP TRIGGER articles_unrelate_gone;
DROP TRIGGER articles_unrelate_changed;
DROP VIEW article_clusters;
DROP TABLE duplicates;
DROP TABLE _sketches;
DROP TABLE _crowded_hashes;"""
_OWN_COLUMNS_OF_SHELF = ("id", "first_seen", "last_seen", "page_id", "capture_id", "cleaner_version")


def _shelved_view() -> str:
    """Return the view that shows what is on the shelf with the columns of `articles`."""
    columns = ",\n        ".join(
        name if name in _OWN_COLUMNS_OF_SHELF else f"json_extract(article, '$.{name}') AS {name}"
        for name in ARTICLE_COLUMNS
    )
    article = "(SELECT p.article_id FROM pages p WHERE p.id = page_id) AS article_id"
    return f"CREATE VIEW shelved AS\n    SELECT {columns},\n        why, {article}\n    FROM _shelf;"


_READERS_VIEWS = """DROP VIEW removed;
DROP VIEW _blocks;
DROP VIEW _article_urls;
DROP VIEW _edits;
DROP VIEW _shelved;
DROP TRIGGER articles_unsettled_changed;
ALTER TABLE articles RENAME COLUMN published_raw TO published_stated;
ALTER TABLE articles RENAME COLUMN modified_raw TO modified_stated;
UPDATE _shelf SET article = json_remove(json_set(article,
    '$.published_stated', json_extract(article, '$.published_raw'),
    '$.modified_stated', json_extract(article, '$.modified_raw')), '$.published_raw', '$.modified_raw')
    WHERE CASE WHEN json_valid(article) THEN json_type(article) = 'object' END;
CREATE TRIGGER articles_unsettled_changed AFTER UPDATE
    OF url, canonical_url, host, title, authors, published_stated, text, first_seen, page_id ON articles
BEGIN
    INSERT INTO _unsettled (page_id, host)
        SELECT old.page_id, coalesce((SELECT host FROM urls WHERE id = old.page_id), '')
        WHERE NOT EXISTS (SELECT 1 FROM _unsettled WHERE page_id = old.page_id);
    INSERT INTO _unsettled (page_id, host)
        SELECT new.page_id, coalesce((SELECT host FROM urls WHERE id = new.page_id), '')
        WHERE NOT EXISTS (SELECT 1 FROM _unsettled WHERE page_id = new.page_id);
END;
CREATE TABLE _text_evidence AS
    SELECT block_id, host, 0 AS at_place, pages, of_pages, first_seen FROM _block_evidence
    UNION ALL SELECT block_id, host, 1, pages, of_pages, first_seen FROM _place_evidence;
DROP TABLE _block_evidence;
DROP TABLE _place_evidence;
CREATE TABLE _block_evidence (
    block_id INTEGER NOT NULL REFERENCES _block_texts (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    at_place INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    of_pages INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    PRIMARY KEY (block_id, host, at_place)
) WITHOUT ROWID;
CREATE INDEX block_evidence_host ON _block_evidence (host);
INSERT INTO _block_evidence (block_id, host, at_place, pages, of_pages, first_seen)
    SELECT block_id, host, at_place, pages, of_pages, first_seen FROM _text_evidence;
DROP TABLE _text_evidence;
CREATE VIEW blocks AS
    SELECT a.id AS article_id, a.url AS url, b.block_id AS block_id, b.position AS position,
        CASE b.kind WHEN 0 THEN 'paragraph' WHEN 1 THEN 'heading' WHEN 2 THEN 'list_item' WHEN 3 THEN 'table'
            WHEN 4 THEN 'quote' WHEN 5 THEN 'code' WHEN 6 THEN 'caption' WHEN 7 THEN 'line' END AS kind,
        b.kept AS kept, r.reason AS reason, r.rule AS rule,
        t.text AS text,
        CASE WHEN coalesce(l.pages, e.pages) THEN json_object(
            'pages', coalesce(l.pages, e.pages), 'of_pages', coalesce(l.of_pages, e.of_pages),
            'since', substr(coalesce(l.first_seen, e.first_seen), 1, 10)) END AS evidence,
        CASE WHEN r.reason = 'said twice' THEN b.repeats END AS repeats
    FROM articles a JOIN _page_blocks b ON b.page_id = a.page_id JOIN _block_texts t ON t.id = b.block_id
        JOIN _reasons r ON r.id = b.reason_id
        LEFT JOIN _block_evidence e ON e.block_id = b.block_id AND e.host = a.host AND e.at_place = 0
        LEFT JOIN _block_evidence l ON l.block_id = b.block_id AND l.host = a.host AND l.at_place = 1;
CREATE VIEW removed AS
    SELECT article_id, url, block_id, position, text, reason, rule, evidence, repeats FROM blocks WHERE kept = 0;
CREATE VIEW article_urls AS
    WITH RECURSIVE leads (article_id, url, kind) AS (
        SELECT p.article_id, u.url, CASE
            WHEN EXISTS (SELECT 1 FROM articles a WHERE a.page_id = p.id AND a.id = p.article_id) THEN 'own'
            WHEN EXISTS (SELECT 1 FROM _shelf s WHERE s.page_id = p.id AND s.id = p.article_id) THEN 'own'
            WHEN EXISTS (SELECT 1 FROM _page_parts s WHERE s.page_id = p.id) THEN 'part' ELSE 'copy' END
        FROM pages p JOIN urls u ON u.id = p.id WHERE p.article_id IS NOT NULL
        UNION
        SELECT l.article_id, u.url, 'redirect' FROM leads l JOIN urls u ON u.location = l.url)
    SELECT article_id, url, kind FROM leads
    UNION ALL SELECT id, canonical_url, 'canonical' FROM articles a WHERE canonical_url IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM urls u JOIN pages p ON p.id = u.id WHERE u.url = a.canonical_url AND p.article_id = a.id);
CREATE VIEW versions AS
    SELECT r.article_id AS article_id, r.number AS number, substr(r.seen_at, 1, 10) AS day, r.title AS title,
        coalesce(
            (SELECT group_concat(text, char(10)) FROM (
                SELECT t.text FROM _revision_blocks b JOIN _block_texts t ON t.id = b.block_id
                WHERE b.article_id = r.article_id AND b.number = r.number AND b.kept = 1 ORDER BY b.position)),
            CASE WHEN r.number = (SELECT max(number) FROM revisions l
                    WHERE l.article_id = r.article_id AND l.change NOT IN ('withdrawn', 'returned'))
                THEN coalesce(a.text, s.text) END) AS text,
        r.text_digest AS text_digest, r.change AS change, r.seen_at AS seen_at, r.capture_id AS capture_id,
        coalesce(a.url, s.url) AS url
    FROM revisions r LEFT JOIN articles a ON a.id = r.article_id LEFT JOIN shelved s ON s.id = r.article_id
    WHERE r.change NOT IN ('withdrawn', 'returned');
CREATE VIEW edits AS
    SELECT c.seq AS seq, c.at AS at, CASE c.change WHEN 'added' THEN 'new' ELSE c.kind END AS kind,
        coalesce(r.title, a.title, s.title) AS title,
        (SELECT o.title FROM revisions o WHERE o.article_id = c.article_id AND o.number = c.revision - 1)
            AS title_before,
        coalesce(r.added, 0) AS added, coalesce(r.removed, 0) AS removed, coalesce(r.rewritten, 0) AS rewritten,
        coalesce(r.note, '') AS note, coalesce(a.url, s.url) AS url, c.article_id AS article_id,
        coalesce(c.revision, 1) AS revision
    FROM changes c LEFT JOIN revisions r ON r.article_id = c.article_id AND r.number = c.revision
        LEFT JOIN articles a ON a.id = c.article_id LEFT JOIN shelved s ON s.id = c.article_id
    WHERE (c.kind <> '' OR c.change = 'added') AND coalesce(a.url, s.url) IS NOT NULL;"""

_LINKS = """CREATE TABLE _links (
    page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    url TEXT NOT NULL,
    anchor TEXT NOT NULL,
    PRIMARY KEY (page_id, position)
) WITHOUT ROWID;
CREATE INDEX links_url ON _links (url);
CREATE VIEW links AS
    SELECT a.id AS article_id, a.title AS title, l.position AS position, l.anchor AS anchor, l.url AS target,
        (SELECT x.id FROM urls f JOIN urls t ON t.url = CASE WHEN f.location IS NULL THEN f.url ELSE (
            WITH RECURSIVE hops (url, number) AS (
                SELECT f.location, 1
                UNION ALL SELECT u.location, number + 1 FROM hops JOIN urls u ON u.url = hops.url
                WHERE u.location IS NOT NULL AND number < 10)
            SELECT url FROM hops ORDER BY number DESC LIMIT 1) END
            JOIN pages p ON p.id = t.id JOIN articles x ON x.id = p.article_id
            WHERE f.url = l.url) AS target_id,
        a.url AS url
    FROM articles a JOIN _links l ON l.page_id = a.page_id;"""
# A damaged row of the shelf stops no upgrade: it stays as it is, and `verify` names it.
_MARKDOWNS = """SELECT page_id, url, markdown FROM (SELECT page_id, url, markdown FROM articles
    UNION ALL SELECT page_id, json_extract(json, '$.url'), json_extract(json, '$.markdown')
        FROM (SELECT page_id, CASE WHEN json_valid(article) THEN article END AS json FROM _shelf))
    WHERE typeof(url) = 'text' AND typeof(markdown) = 'text'"""


def _fill_links(db: Database) -> None:
    """List the links of the stored texts, as for texts that are stored later."""
    for page_id, url, markdown in db.execute(_MARKDOWNS).fetchall():
        rows = [(page_id, position, *link) for position, link in enumerate(text_links(markdown, url))]
        db.conn.executemany("INSERT INTO _links (page_id, position, url, anchor) VALUES (?, ?, ?, ?)", rows)


_SCANS = """CREATE TABLE _scans (
    page_id INTEGER PRIMARY KEY REFERENCES _page_layout (page_id) ON DELETE CASCADE,
    first_seen TEXT NOT NULL,
    scan BLOB NOT NULL,
    removed TEXT
);"""

# Datasette 0.65 hides a full-text index, which it knows by words in the SQL, and each table whose name begins with the
# name of one: so this view hides the internal tables. Datasette 1.0 hides them by their underscore.
_DICTIONARY = """CREATE TABLE dictionary (
    "table" TEXT NOT NULL,
    "column" TEXT NOT NULL,
    meaning TEXT NOT NULL,
    unit TEXT NOT NULL,
    "null" TEXT NOT NULL,
    PRIMARY KEY ("table", "column")
) WITHOUT ROWID;
CREATE VIEW _ AS /* VIRTUAL TABLE USING FTS */
    SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND substr(name, 1, 1) = '_';"""

_OVERVIEWS = """CREATE VIEW pages_overview AS
    SELECT p.id AS id, u.url AS url, u.host AS host, p.title AS title, p.page_type AS page_type, p.kept AS kept,
        p.removed AS removed, p.word_count AS word_count, p.certainty AS certainty, u.state AS state,
        u.fetched_at AS fetched_at, p.article_id AS article_id, p.capture_id AS capture_id, p.layout_id AS layout_id
    FROM pages p JOIN urls u ON u.id = p.id;
CREATE VIEW captures_overview AS
    SELECT c.id AS id, c.url AS url, c.fetched_at AS fetched_at, c.http_status AS http_status, p.id AS page_id,
        p.page_type AS page_type, p.article_id AS article_id, p.capture_id IS c.id AS judged,
        c.content_type AS content_type, c.payload_length AS payload_length, c.warc_file AS warc_file,
        c.warc_offset AS warc_offset, c.warc_length AS warc_length
    FROM captures c LEFT JOIN urls u ON u.url = c.url LEFT JOIN pages p ON p.id = u.id;"""
_BLOCK_NUMBERS = (
    *(f"UPDATE {table} SET block_id = block_id >> 10 WHERE block_id IS NOT NULL" for table in (
        "_revision_blocks", "_page_blocks", "_block_evidence", "corrections", "_reviews",
        "_common_texts", "_unsettled_texts",
    )),
    "UPDATE _block_texts SET id = id >> 10",
)  # fmt: skip
_NUMBERED_BY_BLOCK = (
    ("corrections", "SELECT id, block_id, coalesce(article_id, ''), coalesce(host, '') FROM corrections"),
    ("_reviews", "SELECT id, 'review', url, block_id FROM _reviews"),
)


def _shorten_block_numbers(db: Database) -> None:
    """Take the first 53 of the 63 bits that version 1 gave the number of a text, and number anew what it is part of."""
    db.execute("PRAGMA defer_foreign_keys = ON")
    for statement in _BLOCK_NUMBERS:
        db.execute(statement)
    for table, query in _NUMBERED_BY_BLOCK:
        rows = db.execute(f"{query} WHERE block_id IS NOT NULL").fetchall()
        numbers = [(content_id(*map(str, parts)), number) for number, *parts in rows]
        db.conn.executemany(f"UPDATE {table} SET id = ? WHERE id = ?", numbers)


_LISTED = """ALTER TABLE urls ADD COLUMN in_sitemap INTEGER NOT NULL DEFAULT 0;
ALTER TABLE urls ADD COLUMN in_feed INTEGER NOT NULL DEFAULT 0;
UPDATE urls SET in_sitemap = 1 WHERE id IN (SELECT url_id FROM _listed WHERE kind = 'sitemap');
UPDATE urls SET in_feed = 1 WHERE id IN (SELECT url_id FROM _listed WHERE kind = 'feed');
DROP TABLE _listed;"""

_COPIES = """ALTER TABLE pages ADD COLUMN _copy_of INTEGER;
UPDATE pages SET _copy_of = (SELECT original_id FROM _page_copies WHERE page_id = pages.id);
CREATE INDEX pages_copies ON pages (_copy_of) WHERE _copy_of IS NOT NULL;
DROP TABLE _page_copies;"""

# A reclean that several runs took up is noted at the last: one that is cut off is taken up by its outcome.
_RECLEANS = """ALTER TABLE runs ADD COLUMN _reclean INTEGER;
UPDATE runs SET _reclean = (SELECT c.id FROM _recleans c WHERE c.state <> 'undone' AND runs.id = (
    SELECT r.id FROM runs r WHERE r.command = 'reclean' AND r.started_at <= coalesce(c.finished_at, '~')
    ORDER BY r.started_at DESC, r.rowid DESC LIMIT 1));
ALTER TABLE _reclean_before RENAME TO _earlier_readings;
CREATE TABLE _reclean_before (
    page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    reclean_id INTEGER NOT NULL,
    before BLOB NOT NULL,
    PRIMARY KEY (page_id, reclean_id)
) WITHOUT ROWID;
INSERT INTO _reclean_before (page_id, reclean_id, before) SELECT page_id, reclean_id, before FROM _earlier_readings;
DROP TABLE _earlier_readings;
DROP TABLE _recleans;"""

_CORRECTION_COLUMNS = "id, field, block_id, article_id, host, value, url, who, at, note, reason, rule, undone_at"


def _let_corrections_watch(db: Database) -> None:
    """Let a correction say how closely a page is watched: the table is made again with one more word."""
    (table,), *others = db.execute(
        """SELECT sql FROM sqlite_master WHERE (tbl_name = 'corrections' OR name = 'rulings') AND sql IS NOT NULL
        ORDER BY name <> 'corrections'"""
    ).fetchall()
    rows = db.execute(f"SELECT {_CORRECTION_COLUMNS} FROM corrections").fetchall()
    db.execute("DROP VIEW rulings")
    db.execute("DROP TABLE corrections")
    db.execute(str(table).replace("'language')", "'language', 'watch')"))
    places = ", ".join("?" * len(_CORRECTION_COLUMNS.split()))
    db.conn.executemany(f"INSERT INTO corrections ({_CORRECTION_COLUMNS}) VALUES ({places})", rows)
    for (statement,) in others:
        db.execute(statement)


_TIMES = """SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c
    WHERE t.type = 'table' AND t.name NOT LIKE '_sqlite%'
        AND (c.name IN ('at', 'first_seen', 'last_seen', '_not_before') OR c.name GLOB '*_at')"""


def _spell_utc_shorter(db: Database) -> None:
    """Write each time of the archive as 2024-05-03T13:47:42Z, which version 1 wrote with `+00:00`."""
    for table, column in db.execute(_TIMES).fetchall():
        db.execute(f"UPDATE {table} SET {column} = replace({column}, '+00:00', 'Z') WHERE {column} LIKE '%+00:00'")


# A page's style sheets and pictures, and the files that a style sheet names.
_PAGE_FILES = """CREATE TABLE _page_files (
    user_id INTEGER NOT NULL,
    url_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, url_id)
) WITHOUT ROWID;
CREATE INDEX page_files_url ON _page_files (url_id);"""


STEPS: tuple[Step, ...] = (
    """CREATE TABLE _pending_revisions (
    article_id INTEGER PRIMARY KEY,
    seen_at TEXT NOT NULL,
    capture_id INTEGER,
    title TEXT NOT NULL,
    text_digest TEXT NOT NULL,
    before TEXT NOT NULL
);
INSERT OR IGNORE INTO _pending_revisions (article_id, seen_at, capture_id, title, text_digest, before)
    SELECT article_id, seen_at, capture_id, title, text_digest, note FROM revisions
    WHERE change = 'pending' ORDER BY number DESC;
DELETE FROM revisions WHERE change = 'pending';
DROP INDEX revisions_pending;
DROP VIEW articles_overview;
CREATE VIEW articles_overview AS
    SELECT a.id AS id, a.title AS title, a.url AS url, a.host AS host, a.published_day AS published_day,
        a.authors AS authors, a.language AS language, a.section AS section, a.tags AS tags,
        a.word_count AS word_count, a.page_type AS page_type, p.kept AS kept, p.removed AS removed,
        (SELECT count(*) FROM revisions r WHERE r.article_id = a.id) AS revisions,
        a.published AS published, a.modified AS modified, a.sitename AS sitename, a.description AS description,
        a.first_seen AS first_seen, a.last_seen AS last_seen
    FROM articles a JOIN pages p ON p.id = a.page_id;""",
    """DELETE FROM _revision_blocks WHERE NOT EXISTS (SELECT 1 FROM revisions r
        WHERE r.article_id = _revision_blocks.article_id AND r.number = _revision_blocks.number);""",
    _close_number_gaps,
    _name_roles,
    """DROP TRIGGER pages_earlier_signature;
DROP TABLE _earlier_signatures;
DROP TABLE _rule_rates;
DROP TABLE _statements;""",
    _ALIKE,
    added_columns(2),
    _shelved_view(),
    _READERS_VIEWS,
    _LINKS,
    _fill_links,
    _SCANS,
    _DICTIONARY,
    _OVERVIEWS,
    _shorten_block_numbers,
    "ALTER TABLE _images ADD COLUMN place INTEGER;",
    _PAGE_FILES,
    _let_corrections_watch,
    _spell_utc_shorter,
    _LISTED,
    _COPIES,
    _RECLEANS,
)
