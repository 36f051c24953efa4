"""A page's tree to its visible blocks."""

from __future__ import annotations

from typing import Any

import pytest

from broadsheet.cleaners.document import Block
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.visible_blocks import read_blocks


def blocks(body: str, url: str = "https://a.example/x") -> tuple[Block, ...]:
    tree = parse(f"<html><body>{body}</body></html>")
    assert tree is not None
    return read_blocks(tree, url)


def texts(body: str) -> list[str]:
    return [block.text for block in blocks(body)]


def first(markup: str, tag: str) -> Any:
    tree = parse(f"<html><body>{markup}</body></html>")
    assert tree is not None
    return next(tree.iter(tag))


def test_text_between_two_boundaries_is_one_block() -> None:
    assert texts("a <b>b</b> <i>c</i><div>d<p>e</p>f</div>g") == ["a b c", "d", "e", "f", "g"]


def test_a_line_break_is_a_newline_and_two_part_blocks() -> None:
    assert texts("<p>one<br>two<br> <br>three</p>") == ["one\ntwo", "three"]
    assert texts('<p><a href="http://[x">a</a> b</p>') == ["a b"]


def test_words_on_both_sides_of_a_picture_are_two() -> None:
    assert texts("<p><a href='/1'>light beige<img src='x'></a><a href='/2'>dark blue</a></p>") == [
        "light beige dark blue"
    ]


@pytest.mark.parametrize(
    "markup",
    [
        "<script>no</script>", "<style>no</style>", "<template><p>no</p></template>", "<noscript>no</noscript>",
        "<p hidden>no</p>", '<div aria-hidden="true"><p>no</p></div>', '<p style="color:red; DISPLAY : none">no</p>',
        '<p style="visibility:hidden">no</p>', "<textarea>no</textarea>", "<!-- no -->", "<iframe>no</iframe>",
        "<svg><title>no</title></svg>", "<head><title>no</title></head>",
    ],
)  # fmt: skip
def test_what_is_not_rendered_is_no_block_and_what_follows_it_is(markup: str) -> None:
    assert texts(f"<p>before</p>{markup}after") == ["before", "after"]
    assert texts(f"<p>before {markup.replace('<p', '<span').replace('</p', '</span')} after</p>")[0].startswith(
        "before"
    )


@pytest.mark.parametrize(("chars", "count"), [(1400, 1), (1401, 2)])
def test_characters_of_a_menu_that_hides_most_of_a_page(chars: int, count: int) -> None:
    story, menu = ("shown " * 117)[:700], ("menu " * 300)[:chars]
    assert len(blocks(f"<p>{story}</p><nav hidden><p>{menu}</p></nav>")) == count


def test_the_path_tells_where_a_block_stood_and_landmarks_what_that_was() -> None:
    (block,) = blocks('<main><article id="story 7"><div class="a b12 c d e"><p>x</p></div></article></main>')
    assert block.path == "body>main>article#story_*>div.a.b*.c.d>p"
    assert block.landmarks == {"main", "article"}
    (block,) = blocks('<div role="navigation"><p>x</p></div>')
    assert "nav" in block.landmarks


DATA = (
    "<table><caption>Fires</caption><tr><th>Year</th><th>Mills</th></tr>"
    "<tr><td>1999</td><td>2 <a href='/m'>mills</a></td></tr></table>"
)
LAYOUT = "<table><tr><td><table><tr><td>menu</td></tr></table></td><td><h1>Story</h1><p>words</p></td></tr></table>"


def test_a_table_by_itself_has_a_path() -> None:
    found = [(block.path, block.text) for block in read_blocks(first(DATA, "table"))]
    assert found == [("table>caption", "Fires"), ("table", "Year | Mills\n1999 | 2 mills")]


def test_the_tree_is_not_changed_and_positions_count_up() -> None:
    from lxml import etree

    tree = parse(f"<html><body>{DATA}{LAYOUT}<p hidden>x</p></body></html>")
    markup_before = etree.tostring(tree)
    page_blocks = read_blocks(tree, "")
    assert etree.tostring(tree) == markup_before
    assert [block.position for block in page_blocks] == list(range(len(page_blocks)))
