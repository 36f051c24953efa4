"""Fields by the site's evidence: put, taken back and carried over, each column of each table that says so."""

import json
from dataclasses import replace
from typing import Any

import pytest

from broadsheet.cleaners.document import Metadata
from broadsheet.cleaners.site.field_evidence import SettledField
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.site_fields import (
    OwnField,
    own_fields,
    pages_with_site_fields,
    put_own_fields,
    raised_fields,
    replace_site_fields,
    stored_metadata,
    with_field,
)
from tests.output.cleaned_pages import with_page
from tests.output.conftest import Maker
from tests.output.filled_rows import rows

FIRST, SECOND = 1, 2
OWN = Metadata(title="Rain | Paper", authors=("The Paper",), published="2024-05-03",
               sources={"title": "meta", "authors": "meta"})  # fmt: skip
TITLE = SettledField("title", "Rain", "meta", "5 titles")
AUTHORS = SettledField("authors", ("Ann Lee",), "markup", "5 pages")
DAY = SettledField("published", "2024-03-05", "text", "1 page")
AT = "2026-05-05T00:00:00Z"


@pytest.fixture
def page(archive, make):
    """Two articles of two hosts that state the same."""
    outcomes = [make.outcome(f"http://{host}.test/1", f"text of {host}") for host in "ab"]
    archive.save([with_page(outcome, metadata=OWN) for outcome in outcomes])
    return archive


def article(archive: Archive, page_id: int = FIRST) -> dict[str, Any]:
    [row] = [row for row in rows(archive.db, "articles") if row["page_id"] == page_id]
    return row


def test_values_take_the_place_of_the_page_s_in_each_column(page):
    before, other = article(page), article(page, SECOND)
    assert replace_site_fields(page.db, FIRST, [TITLE, AUTHORS, DAY], AT)
    after = article(page)
    sources = json.loads(after.pop("metadata_sources"))
    assert sources == {"title": "meta", "authors": "markup", "published": "text"}
    changed = {
        "title": "Rain",
        "authors": '["Ann Lee"]',
        "published_day": "2024-03-05",
        "published_stated": "2024-03-05",
    }
    assert after == {name: value for name, value in before.items() if name in after} | changed
    assert article(page, SECOND) == other
    assert own_fields(page.db, FIRST) == [
        OwnField("authors", '["The Paper"]', "meta", "5 pages", '["Ann Lee"]', "markup"),
        OwnField("published", "2024-05-03", "", "1 page", "2024-03-05", "text"),
        OwnField("title", "Rain | Paper", "meta", "5 titles", "Rain", "meta"),
    ]  # fmt: skip
    assert {row["id"]: row["title"] for row in rows(page.db, "pages")} == {FIRST: "Rain", SECOND: "Rain | Paper"}
    assert {row["title"] for row in rows(page.db, "revisions")} == {"Rain", "Rain | Paper"}
    assert [(row["change"], row["at"]) for row in rows(page.db, "changes")][2:] == [("changed", AT)]
    assert pages_with_site_fields(page.db, "a.test") == {FIRST}
    assert pages_with_site_fields(page.db, "b.test") == set()


def test_the_same_values_again_change_nothing_and_others_take_all_back(page):
    before = article(page)
    assert not replace_site_fields(page.db, FIRST, [], AT)
    replace_site_fields(page.db, FIRST, [TITLE, AUTHORS], AT)
    assert not replace_site_fields(page.db, FIRST, [TITLE, AUTHORS], AT)
    assert replace_site_fields(page.db, FIRST, [TITLE._replace(evidence="6 titles"), AUTHORS], AT)
    assert replace_site_fields(page.db, FIRST, [AUTHORS], AT)
    assert [own.field for own in own_fields(page.db, FIRST)] == ["authors"]
    assert article(page)["title"] == before["title"]
    assert replace_site_fields(page.db, FIRST, [], AT)
    assert article(page) == before


def test_a_page_without_an_article_has_no_fields(page):
    assert not replace_site_fields(page.db, 9, [TITLE], AT)
    assert stored_metadata(page.db, 9) is None
    stored = stored_metadata(page.db, FIRST)
    assert stored is not None
    assert (stored[0], stored[1].title) == ("articles", "Rain | Paper")


def page_rows(archive: Archive, make: Maker, **metadata: Any) -> Any:
    outcome = with_page(make.outcome("http://a.test/1", "text of a"), metadata=replace(OWN, **metadata))
    return outcome.page


def test_a_page_stored_again_keeps_what_the_site_says_of_its_own_values(page, make):
    replace_site_fields(page.db, FIRST, [TITLE, AUTHORS], AT)
    replace_site_fields(page.db, SECOND, [TITLE, AUTHORS], AT)
    kept, own = raised_fields(page.db, FIRST, page_rows(page, make))
    assert (kept.metadata.title, kept.metadata.authors, kept.metadata.sources["authors"]) == (
        "Rain",
        ("Ann Lee",),
        "markup",
    )
    assert list(own) == own_fields(page.db, FIRST)
    assert len(own) == 2


@pytest.mark.parametrize(
    "changed",
    [{"title": "Snow | Paper"}, {"sources": {"title": "markup", "authors": "meta"}}, {"sources": {"authors": "meta"}}],
)
def test_a_page_with_another_own_value_or_source_loses_that_field_alone(page, make, changed):
    for page_id in (FIRST, SECOND):
        replace_site_fields(page.db, page_id, [TITLE, AUTHORS], AT)
    kept, own = raised_fields(page.db, FIRST, page_rows(page, make, **changed))
    assert kept.metadata.title == changed.get("title", "Rain | Paper")
    assert kept.metadata.authors == ("Ann Lee",)
    assert [field.field for field in own] == ["authors"]
    assert len(own_fields(page.db, SECOND)) == 2


def test_a_page_without_values_by_the_site_s_evidence_is_stored_as_it_is(page, make):
    replace_site_fields(page.db, SECOND, [TITLE, AUTHORS], AT)
    stated = page_rows(page, make)
    assert raised_fields(page.db, FIRST, stated) == (stated, ())


def test_what_is_forgotten_is_of_one_page(page):
    for page_id in (FIRST, SECOND):
        replace_site_fields(page.db, page_id, [TITLE], AT)
    put_own_fields(page.db, FIRST, ())
    assert (own_fields(page.db, FIRST), len(own_fields(page.db, SECOND))) == ([], 1)


def test_a_value_without_a_source_has_none():
    assert with_field(OWN, "title", "x", "").sources == {"authors": "meta"}
    assert with_field(OWN, "title", "x", "text").sources == {"title": "text", "authors": "meta"}
    assert with_field(OWN, "authors", '["A", "B"]', "text").authors == ("A", "B")
