"""The list: what a search and facets leave, in an order, a page at a time, with counts that agree."""

import pytest

from broadsheet.cleaners.document import Metadata
from broadsheet.output.browse import article_list, facets
from broadsheet.output.browse.article_list import ArticleCounts, ListPlace, ListRequest, list_articles
from broadsheet.output.browse.facets import make_facet
from broadsheet.output.browse.strict_requests import Arguments, BadArgumentError
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


def test_counts_that_are_known_already_are_not_counted_again(db):
    request = ListRequest.of(Arguments({}))
    page = list_articles(db, request, ArticleCounts(article_list.count_facets(db), article_list.count_sides(db)))
    assert page == list_articles(db, request)


@pytest.fixture
def uncertain(db):
    """The same; articles 0 to 2 are of low certainty, 3 and 4 of fair; of 11 it is not known."""
    db.execute("UPDATE pages SET certainty = NULL")
    for number in range(11):
        f1 = 0.5 + number / 10 if number < 3 else 0.81 + number / 100 if number < 5 else 0.99
        db.execute("UPDATE pages SET certainty = ? WHERE title = ?", [f1, f"Title {number}"])
    return db


def facet_counts(page, name):
    return {choice.value: choice.articles for facet in page.facets if facet.name == name for choice in facet.choices}


@pytest.mark.parametrize("words", [{}, {"q": "harbour"}])
@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("newest", "cbad"), ("oldest", "abcd"), ("seen", "dacb"), ("longest", "bdac"), ("shortest", "cadb"),
        ("certainty", "cdba"),
    ],
)  # fmt: skip
def test_each_order_is_another_and_what_is_not_known_comes_last(archive, make, sort, expected, words):
    """Of d no day is known, of a no certainty."""
    for name, day, seen, count, certainty in (
        ("a", "2020-01-01", 3, 2, None), ("b", "2020-01-02", 1, 4, 0.95), ("c", "2021-01-01", 2, 1, 0.2),
        ("d", "", 4, 3, 0.8),
    ):  # fmt: skip
        url = f"https://a.example/{name}"
        outcome = make.outcome(url, " ".join(["harbour", *["words"] * count]), title=name)
        archive.save([with_page(outcome, metadata=Metadata(title=name, published=day))])
        archive.db.execute("UPDATE articles SET first_seen = ? WHERE url = ?", [f"2026-01-0{seen}T00:00:00Z", url])
        archive.db.execute("UPDATE pages SET certainty = ? WHERE title = ?", [certainty, name])
    assert "".join(article.title for article in listed(archive.db, sort=sort, **words).articles) == expected


def test_a_list_is_narrowed_to_a_certainty_with_counts_that_agree(uncertain):
    assert facet_counts(listed(uncertain), "certainty") == {"high": 6, "fair": 2, "low": 3}
    assert (listed(uncertain, certainty="high").total, len(listed(uncertain, certainty="high").articles)) == (6, 6)
    page = listed(uncertain, certainty="low", sort="oldest")
    assert (page.total, len(page.articles)) == (3, 3)
    assert facet_counts(page, "host") == {HOSTS[0]: 2, HOSTS[1]: 1}
    assert page.chosen == {"certainty": "low"}
    narrowed = listed(uncertain, certainty="low", host=HOSTS[0])
    assert (narrowed.total, facet_counts(narrowed, "certainty")) == (2, {"low": 2})
    assert [article.title for article in listed(uncertain, certainty="fair", q="river").articles] == ["Title 4"]
    with pytest.raises(BadArgumentError):
        listed(uncertain, certainty="perfect")


def test_a_search_that_is_narrowed_to_a_certainty_says_that_it_did_not_look_at_all(uncertain, monkeypatch):
    monkeypatch.setattr(article_list, "MOST_HITS", 3)
    page = listed(uncertain, certainty="low", q="river")
    assert page.total <= 3
    assert page.is_cut


@pytest.fixture
def signed(archive, make):
    """Six articles: Ada wrote all, Ben the even ones; each third one has a tag."""
    for number in range(6):
        outcome = make.outcome(f"https://a.example/{number}", f"words harbour{number % 2}", title=f"Title {number}")
        authors = ("Ada", "Ben") if number % 2 == 0 else ("Ada",)
        metadata = Metadata(
            title=f"Title {number}", language="en", authors=authors, tags=("Sea",) if number % 3 == 0 else (),
            published=f"2020-01-{number + 1:02}",
        )  # fmt: skip
        archive.save([with_page(outcome, metadata=metadata)])
    return archive.db


def test_a_list_is_narrowed_by_author_and_tag_with_counts_that_agree(signed):
    assert facet_counts(listed(signed), "author") == {"Ada": 6, "Ben": 3}
    assert facet_counts(listed(signed), "tag") == {"Sea": 2}
    page = listed(signed, author="Ben")
    assert titles(page) == [4, 2, 0]
    assert (page.total, page.chosen) == (3, {"author": "Ben"})
    assert facet_counts(page, "tag") == {"Sea": 1}
    assert titles(listed(signed, author="Ada", tag="Sea", sort="oldest")) == [0, 3]
    assert listed(signed, author="Nobody").total == 0
    assert facet_counts(listed(signed, author="Nobody"), "author") == {"Nobody": 0}


def test_a_search_without_a_hit_says_which_word_none_has_and_what_may_find_more(db):
    page = listed(db, q="harbours words")
    assert (page.missing, page.wider) == (("harbours",), "harbour* word*")
    assert listed(db, q="harbourz").wider == ""
    assert listed(db, q="harbour").missing == ()


def test_an_article_is_found_by_its_place_in_the_list(db):
    request = ListRequest.of(Arguments({"host": "a.example", "sort": "oldest"}))
    counts = ArticleCounts(article_list.count_facets(db))
    ids = [article.id for article in list_articles(db, request).articles]
    places = [article_list.find_listed(db, request, at, counts)[0] for at in (0, 1, 2, 6, 7)]
    assert places == [ids[0], *ids[:2], ids[5], ids[5]]


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({}, None),
        ({"list": "section=&sort=oldest", "at": "31", "of": "40"}, ("sort=oldest&section=", 31, 40, 2)),
        ({"list": "q=tide", "at": "0"}, ("q=tide&sort=best", 1, 1, 1)),
        ({"list": "author=Ada&q=", "at": "30"}, ("sort=newest&author=Ada", 30, 1, 1)),
        ({"list": "&".join(f"f{n}=1" for n in range(20)), "at": "60"}, ("sort=newest", 60, 1, 2)),
        ({"list": "x=" + "1" * 3998, "at": "61"}, ("sort=newest", 61, 1, 3)),
    ],
)
def test_an_article_s_address_has_its_place_in_a_list(arguments, place):
    found = ListPlace.of(Arguments(arguments))
    assert (found and (found.list, found.position, found.total, found.page)) == place


@pytest.mark.parametrize("wrong", ["&".join(f"f{n}=1" for n in range(21)), "x=" + "1" * 3999])
def test_a_list_of_too_many_or_too_long_arguments_is_none(wrong):
    with pytest.raises(BadArgumentError):
        ListPlace.of(Arguments({"list": wrong}))


def rows(**articles: int) -> list[tuple[str, int]]:
    return [(value.removeprefix("y"), count) for value, count in articles.items()]


def values(facet: facets.Facet) -> list[str]:
    return [choice.value for choice in facet.choices]


def test_years_go_from_the_latest_to_the_earliest_and_then_no_date():
    counted = rows(y2020=1, y2024=2, y=9, y2022=5)
    assert values(make_facet(counted, ["year"], "year", {})) == ["2024", "2022", "2020", ""]
    assert facets.facet_value_text("year", "") == "no date"


def test_of_many_years_the_latest_are_listed_with_no_date_and_what_is_chosen(monkeypatch):
    monkeypatch.setattr(facets, "MOST_YEARS", 2)
    counted = rows(y2020=1, y2024=2, y=9, y2022=5, y2021=1)
    facet = make_facet(counted, ["year"], "year", {"year": "2020"})
    assert values(facet) == ["2024", "2022", "2020", ""]
    assert facet.others == 1


def test_other_facets_go_by_frequency(monkeypatch):
    monkeypatch.setattr(facets, "MOST_CHOICES", 2)
    facet = make_facet(rows(a=1, b=3, c=2, d=1), ["host"], "host", {"host": "d"})
    assert values(facet) == ["b", "c", "d"]
    assert [choice.value for choice in facet.choices if choice.is_chosen] == ["d"]
    assert facet.others == 1


def test_what_is_chosen_and_nowhere_is_listed_with_none():
    facet = make_facet(rows(a=1), ["host"], "host", {"host": "x"})
    assert [(choice.value, choice.articles) for choice in facet.choices] == [("a", 1), ("x", 0)]
    assert facet.others == 0
