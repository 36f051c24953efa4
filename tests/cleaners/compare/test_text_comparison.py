"""Texts compared: typography, templates, moments, and the words that changed."""

import pytest

from broadsheet.cleaners.compare import text_comparison


def test_typography_folds_to_plain_marks_and_words_of_chinese_are_characters():
    assert text_comparison.fold_typography("“Quoted”  – it’s a\u00adbout…") == '"Quoted" - it\'s about...'
    assert text_comparison.comparison_key("a b\n c") == "abc"
    assert text_comparison.split_words("Harbour-master’s 第二 boat") == ["harbour-master's", "第", "二", "boat"]
    assert "".join(text_comparison.split_tokens(" one, two  第二 x")) == " one, two  第二 x"


@pytest.mark.parametrize(
    ("moment", "other", "may_equal"),
    [
        ("2026-05-03T23:30:00-05:00", "2026-05-04T04:30:00Z", True),
        ("2026-05-03", "2026-05-04T04:30:00Z", True),
        ("2026-05-03", "2026-05-04", False),
        ("2026-05-04T04:30:00Z", "2026-05-04T04:31:00Z", False),
    ],
)
def test_times_that_may_be_one(moment, other, may_equal):
    one, two = text_comparison.parse_moment(moment), text_comparison.parse_moment(other)
    assert one is not None
    assert two is not None
    assert one.may_equal(two) is may_equal
    assert text_comparison.parse_moment("yesterday") is None


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
    assert text_comparison.text_template(text) == text_comparison.text_template(other_text)


def test_the_pages_own_title_and_authors_vary():
    template = text_comparison.text_template("Talk about Blue whales with Ann Smith", "Blue whales", ["Ann Smith"])
    assert template == text_comparison.text_template("Talk about Red deer with Bob Jones", "Red deer", ["Bob Jones"])
    assert text_comparison.text_template("Talk about Red deer") != template


@pytest.mark.parametrize(
    "text",
    ["17", "3.", "3 / 4", "Blue whales", "x" * 500 + " 17", "Score: 8", "Rating 7/10", "Down by 3 % since last year",
     "Only $20 a piece"],
)  # fmt: skip
def test_a_text_with_nothing_fixed_or_a_number_that_it_is_about_is_its_own_template(text):
    assert text_comparison.text_template(text, "Blue whales") == text


def test_a_page_has_the_templates_of_its_texts():
    texts = [
        "Blue whales",
        "More on Blue whales",
        "by Ann Smith",
        "Seen ١٧ times",
        "see www.a.test",
        "ünder 0_May_1999",
    ]
    templates = text_comparison.page_templates(texts, "Blue whales", ["Ann Smith"])
    assert templates == [text_comparison.text_template(text, "Blue whales", ["Ann Smith"]) for text in texts]
    assert templates == ["Blue whales", "More on \x03", "by \x04", "Seen 0 times", "see \x02", "ünder 0_\x01_0"]


MILLS = " ".join(["the", "mill"] * 110)


@pytest.mark.parametrize(
    ("old_text", "new_text", "changes"),
    [
        ("It cost nine thousand.", "It cost ten thousand.", "=It cost |-nine |+ten |=thousand."),
        ("the first and last word", "the second and third word", "=the |-first and last |+second and third |=word"),
        (MILLS, f"So {MILLS}", f"+So |={MILLS}"),
        ("大桥于一九三一年", "大桥于一九四一年", "=大桥于一九|-三|+四|=一年"),
    ],
    ids=["a word that changed", "a word between two changes", "frequent words of a long text", "Chinese"],
)
def test_words_that_changed(old_text, new_text, changes):
    signs = {text_comparison.SAME_SIGN: "=", text_comparison.REMOVED_SIGN: "-", text_comparison.ADDED_SIGN: "+"}
    assert "|".join(signs[sign] + text for sign, text in text_comparison.diff_words(old_text, new_text)) == changes


@pytest.mark.parametrize(
    ("old_text", "new_text"), [("", "all new"), ("all gone", ""), ("a “b” c", 'a "b" c'), ("", "")]
)
def test_the_parts_together_are_the_texts(old_text, new_text):
    changes = text_comparison.diff_words(old_text, new_text)
    assert "".join(text for what, text in changes if what != text_comparison.REMOVED_SIGN) == new_text
    assert not any(what != text_comparison.SAME_SIGN for what, _ in changes) or old_text.split() != new_text.split()
