"""A page to its article: read, judge, assemble. `clean` is the three in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lxml.html import HtmlElement

from cleaners.document import Cleaned, Metadata, Page, PageType, PageVerdict, Reading
from cleaners.html.blocks import read_blocks
from cleaners.html.decode import decode, parse
from cleaners.html.links import base_url, read_outlinks, robots_tokens
from cleaners.html.prose import is_prose
from cleaners.html.tag_index import Walked, walked
from cleaners.learned.first_look import first_look
from cleaners.lineage import CLEANER_VERSION
from cleaners.metadata.fields import read_metadata
from cleaners.page_type.decide import page_verdict
from cleaners.page_type.page_features import page_features
from cleaners.site_rules.ftr_format import SiteRule
from cleaners.site_rules.marks import NOTHING, SiteFindings, apply_rules, replaced, without_stripped
from cleaners.site_rules.values import with_links, with_values
from cleaners.verdicts.assemble import assemble
from cleaners.verdicts.extractor import selected_blocks
from cleaners.verdicts.judge import judge


def read(page: Page, tree: HtmlElement | Walked, site: SiteFindings = NOTHING) -> Reading:
    """Return what one look at the parsed page gives, with what its site's rules found. The tree is not changed.

    trafilatura is asked which blocks are the article's where the first look is in doubt.
    """
    tree = walked(tree)
    reading = survey(page, tree, site)
    look = first_look(reading.blocks, reading.metadata)
    if look.sure:
        return replace(reading, selected=look.selected, chances=look.chances)
    return replace(reading, selected=selected_blocks(reading.blocks, without_stripped(tree.tree, site), page.url))


def survey(page: Page, tree: HtmlElement | Walked, site: SiteFindings = NOTHING) -> Reading:
    """Return what stands on the parsed page and what it states; nothing is selected yet."""
    tree = walked(tree)
    base = base_url(tree, page.url)
    blocks = read_blocks(tree.tree, base, site.marks)
    text = "\n".join(block.text for block in blocks if is_prose(block))
    metadata = read_metadata(tree, page.url, page.fetched_at, text)
    return Reading(
        url=page.url,
        blocks=blocks,
        selected=frozenset(),
        metadata=with_values(metadata, site.values, page.url, page.fetched_at),
        outlinks=with_links(read_outlinks(tree, base), site.values),
        robots=robots_tokens(tree, page.headers),
    )


def clean(page: Page, rules: Sequence[SiteRule] = ()) -> Cleaned:
    """Read and judge a page by itself, and by the rules for its host if there are any. Any bytes give a result."""
    parsed = parse(replaced(decode(page.body, page.content_type).text, rules))
    if parsed is None:
        return _nothing(page)
    site = apply_rules(parsed, rules, base_url(parsed, page.url)) if rules else NOTHING
    tree = walked(parsed)
    reading = read(page, tree, site)
    verdicts = judge(reading)
    text, markdown = assemble(reading.blocks, verdicts)
    verdict = page_verdict(page_features(tree, page.http_status, reading, verdicts))
    return Cleaned(
        url=page.url,
        verdict=replace(verdict, evidence=(*verdict.evidence, *site.facts)),
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
