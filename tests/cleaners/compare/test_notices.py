from __future__ import annotations

import pytest

from broadsheet.cleaners.compare.notices import load_languages, notice_kind

EXAMPLES = [
    (language, None if kind == "neither" else kind, text)
    for language, language_data in load_languages().items()
    for kind, texts in language_data["examples"].items()
    for text in texts
]


@pytest.mark.parametrize(("language", "kind", "text"), EXAMPLES)
def test_the_examples_of_each_language_are_what_they_say(language: str, kind: str, text: str) -> None:
    assert notice_kind(text) == kind


def test_twelve_languages_have_examples_of_each_kind() -> None:
    languages = load_languages()
    assert len(languages) >= 12
    assert all({"correction", "update", "neither"} <= language["examples"].keys() for language in languages.values())


def test_a_correction_that_is_also_an_update_is_a_correction() -> None:
    assert notice_kind("Correction: This story has been updated to give the right sum.") == "correction"


def test_a_long_block_is_no_notice() -> None:
    assert notice_kind("Correction: " + "the ferry ran late. " * 100) is None
