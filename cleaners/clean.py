"""Cleaning of a page: read it, judge its blocks, assemble the article's text. `clean` does all three."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lxml import etree
from lxml.html import HtmlElement

from .compare.page_layouts import layout_signature
from .document import (
    PUBLISHED,
    Block,
    BlockKind,
    CleanedPage,
    ExtractorUse,
    FieldStatement,
    Metadata,
    Page,
    PageType,
    PageVerdict,
    RemovalReason,
    Verdict,
    cast_vote,
)
from .judge.article_text import markdown, plain_text
from .judge.block_features import Reading, hear_extractor, judge_page
from .judge.block_verdicts import JudgedBlocks, judge_blocks
from .judge.extractor import selected_blocks
from .judge.headline_blocks import find_standfirst, split_headline
from .judge.missing_days import add_missing_day
from .judge.page_features import page_features
from .judge.page_type import LONE_PAYWALL, page_verdict
from .judge.repeated_texts import name_repeated
from .judge.site_rule_files import SiteRuleFile
from .judge.site_rule_values import merge_links, override_metadata
from .judge.site_rules import apply_replacements, apply_rules, copy_without_stripped
from .judge.textless_pages import add_held_text, find_picture_article, kept_prose_words, without_text
from .lineage import CLEANER_VERSION
from .page.elements import index_tags
from .page.held_text import find_held_text
from .page.language import sure_language, with_language_of_text
from .page.links import base_url, read_outlinks
from .page.metadata_fields import metadata_context, read_fields, read_statements
from .page.page_images import read_images
from .page.parsed_page import decode, parse_page
from .page.robots_directives import read_robots_directives
from .page.running_text import LITTLE_PROSE_WORDS, prose_of
from .page.visible_blocks import read_blocks

_FIRST_ERROR_STATUS = 400
_PAYWALL_VOTE = cast_vote("context", False, "context/only-a-paywall", RemovalReason.NOT_SELECTED)


def read_page(page: Page, tree: HtmlElement, extractor_use: ExtractorUse = ExtractorUse.IN_DOUBT) -> Reading:
    """Return the parsed page's blocks, metadata and links, with the models' judgement of the blocks.

    trafilatura is asked on the pages that `extractor_use` says; in doubt it is asked for no list and the like. The tree
    is not changed.
    """
    return _judge(survey_page(page, tree), extractor_use)[0]


def survey_page(page: Page, tree: HtmlElement, rules: Sequence[SiteRuleFile] = ()) -> Reading:
    """Return the parsed page's blocks, metadata and links, before any block is selected.

    The tree is changed only where `rules`, those for the page's host, ask for it.
    """
    index = index_tags(tree)
    base = base_url(index, page.url)
    findings = apply_rules(tree, rules, base)
    context = metadata_context(index_tags(tree) if rules else index, page.url, page.fetched_at)
    places: dict[etree._Element, int] = {}
    raw_blocks = read_blocks(tree, base, findings.labels, places)
    prose = "\n".join([block.text for block in prose_of(raw_blocks)])
    stated_titles = (*context.statements.titles[:1], *context.statements.meta_contents(("og:title",)))
    blocks, metadata = split_headline(raw_blocks, read_fields(context, prose), stated_titles)
    return Reading(
        page,
        context,
        base,
        blocks,
        metadata=override_metadata(metadata, findings.values, page.url, page.fetched_at),
        outlinks=merge_links(read_outlinks(context.tag_index, base), findings.values),
        robots=read_robots_directives(context.tag_index, page.directives),
        findings=findings,
        picture_places={picture: place + len(blocks) - len(raw_blocks) for picture, place in places.items()},
    )


def _judge(survey: Reading, extractor_use: ExtractorUse) -> tuple[Reading, JudgedBlocks]:
    """Judge a page's blocks, with what trafilatura says of them if it is to be asked."""
    reading = replace(survey, judgement=judge_page(survey.blocks, survey.metadata))
    if extractor_use is not ExtractorUse.ALWAYS:
        judged = judge_blocks(reading)
        if extractor_use is ExtractorUse.NEVER or not _is_in_doubt(reading, judged):
            return reading, judged
    tree = copy_without_stripped(survey.context.tree, survey.findings)
    reading = hear_extractor(reading, selected_blocks(survey.blocks, tree, survey.page.url))
    return reading, judge_blocks(reading)


def _is_in_doubt(reading: Reading, judged: JudgedBlocks) -> bool:
    """Return whether the models are unsure of a page that has a text."""
    return not (reading.judgement.is_sure or _has_no_text(reading, judged.verdicts))


_TYPES_WITHOUT_TEXT = frozenset((
    PageType.LIST, PageType.WALL, PageType.CAPTCHA, PageType.NEEDS_JAVASCRIPT, PageType.SOFT_404, PageType.ERROR,
    PageType.EMPTY,
))  # fmt: skip
_STATES_ARTICLE = "but:states=article"


def _has_no_text(reading: Reading, verdicts: Sequence[Verdict]) -> bool:
    """Return whether a page with these verdicts is a list, or of another type that has no text of its own.

    A list for its address alone, and one that states an article, may be none.
    """
    verdict = page_verdict(page_features(reading, verdicts))
    is_seen = any(not sign.startswith("url=") for sign in verdict.evidence) and _STATES_ARTICLE not in verdict.evidence
    return verdict.page_type in _TYPES_WITHOUT_TEXT and (is_seen or verdict.page_type is not PageType.LIST)


def clean(
    page: Page, rules: Sequence[SiteRuleFile] = (), extractor_use: ExtractorUse = ExtractorUse.IN_DOUBT
) -> CleanedPage:
    """Clean a page: return its article, metadata and links, with a verdict on the page and on each visible block.

    `rules` are the site rules for the page's host; `extractor_use` says on which pages to run trafilatura. Any bytes
    give a result; the function raises nothing.

    >>> cleaned = clean(Page("https://news.example/mill", b"<title>Mill burns</title><p>Nothing was left of it."))
    >>> cleaned.metadata.title, len(cleaned.blocks)
    ('Mill burns', 1)
    """
    decoded = decode(page.body, page.content_type)
    parsed = parse_page(apply_replacements(decoded.text, rules))
    if parsed.tree is None:
        return _empty_page(page)
    reading, judged = _judge(survey_page(page, parsed.tree, rules), extractor_use)
    reading, judged, held_evidence = _add_held_text(reading, judged)
    judged, pictures = find_picture_article(reading, judged)
    judged = replace(judged, verdicts=name_repeated(reading.blocks, judged.verdicts))
    verdict = page_verdict(page_features(reading, judged.verdicts, len(pictures)))
    if LONE_PAYWALL in verdict.evidence:  # only a menu or the offer is kept
        judged = without_text(judged, _PAYWALL_VOTE)
    kept_blocks = [block for block, is_kept in zip(reading.blocks, judged.verdicts, strict=True) if is_kept.kept]
    metadata = _metadata_of_text(reading, judged.verdicts, kept_blocks, is_article=verdict.is_article)
    evidence = (*verdict.evidence, *held_evidence, *reading.findings.evidence, *decoded.cuts, *parsed.cuts)
    return CleanedPage(
        url=page.url,
        verdict=replace(verdict, evidence=evidence),
        metadata=metadata,
        blocks=reading.blocks,
        verdicts=judged.verdicts,
        text=plain_text(kept_blocks),
        markdown=markdown(kept_blocks),
        outlinks=reading.outlinks,
        robots=reading.robots,
        cleaner_version=CLEANER_VERSION,
        layout_signature=layout_signature(reading.index),
        statements=_article_statements(reading, metadata) if verdict.is_article else (),
        images=pictures or read_images(reading.index, reading.base, kept_blocks, reading.picture_places),
        chances=judged.chances,
        asked_extractor=reading.extracted is not None,
    )


def _metadata_of_text(
    reading: Reading, verdicts: Sequence[Verdict], kept_blocks: Sequence[Block], *, is_article: bool
) -> Metadata:
    """Return the page's metadata with what only the judged blocks show: standfirst, language, an article's day."""
    metadata = reading.metadata
    if standfirst := find_standfirst(reading.blocks, verdicts, metadata):
        metadata = replace(metadata, standfirst=standfirst, sources={**metadata.sources, "standfirst": "markup"})
    prose = "\n".join([block.text for block in kept_blocks if block.kind is not BlockKind.CODE])
    metadata = with_language_of_text(metadata, prose)
    return add_missing_day(metadata, reading.context, reading.blocks, verdicts) if is_article else metadata


def _article_statements(reading: Reading, metadata: Metadata) -> tuple[FieldStatement, ...]:
    """Return what each source of the page states of its article's authors and dates."""
    statements = read_statements(reading.context, reading.metadata)
    if reading.metadata.published or not metadata.published:
        return statements
    return (*statements, FieldStatement(PUBLISHED, metadata.sources["published"], metadata.published))


def _add_held_text(reading: Reading, judged: JudgedBlocks) -> tuple[Reading, JudgedBlocks, tuple[str, ...]]:
    """Add the text that a page holds without showing it, if little prose of what it shows is kept, with the evidence.

    A page that was answered as an error is not searched. A page that states no language and shows no prose has that of
    the held text.
    """
    kept_words = kept_prose_words(reading, judged.verdicts)
    if kept_words >= LITTLE_PROSE_WORDS or reading.page.http_status >= _FIRST_ERROR_STATUS:
        return reading, judged, ()
    held = find_held_text(reading.context, reading.base)
    if held.source is None or held.words <= kept_words:
        return reading, judged, held.reasons
    reading, judged, evidence = add_held_text(reading, judged, held)
    metadata = reading.metadata
    if not metadata.language and (language := sure_language("\n".join(block.text for block in held.blocks))):
        metadata = replace(metadata, language=language, sources={**metadata.sources, "language": "text"})
    return replace(reading, metadata=metadata), judged, (evidence, *held.reasons)


def article_text(html: bytes, url: str | None = None) -> str:
    """Return the article's text, one block a line: the same text that a crawl stores for the page.

    >>> article_text(b"<p>The mill on the river burned down on Monday night, the council said.</p>")
    'The mill on the river burned down on Monday night, the council said.'
    """
    return clean(Page(url or "", html)).text


def _empty_page(page: Page) -> CleanedPage:
    verdict = PageVerdict(PageType.EMPTY, ("no_markup",))
    return CleanedPage(page.url, verdict, Metadata(), (), (), "", "", (), (), CLEANER_VERSION)
