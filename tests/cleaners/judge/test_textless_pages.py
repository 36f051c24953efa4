"""Text that a page only holds is its text where little is left; an article of pictures has none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from broadsheet.cleaners.clean import clean, survey_page
from broadsheet.cleaners.document import CleanedPage, KeepReason, Page, PageType, RemovalReason, Verdict
from broadsheet.cleaners.judge.block_verdicts import JudgedBlocks
from broadsheet.cleaners.judge.textless_pages import find_picture_article
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.rules.layout_rules import explain_layout

TITLE = "The mill by the river"
LINES = [f"Paragraph {n} tells at some length what the council of the town did about the old mill." for n in range(9)]
PLAIN, MARKUP = "\n\n".join(LINES), "".join(f"<p>{line}</p>" for line in LINES)
NODE = {"@type": "NewsArticle", "headline": TITLE, "articleBody": PLAIN}
STATEMENT = f'<script type="application/ld+json">{json.dumps(NODE)}</script>'
STATE = f"<script>window.__INITIAL_STATE__ = {json.dumps({'article': {'title': TITLE, 'body': MARKUP}})}</script>"


def cleaned(body: str, **fields: object) -> CleanedPage:
    html = (
        f"<html><head><title>{TITLE}</title></head><body><nav><a href='/'>Home</a></nav><h1>{TITLE}</h1>{body}</body>"
    )
    return clean(Page("https://news.example/2026/03/mill", html.encode(), **fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "source"), [(STATEMENT, "json_ld"), (STATE, "page_state"), (f"<template>{MARKUP}</template>", "template")]
)
def test_text_that_a_page_only_holds_is_its_text_and_the_evidence_says_from_where(body, source):
    page = cleaned(body)
    assert page.text.splitlines() == LINES
    assert page.verdict.page_type is PageType.ARTICLE
    assert f"text_source={source}" in page.verdict.evidence
    assert page.metadata.language == "en"
    kept = [(block, verdict) for block, verdict in zip(page.blocks, page.verdicts, strict=True) if verdict.kept]
    assert {verdict.rule for _, verdict in kept} == {f"statement/{source}"}
    assert {verdict.reason for _, verdict in kept} == {KeepReason.RESCUED}
    assert [block.position for block in page.blocks] == list(range(len(page.blocks)))
    assert len(page.chances) == len(page.blocks)
    assert all(explain_layout(block.path) is None for block, _ in kept)


def test_a_page_that_shows_its_text_has_no_second_block_of_it():
    shown, stated = cleaned(f"<article>{MARKUP}</article>"), cleaned(f"<article>{MARKUP}</article>{STATEMENT}")
    assert stated.text == shown.text
    assert [block.text for block in stated.blocks] == [block.text for block in shown.blocks]
    assert not any(item.startswith("text_source") for item in stated.verdict.evidence)


def test_a_shown_beginning_of_a_held_text_is_a_duplicate_with_a_verdict():
    page = cleaned(f"<article><p>{LINES[0]}</p></article>{STATEMENT}")
    assert page.text.splitlines() == LINES
    shown = next(n for n, block in enumerate(page.blocks) if block.text == LINES[0])
    assert page.verdicts[shown].reason == RemovalReason.DUPLICATE


def test_a_text_that_is_shown_and_was_removed_is_confirmed():
    page = cleaned(f"<aside class='related'><div>{MARKUP}</div></aside>{STATEMENT}")
    assert page.text.splitlines() == LINES
    assert "text_source=json_ld" not in page.verdict.evidence
    assert len(page.blocks) < 2 * len(LINES)


def test_a_page_that_stands_in_a_form_shows_its_text():
    other = STATE.replace(LINES[0], "Another beginning of the story that no reader of this page has seen before.")
    shown = cleaned(f"<form>{MARKUP}</form>")
    assert cleaned(f"<form>{MARKUP}</form>{other}").text == shown.text == "\n".join(LINES)


def test_a_page_answered_as_an_error_is_not_searched():
    assert cleaned(STATEMENT, http_status=399).text != ""
    assert cleaned(STATEMENT, http_status=400).text == ""


def test_a_reason_is_evidence_where_a_text_is_not_taken():
    other = STATEMENT.replace(TITLE, "Harbour dredged")
    assert "unused=json_ld: another title" in cleaned(other).verdict.evidence


CAPTION = "<figure><figcaption>The wheel in spring</figcaption></figure><p class='byline'>By Ann Lee</p>"


def test_captions_and_bylines_in_a_held_text_are_named_by_its_markup():
    state = {"article": {"title": TITLE, "body": f"{CAPTION}{MARKUP}"}}
    page = cleaned(f"<script>window.__INITIAL_STATE__ = {json.dumps(state)}</script>")
    assert page.text.splitlines() == LINES
    reasons = {b.text: verdict.reason for b, verdict in zip(page.blocks, page.verdicts, strict=True)}
    assert reasons["The wheel in spring"] == RemovalReason.CAPTION
    assert reasons["By Ann Lee"] == RemovalReason.BYLINE
    assert [chance > 0 for chance in page.chances[-len(LINES) :]] == [True] * len(LINES)
    assert set(page.chances[-len(LINES) - 2 : -len(LINES)]) == {0}


def test_where_half_of_a_held_text_stands_in_named_boxes_it_is_kept_whole():
    boxes = "".join(f"<div class='caption'>{line}</div>" for line in LINES[:5])
    rest = "".join(f"<p>{line}</p>" for line in LINES[5:])
    state = {"article": {"title": TITLE, "body": boxes + rest}}
    page = cleaned(f"<script>window.__INITIAL_STATE__ = {json.dumps(state)}</script>")
    assert page.text.splitlines() == LINES


COMIC_URL = "https://comics.example/strips/the-mill"
STRIP = '<img src="/strips/mill.png" width="900" height="300">'
LINKED_STRIP = f"<div class=strip><a href='/n'>{STRIP}</a></div>"
RELATED = (
    '<aside class="related"><h3>Related</h3><ul>'
    + "".join(f'<li><a href="/strips/{n}">The boat {n}</a> <span class="date">{n} May 2024</span></li>' for n in (3, 9))
    + "</ul></aside>"
)


def comic(inside: str, outside: str = RELATED) -> CleanedPage:
    body = f"<main><article><header><h1>The mill and the boat</h1></header>{inside}</article></main>{outside}"
    page = f"<html lang=en><head><title>The mill and the boat</title></head><body>{body}</body></html>"
    return clean(Page(COMIC_URL, page.encode()))


@pytest.mark.parametrize("inside", [STRIP, f"<figure>{STRIP}</figure>", LINKED_STRIP])
@pytest.mark.parametrize("outside", [RELATED, RELATED + "<script>a()</script>" * 4, "<p>3 May 2024</p>", ""])
def test_an_article_of_a_picture_has_no_text_and_its_picture_is_known(inside, outside):
    page = comic(inside, outside)
    assert page.text == ""
    assert [image.url for image in page.images] == ["https://comics.example/strips/mill.png"]
    assert page.verdict.page_type is PageType.GALLERY
    assert page.verdict.evidence[:2] == ("text=pictures only", "images=1")
    assert len(page.verdicts) == len(page.chances) == len(page.blocks)
    assert all(verdict.reason for verdict in page.verdicts)


def test_an_address_beside_the_picture_is_its_text():
    address = "https://tide.example/film"
    inside = f'{STRIP}<p><a href="{address}">{address}</a></p>'
    body = f"<main><article><h1>The mill and the boat</h1>{inside}</article></main>{RELATED}"
    tree = parse(f"<html><head><title>The mill and the boat</title></head><body>{body}</body></html>")
    assert tree is not None
    reading = survey_page(Page(COMIC_URL, b""), tree)
    verdicts = tuple(Verdict(block.text == address, "", "") for block in reading.blocks)
    judged = JudgedBlocks(verdicts, bytes(len(verdicts)))
    assert find_picture_article(reading, judged) == (judged, ())
    without_text = replace(judged, verdicts=tuple(Verdict(False, "", "") for _ in verdicts))
    assert find_picture_article(reading, without_text)[1]


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (f"{STRIP}<p>The miller waits for the boat, and the boat waits for the rain.</p>", "The miller waits"),
        ('<img src="/i.png" width="16">', ""),
        ('<p class="share"><img src="/share.png"></p>', ""),
    ],
    ids=["a short text stays", "an icon", "a button"],
)
def test_a_page_with_a_text_or_an_icon_is_no_article_of_pictures(inside, text):
    page = comic(inside)
    assert text in page.text
    assert "text=pictures only" not in page.verdict.evidence
    assert page.images == ()
