"""Cleaning of a page: read it, judge its blocks, assemble the article's text. `clean` does all three."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lxml.html import HtmlElement

from .compare.page_layouts import layout_signature
from .document import (
    PUBLISHED,
    BlockKind,
    CleanedPage,
    ExtractorUse,
    FieldStatement,
    Metadata,
    Page,
    PageType,
    PageVerdict,
    Reading,
    RemovalReason,
    Verdict,
    cast_vote,
)
from .judge.article_text import assemble
from .judge.block_features import take_first_look
from .judge.block_verdicts import FIRST_LOOK, JudgedBlocks, judge_blocks
from .judge.extractor import selected_blocks
from .judge.headline_blocks import find_standfirst
from .judge.held_text_verdicts import add_held_text, kept_prose_words
from .judge.missing_days import add_missing_day
from .judge.page_features import page_features
from .judge.page_type import LONE_PAYWALL, page_verdict
from .judge.picture_articles import find_picture_article, without_text
from .judge.repeated_texts import name_repeated
from .judge.site_rule_files import SiteRuleFile
from .judge.site_rule_values import merge_links, override_metadata
from .judge.site_rules import (
    NO_FINDINGS,
    SiteFindings,
    apply_replacements,
    apply_rules,
    copy_without_stripped,
)
from .judge.text_span import has_second_headline
from .lineage import CLEANER_VERSION
from .page.elements import TagIndex, index_tags
from .page.held_text import HeldText, find_held_text
from .page.language import sure_language, with_language_of_text
from .page.links import base_url, read_outlinks
from .page.metadata_fields import metadata_context, read_fields, read_statements
from .page.page_context import PageContext
from .page.page_images import read_images
from .page.parsed_page import decode, parse_page
from .page.robots_directives import read_robots_directives
from .page.running_text import LITTLE_PROSE_WORDS, prose_of
from .page.visible_blocks import read_blocks

_FIRST_ERROR_STATUS = 400
_PAYWALL_VOTE = cast_vote("context", False, "context/only-a-paywall", RemovalReason.NOT_SELECTED)


def read_page(
    page: Page,
    tree: HtmlElement | TagIndex,
    findings: SiteFindings = NO_FINDINGS,
    extractor_use: ExtractorUse = ExtractorUse.IN_DOUBT,
) -> Reading:
    """Return the parsed page's blocks, metadata and links, with the blocks selected that look like the article.

    The first-look model selects, or trafilatura, on the pages that `extractor_use` says; in doubt it is asked for no
    list and the like. `findings` is what the rules for the page's host found. The tree is not changed.
    """
    return _read_and_judge(page, index_tags(tree), findings, extractor_use)[0]


def _read_and_judge(
    page: Page, index: TagIndex, findings: SiteFindings, extractor_use: ExtractorUse
) -> tuple[Reading, JudgedBlocks]:
    """Read a page and judge its blocks, with the first look alone where it is sure or holds no text."""
    reading = survey_page(page, index, findings)
    look = take_first_look(reading.blocks, reading.metadata)
    alone = replace(reading, selected=look.selected_positions, probabilities=look.probabilities)
    is_sure = look.is_sure and not has_second_headline(reading.blocks, look.selected_positions)
    if extractor_use is ExtractorUse.NEVER or (is_sure and extractor_use is ExtractorUse.IN_DOUBT):
        return alone, judge_blocks(alone)
    if extractor_use is ExtractorUse.IN_DOUBT:
        selection = [_SELECTED if block.position in alone.selected else _NOT_SELECTED for block in reading.blocks]
        if _has_no_text(page, index, alone, selection):  # worth the rules, which may leave an article of it
            judged = judge_blocks(alone)
            if _has_no_text(page, index, alone, judged.verdicts):
                return alone, judged
    selected = selected_blocks(reading.blocks, copy_without_stripped(index.tree, findings), page.url)
    reading = replace(reading, selected=selected, measured=look.measured, doubted=look.probabilities)
    return reading, judge_blocks(reading)


_SELECTED, _NOT_SELECTED = (Verdict(is_kept, "", FIRST_LOOK) for is_kept in (True, False))
_TYPES_WITHOUT_TEXT = frozenset((
    PageType.LIST, PageType.WALL, PageType.CAPTCHA, PageType.NEEDS_JAVASCRIPT, PageType.SOFT_404, PageType.ERROR,
    PageType.EMPTY,
))  # fmt: skip
_STATES_ARTICLE = "but:states=article"


def _has_no_text(page: Page, index: TagIndex, reading: Reading, verdicts: Sequence[Verdict]) -> bool:
    """Return whether a page with these verdicts is a list, or of another type that has no text of its own.

    A list for its address alone, and one that states an article, may be none.
    """
    verdict = page_verdict(page_features(index, page.http_status, reading, verdicts))
    is_seen = any(not sign.startswith("url=") for sign in verdict.evidence) and _STATES_ARTICLE not in verdict.evidence
    return verdict.page_type in _TYPES_WITHOUT_TEXT and (is_seen or verdict.page_type is not PageType.LIST)


def survey_page(page: Page, tree: HtmlElement | TagIndex, findings: SiteFindings = NO_FINDINGS) -> Reading:
    """Return the parsed page's blocks, metadata and links, before any block is selected."""
    index = index_tags(tree)
    base = base_url(index, page.url)
    blocks = read_blocks(index.tree, base, findings.labels)
    prose = "\n".join([block.text for block in prose_of(blocks)])
    context = metadata_context(index, page.url, page.fetched_at)
    return Reading(
        url=page.url,
        base=base,
        blocks=blocks,
        selected=frozenset(),
        metadata=override_metadata(read_fields(context, prose), findings.values, page.url, page.fetched_at),
        outlinks=merge_links(read_outlinks(index, base), findings.values),
        robots=read_robots_directives(index, page.directives),
        context=context,
    )


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
    root = parsed.tree
    if root is None:
        return _empty_page(page)
    findings = apply_rules(root, rules, base_url(root, page.url)) if rules else NO_FINDINGS
    index = index_tags(root)
    reading, judged = _read_and_judge(page, index, findings, extractor_use)
    asked_extractor = reading.probabilities is None
    reading, judged, held_evidence = _with_held_text(page, index, reading, judged)
    judged, pictures = find_picture_article(index, reading.base, reading, judged)
    verdicts = name_repeated(reading.blocks, judged.verdicts)
    features = page_features(index, page.http_status, reading, verdicts)
    verdict = page_verdict(replace(features, picture_count=len(pictures)) if pictures else features)
    if LONE_PAYWALL in verdict.evidence:  # what is kept is a menu, or the offer
        judged = without_text(replace(judged, verdicts=verdicts), _PAYWALL_VOTE)
        verdicts = judged.verdicts
    kept_blocks = [block for block, is_kept in zip(reading.blocks, verdicts, strict=True) if is_kept.kept]
    text, markdown = assemble(reading.blocks, verdicts)
    prose = "\n".join([block.text for block in kept_blocks if block.kind is not BlockKind.CODE])
    metadata = with_language_of_text(_with_standfirst(reading, verdicts), prose)
    if verdict.is_article and isinstance(reading.context, PageContext):
        metadata = add_missing_day(metadata, reading.context, reading.blocks, verdicts)
    evidence = (*verdict.evidence, *held_evidence, *findings.evidence, *decoded.cuts, *parsed.cuts)
    return CleanedPage(
        url=page.url,
        verdict=replace(verdict, evidence=evidence),
        metadata=metadata,
        blocks=reading.blocks,
        verdicts=verdicts,
        text=text,
        markdown=markdown,
        outlinks=reading.outlinks,
        robots=reading.robots,
        cleaner_version=CLEANER_VERSION,
        layout_signature=layout_signature(index),
        statements=_article_statements(reading, metadata) if verdict.is_article else (),
        images=pictures or read_images(index, reading.base, kept_blocks),
        chances=judged.chances,
        asked_extractor=asked_extractor,
    )


def _article_statements(reading: Reading, metadata: Metadata) -> tuple[FieldStatement, ...]:
    """Return what each source of the page states of its article's authors and dates."""
    context = reading.context
    if not isinstance(context, PageContext):
        return ()
    found = FieldStatement(PUBLISHED, metadata.sources.get("published", ""), metadata.published)
    is_new = metadata.published and not reading.metadata.published
    return (*read_statements(context, reading.metadata), *([found] if is_new else []))


def _with_held_text(
    page: Page, index: TagIndex, reading: Reading, judged: JudgedBlocks
) -> tuple[Reading, JudgedBlocks, tuple[str, ...]]:
    """Add the text that a page holds without showing it, if little prose of what it shows is kept, with the evidence.

    A page that was answered as an error is not searched.
    """
    kept_words = kept_prose_words(reading, judged.verdicts)
    if kept_words >= LITTLE_PROSE_WORDS or page.http_status >= _FIRST_ERROR_STATUS:
        return reading, judged, ()
    held = find_held_text(index, page.url, reading.base)
    if held.source is None or held.words <= kept_words:
        return reading, judged, held.reasons
    reading, judged, evidence = add_held_text(reading, judged, held)
    reading = replace(reading, metadata=_with_language_of_held(reading.metadata, held))
    return reading, judged, (evidence, *held.reasons)


def _with_language_of_held(metadata: Metadata, held: HeldText) -> Metadata:
    """Detect the language of a page that states none and shows no prose."""
    language = "" if metadata.language else sure_language("\n".join(block.text for block in held.blocks))
    if not language:
        return metadata
    return replace(metadata, language=language, sources={**metadata.sources, "language": "text"})


def _with_standfirst(reading: Reading, verdicts: Sequence[Verdict]) -> Metadata:
    """Add the standfirst to the page's metadata; only the judged blocks show it."""
    metadata = reading.metadata
    standfirst = find_standfirst(reading.blocks, verdicts, metadata)
    if not standfirst:
        return metadata
    return replace(metadata, standfirst=standfirst, sources={**metadata.sources, "standfirst": "markup"})


def article_text(html: bytes, url: str | None = None) -> str:
    """Return the article's text, one block a line: the same text that a crawl stores for the page.

    >>> article_text(b"<p>The mill on the river burned down on Monday night, the council said.</p>")
    'The mill on the river burned down on Monday night, the council said.'
    """
    return clean(Page(url or "", html)).text


def _empty_page(page: Page) -> CleanedPage:
    verdict = PageVerdict(PageType.EMPTY, ("no_markup",))
    return CleanedPage(page.url, verdict, Metadata(), (), (), "", "", (), (), CLEANER_VERSION)
