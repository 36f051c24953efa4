-- The catalogue of a data set: what it holds, without the texts. SQLite, for Datasette and the like.
CREATE TABLE archives (name TEXT PRIMARY KEY, articles INTEGER NOT NULL, hosts INTEGER NOT NULL, last_seq INTEGER NOT NULL);
CREATE TABLE hosts (
    host TEXT PRIMARY KEY, articles INTEGER NOT NULL, words INTEGER NOT NULL, first_day TEXT, last_day TEXT,
    languages TEXT NOT NULL);
CREATE TABLE files (
    name TEXT PRIMARY KEY, table_name TEXT NOT NULL, partition TEXT NOT NULL, rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL);
CREATE TABLE articles (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL, url TEXT NOT NULL, host TEXT NOT NULL REFERENCES hosts (host),
    published_day TEXT, language TEXT, section TEXT, word_count INTEGER NOT NULL,
    archive TEXT NOT NULL REFERENCES archives (name));
CREATE INDEX articles_host ON articles (host, published_day);
CREATE INDEX articles_published_day ON articles (published_day);
CREATE INDEX articles_facets ON articles (host, archive, language, section, published_day);
CREATE TABLE duplicates (
    article_id INTEGER NOT NULL REFERENCES articles (id), duplicate_id INTEGER NOT NULL REFERENCES articles (id),
    kind TEXT NOT NULL, similarity REAL NOT NULL, contained REAL NOT NULL, host TEXT NOT NULL,
    duplicate_host TEXT NOT NULL, PRIMARY KEY (article_id, duplicate_id)) WITHOUT ROWID;
CREATE INDEX duplicates_duplicate ON duplicates (duplicate_id);
CREATE VIRTUAL TABLE articles_fts USING fts5 (title, content = 'articles', content_rowid = 'id');
CREATE VIEW copied_between_hosts AS
    SELECT host, duplicate_host, kind, count(*) AS articles FROM duplicates
    WHERE host <> duplicate_host GROUP BY 1, 2, 3 ORDER BY articles DESC;
CREATE VIEW similar_articles AS
    SELECT a.title AS title, o.title AS other_title, d.kind AS kind, round(d.similarity, 2) AS similarity, a.host AS host,
        o.host AS other_host, a.published_day AS published_day, o.published_day AS other_published_day,
        a.url AS url, o.url AS other_url
    FROM duplicates d JOIN articles a ON a.id = d.article_id JOIN articles o ON o.id = d.duplicate_id;
