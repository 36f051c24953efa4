"""What a page has beyond the bounds is cut, and what was cut is said."""

from __future__ import annotations

import random

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.cleaners.page import markup_repairs as bounds
from broadsheet.cleaners.page.markup_repairs import (
    _LONG_TAG_CHARS,
    MAX_ATTRIBUTES,
    MAX_ELEMENTS,
    _long_parts,
    cut_attributes,
    cut_elements,
    has_too_many_elements,
)
from broadsheet.cleaners.page.parsed_page import MAX_DEPTH, decode, parse_page

PROSE = "<p>The council had asked for the bridge in the spring, and it was built.</p>"


@pytest.mark.parametrize(
    "text",
    ["", "no markup", PROSE, "a < b" * 300_000, f"<p {'x' * 50_000}>", "<" * 300_000],
    ids=["nothing", "words", "prose", "no tags", "a word", "angles"],
)
def test_a_page_within_the_bounds_is_left_as_it_is(text: str) -> None:
    assert not has_too_many_elements(text)
    assert cut_attributes(text) == text


def test_a_page_ends_where_it_has_too_many_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_ELEMENTS", 3)
    assert not has_too_many_elements("<p>one</p><b>two</b><i>three</i>")
    text = "<p>one</p><b>two</b><i>three</i> < and<u>four</u>"
    assert has_too_many_elements(text)
    assert cut_elements(text) == "<p>one</p><b>two</b><i>three</i> < and"


def test_of_nested_elements_the_tags_go_and_not_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_ELEMENTS", 400)
    parsed = parse_page("<div>a" * 500 + "<p>The end.</p>")
    assert parsed.tree is not None
    assert len(parsed.tree.text_content().split("a")) == 501
    assert parsed.tree.text_content().endswith("The end.")
    assert not any(cut.startswith("cut=elements") for cut in parsed.cuts)


def attributes(count: int) -> str:
    return "".join(
        f' data-{number}="{number} {number}"' if number % 2 else f" data-{number}" for number in range(count)
    )


@pytest.mark.parametrize("count", [1, MAX_ATTRIBUTES, MAX_ATTRIBUTES + 1, 9_000])
def test_an_element_has_so_many_attributes_and_no_more(count: int) -> None:
    parsed = parse_page(f"<html><body><p{attributes(count)}>Text.</p><p>More.</p></body></html>")
    assert parsed.tree is not None
    first, second = parsed.tree.iter("p")
    assert len(first.attrib) == min(count, MAX_ATTRIBUTES)
    assert (first.text, second.text) == ("Text.", "More.")
    assert parsed.cuts == ((f"cut=attributes:{MAX_ATTRIBUTES}",) if count > MAX_ATTRIBUTES else ())


def test_a_value_with_very_many_words_is_one_attribute() -> None:
    words = " ".join(f"name{number}" for number in range(20_000))
    for text in (f'<p class="{words}">Text.</p>', f"<p data-x='{words}' id=y>Text.</p>"):
        assert cut_attributes(text) == text


def test_quotes_stay_whole_around_what_is_cut() -> None:
    many = "".join(f" a{number}" for number in range(10_000))
    text = cut_attributes(f'<p{many} title="1 > 0" id="z">Text.</p>')
    assert text.endswith(' a3999 title="1 > 0" id="z">Text.</p>')


@pytest.mark.parametrize("script", ["for(b=0;b <f && x;b++)", "if (a <b) {", "a<b "])
def test_a_script_is_no_tag(script: str) -> None:
    many = " word" * 20_000
    source = f"<script>{script}{many}</script>"
    assert cut_attributes(source) == source
    unclosed = f"<p{attributes(9_000)}>x</p><script>{script}{many}"
    assert cut_attributes(unclosed).endswith(unclosed[unclosed.index("<script") :])
    assert cut_attributes(unclosed) != unclosed


def evidence(html: str) -> set[str]:
    """What the evidence of a page says of its size."""
    facts = clean(Page("https://a.example/", html.encode())).verdict.evidence
    return {fact for fact in facts if fact.startswith(("cut=", "flattened="))}


def test_the_evidence_of_a_page_says_what_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    assert evidence(PROSE * 50) == set()
    assert evidence("<div>" * 300 + PROSE) == {f"flattened=depth:{MAX_DEPTH}"}
    assert evidence(f"<div{attributes(9_000)}></div>{PROSE}") == {f"cut=attributes:{MAX_ATTRIBUTES}"}
    monkeypatch.setattr(bounds, "MAX_ELEMENTS", 40)
    assert evidence(PROSE * 50) == {f"cut=elements:{MAX_ELEMENTS}"}


def test_a_page_of_too_many_characters_says_so() -> None:
    assert decode(b"x" * 50, max_characters=50).cuts == ()
    assert decode(b"x" * 51, max_characters=50).cuts == ("cut=characters:50",)


def test_the_bounds_are_far_from_what_people_read() -> None:
    assert (MAX_ELEMENTS, MAX_ATTRIBUTES) == (250_000, 4_000)


def test_the_long_parts_of_a_page_are_those_that_a_split_finds() -> None:
    rng, half = random.Random(7), _LONG_TAG_CHARS // 2
    sizes = (0, 1, half - 1, half, half + 1, 2 * half - 1, 2 * half, 2 * half + 1, 3 * half, 5 * half)
    for _ in range(300):
        text = "<".join("x" * rng.choice(sizes) for _ in range(rng.randrange(1, 9)))
        assert list(_long_parts(text)) == [part for part in text.split("<") if len(part) > _LONG_TAG_CHARS]
