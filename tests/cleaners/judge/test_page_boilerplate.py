"""What the page itself shows to be no article: boxes, columns, comments, sections of teasers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import BlockKind, Page, RemovalReason
from broadsheet.cleaners.judge.page_boilerplate import (
    blocks_in_boxes,
    blocks_in_other_columns,
    boilerplate_rule,
    comment_blocks,
    continues_section,
    explain_by_content,
    is_box_heading,
    is_no_excerpt,
    is_teaser,
    opens_teaser_box,
)
from broadsheet.cleaners.rules.rule import BodyPosition
from tests.cleaners.building import PROSE, STORY, block, holds_up_to, linked, words

BODY = range(1, 9)
TEXT = [block(n, f"{n} {PROSE}", path="body>main>div.text>p") for n in range(6)]
LONG = words(40)
BETWEEN, ABOVE, AFTER = BodyPosition(between=True), BodyPosition(before_body=True), BodyPosition(after_body=True)
SLIDE = "body>main>div#photo-slideshow-2>ul>li"


@pytest.mark.parametrize(
    ("text", "path", "fields", "rule"),
    [
        ("Another mill burned down\n3 May 2024", "div.related>div", {"link_chars": 24}, "layout/related"),
        (PROSE, "div.related>p", {}, None),
        ("Every week by mail", "div.newsletter>p", {}, None),
        ("Every week by mail", "div.newsletter>p", {"landmarks": frozenset(["aside"])}, "layout/newsletter"),
        ("Every week by mail", "div.newsletter>p", {"landmarks": frozenset(["article"])}, None),
        ("Every week by mail", "div.newsletter>p", {"link_chars": 9}, "layout/newsletter"),
        ("Every week by mail", "div.newsletter>p", {"link_chars": 8}, None),
        (words(14), "div.byline>p", {"position": 0}, "layout/byline"),
        (words(15), "div.byline>p", {"position": 0}, None),
        ("by us", "div.byline>p", {"position": 4}, "layout/byline"),
        ("by us", "div.byline>p", {"position": 5}, None),
        ("by us", "div.byline>p", {"position": 8}, "layout/byline"),
        ("by us", "figcaption.caption>p", {"position": 5}, "layout/caption"),
    ],
)
def test_a_block_is_boilerplate_by_its_markup(text, path, fields, rule):
    found = boilerplate_rule(block(fields.pop("position", 4), text, path=f"body>{path}", **fields), BODY)  # type: ignore[arg-type]
    assert (found and found.name) == rule


BOXES = {
    ("layout/fact-box-text", RemovalReason.SIDEBAR): "div.local-factbox>p",
    ("layout/slideshow", RemovalReason.CAPTION): "div#photo-slideshow-2>ul>li",
    ("layout/caption-text", RemovalReason.CAPTION): "div.wp-caption>p",
    ("layout/comment-text", RemovalReason.COMMENTS): "div.comment>p",
    ("layout/bio-text", RemovalReason.AUTHOR_BIO): "div.authorBio>p",
    ("layout/disclaimer-text", RemovalReason.LEGAL): "div.affiliate-disclaimer>p",
    ("layout/consent-text", RemovalReason.CONSENT): "div.cookie-consent-banner>p",
    ("layout/choice", RemovalReason.FORM): "select.version>option",
    None: "div.option>p div.box>p div.cookie-recipes>p div.commentary>p div.no-slideshow>p"
    " body.has-slideshow>main>p body>main.infobox>p body>article.slideshow>p",
}


@pytest.mark.parametrize(
    ("expected", "path"), [(rule, path) for rule, paths in BOXES.items() for path in paths.split()]
)
def test_a_box_apart_is_told_by_its_name(expected, path):
    path = path if path.startswith("body") else f"body>main>{path}"
    boxed = blocks_in_boxes([*TEXT, block(6, PROSE, path=path)], frozenset(range(7)))
    assert {n: (rule.name, rule.reason) for n, rule in boxed.items()} == ({6: expected} if expected else {})


def test_where_hardly_any_text_stands_outside_the_boxes_they_are_the_text():
    slides = [block(n, f"{n} {PROSE}", path=SLIDE) for n in range(6)]
    assert blocks_in_boxes([*slides, block(6, PROSE)], frozenset(range(7))) == {}
    outside = [block(n, f"{n} {PROSE}") for n in range(6, 12)]
    assert blocks_in_boxes([*slides, *outside], frozenset(range(6))) == {}, "not selected"


@pytest.mark.parametrize(
    ("path", "count", "position", "is_boxed"),
    [
        ("p.caption", 26, 1, False),
        ("p.bio", 26, 1, False),
        ("p.caption", 25, 1, True),
        ("div.caption", 26, 1, True),
        ("figure.caption>p", 26, 1, True),
        ("p.bio", 26, 2, True),
    ],
)
def test_a_long_paragraph_of_the_text_is_no_box_by_a_class_that_was_pasted_with_it(path, count, position, is_boxed):
    texts = [block(0, words(60)), block(1, words(60))]
    texts.insert(position, block(position, words(count), path=f"body>div>{path}"))
    blocks = [replace(text, position=n) for n, text in enumerate(texts)]
    assert blocks_in_boxes(blocks, frozenset(range(3))).keys() == ({position} if is_boxed else set())


def test_a_box_goes_whatever_the_model_says():
    text = "".join(f"<p>{paragraph}</p>" for paragraph in [*STORY, *(f"{line} Again." for line in STORY)])
    fact = "The mill was built by the miller in the year of the great flood."
    box = f"<div class=factbox><h3>The mill</h3><p>{fact}</p></div>"
    html = f"<html lang=en><title>The council</title><main><h1>The council</h1><div>{text}{box}{text}</div></main>"
    cleaned = clean(Page("https://mill.example/2012/05/the-council", html.encode()))
    removed = {b.text: v.rule for b, v in zip(cleaned.blocks, cleaned.verdicts, strict=True) if not v.kept}
    assert removed[fact] == "layout/fact-box-text"
    assert "great flood" not in cleaned.text


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["left"] * 2 + ["middle"] * 5, {0, 1}),
        (["middle"] * 5, set()),
        (["a", "b"], {0}),
        (["a", "b", "c"], set()),
        ([("a", 51), ("b", 50)], {1}),
        ([("a", 950), ("b", 50)], set()),
        ([("a", 949), ("b", 51)], {1}),
    ],
    ids=["most", "alone", "of halves the last", "none has half", "a little more", "a frame", "nearly a frame"],
)
def test_the_column_with_half_of_the_prose_is_the_article_s(columns, expected):
    cells = [(cell, len(PROSE.split())) if isinstance(cell, str) else cell for cell in columns]
    blocks = [block(n, words(count), path=f"body>table>tr>td.{cell}>p") for n, (cell, count) in enumerate(cells)]
    assert blocks_in_other_columns(blocks, frozenset(range(len(blocks)))) == expected


def test_comments_stand_below_an_article():
    comments = [block(n, path="body>ol.commentlist>li>p") for n in (6, 7)]
    assert comment_blocks([*TEXT, *comments], frozenset(range(8))) == {6, 7}
    assert (
        comment_blocks([TEXT[0], *(replace(b, position=b.position - 5) for b in comments)], frozenset(range(3)))
        == set()
    )


def test_the_heading_of_a_removed_box_goes_with_it():
    blocks = [block(0), block(1, "One letter a week", path="body>div.box>h3"), block(2, path="body>div.box>p")]
    assert is_box_heading(blocks, 1, [0])
    assert not is_box_heading(blocks, 1, [0, 2])


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("a b c d e", {"link_chars": 5}, ("context/links", "navigation")),
        ("a b c d e f", {"link_chars": 6}, ("context/teaser", "other articles")),
        ("abcd", {"link_chars": 2}, None),
        ("The mill in 1990", {"kind": BlockKind.CAPTION}, ("context/caption", "caption")),
        ("12:30", {}, ("context/date", "date")),
        ("on 3.5.2024 it was so then", {}, ("context/date", "date")),
        ("on 3.5.2024 it was so then too", {}, None),
    ],
)
def test_a_removed_block_is_explained_by_what_it_is(text, fields, expected):
    assert explain_by_content(block(0, text, **fields)) == expected


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (linked(0, "The mill burned down"), True),
        (block(0, "The mill burned down"), False),
        (block(0, "When the mill burned down, the…"), True),
        (block(0, "When the mill burned down, the [...]"), True),
        (linked(0, LONG), False),
        (block(0, "x" * 100, link_chars=50), False),
        (block(0, "x" * 100, link_chars=51), True),
        (linked(0, "The mill burned\n3 May", kind=BlockKind.LIST_ITEM), True),
        (linked(0, "The mill burned\n3 May", kind=BlockKind.QUOTE), False),
        (linked(0, "The mill burned\n3 May", kind=BlockKind.CODE), False),
        (linked(0, "The mill burned\n3 May", kind=BlockKind.TABLE), False),
        (block(0, f"one two three\n{words(57)}", link_chars=13), True),
        (block(0, f"one two three\n{words(58)}", link_chars=13), False),
        (block(0, f"one twothree\n{words(57)}", link_chars=12), False),
        (block(0, f"one two three\n{words(57)}", link_chars=11), True),
        (block(0, f"one two three\n{words(57)}", link_chars=10), False),
        (block(0, f"one two three\n{words(57)}", link_chars=15), True),
        (block(0, f"one two three\n{words(57)}", link_chars=16), False),
    ],
)
def test_a_teaser_is_a_short_link_a_cut_excerpt_or_a_card_under_a_linked_headline(candidate, expected):
    assert is_teaser(candidate) is expected


def test_a_heading_opens_a_box_if_a_teaser_follows_it_closely():
    heading, teaser = block(0, "More"), linked(9, "The mill")
    assert opens_teaser_box([heading, block(1, "a date"), teaser], 0)
    assert not opens_teaser_box([heading, block(1, LONG), block(2, LONG), teaser], 0)
    assert not opens_teaser_box([heading], 0)


@pytest.mark.parametrize(
    ("candidate", "is_selected", "position", "expected"),
    [
        (linked(0, "The mill"), True, BETWEEN, True),
        (linked(0, "The mill"), False, ABOVE, True),
        (block(0, "Short line."), False, BETWEEN, False),
        (block(0, "Short line."), False, ABOVE, False),
        (block(0, LONG), False, AFTER, True),
        (block(0, "Short line."), True, AFTER, True),
        (block(0, LONG), True, AFTER, False),
    ],
)
def test_a_section_goes_on_in_teasers_and_below_the_article_until_a_long_selected_paragraph(
    candidate, is_selected, position, expected
):
    assert continues_section(candidate, frozenset({0} if is_selected else ()), position) is expected


@pytest.mark.parametrize(("end", "link_chars", "expected"), [("", 0, True), ("…", 0, False), ("", 999, False)])
def test_a_long_text_that_is_neither_cut_nor_a_link_is_no_excerpt(end, link_chars, expected):
    assert is_no_excerpt(block(0, words(60) + end, link_chars=link_chars)) is expected


def _comments_below(count: int) -> frozenset[int]:
    comment = block(1, words(20), path="body>div.comments>p")
    return comment_blocks([block(0, words(count)), comment], frozenset({0, 1}))


def _boxes_beside(count: int) -> object:
    box = block(1, words(20), path="body>div.infobox>p")
    return blocks_in_boxes([block(0, words(count)), box], frozenset({0, 1}))


def _heads_box(count: int) -> bool:
    blocks = [block(0, words(count), path="body>div.box>h3"), block(1, path="body>div.box>p"), block(2, path="body>p")]
    return is_box_heading(blocks, 0, [2]) and not is_box_heading(blocks, 0, [1])


def _is_in_section(count: int) -> bool:
    is_excerpt, is_link = is_teaser(block(0, f"{words(count)}…")), is_teaser(linked(0, words(count)))
    return is_excerpt and is_link and continues_section(block(0, words(count)), frozenset({0}), AFTER)


def test_thresholds():
    assert holds_up_to(30, _is_in_section), "words of a teaser"
    assert holds_up_to(49, lambda n: not is_no_excerpt(block(0, words(n)))), "words of no excerpt"
    assert holds_up_to(24, lambda n: is_no_excerpt(block(0, "x " * 49 + "yy", link_chars=n))), "links of no excerpt"
    assert holds_up_to(79, lambda n: not _comments_below(n)), "words above comments"
    assert holds_up_to(99, lambda n: not _boxes_beside(n)), "words beside boxes"
    assert holds_up_to(8, _heads_box), "words of a box's heading"
