from __future__ import annotations

import pytest

from broadsheet.cleaners.urls.nearest import near_spellings

STORED = "https://www.news.example/a-story/?page=2"


@pytest.mark.parametrize(
    "typed",
    [
        STORED,
        "https://www.news.example/a-story?page=2",
        "http://www.news.example/a-story/?page=2",
        "https://news.example/a-story/?page=2",
        "news.example/a-story?page=2",
        " HTTP://News.Example/a-story?page=2#top ",
    ],
)
def test_what_a_person_may_type_leads_to_the_stored_spelling(typed: str):
    assert STORED in near_spellings(typed)


def test_what_is_written_comes_first_then_what_differs_in_one_thing():
    spellings = near_spellings("http://news.example/a/")
    assert spellings[0] == "http://news.example/a/"
    assert set(spellings[1:4]) == {"http://news.example/a", "https://news.example/a/", "http://www.news.example/a/"}
    assert len(spellings) == 8


def test_the_start_page_keeps_its_only_slash():
    assert "https://news.example/" in near_spellings("http://news.example")
    assert not [url for url in near_spellings("news.example") if url.endswith(".example") and "//" in url]


@pytest.mark.parametrize(("typed", "spellings"), [("", ()), ("  ", ()), ("12", ("12",)), ("[broken", ("[broken",))])
def test_what_is_no_url_is_itself(typed: str, spellings: tuple[str, ...]):
    assert near_spellings(typed) == spellings
