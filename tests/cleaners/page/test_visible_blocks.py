"""A page's tree to its visible blocks: what a browser would not show, and what a script shows later."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import html

from broadsheet.cleaners.document import Block
from broadsheet.cleaners.page.elements import TagIndex, is_hidden, is_in_boilerplate, running_chars
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.visible_blocks import read_blocks
from tests.cleaners.building import holds_up_to


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


def test_text_between_two_boundaries_is_one_block():
    assert texts("a <b>b</b> <i>c</i><div>d<p>e</p>f</div>g") == ["a b c", "d", "e", "f", "g"]


def test_a_line_break_is_a_newline_and_two_part_blocks():
    assert texts("<p>one<br>two<br> <br>three</p>") == ["one\ntwo", "three"]
    assert texts('<p><a href="http://[x">a</a> b</p>') == ["a b"]


def test_words_on_both_sides_of_a_picture_are_two():
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
def test_what_is_not_rendered_is_no_block_and_what_follows_it_is(markup):
    assert texts(f"<p>before</p>{markup}after") == ["before", "after"]
    assert texts(f"<p>before {markup.replace('<p', '<span').replace('</p', '</span')} after</p>")[0].startswith(
        "before"
    )


@pytest.mark.parametrize(("chars", "count"), [(1400, 1), (1401, 2)])
def test_characters_of_a_menu_that_hides_most_of_a_page(chars, count):
    story, menu = ("shown " * 117)[:700], ("menu " * 300)[:chars]
    assert len(blocks(f"<p>{story}</p><nav hidden><p>{menu}</p></nav>")) == count


def test_the_path_tells_where_a_block_stood_and_landmarks_what_that_was():
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


def test_a_table_by_itself_has_a_path():
    found = [(block.path, block.text) for block in read_blocks(first(DATA, "table"))]
    assert found == [("table>caption", "Fires"), ("table", "Year | Mills\n1999 | 2 mills")]


def test_the_tree_is_not_changed_and_positions_count_up():
    from lxml import etree

    tree = parse(f"<html><body>{DATA}{LAYOUT}<p hidden>x</p></body></html>")
    markup_before = etree.tostring(tree)
    page_blocks = read_blocks(tree, "")
    assert etree.tostring(tree) == markup_before
    assert [block.position for block in page_blocks] == list(range(len(page_blocks)))


PAGE = """<html><head><title>t</title><meta name="a"><base href="/b"></head><body class="x">
<article itemtype="https://schema.org/Article"><a href="1">one</a><img src="i"><p>text</p><a href="2">two</a>
<form><input type="password"></form></article><noscript>no</noscript><!-- not an element --></body></html>"""


def page_index() -> TagIndex:
    tree = parse(PAGE)
    assert tree is not None
    return TagIndex(tree)


@pytest.mark.parametrize(
    "tags", [("a",), ("meta", "base", "a"), ("img", "input", "title"), ("p",), ("a", "p"), ("iframe",), ("nosuch",)]
)
def test_elements_come_as_from_the_tree(tags):
    index = page_index()
    assert list(index.iter(*tags)) == list(index.tree.iter(*tags))
    assert list(index.iter(*tags)) == list(index.tree.iter(*tags)), "a second time"


ANSWER = "Water reaches the upper villages by three pumps, of which one was out of order all winter. "
LONG = f"<p>{ANSWER * 6}</p>"


@pytest.mark.parametrize(
    ("attributes", "hidden"),
    [
        ("", False),
        ("hidden", True),
        ('hidden="until-found"', False),
        ('aria-hidden="true"', True),
        ('aria-hidden="false"', False),
        ('style="color:red; DISPLAY : none"', True),
        ('style="visibility:hidden"', True),
        ('style="--display:none-such"', False),
        ('class="hidden"', False),
    ],
)
def test_only_an_elements_own_markup_hides_it(attributes, hidden):
    assert is_hidden(html.fromstring(f"<p {attributes}>x</p>")) is hidden


@pytest.mark.parametrize(
    "container",
    [
        '<div class="modal" hidden>{}</div>',
        '<div role="dialog" style="display:none">{}</div>',
        '<nav><div hidden>{}</div></nav>',
        '<div id="cookie-banner"><div><div hidden>{}</div></div></div>',
        '<form hidden>{}</form>',
        '<section class="related-posts" aria-hidden="true">{}</section>',
        f"<div hidden><p>{ANSWER}</p></div>",
        f"<div hidden>{f'<div>{ANSWER}</div>' * 7}</div>",
    ],
)  # fmt: skip
def test_what_opens_over_the_page_or_furnishes_it_stays_hidden(container):
    assert texts(f"<p>{ANSWER * 20}</p>{container.format(LONG)}") == [(ANSWER * 20).strip()]


@pytest.mark.parametrize(
    "attributes", ["hidden", 'style="display:none"', 'style="visibility: hidden"', 'style="opacity:0"']
)
@pytest.mark.parametrize("tag", ["section", "div", "article", "td", "li", "p"])
def test_a_body_hidden_until_a_script_shows_it_is_read_whatever_it_is_made_of(attributes, tag):
    story = "".join(f"<{tag}>{n}. {ANSWER}<i>It was the oldest.</i></{tag}>" for n in range(7))
    for page in (f"<main {attributes}>{story}</main>", story.replace(f"<{tag}", f"<{tag} {attributes}")):
        page = f"<table><tr>{page}</table>" if tag == "td" else page
        told = " ".join(texts(f"<nav><a href='/'>Home</a></nav>{page}"))
        assert told.count("It was the oldest.") == 7


def test_a_hidden_dialog_or_menu_of_links_is_no_text_of_a_page_with_little():
    dialog = f"<div class='modal' hidden>{f'<div>{ANSWER}</div>' * 7}</div>"
    menu = f"<ul hidden>{f'<li><a href=/x>{ANSWER}</a></li>' * 7}</ul>"
    assert texts(f"<p>Loading</p>{dialog}{menu}") == ["Loading"]


@pytest.mark.parametrize("tag", ["a", "button", "option", "svg", "script"])
def test_what_stands_in_a_link_or_a_button_is_no_run_of_text(tag):
    text = "x" * 40
    assert running_chars(html.fromstring(f"<div><{tag}>{text}<i>{text}</i></{tag}>{text}</div>")) == 40


def _in_cookies(depth: int) -> bool:
    return is_in_boilerplate(html.fromstring("<div class=cookies>" + "<div>" * depth + "<p>x</p>").xpath("//p/..")[0])


def _is_run(count: int) -> bool:
    runs = [f"<div>{markup.format('x' * count)}</div>" for markup in ("{}", "<b>x</b>{}", "<b> {} </b>")]
    assert len({running_chars(html.fromstring(run)) for run in runs}) == 1
    return running_chars(html.fromstring(runs[0])) == count


def test_thresholds():
    assert holds_up_to(39, lambda n: not _is_run(n)), "characters of no run of text"
    assert holds_up_to(2, _in_cookies), "steps to a container"
