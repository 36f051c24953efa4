"""Version 6: for people to look at: articles without their long texts, edits and relations with titles."""

from __future__ import annotations

OVERVIEW: tuple[str, ...] = (
    """CREATE VIEW articles_overview AS
        SELECT a.id AS id, a.title AS title, a.url AS url, a.host AS host, a.published_day AS published_day,
            a.authors AS authors, a.language AS language, a.section AS section, a.tags AS tags,
            a.word_count AS word_count, a.page_type AS page_type, p.kept AS kept, p.removed AS removed,
            (SELECT count(*) FROM revisions r WHERE r.article_id = a.id AND r.change <> 'pending') AS revisions,
            a.published AS published, a.modified AS modified, a.sitename AS sitename, a.description AS description,
            a.first_seen AS first_seen, a.last_seen AS last_seen
        FROM articles a JOIN pages p ON p.id = a.page_id""",
    """CREATE VIEW edits AS
        SELECT c.seq AS seq, c.at AS at, CASE c.change WHEN 'added' THEN 'new' ELSE c.kind END AS kind,
            coalesce(r.title, a.title, s.title) AS title,
            (SELECT o.title FROM revisions o WHERE o.article_id = c.article_id AND o.number = c.revision - 1)
                AS title_before,
            coalesce(r.added, 0) AS added, coalesce(r.removed, 0) AS removed, coalesce(r.rewritten, 0) AS rewritten,
            coalesce(r.note, '') AS note, coalesce(a.url, s.url) AS url, c.article_id AS article_id,
            coalesce(c.revision, 1) AS revision
        FROM changes c LEFT JOIN revisions r ON r.article_id = c.article_id AND r.number = c.revision
            LEFT JOIN articles a ON a.id = c.article_id LEFT JOIN shelved s ON s.id = c.article_id
        WHERE (c.kind <> '' OR c.change = 'added') AND coalesce(a.url, s.url) IS NOT NULL""",
    """CREATE VIEW similar_articles AS
        SELECT a.title AS title, o.title AS other_title, d.kind AS kind, round(d.similarity, 2) AS similarity,
            round(d.contained, 2) AS contained, a.published_day AS published_day,
            o.published_day AS other_published_day, a.url AS url, o.url AS other_url, d.article_id AS article_id,
            d.duplicate_id AS duplicate_id, c.cluster_id AS cluster_id
        FROM duplicates d JOIN articles a ON a.id = d.article_id JOIN articles o ON o.id = d.duplicate_id
            LEFT JOIN clusters c ON c.article_id = d.article_id""",
)
