"""Feeds served: new articles, those of a search, edits word by word; and each page names them."""

from xml.etree import ElementTree

import pytest

from broadsheet.cleaners.document import Metadata
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import ORIGIN, SITE, RoomClient, article_id
from tests.output.cleaned_pages import with_page

ATOM = "{http://www.w3.org/2005/Atom}"


def read(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    return ElementTree.fromstring(answer.text)


def titles(feed):
    return sorted(entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry"))


def test_a_feed_has_the_new_articles_or_those_of_a_search(client):
    assert titles(read(client, "a/articles.atom")) == ["One", "Three", "Two"]
    feed = read(client, "a/articles.atom?q=harbour")
    assert titles(feed) == ["One", "Three"]
    assert feed.findtext(f"{ATOM}title") == "harbour: New articles (a)"
    assert titles(read(client, "a/articles.atom?q=harb*+again&host=a.example")) == ["Three"]


def test_a_feed_that_was_read_before_has_what_came_since(client, filled, make):
    read(client, "a/articles.atom")
    with Archive.open(filled, make.clock) as archive:
        archive.save([make.outcome(f"{SITE}/5", "A fifth text.", title="Five")])
    assert titles(read(client, "a/articles.atom")) == ["Five", "One", "Three", "Two"]


def test_feeds_of_different_searches_have_different_ids_and_one_keeps_its_own(client):
    paths = ["a/articles.atom", *(f"a/articles.atom?q={word}" for word in ("harbour", "water", "harbour"))]
    ids = [read(client, path).findtext(f"{ATOM}id") for path in paths]
    assert len(set(ids)) == 3
    assert ids[1] == ids[3]


def test_facets_narrow_a_feed(file, make):
    with Archive.open(file, make.clock) as archive:
        for number, language in enumerate(("en", "es", "en")):
            outcome = make.outcome(f"{SITE}/{number}", f"Words of {number}.")
            metadata = Metadata(
                title=f"T{number}", language=language, section="News", published=f"202{number}-05-01"
            )  # fmt: skip
            archive.save([with_page(outcome, metadata=metadata)])
    client = RoomClient(file)
    assert titles(read(client, "a/articles.atom?language=en")) == ["T0", "T2"]
    assert titles(read(client, "a/articles.atom?language=en&year=2022&section=news")) == ["T2"]
    page = client.page("a/articles?language=en&sort=oldest")
    assert 'href="/a/articles.atom?language=en"' in page


@pytest.mark.parametrize("query", ["q=%22(", "year=20", "year=x2024", f"q={'x' * 1001}"])
def test_what_cannot_be_asked_is_said(client, query):
    assert client.get(f"a/articles.atom?{query}").status_code == 400


def test_edits_come_word_by_word_with_links_to_both_versions_here(file, make):
    rest = "sentence of it says what the council of the harbour town had voted for on"
    with Archive.open(file, make.clock) as archive:
        for day in ("Tuesday", "Monday"):
            archive.save([make.outcome(f"{SITE}/1", f"The first {rest} {day}.", f"The other {rest} Friday.")])
            settle(archive.db, make.clock)
    client = RoomClient(file)
    [entry] = read(client, "a/changes.atom").iter(f"{ATOM}entry")
    content = entry.findtext(f"{ATOM}content")
    assert "<del>Tuesday" in content
    assert "<ins>Monday" in content
    assert f'href="{ORIGIN}/a/article/{article_id(f"{SITE}/1")}/diff?from=1&amp;to=2"' in content
    assert titles(read(client, "a/changes.atom?kind=withdrawn")) == []
    assert client.get("a/changes.atom?kind=other").status_code == 400


def test_every_page_of_an_archive_names_both_feeds_and_its_twin(client):
    for path in ("a/", "a/articles", "a/changes", "a/review", "a/coverage", f"a/article/{article_id(f'{SITE}/1')}"):
        page = client.page(path)
        for feed in ("articles", "changes"):
            assert f'href="/a/{feed}.atom"' in page
        assert '<link rel="alternate" type="application/json"' in page
