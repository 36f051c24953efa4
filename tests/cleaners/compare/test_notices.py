from __future__ import annotations

import pytest

from cleaners.compare.notices import languages, notice

EXAMPLES = [
    (language, "" if kind == "neither" else kind, text)
    for language, said in languages().items()
    for kind, texts in said["examples"].items()
    for text in texts
]


@pytest.mark.parametrize(("language", "kind", "text"), EXAMPLES)
def test_the_examples_of_each_language_are_what_they_say(language: str, kind: str, text: str) -> None:
    assert notice(text) == kind


def test_twelve_languages_have_examples_of_each_kind() -> None:
    told = languages()
    assert len(told) >= 12
    assert all({"correction", "update", "neither"} <= said["examples"].keys() for said in told.values())


def test_a_correction_that_is_also_an_update_is_a_correction() -> None:
    assert notice("Correction: This story has been updated to give the right sum.") == "correction"


def test_a_long_block_is_no_notice() -> None:
    assert notice("Correction: " + "the ferry ran late. " * 100) == ""
