from __future__ import annotations

import pytest

from output.store.article_filter import ArticleBounds

ARTICLES = {
    "a": {"host": "a.test", "published_day": "2024-01-31", "language": "en", "section": "News"},
    "b": {"host": "www.a.test", "published_day": "2024-02-01", "language": "de", "section": "Sport"},
    "c": {"host": "ba.test", "published_day": None, "language": None, "section": None},
}


@pytest.mark.parametrize(
    ("bounds", "names"),
    [
        ({}, "abc"),
        ({"host": "a.test"}, "ab"),
        ({"host": "www.a.test"}, "b"),
        ({"host": "%"}, ""),
        ({"since": "2024-02"}, "b"),
        ({"until": "2024-01"}, "a"),
        ({"until": "2024-01-30"}, ""),
        ({"since": "2024", "until": "2024"}, "ab"),
        ({"languages": ("en", "fr")}, "a"),
        ({"section": "sport"}, "b"),
        ({"host": "a.test", "languages": ("de",), "section": "Sport"}, "b"),
    ],
)
def test_bounds(archive, make, bounds, names):
    archive.save([make.outcome(f"http://a.test/{name}", name) for name in ARTICLES])
    for name, values in ARTICLES.items():
        archive.db["articles"].update(
            archive.db.execute("SELECT id FROM articles WHERE url = ?", [f"http://a.test/{name}"]).fetchone()[0], values
        )
    article_filter = ArticleBounds(**bounds)
    query = f"SELECT url FROM articles WHERE {article_filter.condition} ORDER BY url"
    assert "".join(url[-1] for (url,) in archive.db.execute(query, dict(article_filter.values))) == names
