"""Reasons in words: every reason that the code gives has some, and none is explained that it does not give."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

import broadsheet.crawler.console
from broadsheet.cleaners.document import PageType
from broadsheet.crawler.console.reasons import reason_text
from broadsheet.output.db.url_words import OutcomeReason, ReasonFamily, compound_reason, http_reason

WORDS = tomllib.loads(Path(broadsheet.crawler.console.__file__).with_name("reasons.toml").read_text("utf-8"))
MEMBERS: set[str] = {*OutcomeReason, *PageType, *ReasonFamily}


def differences(members: Iterable[str], keys: Iterable[str]) -> tuple[set[str], set[str]]:
    """Members without words, and words without a member."""
    return set(members) - set(keys), set(keys) - set(members)


def test_every_reason_has_its_words_and_no_words_are_left_over() -> None:
    assert differences(MEMBERS, WORDS) == (set(), set())


def test_a_typing_error_in_the_file_and_a_reason_without_words_are_seen() -> None:
    keys = WORDS.keys() - {"worker_died"} | {"worker_dead"}
    assert differences(MEMBERS, keys) == ({"worker_died"}, {"worker_dead"})


@pytest.mark.parametrize("family", [family for family in ReasonFamily if family is not ReasonFamily.ERROR])
def test_a_reason_with_a_part_of_its_own_is_said_by_its_family(family: ReasonFamily) -> None:
    assert reason_text(compound_reason(family, "some_new_part")) == WORDS[family]


def test_an_unknown_exception_is_named_as_it_is() -> None:
    assert reason_text(compound_reason(ReasonFamily.ERROR, "KeyError")) == "error:KeyError"
    assert reason_text(http_reason(404)) == "HTTP 404 Not Found"
