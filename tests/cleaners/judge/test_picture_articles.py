"""textless_pages: an article of pictures has no text, its pictures are known, and a page with a text is untouched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.cleaners.clean import clean, survey_page
from broadsheet.cleaners.document import CleanedPage, Page, PageType, Verdict
from broadsheet.cleaners.judge.block_verdicts import JudgedBlocks
from broadsheet.cleaners.judge.textless_pages import find_picture_article
from broadsheet.cleaners.page.parsed_page import parse

URL = "https://comics.example/strips/the-mill"
STRIP = '<img src="/strips/mill.png" width="900" height="300">'
LINKED_STRIP = f"<div class=strip><a href='/n'>{STRIP}</a></div>"
RELATED = (
    '<aside class="related"><h3>Related</h3><ul>'
    + "".join(f'<li><a href="/strips/{n}">The boat {n}</a> <span class="date">{n} May 2024</span></li>' for n in (3, 9))
    + "</ul></aside>"
)


def cleaned(inside: str, outside: str = RELATED) -> CleanedPage:
    body = f"<main><article><header><h1>The mill and the boat</h1></header>{inside}</article></main>{outside}"
    page = f"<html lang=en><head><title>The mill and the boat</title></head><body>{body}</body></html>"
    return clean(Page(URL, page.encode()))


@pytest.mark.parametrize("inside", [STRIP, f"<figure>{STRIP}</figure>", LINKED_STRIP])
@pytest.mark.parametrize("outside", [RELATED, RELATED + "<script>a()</script>" * 4, "<p>3 May 2024</p>", ""])
def test_an_article_of_a_picture_has_no_text_and_its_picture_is_known(inside: str, outside: str) -> None:
    page = cleaned(inside, outside)
    assert page.text == ""
    assert [image.url for image in page.images] == ["https://comics.example/strips/mill.png"]
    assert page.verdict.page_type is PageType.GALLERY
    assert page.verdict.evidence[:2] == ("text=pictures only", "images=1")
    assert len(page.verdicts) == len(page.chances) == len(page.blocks)
    assert all(verdict.reason for verdict in page.verdicts)


def test_a_short_text_beside_the_picture_stays() -> None:
    text = "The miller waits for the boat, and the boat waits for the rain."
    page = cleaned(f"{STRIP}<p>{text}</p>")
    assert text in page.text
    assert "text=pictures only" not in page.verdict.evidence


def test_an_address_beside_the_picture_is_its_text() -> None:
    address = "https://tide.example/film"
    inside = f'{STRIP}<p><a href="{address}">{address}</a></p>'
    body = f"<main><article><h1>The mill and the boat</h1>{inside}</article></main>{RELATED}"
    tree = parse(f"<html><head><title>The mill and the boat</title></head><body>{body}</body></html>")
    assert tree is not None
    reading = survey_page(Page(URL, b""), tree)
    verdicts = tuple(Verdict(block.text == address, "", "") for block in reading.blocks)
    judged = JudgedBlocks(verdicts, bytes(len(verdicts)))
    assert find_picture_article(reading, judged) == (judged, ())
    without_text = replace(judged, verdicts=tuple(Verdict(False, "", "") for _ in verdicts))
    assert find_picture_article(reading, without_text)[1]


@pytest.mark.parametrize("picture", ['<img src="/i.png" width="16">', '<p class="share"><img src="/share.png"></p>'])
def test_an_icon_is_no_article(picture: str) -> None:
    page = cleaned(picture)
    assert page.images == ()
    assert "text=pictures only" not in page.verdict.evidence
