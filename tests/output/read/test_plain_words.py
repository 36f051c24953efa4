import tomllib
from pathlib import Path

import pytest

from broadsheet.output.archive.shelf import ShelvingReason
from broadsheet.output.read import plain_words
from broadsheet.output.read.edit_history import ALL_KINDS
from broadsheet.output.read.plain_words import (
    count_text,
    edit_counts_text,
    joined,
    rule_words,
    shelved_text,
    span_text,
)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("model/after-article", "learned: after article"), ("person", "by hand"), ("share.icons", "share.icons"),
        ("en/related-heading/section", "phrase (en): related heading, section"), ("", ""),
    ],
)  # fmt: skip
def test_rules_are_said_by_what_made_them(rule, words):
    assert rule_words(rule) == words


def test_one_of_a_thing_is_not_said_in_the_plural():
    assert [count_text(count, "page") for count in (0, 1, 2_000)] == ["0 pages", "1 page", "2,000 pages"]
    assert [count_text(count, "copy") for count in (1, 2)] == ["1 copy", "2 copies"]


def test_every_reason_and_kind_of_edit_has_words_for_its_number():
    words = tomllib.loads(Path(plain_words.__file__).with_suffix(".toml").read_text("utf-8"))
    assert set(words["edits"]) == {*map(str, ALL_KINDS)}
    assert set(words["shelved"]) == {*map(str, ShelvingReason)}


def test_numbers_and_their_nouns_agree():
    assert edit_counts_text({"correction": 2, "headline": 1}) == "2 corrections, 1 new headline"
    assert shelved_text([("duplicate", 2), ("part", 1)]) == "2 copies, 1 further page"


@pytest.mark.parametrize(("seconds", "text"), [
    (0, "1 minute"), (90, "2 minutes"), (3_600, "60 minutes"), (7_200, "2 hours"), (86_400, "1 day"),
    (30 * 86_400, "30 days"),
])  # fmt: skip
def test_a_span_is_said_in_one_unit(seconds, text):
    assert span_text(seconds) == text


def test_parts_are_joined_as_in_a_sentence():
    assert [joined(list(parts)) for parts in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
