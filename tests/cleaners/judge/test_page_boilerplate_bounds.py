"""The bounds of boilerplate that a page itself gives away: each as a number, with a block on both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.cleaners.document import BlockKind
from broadsheet.cleaners.judge.page_boilerplate import (
    blocks_in_boxes,
    blocks_in_other_columns,
    comment_blocks,
    continues_section,
    explain_by_content,
    is_box_heading,
    is_no_excerpt,
    is_teaser,
)
from broadsheet.cleaners.rules.rule import BodyPosition
from tests.cleaners.building import block, linked


def words(count: int, name: str = "w") -> str:
    return " ".join(f"{name}{n}" for n in range(count))


@pytest.mark.parametrize(
    ("path", "count", "position", "is_boxed"),
    [
        ("body>div>p.caption", 26, 1, False),
        ("body>div>p.bio", 26, 1, False),
        ("body>div>p.caption", 25, 1, True),
        ("body>div>div.caption", 26, 1, True),
        ("body>div>figure.caption>p", 26, 1, True),
        ("body>div>p.bio", 26, 2, True),
    ],
)
def test_a_long_paragraph_of_the_text_is_no_box_by_a_class_that_was_pasted_with_it(
    path: str, count: int, position: int, is_boxed: bool
) -> None:
    texts = [block(0, words(60)), block(1, words(60))]
    texts.insert(position, block(position, words(count), path=path))
    blocks = [replace(text, position=n) for n, text in enumerate(texts)]
    assert blocks_in_boxes(blocks, frozenset(range(3))).keys() == ({position} if is_boxed else set())


@pytest.mark.parametrize(("count", "expected"), [(30, True), (31, False)])
def test_a_teaser_has_thirty_words_at_most(count: int, expected: bool) -> None:
    assert is_teaser(linked(0, words(count))) is expected
    assert is_teaser(block(0, f"{words(count)}…")) is expected


@pytest.mark.parametrize(("link_chars", "expected"), [(50, False), (51, True)])
def test_more_than_half_of_a_teaser_is_a_link(link_chars: int, expected: bool) -> None:
    assert is_teaser(block(0, "x" * 100, link_chars=link_chars)) is expected


@pytest.mark.parametrize("kind", [BlockKind.QUOTE, BlockKind.CODE, BlockKind.TABLE])
def test_a_quote_code_and_a_table_are_no_teasers(kind: BlockKind) -> None:
    assert not is_teaser(linked(0, "The mill burned\n3 May", kind=kind))
    assert is_teaser(linked(0, "The mill burned\n3 May", kind=BlockKind.LIST_ITEM))


@pytest.mark.parametrize(
    ("headline", "details", "link_chars", "expected"),
    [
        ("one two three", 57, 13, True),
        ("one two three", 58, 13, False),
        ("one twothree", 57, 12, False),
        ("one two three", 57, 11, True),
        ("one two three", 57, 10, False),
        ("one two three", 57, 15, True),
        ("one two three", 57, 16, False),
    ],
)
def test_a_card_is_a_linked_headline_of_three_words_and_sixty_in_all(
    headline: str, details: int, link_chars: int, expected: bool
) -> None:
    """The link may be a fifth of the headline longer or shorter."""
    assert is_teaser(block(0, f"{headline}\n{words(details)}", link_chars=link_chars)) is expected


@pytest.mark.parametrize(("count", "is_selected", "expected"), [(30, True, True), (31, True, False), (31, False, True)])
def test_below_the_article_a_section_ends_at_thirty_one_selected_words(
    count: int, is_selected: bool, expected: bool
) -> None:
    selected = frozenset({0} if is_selected else ())
    assert continues_section(block(0, words(count)), selected, BodyPosition(after_body=True)) is expected


@pytest.mark.parametrize("position", [BodyPosition(between=True), BodyPosition(before_body=True)])
def test_above_the_article_s_end_a_section_is_of_teasers(position: BodyPosition) -> None:
    assert not continues_section(block(0, words(3)), frozenset(), position)
    assert continues_section(linked(0, words(3)), frozenset(), position)


@pytest.mark.parametrize(("link_chars", "expected"), [(24, True), (25, False)])
def test_a_quarter_of_links_may_be_an_excerpt(link_chars: int, expected: bool) -> None:
    text = ("x " * 50).strip() + "y"  # a hundred characters
    assert is_no_excerpt(block(0, text, link_chars=link_chars)) is expected


@pytest.mark.parametrize(("article_words", "expected"), [(79, set()), (80, {1})])
def test_comments_stand_below_an_article_of_eighty_words(article_words: int, expected: set[int]) -> None:
    comment = block(1, words(20), path="body>div.comments>p")
    assert comment_blocks([block(0, words(article_words)), comment], frozenset({0, 1})) == expected


@pytest.mark.parametrize(("outside", "expected"), [(99, set()), (100, {1})])
def test_a_box_goes_beside_a_hundred_words(outside: int, expected: set[int]) -> None:
    box = block(1, words(20), path="body>div.infobox>p")
    assert blocks_in_boxes([block(0, words(outside)), box], frozenset({0, 1})).keys() == expected


@pytest.mark.parametrize(
    ("main", "other", "expected"), [(50, 50, {0}), (51, 50, {1}), (950, 50, set()), (949, 51, {1})]
)
def test_a_column_with_half_of_the_prose_is_the_article_s_and_one_with_nearly_all_a_frame(
    main: int, other: int, expected: set[int]
) -> None:
    """Of two columns with the same prose that with the greater path; nineteen words of twenty are in a frame."""
    blocks = [block(0, words(main), path="table>tr>td.a>p"), block(1, words(other), path="table>tr>td.b>p")]
    assert blocks_in_other_columns(blocks, frozenset({0, 1})) == expected


@pytest.mark.parametrize(("count", "expected"), [(8, True), (9, False)])
def test_the_heading_of_a_box_has_eight_words_at_most(count: int, expected: bool) -> None:
    blocks = [block(0, words(count), path="body>div.box>h3"), block(1, path="body>div.box>p"), block(2, path="body>p")]
    assert is_box_heading(blocks, 0, [2]) is expected
    assert not is_box_heading(blocks, 0, [1])


@pytest.mark.parametrize(
    ("text", "link_chars", "rule"),
    [
        ("a b c d e", 5, "context/links"),
        ("a b c d e f", 6, "context/teaser"),
        ("abcd", 2, None),
        ("on 3.5.2024 it was so", 0, "context/date"),
        ("on 3.5.2024 it was so then", 0, "context/date"),
        ("on 3.5.2024 it was so then too", 0, None),
    ],
)
def test_a_removed_block_is_explained_by_links_or_as_a_date_of_six_words(
    text: str, link_chars: int, rule: str | None
) -> None:
    found = explain_by_content(block(0, text, link_chars=link_chars))
    assert (found and found[0]) == rule
