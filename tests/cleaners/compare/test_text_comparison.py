"""Tests."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.compare.text_comparison import (
    ADDED_SIGN,
    REMOVED_SIGN,
    SAME_SIGN,
    comparison_key,
    diff_words,
    fold_typography,
    page_templates,
    parse_moment,
    split_tokens,
    split_words,
    text_template,
)


def test_typography_folds_to_plain_marks() -> None:
    assert fold_typography("“Quoted”  – it’s a\u00adbout…") == '"Quoted" - it\'s about...'
    assert comparison_key("a b\n c") == "abc"


def test_words_are_lower_case_and_chinese_ones_are_characters() -> None:
    assert split_words("Harbour-master’s 第二 boat") == ["harbour-master's", "第", "二", "boat"]


def test_pieces_together_are_the_text() -> None:
    assert "".join(split_tokens(" one, two  第二 x")) == " one, two  第二 x"


def test_times_that_may_be_one() -> None:
    day, late, early = (
        parse_moment("2026-05-03"),
        parse_moment("2026-05-03T23:30:00-05:00"),
        parse_moment("2026-05-04T04:30:00Z"),
    )
    assert day
    assert late
    assert early
    assert late.may_equal(early)
    assert day.may_equal(early)
    assert not day.may_equal(parse_moment("2026-05-04"))  # type: ignore[arg-type]
    assert parse_moment("yesterday") is None
    other_minute = parse_moment("2026-05-04T04:31:00Z")
    assert other_minute
    assert not early.may_equal(other_minute), "two instants of one day are two"


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


def test_a_word_that_changed() -> None:
    assert diff_words("It cost nine thousand a month.", "It cost ten thousand a month.") == (
        (SAME_SIGN, "It cost "),
        (REMOVED_SIGN, "nine "),
        (ADDED_SIGN, "ten "),
        (SAME_SIGN, "thousand a month."),
    )


def test_a_word_between_two_changes_goes_with_them() -> None:
    changes = diff_words("the first and last word stay", "the second and third word stay")
    assert changes == (
        (SAME_SIGN, "the "),
        (REMOVED_SIGN, "first and last "),
        (ADDED_SIGN, "second and third "),
        (SAME_SIGN, "word stay"),
    )


def test_words_that_are_frequent_in_a_long_text_count_too() -> None:
    text = " ".join(["the", "mill"] * 110)
    assert diff_words(text, f"So {text}") == ((ADDED_SIGN, "So "), (SAME_SIGN, text))


def test_chinese_is_compared_by_character() -> None:
    assert (REMOVED_SIGN, "三") in diff_words("大桥于一九三一年建成", "大桥于一九四一年建成")


@pytest.mark.parametrize(
    ("old_text", "new_text"), [("", "all new"), ("all gone", ""), ("a “b” c", 'a "b" c'), ("", "")]
)
def test_the_parts_together_are_the_texts(old_text: str, new_text: str) -> None:
    changes = diff_words(old_text, new_text)
    assert "".join(text for what, text in changes if what != REMOVED_SIGN) == new_text
    assert not any(what != SAME_SIGN for what, _ in changes) or old_text.split() != new_text.split()
