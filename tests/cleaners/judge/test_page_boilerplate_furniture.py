"""What the page itself shows to be no article."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import BlockKind, Page, RemovalReason
from broadsheet.cleaners.judge.page_boilerplate import (
    blocks_in_boxes,
    blocks_in_other_columns,
    boilerplate_rule,
    comment_blocks,
    explain_by_content,
    is_box_heading,
)
from tests.cleaners.building import PROSE, STORY, block, linked


def test_what_no_rule_explains_is_explained_by_what_it_is() -> None:
    assert explain_by_content(linked(1, "Contact"))[1] == "navigation"
    assert explain_by_content(linked(1, "The other mill burned down as well"))[1] == "other articles"
    assert explain_by_content(block(1, "The mill in 1990", kind=BlockKind.CAPTION))[1] == "caption"
    assert explain_by_content(block(1, "12:30"))[1] == "date"


def test_another_column_of_a_layout_table_is_no_article() -> None:
    side = [block(n, path="body>table>tr>td.left>p") for n in (0, 1)]
    main = [block(n, path="body>table>tr>td.middle>p") for n in range(2, 7)]
    assert blocks_in_other_columns([*side, *main], frozenset(range(7))) == {0, 1}
    alone = [block(n, path="body>table>tr>td.middle>p") for n in range(5)]
    assert blocks_in_other_columns(alone, frozenset(range(5))) == frozenset()


def test_the_heading_of_a_removed_box_goes_with_it() -> None:
    blocks = [
        block(0, path="body>div.story>p"),
        block(1, "One letter a week", path="body>div.box>h3", kind=BlockKind.HEADING, level=3),
        block(2, path="body>div.box>p"),
    ]
    assert is_box_heading(blocks, 1, [0])
    assert not is_box_heading(blocks, 1, [0, 2])


def test_a_linked_card_in_a_related_box_is_furniture_and_prose_in_it_is_not() -> None:
    title = "Another mill burned down as well"
    card = block(0, f"{title}\n3 May 2024\nIt was the third", link_chars=len(title), path="body>div.related>div")
    assert boilerplate_rule(card, range(1, 9)) is not None
    assert boilerplate_rule(block(0, path="body>div.related>p"), range(1, 9)) is None


def test_a_short_line_in_a_box_named_like_furniture_goes_outside_of_the_article_or_where_half_of_it_is_links() -> None:
    text = "Every week by mail"
    box = {"path": "body>div.newsletter>p"}
    assert boilerplate_rule(block(4, text, **box), range(1, 9)) is None
    assert boilerplate_rule(block(4, text, landmarks=frozenset(("aside",)), **box), range(1, 9)) is not None
    assert boilerplate_rule(block(4, text, landmarks=frozenset(("article",)), **box), range(1, 9)) is None
    assert boilerplate_rule(block(4, text, link_chars=len(text) // 2, **box), range(1, 9)) is not None
    assert boilerplate_rule(block(4, text, link_chars=len(text) // 2 - 1, **box), range(1, 9)) is None


def test_comments_below_an_article_are_not_its_text() -> None:
    story = [block(n, path="body>div.story>p") for n in range(6)]
    comments = [block(n, path="body>ol.commentlist>li>p") for n in (6, 7)]
    assert comment_blocks([*story, *comments], frozenset(range(8))) == {6, 7}
    assert (
        comment_blocks([*story[:1], *[block(n, path="body>div.comment>p") for n in (1, 2)]], frozenset(range(3)))
        == frozenset()
    )


@pytest.mark.parametrize(
    ("path", "position", "words", "goes"),
    [
        ("body>div.byline>p", 0, 3, True),
        ("body>div.byline>p", 4, 3, True),
        ("body>div.byline>p", 5, 3, False),
        ("body>div.byline>p", 8, 3, True),
        ("body>div.byline>p", 0, 14, True),
        ("body>div.byline>p", 0, 15, False),
        ("body>figcaption.caption>p", 5, 3, True),
    ],
)
def test_a_short_line_of_layout_goes_near_the_edges_of_the_article(
    path: str, position: int, words: int, goes: bool
) -> None:
    text = " ".join(f"word{number}" for number in range(words))
    assert (boilerplate_rule(block(position, text, path=path), range(1, 9)) is not None) == goes


def test_a_column_is_the_article_s_from_half_of_the_prose_on() -> None:
    halves = [block(n, path=f"body>table>tr>td.c{n}>p") for n in range(2)]
    assert blocks_in_other_columns(halves, frozenset(range(2))) == {0}, "of two that are alike the last is taken"
    thirds = [block(n, path=f"body>table>tr>td.c{n}>p") for n in range(3)]
    assert blocks_in_other_columns(thirds, frozenset(range(3))) == frozenset(), "none has half"


BOX = "body>main>div.text>div.local-factbox>p"
SLIDE = "body>main>div#photo-slideshow-2>ul>li"


def test_what_stands_in_a_box_apart_is_none_of_the_text() -> None:
    text = [block(n, f"{n} {PROSE}", path="body>main>div.text>p") for n in range(6)]
    boxes = [block(6, PROSE, path=BOX), block(7, PROSE, path=SLIDE), block(8, PROSE, path="body>main>div.box>p")]
    boxed_blocks = blocks_in_boxes([*text, *boxes], frozenset(range(9)))
    assert {n: (rule.name, rule.reason) for n, rule in boxed_blocks.items()} == {
        6: ("layout/fact-box-text", RemovalReason.SIDEBAR),
        7: ("layout/slideshow", RemovalReason.CAPTION),
    }


@pytest.mark.parametrize(
    ("name", "rule", "reason"),
    [
        ("wp-caption", "layout/caption-text", RemovalReason.CAPTION),
        ("comment", "layout/comment-text", RemovalReason.COMMENTS),
        ("authorBio", "layout/bio-text", RemovalReason.AUTHOR_BIO),
        ("affiliate-disclaimer", "layout/disclaimer-text", RemovalReason.LEGAL),
        ("cookie-consent-banner", "layout/consent-text", RemovalReason.CONSENT),
        ("cookie-recipes", None, None),
        ("commentary", None, None),
    ],
)
def test_boxes_apart_are_told_by_their_names(name: str, rule: str | None, reason: RemovalReason | None) -> None:
    text = [block(n, f"{n} {PROSE}", path="body>main>div.text>p") for n in range(6)]
    rules = blocks_in_boxes([*text, block(6, PROSE, path=f"body>main>div.{name}>p")], frozenset(range(7))).values()
    assert [(box_rule.name, box_rule.reason) for box_rule in rules] == ([(rule, reason)] if rule else [])


def test_the_options_of_a_form_are_none_of_the_text_whatever_they_say() -> None:
    text = [block(n, f"{n} {PROSE}", path="body>main>div.text>p") for n in range(6)]
    choices = [block(6, PROSE, path="body>main>select.version>option"), block(7, PROSE, path="body>main>div.option>p")]
    rules = blocks_in_boxes([*text, *choices], frozenset(range(8)))
    assert {n: (rule.name, rule.reason) for n, rule in rules.items()} == {6: ("layout/choice", RemovalReason.FORM)}


@pytest.mark.parametrize(
    "path",
    ["body.has-slideshow>main>p", "body>main.infobox>p", "body>article.slideshow>p", "body>main>div.no-slideshow>p"],
)
def test_the_page_as_a_whole_is_no_box(path: str) -> None:
    text = [block(n, f"{n} {PROSE}", path="body>main>div.text>p") for n in range(6)]
    assert blocks_in_boxes([*text, block(6, PROSE, path=path)], frozenset(range(7))) == {}


def test_where_hardly_any_text_stands_outside_the_boxes_they_are_the_text() -> None:
    slides = [block(n, f"{n} {PROSE}", path=SLIDE) for n in range(6)]
    assert blocks_in_boxes([*slides, block(6, PROSE)], frozenset(range(7))) == {}
    outside = [block(n, f"{n} {PROSE}") for n in range(6, 12)]
    assert blocks_in_boxes([*slides, *outside], frozenset(range(6))) == {}  # not selected


def test_a_box_goes_whatever_the_model_says() -> None:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in [*STORY, *(f"{line} Again." for line in STORY)])
    fact = "The mill was built by the miller in the year of the great flood."
    box = f"<div class=factbox><h3>The mill</h3><p>{fact}</p></div>"
    html = (
        f"<html lang=en><title>The council</title><body><main><h1>The council</h1><div>{text}{box}{text}</div></main>"
    )
    cleaned = clean(Page("https://mill.example/2012/05/the-council", html.encode()))
    removed = {b.text: v.rule for b, v in zip(cleaned.blocks, cleaned.verdicts, strict=True) if not v.kept}
    assert removed[fact] == "layout/fact-box-text"
    assert "great flood" not in cleaned.text
