"""The article of a page as exporters and item pipelines get it."""

from __future__ import annotations

from broadsheet.output.exports.rows import article_of_page, iter_articles


def test_the_article_of_a_page_is_what_all_of_them_have(archive, make):
    archive.save([make.outcome(f"http://a.test/{number}", f"text {number}", title=f"T{number}") for number in "12"])
    archive.save([make.failure("http://a.test/3")])
    articles = {article["url"]: article for article in iter_articles(archive.db)}
    assert article_of_page(archive.db, "http://a.test/2") == articles["http://a.test/2"]
    assert article_of_page(archive.db, "http://a.test/3") is None
    assert article_of_page(archive.db, "http://a.test/4") is None
