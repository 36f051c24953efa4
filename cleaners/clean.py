"""A page to its article: read, judge, assemble. `clean` is the three in a row."""

from __future__ import annotations

from lxml.html import HtmlElement

from cleaners.assemble import assemble
from cleaners.blocks import read_blocks
from cleaners.decode import decode, parse
from cleaners.extract import extracted_text, selected_blocks
from cleaners.judge import judge
from cleaners.links import base_url, read_outlinks, robots_tokens
from cleaners.metadata import read_metadata
from cleaners.page_features import page_features
from cleaners.page_type import page_verdict
from cleaners.record import Cleaned, Metadata, Page, PageType, PageVerdict, Reading

CLEANER_VERSION = "1"
"""Grows whenever the same page may come out otherwise. Stored beside each text."""


def read(page: Page, tree: HtmlElement) -> Reading:
    """Return what one look at the parsed page gives. The tree is not changed."""
    base = base_url(tree, page.url)
    blocks = read_blocks(tree, base)
    extracted = extracted_text(tree, page.url)
    metadata = read_metadata(tree, page.url, page.fetched_at, extracted)
    return Reading(
        url=page.url,
        blocks=blocks,
        selected=selected_blocks(blocks, extracted),
        metadata=metadata,
        outlinks=read_outlinks(tree, base),
        robots=robots_tokens(tree, page.headers),
    )


def clean(page: Page) -> Cleaned:
    """Read and judge a page by itself, with no knowledge of its site. Any bytes give a result."""
    tree = parse(decode(page.body, page.content_type).text)
    if tree is None:
        return _nothing(page)
    reading = read(page, tree)
    verdicts = judge(reading)
    text, markdown = assemble(reading.blocks, verdicts)
    return Cleaned(
        url=page.url,
        verdict=page_verdict(page_features(tree, page.http_status, reading, verdicts)),
        metadata=reading.metadata,
        blocks=reading.blocks,
        verdicts=verdicts,
        text=text,
        markdown=markdown,
        outlinks=reading.outlinks,
        robots=reading.robots,
        cleaner_version=CLEANER_VERSION,
    )


def article_text(html: bytes, url: str | None = None) -> str:
    """Return the article's text, one block a line: what the crawl stores for the same page."""
    return clean(Page(url or "", html)).text


def _nothing(page: Page) -> Cleaned:
    verdict = PageVerdict(PageType.EMPTY, ("no_markup",))
    return Cleaned(page.url, verdict, Metadata(), (), (), "", "", (), (), CLEANER_VERSION)
