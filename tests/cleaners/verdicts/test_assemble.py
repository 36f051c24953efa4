"""Kept blocks to text and markdown."""

from __future__ import annotations

from markdown_it import MarkdownIt

from cleaners.document import Block, Kind, Verdict
from cleaners.verdicts.assemble import assemble, markdown, plain_text

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


def item(text: str, *lists: str) -> Block:
    return block(Kind.LIST_ITEM, text, level=len(lists), path=">".join(f"{tag}.x>li" for tag in lists))


def test_numbered_lists_keep_their_numbers_and_nest() -> None:
    blocks = [item("a", "ol"), item("b", "ol", "ul"), item("c", "ol", "ul"), item("d", "ol"), item("e", "ol", "ol")]
    written = markdown(blocks)
    assert written == "1. a\n   - b\n   - c\n2. d\n   1. e"
    html = "".join(MarkdownIt().render(written).split())
    assert html == "<ol><li>a<ul><li>b</li><li>c</li></ul></li><li>d<ol><li>e</li></ol></li></ol>"


def test_a_numbered_list_begins_anew_after_other_text() -> None:
    blocks = [item("a", "ol"), item("b", "ol"), block(Kind.PARAGRAPH, "x"), item("c", "ol")]
    assert markdown(blocks) == "1. a\n2. b\n\nx\n\n1. c"


def test_the_paragraphs_of_one_quote_are_one_quote() -> None:
    said = [block(Kind.QUOTE, text, path="blockquote>p") for text in "ab"]
    assert markdown(said) == "> a\n>\n> b"
    assert markdown([said[0], block(Kind.QUOTE, "c", path="div>blockquote>p")]) == "> a\n\n> c"


def test_text_that_looks_like_a_mark_stays_text() -> None:
    for text in (
        "1. January was cold",
        "# not a heading",
        "- Hello, he said\n- Hello",
        "> more",
        "1984) he wrote",
        "---",
    ):
        html = MarkdownIt().render(markdown([block(Kind.PARAGRAPH, text)]))
        assert html.count("<p>") == 1
        assert not any(tag in html for tag in ("<h1", "<ol", "<ul", "<blockquote", "<hr"))
    assert markdown([block(Kind.PARAGRAPH, "-5 degrees, 3.5 metres -- #1")]) == "-5 degrees, 3.5 metres -- #1"


def test_code_with_a_fence_inside_is_still_one_code_block() -> None:
    source = "a\n```\nb"
    tokens = MarkdownIt().parse(markdown([block(Kind.CODE, source)]))
    assert [(token.type, token.content) for token in tokens] == [("fence", source + "\n")]


def test_a_reader_of_markdown_sees_the_blocks() -> None:
    html = MarkdownIt().render(
        markdown([block(Kind.HEADING, "H", level=1), block(Kind.LIST_ITEM, "i"), block(Kind.LIST_ITEM, "j")])
    )
    assert html == "<h1>H</h1>\n<ul>\n<li>i</li>\n<li>j</li>\n</ul>\n"
