"""Facets: years as people read them, others by frequency, and what is chosen always listed."""

from broadsheet.output.browse import facets
from broadsheet.output.browse.facets import make_facet


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
