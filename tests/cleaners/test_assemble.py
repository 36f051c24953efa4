"""Kept blocks to text and markdown."""

from __future__ import annotations

from markdown_it import MarkdownIt

from cleaners.assemble import assemble, markdown, plain_text
from cleaners.record import Block, Kind, Verdict

KEPT, GONE = Verdict(True, "selected", "x"), Verdict(False, "share", "y")


def block(kind: Kind, text: str, **fields: object) -> Block:
    return Block(0, kind, text, **fields)  # type: ignore[arg-type]


def test_only_kept_blocks_come_out_in_order() -> None:
    blocks = [block(Kind.PARAGRAPH, name) for name in "abc"]
    assert assemble(blocks, [KEPT, GONE, KEPT]) == ("a\nc", "a\n\nc")
    assert assemble([], []) == ("", "")


def test_the_text_keeps_the_lines_inside_a_block() -> None:
    assert plain_text([block(Kind.PARAGRAPH, "x\ny"), block(Kind.TABLE, "1 | 2\n3 | 4")]) == "x\ny\n1 | 2\n3 | 4"


def test_each_kind_has_its_markdown() -> None:
    blocks = [
        block(Kind.HEADING, "Mill\nfire", level=2),
        block(Kind.PARAGRAPH, "a b", markdown="a *b*"),
        block(Kind.LIST_ITEM, "one", level=1),
        block(Kind.LIST_ITEM, "two", level=2),
        block(Kind.QUOTE, "said\nso"),
        block(Kind.CODE, "x = 1"),
        block(Kind.TABLE, "a | b", markdown="| a | b |\n| --- | --- |"),
    ]
    assert markdown(blocks) == (
        "## Mill fire\n\na *b*\n\n- one\n  - two\n\n> said  \n> so\n\n```\nx = 1\n```\n\n| a | b |\n| --- | --- |"
    )


def test_code_with_a_fence_inside_is_still_one_code_block() -> None:
    source = "a\n```\nb"
    tokens = MarkdownIt().parse(markdown([block(Kind.CODE, source)]))
    assert [(token.type, token.content) for token in tokens] == [("fence", source + "\n")]


def test_a_reader_of_markdown_sees_the_blocks() -> None:
    html = MarkdownIt().render(
        markdown([block(Kind.HEADING, "H", level=1), block(Kind.LIST_ITEM, "i"), block(Kind.LIST_ITEM, "j")])
    )
    assert html == "<h1>H</h1>\n<ul>\n<li>i</li>\n<li>j</li>\n</ul>\n"
