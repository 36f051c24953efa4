"""The closed sets of words: what a file holds is the word itself, and what the documentation lists is the set."""

import re

import pytest

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.document import KeepReason, PageType, RemovalReason, UrlSource
from broadsheet.output.archive.article_storage import ArticleChange
from broadsheet.output.archive.revisions import RevisionMark
from broadsheet.output.archive.schema_doc import column_meanings
from broadsheet.output.archive.shelf import ShelvingReason
from broadsheet.output.archive.url_words import (
    NO_REASON,
    OutcomeReason,
    ReasonFamily,
    UrlKind,
    UrlState,
    compound_reason,
    http_reason,
)
from tests.internal_tables import REASONS

WORDS = {
    ("urls", "kind"): UrlKind,
    ("urls", "state"): UrlState,
    ("urls", "found_via"): UrlSource,
    ("pages", "page_type"): PageType,
    ("shelved", "why"): ShelvingReason,
    ("changes", "change"): ArticleChange,
    (REASONS, "reason"): [*RemovalReason, *KeepReason],
    ("revisions", "change"): [*EditKind, *RevisionMark],
}


@pytest.mark.cause
def test_the_documentation_of_a_column_lists_its_words():
    meanings = column_meanings()
    listed = {place: set(re.findall(r"`([^`]+)`", meanings[place[0]][place[1]])) - {"kinds"} for place in WORDS}
    words = {place: set(map(str, members)) for place, members in WORDS.items()}
    assert listed == words, "output/archive/schema.toml lists the words of a column, and no other"


def test_reasons_with_a_part_of_their_own():
    assert http_reason(503) == "http_503"
    assert compound_reason(ReasonFamily.RETRY, OutcomeReason.TIMEOUT) == "retry:timeout"
    assert compound_reason(ReasonFamily.HOST_FAILING, http_reason(503)) == "host_failing:http_503"
    assert compound_reason(ReasonFamily.HOST_FAILING, "") == "host_failing:"
    assert not NO_REASON


def test_every_trap_is_of_the_family_of_traps():
    traps = [reason for reason in OutcomeReason if reason.name.startswith("TRAP_")]
    assert len(traps) == 10
    assert all(reason.startswith(compound_reason(ReasonFamily.TRAP, "")) for reason in traps)
