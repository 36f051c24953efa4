"""Where the article's text begins and ends, and what below it is a note on an author."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, Metadata, Page
from broadsheet.cleaners.judge.text_span import author_notes, text_span
from broadsheet.cleaners.rules.rule_files import load_rules
from tests.cleaners.building import PROSE, STORY, block

RULES = load_rules("en")
SIGNED = Metadata(authors=("Ada Writer", "Bo"))
NOTE = "Ada Writer, data reporter, reads meters, minutes and permits, and has done so here for eleven years now."
LICENCE = (
    "You may republish this article free of charge, with attribution to The Mill Post and a link to the article here."
)
TEXT, BELOW = "body>div.text>p", "body>p"


def story(*below: tuple[str, str]) -> list[Block]:
    """Three paragraphs of the text, and below them each a text at a path."""
    paragraphs = [block(n, f"{n} {PROSE}", path=TEXT) for n in range(3)]
    return [*paragraphs, *(block(3 + n, text, path=path) for n, (text, path) in enumerate(below))]


def span(blocks: list[Block], metadata: Metadata = SIGNED) -> range:
    return text_span(blocks, frozenset(range(len(blocks))), RULES, metadata)


def test_notes_and_licences_below_the_text_are_no_end_of_it() -> None:
    assert span(story((NOTE, BELOW), (LICENCE, BELOW))) == range(3)
    assert span(story((NOTE, BELOW)), Metadata()) == range(4), "nobody signs the page"
    assert span(story((LICENCE, BELOW), (PROSE, BELOW))) == range(5), "a paragraph follows"


def test_a_note_within_the_text_s_own_container_is_how_the_author_signs() -> None:
    blocks = story((NOTE, TEXT))
    assert span(blocks) == range(4)
    assert author_notes(blocks, frozenset(range(4)), range(3), SIGNED) == set()


def test_a_note_begins_with_the_whole_name_of_an_author() -> None:
    texts = (NOTE, "Ada Writers met for the ninth time.", "A note by Ada Writer.", "Bo keeps bees.", "Ada Writer")
    blocks = story(*((text, BELOW) for text in texts))
    everything = frozenset(range(len(blocks)))
    assert author_notes(blocks, everything, range(3), SIGNED) == {3, 7}
    assert author_notes(blocks, everything, range(0), SIGNED) == set()
    assert author_notes(blocks, everything, range(3), Metadata()) == set()


def test_where_half_the_text_would_go_nothing_does() -> None:
    blocks = [block(0, path=TEXT), block(1, LICENCE, path=BELOW), block(2, LICENCE + " " + PROSE, path=BELOW)]
    assert span(blocks) == range(3)
    assert text_span([], frozenset(), RULES, SIGNED) == range(0)


def test_the_tags_above_two_notes_go_with_them() -> None:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in STORY)
    html = (
        f'<meta name="author" content="Ada Writer"><h1>The mill</h1><td><div class="text">{text}</div>'
        f"<p>Filed under: <a href=/h>Harbour</a> <a href=/c>Courts</a></p><p>{NOTE}</p><p>{LICENCE}</p></td>"
    )
    cleaned = clean(Page("https://mill.example/2024/05/the-mill", f"<html lang=en><body>{html}".encode()))
    assert cleaned.text.split("\n") == STORY
    rules = {block.text: verdict.rule for block, verdict in zip(cleaned.blocks, cleaned.verdicts, strict=True)}
    assert rules[NOTE] == "metadata/author-note"
    assert rules["Filed under: Harbour Courts"] == "en/tags-line"


def test_a_note_that_says_the_name_twice_at_once_is_one_wherever_it_stands_below_the_first_paragraph() -> None:
    twice = (
        "Ada Writer, data reporter. Ada Writer came here as a proof-reader and has read meters for eleven years now."
    )
    blocks = story((twice, TEXT), (NOTE, TEXT), (PROSE, TEXT))
    everything = frozenset(range(len(blocks)))
    assert author_notes(blocks, everything, range(len(blocks)), SIGNED) == {3}
    assert author_notes(blocks, everything, range(3, len(blocks)), SIGNED) == set(), "it opens the text"


@pytest.mark.parametrize(("name", "is_note"), [("Bo Le", False), ("Bo Lee", True)])
def test_characters_of_a_name_that_begins_a_note(name: str, is_note: bool) -> None:
    blocks = story((f"{name} reads meters.", BELOW))
    assert author_notes(blocks, frozenset(range(4)), range(3), Metadata(authors=(name,))) == ({3} if is_note else set())


@pytest.mark.parametrize(("between", "is_note"), [(70, True), (71, False)])
def test_characters_between_the_two_mentions_of_a_name(between: int, is_note: bool) -> None:
    text = f"Ada Writer, {'x' * (between - 3)} Ada Writer {PROSE}"
    blocks = story((text, TEXT), (PROSE, TEXT))
    assert (author_notes(blocks, frozenset(range(5)), range(5), SIGNED) == {3}) is is_note


@pytest.mark.parametrize(("words", "expected"), [(18, range(1)), (19, range(2))])
def test_at_least_half_of_the_words_stay_text(words: int, expected: range) -> None:
    note = "Ada Writer " + " ".join(["reads"] * (words - 2))
    assert span([block(0, path=TEXT), block(1, note, path=BELOW)]) == expected
