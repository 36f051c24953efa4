from __future__ import annotations

from broadsheet.cleaners.document import KeepReason, RemovalReason
from broadsheet.output.read.plain_words import count_text, rule_words


def test_no_reason_has_an_underscore():
    assert [reason for reason in (*RemovalReason, *KeepReason) if "_" in reason] == []


def test_rules_are_said_by_what_made_them():
    assert rule_words("model/after-article") == "learned: after article"
    assert rule_words("en/related-heading/section") == "phrase (en): related heading, section"
    assert rule_words("person") == "by hand"
    assert rule_words("share.icons") == "share.icons"
    assert rule_words("") == ""


def test_one_of_a_thing_is_not_said_in_the_plural():
    assert [count_text(count, "page") for count in (0, 1, 2_000)] == ["0 pages", "1 page", "2,000 pages"]
    assert [count_text(count, "copy") for count in (1, 2)] == ["1 copy", "2 copies"]
