from __future__ import annotations

import tomllib
from pathlib import Path

import output.report
from cleaners.document import KeepReason, RemovalReason
from output.report.plain_words import reason_words, rule_words

WORDS = tomllib.loads(Path(output.report.__file__).with_name("plain_words.toml").read_text("utf-8"))


def test_words_are_about_reasons_that_exist():
    assert set(WORDS["reasons"]) - {*map(str, RemovalReason), *map(str, KeepReason)} == set()


def test_no_reason_is_shown_by_a_name_with_an_underscore():
    assert [reason for reason in (*RemovalReason, *KeepReason) if "_" in reason_words(reason)] == []


def test_rules_are_said_by_what_made_them():
    assert rule_words("model/after-article") == "learned: after article"
    assert rule_words("en/related-heading/section") == "phrase (en): related heading, section"
    assert rule_words("person") == "by hand"
    assert rule_words("share.icons") == "share.icons"
    assert rule_words("") == ""
