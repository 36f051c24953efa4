"""The reasons that rules give are the closed set, and every one of them is given."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import broadsheet.cleaners.rules
from broadsheet.cleaners.document import RemovalReason
from broadsheet.cleaners.rules.rule import REASONS, rule_reason

FILES = sorted(Path(broadsheet.cleaners.rules.__file__).parent.rglob("*.toml"))


def test_the_files_of_the_rules_name_every_reason_that_a_rule_may_give_and_no_other() -> None:
    entries = [entry for file in FILES for entry in tomllib.loads(file.read_text("utf-8"))["rule"]]
    assert {entry["reason"] for entry in entries} == {reason.key for reason in REASONS}


@pytest.mark.parametrize("word", ["advertisment", "", "title", "removed_by_person"])
def test_another_word_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="unknown reason"):
        rule_reason(word)


def test_a_reason_is_a_member() -> None:
    assert rule_reason("share") is RemovalReason.SHARE
