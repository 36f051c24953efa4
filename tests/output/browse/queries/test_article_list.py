"""The list: what a search and facets leave, in an order, a page at a time, with counts that agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cleaners.document import Metadata
from output.browse.arguments import Arguments
from output.browse.queries import article_list
from output.browse.queries.article_list import ListRequest, list_articles
from tests.output.cleaned_pages import with_page

HOSTS = ("a.example", "b.example")


@pytest.fixture
def db(archive, make):
    """Twelve articles on two hosts, in two languages, of three years, longer and longer."""
    for number in range(12):
        text = " ".join(["harbour" if number % 2 else "river", *["words"] * number])
        outcome = make.outcome(f"https://{HOSTS[number % 2]}/{number}", text, title=f"Title {number}")
        metadata = Metadata(
            title=f"Title {number}", language=("en", "es")[number % 3 == 0], section="News" if number < 4 else "",
            published=f"{2020 + number % 3}-01-{number + 1:02}",
        )  # fmt: skip
        archive.save([with_page(outcome, metadata=metadata)])
    return archive.db


def listed(db, **arguments):
    return list_articles(db, ListRequest.of(Arguments({name: str(value) for name, value in arguments.items()})))


def titles(page):
    return [int(article.title.split()[1]) for article in page.articles]


def counts(page, name):
    (facet,) = [facet for facet in page.facets if facet.name == name]
    return {choice.value: choice.articles for choice in facet.choices}


def test_without_a_choice_everything_is_listed_newest_first(db):
    page = listed(db)
    assert page.total == 12
    assert titles(page) == [11, 8, 5, 2, 10, 7, 4, 1, 9, 6, 3, 0]
    assert counts(page, "year") == {"2020": 4, "2021": 4, "2022": 4}
    assert counts(page, "section") == {"": 8, "News": 4}


def test_facets_narrow_it_and_count_what_each_choice_would_leave(db):
    page = listed(db, host="a.example", language="es")
    assert sorted(titles(page)) == [0, 6]
    assert page.total == 2
    assert counts(page, "host") == {"a.example": 2, "b.example": 2}
    assert counts(page, "language") == {"en": 4, "es": 2}
    assert counts(page, "year") == {"2020": 2}
    assert [choice.value for facet in page.facets for choice in facet.choices if choice.is_chosen] == [
        "a.example",
        "es",
    ]


def test_what_states_nothing_can_be_chosen(db):
    assert listed(db, section="").total == 8
    assert listed(db, section="Sports").total == 0
    assert counts(listed(db, section="Sports"), "section") == {"": 8, "News": 4, "Sports": 0}


@pytest.mark.parametrize(
    ("sort", "first"), [("newest", 11), ("oldest", 0), ("seen", 11), ("longest", 11), ("shortest", 0)]
)
def test_it_is_sorted(db, sort, first):
    assert titles(listed(db, sort=sort))[0] == first


def test_a_search_is_as_on_the_command_line_with_facets_of_what_it_meets(db):
    page = listed(db, q="harb*")
    assert sorted(titles(page)) == [1, 3, 5, 7, 9, 11]
    assert counts(page, "host") == {"b.example": 6}
    assert titles(listed(db, q="harbour", sort="longest")) == [11, 9, 7, 5, 3, 1]
    assert titles(listed(db, q="harbour", language="es", sort="newest")) == [9, 3]
    assert "[harbour]" in page.articles[0].snippet
    assert listed(db, q='" ( *').total == 0


def test_pages_follow_one_another_and_end(db, monkeypatch):
    monkeypatch.setattr(article_list, "PAGE_SIZE", 5)
    pages = [listed(db, page=number) for number in (1, 2, 3, 4)]
    assert [len(page.articles) for page in pages] == [5, 5, 2, 2]
    assert [page.page for page in pages] == [1, 2, 3, 3]
    assert len({title for page in pages for title in titles(page)}) == 12


def test_a_search_with_more_hits_than_it_looks_at_says_so(db, monkeypatch):
    monkeypatch.setattr(article_list, "MOST_HITS", 3)
    page = listed(db, q="harbour")
    assert (page.total, page.is_cut) == (3, True)


def test_counts_that_are_known_already_are_not_counted_again(db):
    request = ListRequest.of(Arguments({}))
    page = list_articles(db, request, article_list.count_facets(db))
    assert page == replace(list_articles(db, request))
