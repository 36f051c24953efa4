"""Kept blocks to text and markdown."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from broadsheet.cleaners.document import Block, BlockKind, Verdict
from broadsheet.cleaners.judge.article_text import assemble, markdown

KEPT, GONE = Verdict(True, "selected", "x"), Verdict(False, "share buttons", "y")


def block(kind: BlockKind, text: str, **fields: object) -> Block:
    return Block(0, kind, text, **fields)  # type: ignore[arg-type]


def test_only_kept_blocks_come_out_in_order_with_their_lines():
    blocks = [block(BlockKind.PARAGRAPH, name) for name in ("a\nb", "c", "d")]
    assert assemble(blocks, [KEPT, GONE, KEPT]) == ("a\nb\nd", "a  \nb\n\nd")
    assert assemble([], []) == ("", "")


def test_each_kind_has_its_markdown():
    blocks = [
        block(BlockKind.HEADING, "Mill\nfire", level=2),
        block(BlockKind.PARAGRAPH, "a b", markdown="a *b*"),
        block(BlockKind.LIST_ITEM, "one", level=1),
        block(BlockKind.LIST_ITEM, "two", level=2),
        block(BlockKind.QUOTE, "said\nso"),
        block(BlockKind.CODE, "x = 1"),
        block(BlockKind.TABLE, "a | b", markdown="| a | b |\n| --- | --- |"),
    ]
    assert markdown(blocks) == (
        "## Mill fire\n\na *b*\n\n- one\n  - two\n\n> said  \n> so\n\n```\nx = 1\n```\n\n| a | b |\n| --- | --- |"
    )


def item(text: str, *lists: str) -> Block:
    return block(BlockKind.LIST_ITEM, text, level=len(lists), path=">".join(f"{tag}.x>li" for tag in lists))


def test_numbered_lists_keep_their_numbers_and_nest():
    blocks = [item("a", "ol"), item("b", "ol", "ul"), item("c", "ol", "ul"), item("d", "ol"), item("e", "ol", "ol")]
    written = markdown(blocks)
    assert written == "1. a\n   - b\n   - c\n2. d\n   1. e"
    html = "".join(MarkdownIt().render(written).split())
    assert html == "<ol><li>a<ul><li>b</li><li>c</li></ul></li><li>d<ol><li>e</li></ol></li></ol>"


def test_a_numbered_list_begins_anew_after_other_text():
    blocks = [item("a", "ol"), item("b", "ol"), block(BlockKind.PARAGRAPH, "x"), item("c", "ol")]
    assert markdown(blocks) == "1. a\n2. b\n\nx\n\n1. c"


def test_the_paragraphs_of_one_quote_are_one_quote():
    quotes = [block(BlockKind.QUOTE, text, path="blockquote>p") for text in "ab"]
    assert markdown(quotes) == "> a\n>\n> b"
    assert markdown([quotes[0], block(BlockKind.QUOTE, "c", path="div>blockquote>p")]) == "> a\n\n> c"


@pytest.mark.parametrize(
    "text", ["1. January", "# not a heading", "- Hello, he said\n- Hello", "> more", "1984) he wrote", "---"]
)
def test_text_that_looks_like_a_mark_stays_text(text):
    html = MarkdownIt().render(markdown([block(BlockKind.PARAGRAPH, text)]))
    assert html.count("<p>") == 1
    assert not any(tag in html for tag in ("<h1", "<ol", "<ul", "<blockquote", "<hr"))


def test_numbers_and_dashes_are_no_marks():
    text = "-5 degrees, 3.5 metres -- #1"
    assert markdown([block(BlockKind.PARAGRAPH, text)]) == text


@pytest.mark.parametrize("body", ["x", "a\n```\nb", "```", "~~~~\n```\n~~~~\n<script>", "````\n`````\n<b>", "`````"])
def test_a_fence_is_longer_than_what_it_holds(body):
    block = Block(0, BlockKind.CODE, body, body, "body>pre")
    (token,) = MarkdownIt("commonmark").parse(markdown([block]))
    assert (token.type, token.content) == ("fence", f"{body}\n")
