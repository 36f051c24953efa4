from __future__ import annotations

import pytest

from broadsheet.cleaners.compare.templates import page_templates, text_template


@pytest.mark.parametrize(
    ("text", "other_text"),
    [
        ("Published in issue 45, August 1999", "Published in issue 152, March 2008"),
        ("12 Mai 2020", "3 de junho de 2021"),
        ("Oct 17, 2021", "Nov 3, 2022"),
        ("03.07.2014 von der Redaktion", "12.11.2015 von der Redaktion"),
        ("Last changed: 2021-05-06 at 12:30", "Last changed: 2019-11-07 at 9:05"),
        ("Seen 17 times", "Seen 1804 times"),
        ("Write to ann@a.test today", "Write to bob@b.test today"),
    ],
)
def test_numbers_dates_and_addresses_vary(text, other_text):
    assert text_template(text) == text_template(other_text)


def test_the_pages_own_title_and_authors_vary():
    template = text_template("Talk about Blue whales with Ann Smith", "Blue whales", ["Ann Smith"])
    assert template == text_template("Talk about Red deer with Bob Jones", "Red deer", ["Bob Jones"])
    assert text_template("Talk about Red deer") != template


@pytest.mark.parametrize("text", ["17", "3.", "3 / 4", "Blue whales", "x" * 500 + " 17"])
def test_a_text_with_nothing_fixed_is_its_own_template(text):
    assert text_template(text, "Blue whales") == text


@pytest.mark.parametrize("text", ["Score: 8", "Rating 7/10", "Down by 3 % since last year", "Only $20 a piece"])
def test_a_number_that_is_what_the_text_says_is_its_own_template(text):
    assert text_template(text) == text


def test_words_that_differ_are_two_templates():
    assert text_template("More from the blog of whales") != text_template("More from the blog of deer")


def test_a_page_has_the_templates_of_its_texts():
    texts = [
        "Blue whales",
        "More on Blue whales",
        "by Ann Smith",
        "Seen ١٧ times",
        "see www.a.test",
        "ünder 0_May_1999",
    ]
    templates = page_templates(texts, "Blue whales", ["Ann Smith"])
    assert templates == [text_template(text, "Blue whales", ["Ann Smith"]) for text in texts]
    assert templates == ["Blue whales", "More on \x03", "by \x04", "Seen 0 times", "see \x02", "ünder 0_\x01_0"]
