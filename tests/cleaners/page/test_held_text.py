"""held_text: text that a page only holds is found in its source, and not taken where it may be another page's."""

from __future__ import annotations

import json

import pytest

from broadsheet.cleaners.page.held_text import HeldText, TextSource, find_held_text
from broadsheet.cleaners.page.metadata_fields import metadata_context
from broadsheet.cleaners.page.parsed_page import parse
from tests.cleaners.building import holds_up_to

TITLE = "The mill by the river"
LINES = [f"Paragraph {n} tells at some length what the council of the town did about the old mill." for n in range(9)]
PLAIN, MARKUP = "\n\n".join(LINES), "".join(f"<p>{line}</p>" for line in LINES)
URL = "https://news.example/2026/mill"


def statement(**members: object) -> str:
    node = {"@type": "NewsArticle", "headline": TITLE, **members}
    return f'<script type="application/ld+json">{json.dumps(node)}</script>'


def held(body: str, head: str = "") -> HeldText:
    tree = parse(f"<html><head><title>{TITLE}</title>{head}</head><body><h1>{TITLE}</h1>{body}</body></html>")
    assert tree is not None
    return find_held_text(metadata_context(tree, URL), URL)


@pytest.mark.parametrize(
    "body",
    [
        PLAIN, MARKUP, MARKUP.replace("<", "&lt;").replace(">", "&gt;"), LINES, f"<h2>{TITLE}</h2>{MARKUP}",
        MARKUP + "<script>track()</script><div hidden>no</div>",
    ],
)  # fmt: skip
def test_a_stated_body_is_blocks_whether_plain_or_markup(body):
    found = held(statement(articleBody=body))
    assert found.source is TextSource.JSON_LD
    assert [block.text for block in found.blocks] == LINES
    assert [block.position for block in found.blocks] == list(range(9))
    assert {block.path.split(">")[0] for block in found.blocks} == {"json_ld"}


def test_a_statement_that_is_cut_gives_what_is_there():
    found = held(statement(articleBody=PLAIN)[:-200])
    assert [block.text for block in found.blocks][:6] == LINES[:6]


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (statement(articleBody=PLAIN, headline="Harbour", url="/harbour"), ("unused=json_ld: another address",)),
        (statement(articleBody=PLAIN, headline="Harbour dredged"), ("unused=json_ld: another title",)),
        ("".join(statement(articleBody=PLAIN, headline=f"Harbour {n}") for n in "ab"), ("unused=json_ld: 2 texts",)),
        (statement(articleBody="Too short."), ()),
        (statement(articleBody=[1, None, {"a": PLAIN}]), ()),
        (f'<script type="application/ld+json">{"[" * 9_000}"articleBody"</script>', ()),
    ],
)  # fmt: skip
def test_a_statement_of_another_text_is_not_taken_and_the_reason_says_why(body, reasons):
    assert held(body) == HeldText(reasons=reasons)


def test_of_several_statements_the_one_with_the_pages_title_is_taken():
    others = "".join(statement(articleBody=PLAIN.replace("mill", "port"), headline=f"Harbour {n}") for n in "ab")
    assert held(others + statement(articleBody=PLAIN)).blocks[0].text == LINES[0]


def test_page_state_is_read_where_no_statement_has_a_text():
    state = json.dumps({"article": {"title": TITLE, "body": MARKUP}})
    found = held(f'{statement()}<script id="__NEXT_DATA__" type="application/json">{state}</script>')
    assert (found.source, [block.text for block in found.blocks]) == (TextSource.PAGE_STATE, LINES)
    shell = parse(f"<title>My app</title><div id=app></div><script>window.__STATE__={state}</script>")
    assert shell is not None
    assert find_held_text(metadata_context(shell, URL), URL).words == found.words, "an empty shell has the site's name"


@pytest.mark.parametrize(
    "template",
    [
        f"<template id=cookie-banner>{MARKUP}</template>",
        f"<template>{MARKUP}<p>{{{{ name }}}}</p></template>",
        "<template>" * 300 + "</template>" * 300,
    ],
)
def test_a_template_for_values_or_of_boilerplate_is_no_text(template):
    assert held(template) == HeldText()


@pytest.mark.parametrize(
    ("members", "is_taken"),
    [
        ({"url": URL}, True), ({"url": f"{URL}/"}, True), ({"url": "https://news.example/2026/other"}, True),
        ({"url": "https://news.example/2026/other", "headline": "Another thing"}, False),
        ({"url": URL, "headline": "Another thing"}, False), ({"headline": "Mill"}, True), ({"headline": ""}, True),
        ({"headline": "", "name": "Of other"}, False), ({"url": "http://[x", "headline": "The mill"}, True),
    ],
)  # fmt: skip
def test_a_statement_is_the_page_s_by_its_title_or_its_address(members, is_taken):
    assert bool(held(statement(articleBody=PLAIN, **members)).source) is is_taken


def _is_taken(count: int) -> bool:
    text = " ".join(["word"] * count)
    found = [held(statement(articleBody=text)), held(f"<template><p>{text}</p></template>")]
    assert len({bool(each.source) for each in found}) == 1
    return bool(found[0].source)


def _is_template(chars: int) -> bool:
    return len(held(f"<template><p>{'坊' * chars}</p></template><template><p>{'磨' * 200}</p></template>").blocks) == 2


def _has_templates(count: int) -> bool:
    return len(held(f"<template><p>{' '.join(LINES[:3])}</p></template>" * count).blocks) == count


def _is_compared(place: int) -> bool:
    items = [{"headline": "Another thing", "body": f"{n} {' '.join(LINES[:3])}"} for n in range(place)]
    state = json.dumps([*items, {"headline": TITLE, "body": PLAIN}])
    return bool(held(f"<script>window.STATE = {state}</script>").source)


def test_thresholds():
    assert holds_up_to(99, lambda n: not _is_taken(n)), "words of no held text"
    assert holds_up_to(79, lambda n: not _is_template(n)), "characters of no template"
    assert holds_up_to(200, _has_templates), "templates of a page"
    assert holds_up_to(199, _is_compared), "texts of a state before the page's"
