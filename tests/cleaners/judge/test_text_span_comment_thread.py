"""Readers' comments that only a heading above them and their signatures tell from the article's text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, BlockKind, Page, RemovalReason
from broadsheet.cleaners.judge.text_span import COMMENT_THREAD, comment_thread_start
from broadsheet.cleaners.rules.rule import AFTER_BODY
from broadsheet.cleaners.rules.rule_files import load_rules
from tests.cleaners.building import PROSE, STORY, block

TEXT = "body>div.content>p"


def page(
    heading: str = "Comments", signature: str = "Posted by: Ellen at May 3, 2012 9:41 AM", **fields: object
) -> list[Block]:
    """Two paragraphs, a heading, and two comments, each with a line that signs it."""
    heading_fields = {"kind": BlockKind.HEADING, "level": 2, "path": "body>div.content>h2"} | fields
    comments = [block(n, text, path=TEXT) for n, text in ((3, f"3 {PROSE}"), (5, f"5 {PROSE}"))]
    signatures = [block(n, signature, path="body>div.content>p.posted") for n in (4, 6)]
    paragraphs = [block(n, f"{n} {PROSE}", path=TEXT) for n in range(2)]
    blocks = [*paragraphs, block(2, heading, **heading_fields), *comments, *signatures]
    return sorted(blocks, key=lambda b: b.position)


def start(blocks: list[Block], language: str = "en", selected: frozenset[int] | None = None) -> int | None:
    every_position = frozenset(range(len(blocks)))
    return comment_thread_start(blocks, every_position if selected is None else selected, load_rules(language))


@pytest.mark.parametrize(
    ("language", "heading", "signature"),
    [
        ("en", "Comments", "Posted by: Ellen at May 3, 2012 9:41 AM"),
        ("en", "3 Responses", "Ellen | 3.5.2012"),
        ("de", "Kommentare", "Ellen schrieb am 3.5.2012 um 9:41"),
        ("fr", "Commentaires", "Ellen, le 3 mai 2012"),
        ("zh", "3条评论", "2012年5月3日"),
    ],
)
def test_a_thread_begins_at_its_heading(language: str, heading: str, signature: str) -> None:
    assert start(page(heading, signature), language) == 2


def test_a_heading_by_class_or_id_alone_opens_a_thread_too() -> None:
    plain = {"kind": BlockKind.PARAGRAPH, "level": 0}
    assert start(page(path="body>div.content>p#comments", **plain)) == 2
    assert start(page(path="body>div.content>p", **plain)) is None


@pytest.mark.parametrize(
    "blocks",
    [
        page("Comments by the minister"),
        page(signature="Posted by Ellen"),
        page(
            signature="In the year 2012 the council met on Monday evening and spoke for hours about the old mill again"
        ),
        page()[:5],
    ],
    ids=["another heading", "no date", "a paragraph", "one comment"],
)
def test_a_section_without_signed_comments_is_none(blocks: list[Block]) -> None:
    assert start(blocks) is None


def test_a_thread_below_no_text_or_with_no_selected_text_is_none() -> None:
    assert start(page(), selected=frozenset((2, 3, 4, 5, 6))) is None
    assert start(page(), selected=frozenset((0, 1, 2, 4, 6))) is None


def test_a_list_of_headlines_with_times_is_none() -> None:
    blocks = page()
    headlines = [block(n, "A headline", path=TEXT) for n in (3, 5)]
    assert start(sorted([*blocks[:3], *headlines, blocks[4], blocks[6]], key=lambda b: b.position)) is None


def test_comments_in_the_text_s_own_container_are_removed_with_their_reason() -> None:
    comments = [f"{text} So I remember it, and so does my neighbour at the river." for text in STORY[:3]]
    thread = "".join(
        f"<p>{text}</p><p class=posted>Posted by: Ellen at May {n}, 2012 9:41 AM</p>"
        for n, text in enumerate(comments, 1)
    )
    text = "".join(f"<p>{paragraph}</p>" for paragraph in STORY)
    content = f"<div class=content><h2>The mill</h2>{text}<h2>Comments</h2>{thread}</div>"
    html = f"<html lang=en><title>The mill</title><body>{content}"
    cleaned = clean(Page("https://mill.example/2012/05/the-mill", html.encode()))
    assert cleaned.text.split("\n") == STORY
    removed = {
        block.text: verdict for block, verdict in zip(cleaned.blocks, cleaned.verdicts, strict=True) if not verdict.kept
    }
    assert {removed[comment].reason for comment in comments} == {RemovalReason.COMMENTS}
    assert {removed[comment].rule for comment in comments} == {COMMENT_THREAD}


@pytest.mark.parametrize(("words", "position"), [(6, 2), (7, None)])
def test_words_of_the_heading_of_a_thread(words: int, position: int | None) -> None:
    rules = load_rules("en")
    heading = " ".join(["3", "Comments", *["here"] * (words - 2)])
    blocks = page(heading, path="body>div.content>h2")
    assert rules.match(blocks[2], AFTER_BODY) is None or start(blocks) == position
    assert comment_thread_start(page("Comments"), frozenset(range(7)), rules) == 2


@pytest.mark.parametrize(("words", "position"), [(19, None), (20, 1)])
def test_words_of_the_text_above_a_thread(words: int, position: int | None) -> None:
    thread = [replace(b, position=b.position - 1) for b in page()[2:]]
    assert start([block(0, " ".join(["mill"] * words), path=TEXT), *thread]) == position


@pytest.mark.parametrize(("words", "position"), [(16, 2), (17, None)])
def test_words_of_a_signature(words: int, position: int | None) -> None:
    assert start(page(signature=" ".join(["Ellen"] * (words - 1) + ["2012"]))) == position


@pytest.mark.parametrize(
    ("path", "between", "position"),
    [("h2", 10, 2), ("h2", 11, None), ("h2#comments", 28, 2), ("h2#comments", 29, None)],
)
def test_blocks_between_the_heading_of_a_thread_and_its_first_signature(
    path: str, between: int, position: int | None
) -> None:
    above, below = page(path=f"body>div.content>{path}")[:3], page()[3:]
    lines = [block(3 + n, "A line", path=TEXT) for n in range(between)]
    assert start([*above, *lines, *(replace(b, position=b.position + between) for b in below)]) == position


@pytest.mark.parametrize(
    ("date", "position"),
    [("2012", 2), ("1899", None), ("9:41", 2), ("9.41", 2), ("3.5.12", 2), ("3/5/2012", 2), ("3.5", None), ("5月", 2)],
)
def test_the_date_of_a_signature(date: str, position: int | None) -> None:
    assert start(page(signature=f"Ellen {date}")) == position
