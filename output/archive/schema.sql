-- The schema of an archive. `migrations.py` makes a new file of it; what tables and columns mean is in `schema.toml`,
-- and `docs/schema.md` is generated from both.

-- The file's own facts, and who ran what.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    command TEXT NOT NULL,
    options TEXT NOT NULL,
    versions TEXT NOT NULL,
    outcome TEXT,
    reason TEXT,
    counts TEXT
);

CREATE TABLE _imports (
    file TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    modified TEXT NOT NULL,
    options TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    records TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE _recleans (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'undone')),
    options TEXT NOT NULL,
    counts TEXT NOT NULL DEFAULT '{}'
);

-- URLs: what was found and what became of it; also the crawl's queue.

CREATE TABLE urls (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('page', 'robots', 'sitemap', 'feed', 'picture')),
    state TEXT NOT NULL CHECK (state IN ('queued', 'done', 'failed', 'skipped')),
    reason TEXT NOT NULL DEFAULT '',
    found_via TEXT NOT NULL,
    found_on TEXT,
    depth INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    first_seen TEXT NOT NULL,
    fetched_at TEXT,
    http_status INTEGER,
    location TEXT,
    lastmod TEXT,
    _priority INTEGER NOT NULL DEFAULT 0,
    _not_before TEXT,
    held_reason TEXT,
    held_at TEXT,
    _revisit_seconds INTEGER,
    _unfounded INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX urls_outcome ON urls (state, kind, reason);
CREATE INDEX urls_location ON urls (location) WHERE location IS NOT NULL;
-- Taking the next URLs of a host reads the first entries of these two indexes and nothing else.
CREATE INDEX urls_ready ON urls (
    host, (CASE kind WHEN 'robots' THEN 0 WHEN 'page' THEN 2 WHEN 'picture' THEN 3 ELSE 1 END), _priority DESC, id)
    WHERE state = 'queued' AND _not_before IS NULL;
CREATE INDEX urls_retry ON urls (host, _not_before) WHERE state = 'queued' AND _not_before IS NOT NULL;
CREATE INDEX urls_host ON urls (host);

CREATE TABLE _url_counts (state TEXT PRIMARY KEY, urls INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO _url_counts (state, urls) VALUES ('queued', 0), ('done', 0), ('failed', 0), ('skipped', 0);

CREATE TABLE _listed (
    url_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('sitemap', 'feed')),
    PRIMARY KEY (url_id, kind)
) WITHOUT ROWID;

CREATE TABLE _outside_hosts (host TEXT PRIMARY KEY, links INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE _url_patterns (
    host TEXT NOT NULL,
    pattern TEXT NOT NULL,
    fetched INTEGER NOT NULL DEFAULT 0,
    articles INTEGER NOT NULL DEFAULT 0,
    led INTEGER NOT NULL DEFAULT 0,
    dry INTEGER NOT NULL DEFAULT 0,
    hopes INTEGER NOT NULL DEFAULT 0,
    echoes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (host, pattern)
) WITHOUT ROWID;

CREATE TABLE _url_orders (id INTEGER PRIMARY KEY);

CREATE TRIGGER urls_counted_insert AFTER INSERT ON urls
BEGIN
    UPDATE _url_counts SET urls = urls + 1 WHERE state = new.state;
END;

CREATE TRIGGER urls_counted_update AFTER UPDATE OF state ON urls WHEN old.state <> new.state
BEGIN
    UPDATE _url_counts SET urls = urls + 1 WHERE state = new.state;
    UPDATE _url_counts SET urls = urls - 1 WHERE state = old.state;
END;

CREATE TRIGGER urls_counted_delete AFTER DELETE ON urls
BEGIN
    UPDATE _url_counts SET urls = urls - 1 WHERE state = old.state;
END;

-- Responses as received, and where their raw records lie.

CREATE TABLE captures (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    fetched_at TEXT NOT NULL,
    http_status INTEGER,
    final_url TEXT NOT NULL,
    content_type TEXT NOT NULL,
    payload_digest TEXT NOT NULL,
    payload_length INTEGER NOT NULL,
    warc_file TEXT,
    warc_offset INTEGER,
    warc_length INTEGER,
    directives TEXT NOT NULL DEFAULT '[]',
    usage TEXT NOT NULL DEFAULT '[]',
    usage_stated TEXT NOT NULL DEFAULT '[]',
    robots_id INTEGER REFERENCES robots_files (id),
    refers_to INTEGER REFERENCES captures (id),
    truncated TEXT,
    etag TEXT,
    last_modified TEXT,
    record_faults TEXT,
    rendered_for TEXT
);
CREATE INDEX captures_url ON captures (url, fetched_at);
CREATE INDEX captures_payload ON captures (payload_digest)
    WHERE warc_file IS NOT NULL AND refers_to IS NULL AND truncated IS NULL;
CREATE INDEX captures_refers ON captures (refers_to) WHERE refers_to IS NOT NULL;
CREATE INDEX captures_rendered ON captures (rendered_for) WHERE rendered_for IS NOT NULL;
CREATE INDEX captures_place ON captures (warc_file, warc_offset) WHERE warc_file IS NOT NULL;

CREATE TABLE _resource_users (
    capture_id INTEGER NOT NULL REFERENCES captures (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    PRIMARY KEY (capture_id, url)
) WITHOUT ROWID;

CREATE TABLE _warc_files (name TEXT PRIMARY KEY, length INTEGER NOT NULL, begun_at TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE _warc_erasures (
    file TEXT NOT NULL,
    offset INTEGER NOT NULL,
    following INTEGER NOT NULL,
    PRIMARY KEY (file, offset)
) WITHOUT ROWID;

CREATE TABLE robots_files (
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    url TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('rules', 'all', 'nothing')),
    reason TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX robots_files_host ON robots_files (host, seen_at);

-- Takedowns. A URL that is, or looks like, one that was taken down is never queued, whoever adds it.

CREATE TABLE takedowns (
    id INTEGER PRIMARY KEY,
    pattern TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    urls INTEGER NOT NULL,
    articles INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    note TEXT NOT NULL DEFAULT ''
);

CREATE TRIGGER urls_forgotten_insert AFTER INSERT ON urls
    WHEN new.kind IN ('page', 'picture') AND new.state = 'queued'
    AND EXISTS (SELECT 1 FROM takedowns WHERE pattern = new.url
        OR new.url GLOB replace(replace(pattern, '[', '[[]'), '?', '[?]'))
BEGIN
    UPDATE urls SET state = 'skipped', reason = 'forgotten' WHERE id = new.id;
END;

CREATE TRIGGER urls_forgotten_update AFTER UPDATE OF state ON urls
    WHEN new.kind IN ('page', 'picture') AND new.state = 'queued'
    AND (old.reason = 'forgotten' OR EXISTS (SELECT 1 FROM takedowns WHERE pattern = new.url
        OR new.url GLOB replace(replace(pattern, '[', '[[]'), '?', '[?]')))
BEGIN
    UPDATE urls SET state = 'skipped', reason = 'forgotten' WHERE id = new.id;
END;

-- Pages: every fetched one, with the verdict on it.

CREATE TABLE _cleaners (
    id INTEGER PRIMARY KEY,
    version TEXT NOT NULL,
    rules TEXT NOT NULL,
    model TEXT NOT NULL,
    site_rules TEXT NOT NULL,
    libraries TEXT NOT NULL
);

CREATE TABLE pages (
    id INTEGER PRIMARY KEY REFERENCES urls (id),
    capture_id INTEGER REFERENCES captures (id),
    page_type TEXT NOT NULL,
    own_type TEXT NOT NULL,
    evidence TEXT NOT NULL,
    title TEXT NOT NULL,
    canonical_url TEXT,
    text_digest TEXT NOT NULL,
    word_count INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    outlinks INTEGER NOT NULL,
    robots TEXT NOT NULL,
    cleaner_version TEXT NOT NULL,
    article_id INTEGER,
    cleaner_id INTEGER REFERENCES _cleaners (id),
    layout_id INTEGER,
    certainty REAL
);
CREATE INDEX pages_article ON pages (article_id) WHERE article_id IS NOT NULL;
CREATE INDEX pages_digest ON pages (text_digest) WHERE own_type IN ('article', 'teaser');
CREATE INDEX pages_canonical ON pages (canonical_url) WHERE canonical_url IS NOT NULL;
CREATE INDEX pages_capture ON pages (capture_id);
CREATE INDEX pages_layout ON pages (layout_id);

CREATE TABLE _page_leads (
    page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    way TEXT NOT NULL,
    url TEXT NOT NULL,
    ruled INTEGER NOT NULL,
    PRIMARY KEY (page_id, way, url)
) WITHOUT ROWID;
CREATE INDEX page_leads_url ON _page_leads (url);

CREATE TABLE _page_parts (
    page_id INTEGER PRIMARY KEY REFERENCES pages (id) ON DELETE CASCADE,
    head_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    place INTEGER NOT NULL
);
CREATE INDEX page_parts_head ON _page_parts (head_id, place);

CREATE TABLE _page_signatures (page_id INTEGER PRIMARY KEY REFERENCES pages (id), signature BLOB NOT NULL);

CREATE TABLE _earlier_signatures (page_id INTEGER PRIMARY KEY REFERENCES pages (id), signature BLOB NOT NULL);

CREATE TABLE _layouts (
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    signature BLOB NOT NULL,
    pages INTEGER NOT NULL,
    articles INTEGER NOT NULL,
    kind TEXT NOT NULL,
    evidence TEXT NOT NULL
);
CREATE INDEX layouts_host ON _layouts (host);

CREATE TABLE _rendered_layouts (
    host TEXT NOT NULL,
    signature BLOB NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('trying', 'all', 'few')),
    rendered INTEGER NOT NULL,
    gained INTEGER NOT NULL,
    misses INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    words_before INTEGER NOT NULL,
    words_after INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    PRIMARY KEY (host, signature)
) WITHOUT ROWID;

CREATE TRIGGER pages_earlier_signature AFTER UPDATE OF capture_id ON pages
    WHEN new.capture_id IS NOT old.capture_id AND new.cleaner_version = old.cleaner_version
BEGIN
    INSERT INTO _earlier_signatures (page_id, signature)
        SELECT page_id, signature FROM _page_signatures WHERE page_id = old.id AND signature <> x''
        AND NOT EXISTS (SELECT 1 FROM _earlier_signatures WHERE page_id = old.id);
END;

-- Articles, shelved ones, their history.

CREATE TABLE articles (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    canonical_url TEXT,
    host TEXT NOT NULL,
    title TEXT NOT NULL,
    authors TEXT NOT NULL,
    published TEXT,
    published_day TEXT,
    published_raw TEXT,
    modified TEXT,
    modified_day TEXT,
    modified_raw TEXT,
    language TEXT,
    description TEXT,
    standfirst TEXT,
    section TEXT,
    tags TEXT NOT NULL,
    keywords TEXT NOT NULL DEFAULT '[]',
    licence TEXT,
    sitename TEXT,
    image TEXT,
    metadata_sources TEXT NOT NULL,
    text TEXT NOT NULL,
    markdown TEXT NOT NULL,
    word_count INTEGER NOT NULL,
    page_type TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    page_id INTEGER NOT NULL REFERENCES pages (id),
    capture_id INTEGER REFERENCES captures (id),
    cleaner_version TEXT NOT NULL
);
CREATE INDEX articles_page ON articles (page_id);
CREATE INDEX articles_published ON articles (published);
CREATE INDEX articles_published_day ON articles (published_day);
CREATE INDEX articles_capture ON articles (capture_id);
CREATE INDEX articles_image ON articles (image) WHERE image IS NOT NULL;
-- All that a list filters, counts and sorts by: the rows themselves hold whole texts and are slow to pass over.
CREATE INDEX articles_listed ON articles (
    host, language, section, published_day, page_type, word_count, first_seen);

-- `article` is a JSON object: a key for each other column of `articles`, a user's own too.
CREATE TABLE _shelf (
    id INTEGER PRIMARY KEY,
    page_id INTEGER NOT NULL REFERENCES pages (id),
    capture_id INTEGER REFERENCES captures (id),
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    cleaner_version TEXT NOT NULL,
    why TEXT NOT NULL,
    article TEXT NOT NULL
);
CREATE INDEX shelf_page ON _shelf (page_id);
CREATE INDEX shelf_capture ON _shelf (capture_id);
CREATE INDEX shelf_why ON _shelf (why, page_id);

CREATE VIEW _shelved AS
    SELECT id, json_extract(article, '$.url') AS url, json_extract(article, '$.canonical_url') AS canonical_url,
        json_extract(article, '$.host') AS host, json_extract(article, '$.title') AS title,
        json_extract(article, '$.authors') AS authors, json_extract(article, '$.published') AS published,
        json_extract(article, '$.published_day') AS published_day,
        json_extract(article, '$.published_raw') AS published_raw, json_extract(article, '$.modified') AS modified,
        json_extract(article, '$.modified_day') AS modified_day,
        json_extract(article, '$.modified_raw') AS modified_raw, json_extract(article, '$.language') AS language,
        json_extract(article, '$.description') AS description, json_extract(article, '$.standfirst') AS standfirst,
        json_extract(article, '$.section') AS section, json_extract(article, '$.tags') AS tags,
        json_extract(article, '$.keywords') AS keywords, json_extract(article, '$.licence') AS licence,
        json_extract(article, '$.sitename') AS sitename, json_extract(article, '$.image') AS image,
        json_extract(article, '$.metadata_sources') AS metadata_sources, json_extract(article, '$.text') AS text,
        json_extract(article, '$.markdown') AS markdown, json_extract(article, '$.word_count') AS word_count,
        json_extract(article, '$.page_type') AS page_type, first_seen, last_seen, page_id, capture_id, cleaner_version,
        why
    FROM _shelf;

CREATE TABLE _images (
    page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    url TEXT NOT NULL,
    caption TEXT NOT NULL,
    credit TEXT NOT NULL,
    alt TEXT NOT NULL,
    PRIMARY KEY (page_id, position)
) WITHOUT ROWID;
CREATE INDEX images_url ON _images (url);

CREATE TABLE _pictures (
    url_id INTEGER PRIMARY KEY REFERENCES urls (id),
    capture_id INTEGER NOT NULL REFERENCES captures (id),
    digest TEXT NOT NULL,
    type TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE INDEX pictures_capture ON _pictures (capture_id);
CREATE INDEX pictures_digest ON _pictures (digest);

CREATE TABLE _page_statements (
    page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    field TEXT NOT NULL,
    source TEXT NOT NULL,
    value TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (page_id, position)
) WITHOUT ROWID;

CREATE TABLE _own_fields (
    page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    source TEXT NOT NULL,
    evidence TEXT NOT NULL,
    site_value TEXT,
    site_source TEXT,
    PRIMARY KEY (page_id, field)
) WITHOUT ROWID;

CREATE TABLE _statements (
    host TEXT NOT NULL,
    field TEXT NOT NULL,
    source TEXT NOT NULL,
    pages INTEGER NOT NULL,
    distinct_values INTEGER NOT NULL,
    commonest TEXT NOT NULL,
    commonest_pages INTEGER NOT NULL,
    PRIMARY KEY (host, field, source)
) WITHOUT ROWID;

CREATE TABLE revisions (
    article_id INTEGER NOT NULL,
    seen_at TEXT NOT NULL,
    capture_id INTEGER,
    title TEXT NOT NULL,
    text_digest TEXT NOT NULL,
    change TEXT NOT NULL,
    number INTEGER NOT NULL DEFAULT 1,
    kinds TEXT NOT NULL DEFAULT '[]',
    added INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0,
    rewritten INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX revisions_article ON revisions (article_id, seen_at);
CREATE UNIQUE INDEX revisions_number ON revisions (article_id, number);
CREATE INDEX revisions_pending ON revisions (article_id) WHERE change = 'pending';

CREATE TABLE _revision_blocks (
    article_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    position INTEGER NOT NULL,
    block_id INTEGER NOT NULL REFERENCES _block_texts (id),
    kind INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    reason_id INTEGER NOT NULL REFERENCES _reasons (id),
    box INTEGER NOT NULL,
    linked INTEGER NOT NULL,
    elsewhere INTEGER NOT NULL,
    PRIMARY KEY (article_id, number, position)
) WITHOUT ROWID;
CREATE INDEX revision_blocks_block ON _revision_blocks (block_id);

CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    article_id INTEGER NOT NULL,
    at TEXT NOT NULL,
    change TEXT NOT NULL CHECK (change IN ('added', 'changed', 'removed')),
    kind TEXT NOT NULL DEFAULT '',
    revision INTEGER
);

-- The ledger: each block of an article's page, with its verdict. Texts, reasons stand once.

CREATE TABLE _block_texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL);

CREATE TABLE _reasons (id INTEGER PRIMARY KEY, reason TEXT NOT NULL, rule TEXT NOT NULL, UNIQUE (reason, rule));

CREATE TABLE _page_blocks (
    page_id INTEGER NOT NULL REFERENCES pages (id),
    position INTEGER NOT NULL,
    block_id INTEGER NOT NULL REFERENCES _block_texts (id),
    kind INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    reason_id INTEGER NOT NULL REFERENCES _reasons (id),
    repeats INTEGER,
    PRIMARY KEY (page_id, position)
) WITHOUT ROWID;
CREATE INDEX page_blocks_block ON _page_blocks (block_id, kept);

CREATE TABLE _page_layout (
    page_id INTEGER PRIMARY KEY REFERENCES pages (id),
    layout BLOB NOT NULL,
    chances BLOB
);

CREATE TABLE _block_evidence (
    block_id INTEGER NOT NULL REFERENCES _block_texts (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    pages INTEGER NOT NULL,
    of_pages INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    PRIMARY KEY (block_id, host)
) WITHOUT ROWID;
CREATE INDEX block_evidence_host ON _block_evidence (host);

CREATE TABLE _place_evidence (
    block_id INTEGER NOT NULL REFERENCES _block_texts (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    pages INTEGER NOT NULL,
    of_pages INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    PRIMARY KEY (block_id, host)
) WITHOUT ROWID;
CREATE INDEX place_evidence_host ON _place_evidence (host);

CREATE TABLE corrections (
    id INTEGER PRIMARY KEY,
    field TEXT NOT NULL CHECK (field IN ('block', 'kind', 'title', 'authors', 'published', 'tags', 'language')),
    block_id INTEGER REFERENCES _block_texts (id),
    article_id INTEGER,
    host TEXT,
    value TEXT NOT NULL,
    url TEXT NOT NULL DEFAULT '',
    who TEXT NOT NULL DEFAULT '',
    at TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    rule TEXT NOT NULL DEFAULT '',
    undone_at TEXT,
    CHECK (article_id IS NULL OR host IS NULL),
    CHECK ((field = 'block') = (block_id IS NOT NULL))
);
CREATE INDEX corrections_block ON corrections (block_id) WHERE block_id IS NOT NULL;
CREATE INDEX corrections_field ON corrections (field) WHERE block_id IS NULL;

CREATE VIEW rulings AS
    SELECT id, block_id, article_id, host, value = 'kept' AS kept, at, note, reason, rule FROM corrections
    WHERE block_id IS NOT NULL AND undone_at IS NULL;

CREATE TABLE _own_verdicts (
    page_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    reason_id INTEGER NOT NULL REFERENCES _reasons (id),
    site_kept INTEGER,
    site_reason_id INTEGER REFERENCES _reasons (id),
    PRIMARY KEY (page_id, position),
    FOREIGN KEY (page_id, position) REFERENCES _page_blocks (page_id, position) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE _reviews (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    block_id INTEGER,
    kept INTEGER NOT NULL,
    reason TEXT NOT NULL,
    rule TEXT NOT NULL,
    is_right INTEGER,
    at TEXT NOT NULL,
    cleaner_version TEXT NOT NULL
);

CREATE TABLE _reclean_before (
    page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    reclean_id INTEGER NOT NULL REFERENCES _recleans (id),
    before BLOB NOT NULL,
    PRIMARY KEY (page_id, reclean_id)
) WITHOUT ROWID;

-- What is alike.

CREATE TABLE duplicates (
    article_id INTEGER NOT NULL,
    duplicate_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('exact', 'near', 'version', 'syndicated', 'part')),
    similarity REAL NOT NULL,
    contained REAL NOT NULL,
    cluster_id INTEGER,
    PRIMARY KEY (article_id, duplicate_id)
) WITHOUT ROWID;
CREATE INDEX duplicates_duplicate ON duplicates (duplicate_id);

CREATE TABLE _sketches (page_id INTEGER PRIMARY KEY, hashes INTEGER, sketch BLOB, crowded INTEGER);

CREATE TABLE _crowded_hashes (host TEXT PRIMARY KEY, hashes BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE _page_copies (page_id INTEGER PRIMARY KEY, original_id INTEGER NOT NULL);
CREATE INDEX page_copies_original ON _page_copies (original_id);

CREATE TABLE _common_texts (block_id INTEGER PRIMARY KEY, asked INTEGER NOT NULL);

CREATE TRIGGER articles_unrelate_gone AFTER DELETE ON articles
BEGIN
    UPDATE _sketches SET hashes = NULL WHERE page_id = old.page_id;
    DELETE FROM duplicates WHERE article_id = old.id;
    DELETE FROM duplicates WHERE duplicate_id = old.id;
END;

CREATE TRIGGER articles_unrelate_changed AFTER UPDATE OF text ON articles WHEN old.text <> new.text
BEGIN
    UPDATE _sketches SET hashes = NULL WHERE page_id = old.page_id;
    DELETE FROM duplicates WHERE article_id = old.id;
    DELETE FROM duplicates WHERE duplicate_id = old.id;
END;

-- What has changed since the archive was settled: each page of which something that settling reads came, went or changed.
-- Pages that were related to one that changes are found by what the archive has of them afterwards, but for these: which
-- texts a page had, who called the same URL canonical, and the parts of an article that loses one of its pages.

CREATE TABLE _unsettled (page_id INTEGER PRIMARY KEY, host TEXT NOT NULL);

CREATE TABLE _unsettled_texts (block_id INTEGER PRIMARY KEY);

-- Here stand the triggers on the tables that settling reads, from one table in `migrations.py`.

CREATE TRIGGER corrections_unsettled_new AFTER INSERT ON corrections WHEN new.field = 'kind'
BEGIN
    INSERT INTO _unsettled (page_id, host) SELECT id, host FROM urls u
        WHERE url = new.url AND NOT EXISTS (SELECT 1 FROM _unsettled WHERE page_id = u.id);
END;

CREATE TRIGGER corrections_unsettled_gone AFTER DELETE ON corrections WHEN old.field = 'kind'
BEGIN
    INSERT INTO _unsettled (page_id, host) SELECT id, host FROM urls u
        WHERE url = old.url AND NOT EXISTS (SELECT 1 FROM _unsettled WHERE page_id = u.id);
END;

CREATE TRIGGER corrections_unsettled_changed AFTER UPDATE ON corrections WHEN new.field = 'kind'
BEGIN
    INSERT INTO _unsettled (page_id, host) SELECT id, host FROM urls u
        WHERE url = new.url AND NOT EXISTS (SELECT 1 FROM _unsettled WHERE page_id = u.id);
END;

CREATE TRIGGER page_blocks_unsettled_gone AFTER DELETE ON _page_blocks
BEGIN
    INSERT INTO _unsettled_texts (block_id)
        SELECT old.block_id WHERE NOT EXISTS (SELECT 1 FROM _unsettled_texts WHERE block_id = old.block_id);
END;

CREATE TRIGGER pages_unnamed_gone AFTER DELETE ON pages
BEGIN
    INSERT INTO _unsettled (page_id, host)
        SELECT id, coalesce((SELECT host FROM urls u WHERE u.id = n.id), '') FROM (
        SELECT id FROM pages WHERE canonical_url = old.canonical_url AND id <> old.id LIMIT 1) n
        WHERE NOT EXISTS (SELECT 1 FROM _unsettled WHERE page_id = n.id);
END;

CREATE TRIGGER pages_unnamed_changed AFTER UPDATE OF canonical_url ON pages
    WHEN old.canonical_url IS NOT new.canonical_url
BEGIN
    INSERT INTO _unsettled (page_id, host)
        SELECT id, coalesce((SELECT host FROM urls u WHERE u.id = n.id), '') FROM (
        SELECT id FROM pages WHERE canonical_url = old.canonical_url AND id <> old.id LIMIT 1) n
        WHERE NOT EXISTS (SELECT 1 FROM _unsettled WHERE page_id = n.id);
END;

CREATE TRIGGER page_parts_unsettled_gone AFTER DELETE ON _page_parts
BEGIN
    INSERT INTO _unsettled (page_id, host)
        SELECT old.page_id, coalesce((SELECT host FROM urls WHERE id = old.page_id), '')
        WHERE NOT EXISTS (SELECT 1 FROM _unsettled WHERE page_id = old.page_id);
    INSERT INTO _unsettled (page_id, host)
        SELECT old.head_id, coalesce((SELECT host FROM urls WHERE id = old.head_id), '')
        WHERE NOT EXISTS (SELECT 1 FROM _unsettled WHERE page_id = old.head_id);
END;

-- What each host gave, run by run.

CREATE TABLE _yields (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    host TEXT NOT NULL,
    part TEXT NOT NULL,
    pages INTEGER NOT NULL,
    articles INTEGER NOT NULL,
    barren INTEGER NOT NULL,
    alike INTEGER NOT NULL,
    words_low INTEGER NOT NULL,
    words_median INTEGER NOT NULL,
    removed_share REAL NOT NULL,
    cleaner_version TEXT NOT NULL,
    PRIMARY KEY (run_id, host, part)
) WITHOUT ROWID;

CREATE TABLE _rule_rates (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    host TEXT NOT NULL,
    reason_id INTEGER NOT NULL REFERENCES _reasons (id),
    pages INTEGER NOT NULL,
    PRIMARY KEY (run_id, host, reason_id)
) WITHOUT ROWID;

CREATE TABLE alarms (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    at TEXT NOT NULL,
    host TEXT NOT NULL,
    part TEXT NOT NULL,
    what TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, host, part, what)
) WITHOUT ROWID;

-- Views for people and programs.

CREATE VIEW _blocks AS
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
        LEFT JOIN _block_evidence e ON e.block_id = b.block_id AND e.host = a.host
        LEFT JOIN _place_evidence l ON l.block_id = b.block_id AND l.host = a.host;

CREATE VIEW removed AS
    SELECT article_id, url, block_id, position, text, reason, rule, evidence, repeats FROM _blocks WHERE kept = 0;

CREATE VIEW _article_urls AS
    WITH RECURSIVE leads (article_id, url) AS (
        SELECT p.article_id, u.url FROM pages p JOIN urls u ON u.id = p.id WHERE p.article_id IS NOT NULL
        UNION
        SELECT l.article_id, u.url FROM leads l JOIN urls u ON u.location = l.url)
    SELECT article_id, url FROM leads;

-- Which of a cluster came first: by what is stated, a day from its beginning, a time without a zone as in UTC.
CREATE VIEW article_clusters AS
    SELECT a.id AS article_id, a.url AS url, coalesce(c.cluster_id, a.id) AS cluster_id,
        row_number() OVER (PARTITION BY coalesce(c.cluster_id, a.id)
            ORDER BY coalesce(datetime(a.published_raw), '9999'), a.word_count DESC, a.id) AS by_date,
        row_number() OVER (PARTITION BY coalesce(c.cluster_id, a.id)
            ORDER BY a.word_count DESC, coalesce(datetime(a.published_raw), '9999'), a.id) AS by_length
    FROM articles a LEFT JOIN (
        SELECT article_id, cluster_id FROM duplicates WHERE cluster_id IS NOT NULL
        UNION SELECT duplicate_id, cluster_id FROM duplicates WHERE cluster_id IS NOT NULL
    ) c ON c.article_id = a.id;

CREATE VIEW article_images AS
    SELECT a.id AS article_id, a.title AS title, i.url AS image, i.caption AS caption, i.credit AS credit,
        i.alt AS alt, i.position AS position, a.url AS url
    FROM articles a JOIN _images i ON i.page_id = a.page_id
    UNION ALL SELECT NULL, p.title, i.url, i.caption, i.credit, i.alt, i.position, u.url
    FROM _images i CROSS JOIN pages p ON p.id = i.page_id CROSS JOIN urls u ON u.id = p.id
    WHERE p.page_type = 'gallery';

CREATE VIEW article_pictures AS
    SELECT w.article_id AS article_id, w.position AS position, w.image AS image, w.caption AS caption,
        w.credit AS credit, w.alt AS alt, p.digest AS digest, p.type AS type, p.width AS width, p.height AS height,
        p.bytes AS bytes, p.capture_id AS capture_id, w.url AS url
    FROM (
        SELECT a.id AS article_id, -1 AS position, a.image AS image, '' AS caption, '' AS credit, '' AS alt, a.url AS url
        FROM articles a WHERE a.image IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM _images i WHERE i.page_id = a.page_id AND i.url = a.image)
        UNION ALL
        SELECT a.id, i.position, i.url, i.caption, i.credit, i.alt, a.url
        FROM articles a JOIN _images i ON i.page_id = a.page_id) w
        JOIN urls f ON f.url = w.image JOIN urls t ON t.url = CASE WHEN f.location IS NULL THEN f.url ELSE (
            WITH RECURSIVE hops (url, number) AS (
                SELECT f.location, 1
                UNION ALL SELECT u.location, number + 1 FROM hops JOIN urls u ON u.url = hops.url
                WHERE u.location IS NOT NULL AND number < 10)
            SELECT url FROM hops ORDER BY number DESC LIMIT 1) END
        JOIN _pictures p ON p.url_id = t.id;

CREATE VIEW article_dates AS
    SELECT a.id AS article_id, a.title AS title, s.value AS date, s.source AS source, s.note AS why_not,
        a.published_day AS published_day, a.url AS url
    FROM articles a JOIN _page_statements s ON s.page_id = a.page_id WHERE s.field = 'published';

CREATE VIEW article_bylines AS
    SELECT a.id AS article_id, a.title AS title, s.value AS byline, s.source AS source, a.authors AS authors, a.url AS url
    FROM articles a JOIN _page_statements s ON s.page_id = a.page_id WHERE s.field = 'byline';

CREATE VIEW articles_overview AS
    SELECT a.id AS id, a.title AS title, a.url AS url, a.host AS host, a.published_day AS published_day,
        a.authors AS authors, a.language AS language, a.section AS section, a.tags AS tags,
        a.word_count AS word_count, a.page_type AS page_type, p.kept AS kept, p.removed AS removed,
        (SELECT count(*) FROM revisions r WHERE r.article_id = a.id AND r.change <> 'pending') AS revisions,
        a.published AS published, a.modified AS modified, a.sitename AS sitename, a.description AS description,
        a.first_seen AS first_seen, a.last_seen AS last_seen
    FROM articles a JOIN pages p ON p.id = a.page_id;

CREATE VIEW _edits AS
    SELECT c.seq AS seq, c.at AS at, CASE c.change WHEN 'added' THEN 'new' ELSE c.kind END AS kind,
        coalesce(r.title, a.title, s.title) AS title,
        (SELECT o.title FROM revisions o WHERE o.article_id = c.article_id AND o.number = c.revision - 1)
            AS title_before,
        coalesce(r.added, 0) AS added, coalesce(r.removed, 0) AS removed, coalesce(r.rewritten, 0) AS rewritten,
        coalesce(r.note, '') AS note, coalesce(a.url, s.url) AS url, c.article_id AS article_id,
        coalesce(c.revision, 1) AS revision
    FROM changes c LEFT JOIN revisions r ON r.article_id = c.article_id AND r.number = c.revision
        LEFT JOIN articles a ON a.id = c.article_id LEFT JOIN _shelved s ON s.id = c.article_id
    WHERE (c.kind <> '' OR c.change = 'added') AND coalesce(a.url, s.url) IS NOT NULL;

-- Full text: FTS5 over `articles`, in step by triggers, with words of Chinese and Japanese.
--
-- The two scripts write no spaces, so a word tokenizer sees a sentence as one word; the `trigram` tokenizer finds no word
-- of two characters, which most Chinese words are, and makes "art" match "party". The index therefore reads a view that
-- writes each run of such characters as overlapping pairs, then once more as overlapping triples, and every other text as
-- it is. A query of two or three characters then matches as typed, in Datasette too; a longer run is asked for as a phrase
-- of its pairs. All is plain SQL: a writer without our functions keeps the index in step, and FTS5's `rebuild` and
-- `integrity-check` work. The characters are cut in chunks of 256, since `substr` counts from the beginning each time.
--
-- Datasette and sqlite-utils find the index of a table by the words `content="articles"` in its SQL. Its content is the
-- view, so a comment carries those words. An article that is in `_unindexed` enters the index with others, and is not in it
-- until then, whatever becomes of its row. What leaves the index must be the text that entered it: it is read before the
-- row changes.

CREATE TABLE _unindexed (id INTEGER PRIMARY KEY);

CREATE VIEW _articles_search AS
    SELECT a.id AS id,
        CASE WHEN a.title GLOB '*[⺀-⿟々-〇぀-ヿ㐀-䶿一-鿿豈-﫿𠀀-𲎯]*' THEN (
        WITH RECURSIVE chunk (start, part) AS (
            SELECT 1, substr(a.title, 1, 258) UNION ALL
            SELECT start + 256, substr(a.title, start + 256, 258)
            FROM chunk WHERE start + 256 <= length(a.title)),
        step (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < 256),
        grams (one, two, three) AS (
            SELECT substr(part, n, 1), substr(part, n, 2), substr(part, n, 3)
            FROM chunk CROSS JOIN step WHERE n <= length(part))
        SELECT group_concat(CASE WHEN one GLOB '[⺀-⿟々-〇぀-ヿ㐀-䶿一-鿿豈-﫿𠀀-𲎯]' THEN ' ' || two || ' ' ELSE one END, '')
            || char(10)
            || group_concat(CASE WHEN one GLOB '[⺀-⿟々-〇぀-ヿ㐀-䶿一-鿿豈-﫿𠀀-𲎯]' THEN ' ' || three || ' ' ELSE ' ' END, '')
        FROM grams) ELSE a.title END AS title,
        CASE WHEN a.text GLOB '*[⺀-⿟々-〇぀-ヿ㐀-䶿一-鿿豈-﫿𠀀-𲎯]*' THEN (
        WITH RECURSIVE chunk (start, part) AS (
            SELECT 1, substr(a.text, 1, 258) UNION ALL
            SELECT start + 256, substr(a.text, start + 256, 258)
            FROM chunk WHERE start + 256 <= length(a.text)),
        step (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < 256),
        grams (one, two, three) AS (
            SELECT substr(part, n, 1), substr(part, n, 2), substr(part, n, 3)
            FROM chunk CROSS JOIN step WHERE n <= length(part))
        SELECT group_concat(CASE WHEN one GLOB '[⺀-⿟々-〇぀-ヿ㐀-䶿一-鿿豈-﫿𠀀-𲎯]' THEN ' ' || two || ' ' ELSE one END, '')
            || char(10)
            || group_concat(CASE WHEN one GLOB '[⺀-⿟々-〇぀-ヿ㐀-䶿一-鿿豈-﫿𠀀-𲎯]' THEN ' ' || three || ' ' ELSE ' ' END, '')
        FROM grams) ELSE a.text END AS text FROM articles a;

CREATE VIRTUAL TABLE articles_fts USING fts5 /* content="articles" */ (
    title, text, content='_articles_search', content_rowid='id', tokenize='unicode61 remove_diacritics 2');

CREATE TRIGGER articles_fts_insert AFTER INSERT ON articles
    WHEN NOT EXISTS (SELECT 1 FROM _unindexed WHERE id = new.id)
BEGIN
    INSERT INTO articles_fts (rowid, title, text)
        SELECT id, title, text FROM _articles_search WHERE id = new.id;
END;

CREATE TRIGGER articles_fts_delete BEFORE DELETE ON articles
    WHEN NOT EXISTS (SELECT 1 FROM _unindexed WHERE id = old.id)
BEGIN
    INSERT INTO articles_fts (articles_fts, rowid, title, text)
        SELECT 'delete', id, title, text FROM _articles_search WHERE id = old.id;
END;

CREATE TRIGGER articles_fts_before BEFORE UPDATE OF title, text ON articles
    WHEN (old.title IS NOT new.title OR old.text IS NOT new.text) AND NOT EXISTS (SELECT 1 FROM _unindexed WHERE id = old.id)
BEGIN
    INSERT INTO articles_fts (articles_fts, rowid, title, text)
        SELECT 'delete', id, title, text FROM _articles_search WHERE id = old.id;
END;

CREATE TRIGGER articles_fts_after AFTER UPDATE OF title, text ON articles
    WHEN (old.title IS NOT new.title OR old.text IS NOT new.text) AND NOT EXISTS (SELECT 1 FROM _unindexed WHERE id = new.id)
BEGIN
    INSERT INTO articles_fts (rowid, title, text)
        SELECT id, title, text FROM _articles_search WHERE id = new.id;
END;
