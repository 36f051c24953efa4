"""A page's blocks as a small tree, and the marks that tell them in what an extractor made of it."""

from __future__ import annotations

from lxml import etree

from cleaners.outline import marked, outline
from cleaners.record import Block, Kind
from cleaners.site_labels import takes_out
from tests.cleaners.building import linked

STORY = "Two men rowed out to the ship before the storm had reached the harbour."


def at(position: int, path: str, text: str = STORY, kind: Kind = Kind.PARAGRAPH, **more: object) -> Block:
    return Block(position, kind, text, path=path, **more)  # type: ignore[arg-type]


def shape(*blocks: Block) -> str:
    """The outline as markup, the marks and the story's words left out."""
    text = etree.tostring(outline(blocks), encoding="unicode", method="html")
    return "".join(char for char in text if ord(char) < 0xE0000).replace(STORY, "…").partition("<html>")[2][:-7]


def test_neighbours_share_the_containers_of_their_path_and_have_an_element_each() -> None:
    found = shape(at(0, "body>div#a.b.c>p"), at(1, "body>div#a.b.c>p"), at(2, "body>section>p"))
    assert found == '<body><div id="a" class="b c"><p>…</p><p>…</p></div><section><p>…</p></section></body>'


def test_text_that_goes_on_in_a_container_stands_after_what_is_inside() -> None:
    assert shape(at(0, "body>div"), at(1, "body>div>p"), at(2, "body>div")) == "<body><div>…<p>…</p> …</div></body>"


def test_a_heading_has_its_level_and_a_table_is_a_paragraph() -> None:
    heading = at(0, "body>h*.top", kind=Kind.HEADING, level=3)
    table = at(1, "body>figure>table", kind=Kind.TABLE, landmarks=frozenset({"figure"}))
    assert shape(heading, table) == '<body><h3 class="top">…</h3><div><p>…</p></div></body>'


def test_links_stand_first_as_one() -> None:
    assert shape(at(0, "body>p", "Read more about it here", link_chars=9)) == (
        '<body><p><a href="/">Read more</a> about it here</p></body>'
    )


def test_parts_that_are_not_the_article_are_left_out_unless_they_hold_the_page() -> None:
    aside = at(1, "body>aside>p", "An aside", landmarks=frozenset({"aside"}))
    assert shape(at(0, "body>p"), aside) == "<body><p>…</p></body>"
    assert shape(at(0, "body>aside>p", landmarks=frozenset({"aside"}))) == "<body><div><p>…</p></div></body>"


def test_short_links_and_what_a_site_rule_takes_out_are_left_out() -> None:
    label = "site:a.txt:3/strip"
    assert takes_out([label])
    assert shape(linked(0, "Menu"), at(1, "body>p", landmarks=frozenset({label}))) == "<body></body>"


def test_marks_tell_the_blocks_whatever_became_of_their_text() -> None:
    blocks = [at(n, "body>p") for n in (0, 1, 199, 200, 39_999)]
    texts = [text.upper() for text in outline(blocks).itertext()]
    assert marked(texts) == {0, 1, 199, 200, 39_999}
    assert marked(texts[1:2]) == {1}


def test_text_that_looks_like_a_mark_or_fits_no_tree_does_no_harm() -> None:
    assert marked(outline([at(7, "body>p>9>p.\x01", "a\U000e0100\U000e0100\x00\ud800b")]).itertext()) == {7}


def test_a_page_without_blocks_has_an_empty_outline() -> None:
    assert shape() == "<body></body>"
