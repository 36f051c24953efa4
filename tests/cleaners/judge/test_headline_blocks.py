"""Blocks that repeat the page's metadata, and the standfirst: which lines it is, and where it is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, BlockKind, KeepReason, Metadata, Page, RemovalReason, Verdict
from broadsheet.cleaners.judge.headline_blocks import (
    blocks_above_title,
    find_standfirst,
    find_title_line,
    find_url_headline,
    looks_like_standfirst,
    metadata_blocks,
)
from tests.cleaners.building import PROSE, STORY, block, holds_up_to, linked, words


def test_what_stands_above_the_title_is_set_aside_where_the_prose_is_below():
    blocks = [block(0, "A motto of the site"), block(1, "The mill burned down", kind=BlockKind.HEADING, level=1)]
    blocks += [block(n) for n in range(2, 6)]
    metadata = Metadata(title="The mill burned down")
    line = find_title_line(blocks, metadata)
    assert line == 1
    assert blocks_above_title(blocks, frozenset((0, 2, 3, 4, 5)), line) == {0}
    assert find_title_line(blocks, Metadata()) is None
    assert blocks_above_title(blocks, frozenset((2, 3)), None) == frozenset()


LEAD = "What the council hid about the mill for all of eleven years"
KEPT = Verdict(True, KeepReason.SELECTED, "extractor/selected")
REMOVED = Verdict(False, RemovalReason.NOT_SELECTED, "extractor/not-selected")
TITLE = "The mill and the council"


def at(step: str, text: str = LEAD, **fields: object) -> Block:
    return block(0, text, path=f"body>article>{step}", **fields)


HEAD = at("h1", TITLE, kind=BlockKind.HEADING, level=1)
ITEM = {"kind": BlockKind.LIST_ITEM}


@pytest.mark.parametrize(
    ("lines", "description", "expected"),
    [
        ([HEAD, at("p.lead")], "", LEAD),
        ([HEAD, at("h2.x")], f"{LEAD}.", LEAD),
        ([HEAD, at("h2.x")], "", ""),
        ([HEAD, at("div.text>p")], f"{LEAD}.", ""),
        ([HEAD, *(at("ul.summary>li", f"{n} {LEAD}", **ITEM) for n in (1, 2)), at("p.intro", f"Another {LEAD}")], "",
         f"1 {LEAD}\n2 {LEAD}"),
        ([HEAD, at("p.lead", "Too short a line")], "", ""),
        ([HEAD, at("p.lead", link_chars=len(LEAD))], "", ""),
        ([HEAD, at("div.image__description")], "", ""),
        ([HEAD, at("p.lead", landmarks=frozenset(["aside"]))], "", ""),
        ([HEAD, at("p.lead", kind=BlockKind.QUOTE)], "", ""),
        ([at("p.lead"), HEAD], "", ""),
        ([HEAD, *(at(f"div.part{n}>p", f"{n} {PROSE}") for n in (1, 2, 3)), at("p.lead")], "", ""),
    ],
    ids=["by class", "by the description", "by nothing", "a first paragraph", "lines of one kind", "short", "a link",
         "a caption", "aside", "a quote", "above the title", "far below it"],
)  # fmt: skip
def test_a_standfirst_is_told_by_its_class_or_the_description(lines, description, expected):
    blocks = [replace(b, position=n) for n, b in enumerate([*lines, *[at("div.text>p", PROSE)] * 3])]
    metadata = Metadata(title=TITLE, description=description)
    assert find_standfirst(blocks, [KEPT] * len(blocks), metadata) == expected
    assert find_standfirst(blocks, [REMOVED] * len(blocks), metadata) == ""


def test_a_cleaned_page_has_its_standfirst_as_a_field_and_in_its_text():
    paragraphs = "".join(f"<p>{text}</p>" for text in STORY)
    html = f'<article><h1>{TITLE}</h1><p class="standfirst">{LEAD}.</p><div class="text">{paragraphs}</div></article>'
    cleaned = clean(Page("https://mill.example/2024/05/the-mill", html.encode()))
    assert cleaned.metadata.standfirst == f"{LEAD}."
    assert cleaned.metadata.sources["standfirst"] == "markup"
    assert cleaned.text.split("\n")[0] == f"{LEAD}."
    without = clean(Page("https://mill.example/2024/05/the-mill", html.replace(f"{LEAD}.", "").encode()))
    assert without.metadata.standfirst == ""
    assert "standfirst" not in without.metadata.sources


@pytest.mark.parametrize(
    ("url", "position"),
    [
        ("https://a.test/2024/the-mill-by-the-river.html", 2),
        ("https://a.test/The-Mill-by-the-River/", 2),
        ("https://a.test/read-more-about-mills", None),
        ("https://a.test/mill-river", None),
        ("https://a.test/the-mill/12", None),
        ("https://[broken/the-mill-by-the-river", None),
    ],
)
def test_a_url_names_the_heading_that_has_its_words(url, position):
    names = ("Read more about mills and what became of all of their many owners", "The mill", "The mill by the river")
    blocks = [block(n, name, kind=BlockKind.HEADING) for n, name in enumerate(names)]
    assert find_url_headline([*blocks, linked(3, "The bridge", kind=BlockKind.HEADING)], url) == position


NAMED = "The mill burned down at night"  # of 29 characters


@pytest.mark.parametrize(
    ("kinds", "position"),
    [
        (["linked", "heading", "text"], 1), (["linked", "text"], 0), (["text", "linked"], 1), (["text", "text"], 0),
        (["linked text", "text"], 1), (["linked text"], None), (["item"], None),
    ],
)  # fmt: skip
def test_the_line_of_the_title_is_a_heading_that_is_no_link_if_there_is_one(kinds, position):
    heading = {"kind": BlockKind.HEADING, "level": 2}
    made = {
        "linked": {"link_chars": 29} | heading, "heading": heading, "text": {}, "linked text": {"link_chars": 29},
        "item": {"kind": BlockKind.LIST_ITEM},
    }  # fmt: skip
    blocks = [block(n, NAMED, **made[kind]) for n, kind in enumerate(kinds)]
    assert find_title_line(blocks, Metadata(title=NAMED)) == position


@pytest.mark.parametrize(
    "steps",
    ["p.lead", "div.lead>p", "div.intro>p.x", "p#dek", "h2.sub-headline", "p.teasertext", "p#vorspann", "p.standfirst"],
)
def test_the_last_two_steps_of_a_path_call_a_block_a_standfirst(steps):
    assert looks_like_standfirst(block(0, path=f"body>{steps}"), "")
    assert not looks_like_standfirst(block(0, path=f"body>{steps}>span>b"), "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The mill burned down at night", "repeats the title"),
        ("The mill burned dawn at night", "repeats the title"),
        ("The mill burned", None),
        ("The mill burned down", "repeats the title"),
        ("Home > News > The mill burned down at night", "breadcrumb"),
        ("Ann Lee", "byline"), ("Ann", None), ("Fire", None),
    ],
)  # fmt: skip
def test_a_line_that_repeats_what_the_page_states(text, reason):
    metadata = Metadata(title=NAMED, authors=("Ann Lee",), tags=("Fire",))
    assert metadata_blocks([block(0, text), block(1)], metadata, range(1, 2)).get(0) == reason


def test_a_line_of_the_title_within_the_text_is_part_of_it_unless_it_is_whole():
    near = "The mill burned dawn at night"
    metadata = Metadata(title=NAMED)
    blocks = [
        block(0),
        block(1, near),
        block(2, NAMED),
        linked(3, "Fire"),
        block(4),
        linked(5, "Fire"),
        block(6, "Fire"),
    ]
    assert metadata_blocks(blocks, replace(metadata, tags=("Fire",)), range(5)) == {
        2: "repeats the title", 3: "tags", 5: "tags",
    }  # fmt: skip
    parts = [
        block(n, text, kind=BlockKind.HEADING, level=1)
        for n, text in enumerate(("The mill", f"Live: {NAMED}, they say", "Another thing of as many letter"))
    ]
    assert metadata_blocks(parts, metadata, range(3, 3)) == {0: "repeats the title", 1: "repeats the title"}
    assert metadata_blocks([replace(part, level=2) for part in parts], metadata, range(3, 3)) == {}


def _is_title(text: str, title: str = NAMED, **fields: object) -> bool:
    return find_title_line([block(0, text, **fields)], Metadata(title=title)) == 0


def _is_trail(chars: int) -> bool:
    lines = [block(0, f"{'x' * chars} > {NAMED}"), block(1)]
    return 0 in metadata_blocks(lines, Metadata(title=NAMED), range(1, 2))


def _is_above(words_below: int) -> bool:
    blocks = [block(0), block(1, NAMED, kind=BlockKind.HEADING), block(2, words(words_below))]
    return blocks_above_title(blocks, frozenset({0, 2}), 1) == {0}


def _is_described(same: int) -> bool:
    text = ("mill by the river " * 6)[:100]
    return looks_like_standfirst(block(0, text.upper()), text[:same] + "#" * 41)


H = {"kind": BlockKind.HEADING}


def test_thresholds():
    assert holds_up_to(17, lambda n: not _is_title(NAMED[:n], **H)), "share of a title that a heading has"
    assert holds_up_to(39, lambda n: _is_title(NAMED + "." * n, **H)), "marks around a title"
    assert holds_up_to(2, lambda n: not _is_title(words(n), words(n))), "words of a paragraph that is the title"
    assert holds_up_to(60, _is_trail), "characters of a trail"
    assert holds_up_to(7, lambda n: not looks_like_standfirst(block(0, words(n), path="p.lead"), "")), "standfirst"
    assert holds_up_to(59, lambda n: not _is_described(n)), "characters shared with the description"
    assert holds_up_to(53, lambda n: not _is_above(n)), "share of the prose below the title"


DECK = "Nothing was left of it when the firemen came at night"
PARAGRAPHS = "".join(
    f"<p>Paragraph {n} on the old mill by the river that burned on a Monday in spring.</p>" for n in range(5)
)


@pytest.mark.parametrize(
    ("headline", "title", "expected"),
    [
        (f"Mill burns<br>{DECK}", "Mill burns | Paper", ("Mill burns", DECK)),
        (f"Mill burns<br>{DECK}", "The Paper", ("Mill burns", DECK)),
        (f"Mill burns<br>{DECK}", f"Mill burns {DECK}", (f"Mill burns {DECK}", "")),
        (
            "The mill on the old river burns<br>Nothing was left of it when they came",
            "The Paper",
            ("The mill on the old river burns Nothing was left of it when they came", ""),
        ),
        (
            "The mill on the<br>river burned down on a Monday",
            "The Paper",
            ("The mill on the river burned down on a Monday", ""),
        ),
        ("A Mill<br>The River Burned Down Last Night", "The Paper", ("A Mill The River Burned Down Last Night", "")),
        ("A mill<br>By night", "The Paper", ("A mill By night", "")),
        ("A mill<br>By night", "A mill", ("A mill", "")),
    ],
)
def test_a_headline_in_two_lines_is_title_and_standfirst_where_the_second_is_a_sentence(headline, title, expected):
    html = f"<title>{title}</title><div id=main><h1>{headline}</h1>{PARAGRAPHS}</div>"
    cleaned = clean(Page("https://paper.example/mill", html.encode()))
    assert (cleaned.metadata.title, cleaned.metadata.standfirst) == expected
    assert cleaned.text.startswith(expected[1] or "Paragraph 0")
    assert [block.position for block in cleaned.blocks] == list(range(len(cleaned.blocks)))
