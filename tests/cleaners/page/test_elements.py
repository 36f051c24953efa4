"""A tree walked once gives what the tree gives.

What a browser would not show.
"""

from __future__ import annotations

import pytest
from lxml import html

from broadsheet.cleaners.page.elements import (
    TagIndex,
    is_hidden,
    is_in_boilerplate,
    running_chars,
)
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.visible_blocks import read_blocks
from tests.cleaners.building import holds_up_to

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
def test_elements_come_as_from_the_tree(tags: tuple[str, ...]) -> None:
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
def test_only_an_elements_own_markup_hides_it(attributes: str, hidden: bool) -> None:
    assert is_hidden(html.fromstring(f"<p {attributes}>x</p>")) is hidden


def shown(body: str) -> list[str]:
    return [block.text for block in read_blocks(html.document_fromstring(f"<html><body>{body}</body></html>"))]


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
def test_what_opens_over_the_page_or_furnishes_it_stays_hidden(container: str) -> None:
    assert shown(f"<p>{ANSWER * 20}</p>{container.format(LONG)}") == [(ANSWER * 20).strip()]


@pytest.mark.parametrize(
    "attributes", ["hidden", 'style="display:none"', 'style="visibility: hidden"', 'style="opacity:0"']
)
@pytest.mark.parametrize("tag", ["section", "div", "article", "td", "li", "p"])
def test_a_body_hidden_until_a_script_shows_it_is_read_whatever_it_is_made_of(attributes: str, tag: str) -> None:
    story = "".join(f"<{tag}>{n}. {ANSWER}<i>It was the oldest.</i></{tag}>" for n in range(7))
    for page in (f"<main {attributes}>{story}</main>", story.replace(f"<{tag}", f"<{tag} {attributes}")):
        page = f"<table><tr>{page}</table>" if tag == "td" else page
        told = " ".join(shown(f"<nav><a href='/'>Home</a></nav>{page}"))
        assert told.count("It was the oldest.") == 7


def test_a_hidden_dialog_or_menu_of_links_is_no_text_of_a_page_with_little() -> None:
    dialog = f"<div class='modal' hidden>{f'<div>{ANSWER}</div>' * 7}</div>"
    menu = f"<ul hidden>{f'<li><a href=/x>{ANSWER}</a></li>' * 7}</ul>"
    assert shown(f"<p>Loading</p>{dialog}{menu}") == ["Loading"]


@pytest.mark.parametrize("tag", ["a", "button", "option", "svg", "script"])
def test_what_stands_in_a_link_or_a_button_is_no_run_of_text(tag: str) -> None:
    text = "x" * 40
    assert running_chars(html.fromstring(f"<div><{tag}>{text}<i>{text}</i></{tag}>{text}</div>")) == 40


def _in_cookies(depth: int) -> bool:
    return is_in_boilerplate(html.fromstring("<div class=cookies>" + "<div>" * depth + "<p>x</p>").xpath("//p/..")[0])


def _is_run(count: int) -> bool:
    runs = [f"<div>{markup.format('x' * count)}</div>" for markup in ("{}", "<b>x</b>{}", "<b> {} </b>")]
    assert len({running_chars(html.fromstring(run)) for run in runs}) == 1
    return running_chars(html.fromstring(runs[0])) == count


def test_thresholds() -> None:
    assert holds_up_to(39, lambda n: not _is_run(n)), "characters of no run of text"
    assert holds_up_to(2, _in_cookies), "steps to a container"
