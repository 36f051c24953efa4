"""Features of a page by which an article is told from a list, a wall or an error page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from lxml import etree

from ..document import Block, BlockKind, RemovalReason, Verdict
from ..package_data import read_toml
from ..page.canonical_urls import split_url
from ..page.elements import TagIndex
from ..page.running_text import MAX_LINK_DENSITY, prose_of
from ..page.statements import JsonLdNode, is_article_node, types_of
from ..page.url_shapes import UrlShape, shape_of
from ..rules.matcher import fold_text, strip_outer_marks
from .block_features import Reading
from .hashed_words import PageWords, load_page_word_weights, page_words, word_signs
from .page_signs import Signs, page_signs, text_chars

PAGE_DATA: dict[str, dict[str, list[str]]] = read_toml(__package__, "page_features.toml")
STATIC_NAMES = frozenset(PAGE_DATA["static"]["names"])
_FORM_NAMES = frozenset(PAGE_DATA["static"]["forms"])
_TRASH_NUMBER = re.compile(r"(?<=__trashed)-\d+$")
_STATIC_HINTS = frozenset(PAGE_DATA["static"]["hints"])
_LINK_TARGET = re.compile(r"\]\((\S+?)\)")
_OUTSIDE_LANDMARKS = frozenset(("nav", "footer", "aside", "form", "dialog"))
_MAIN_TAGS = frozenset(("div", "article", "main", "body", "html"))
_LINK_DENSITY = 0.8
_HEADLINE_WORDS = 3
_SHELL_ELEMENTS = 12
_TAIL_BLOCKS = 13
_HEAD_BLOCKS, _HEAD_CHARS = 40, 1500
_NOSCRIPT_CHARS = 1500
_GALLERY_PATHS = frozenset(PAGE_DATA["paths"]["gallery"])
_SHORT_PAGE_WORDS = 120
_PAYWALL_PHRASES = tuple(PAGE_DATA["phrases"]["paywall"])
_OWN_TEXT_WORDS = 8  # a kept block of fewer words may be a byline, a place or a label beside an offer
_AT_ONCE = re.compile(r"\d(?!\d)")  # the seconds of a refresh before which nobody reads a page
_NAMING_ATTRIBUTES = ("src", "action", "class", "id")  # in XPath their union takes time that grows with its square
_CAPTCHA_PATTERNS = tuple(PAGE_DATA["markup"]["challenge"])
_LISTING_TYPES = frozenset(["CollectionPage", "ItemList", "SearchResultsPage", "Blog", "ProfilePage", "OfferCatalog"])


@dataclass(frozen=True, slots=True)
class PageFeatures:
    """Features of a page. Kept words and blocks are those by the verdicts; shares are 0 to 1."""

    url: str
    url_shape: UrlShape
    states_article: bool  # by JSON-LD, Open Graph or microdata
    states_listing: bool
    is_paywalled: bool  # JSON-LD isAccessibleForFree is false
    body_classes: frozenset[str]
    h1_count: int
    has_own_heading: bool  # a heading that is not a link is the title
    headline_count: int  # headings outside navigation that link to other pages
    article_count: int  # article elements that hold a link and are not nested
    kept_words: int
    kept_prose_blocks: int
    kept_link_share: float  # share of the kept characters that are link text
    page_link_share: float  # share of the page's visible characters that are link text
    static_name: str  # the last part of the path if it is that of a page that every site has: about, contact, terms
    static_hint: str  # the same, of names that articles may have too
    listed_words: int  # words of kept blocks directly under a linked headline
    visible_words: int
    script_count: int
    title: str
    head_text: (
        str  # the first visible text but comments, folded, if few words are kept; for phrases of walls and error pages
    )
    noscript_text: str  # the text for readers without scripts, folded, if few words are visible
    tail_text: str  # the text around the end of the kept blocks, folded; for phrases of paywalls
    has_date: bool
    states_gallery: bool  # a video or a set of pictures, by JSON-LD, microdata or Open Graph
    image_count: int
    gallery_path: str  # the part of the path that names a gallery or a video
    captcha_markup: str  # what in the markup names a CAPTCHA service, on a page of few words
    asks_password: bool  # it has a password field
    words: PageWords  # of which three of the signs are made
    signs: Signs  # what `page_weights` weighs
    picture_count: int = 0  # the pictures of an article that has no text; 0 for others
    lone_paywall: str = ""  # the phrase of a paywall on a page that keeps no text of its own beside it
    refresh_url: str = ""  # where a meta element sends the page's readers after a moment; empty if they stay


def page_features(reading: Reading, verdicts: Sequence[Verdict], picture_count: int = 0) -> PageFeatures:
    """Compute the features of a page; `picture_count` is that of an article without text. The tree is not changed."""
    tree, url, blocks = reading.index, reading.page.url, reading.blocks
    kept_blocks = [block for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept]
    nodes = reading.context.statements.json_ld_nodes
    metas = {
        (element.get("property") or element.get("name") or "").lower(): element.get("content") or ""
        for element in tree.iter("meta")
    }
    kept_chars = text_chars(kept_blocks)
    kept_words, visible_words = sum([block.words for block in kept_blocks]), sum([block.words for block in blocks])
    headings = [block for block in blocks if block.kind is BlockKind.HEADING]
    words = page_words(reading.metadata.title, blocks, verdicts)
    signs = page_signs(nodes, metas, reading, verdicts) | word_signs(words, load_page_word_weights())
    return PageFeatures(
        url=url,
        url_shape=shape_of(url),
        states_article=_states_article(tree, nodes, metas),
        states_listing=metas.get("og:type") == "profile"
        or any(_LISTING_TYPES.intersection(types_of(node)) for node in nodes),
        is_paywalled=any(str(node.get("isAccessibleForFree", "")).lower() == "false" for node in nodes),
        body_classes=_body_classes(tree),
        h1_count=sum(block.level == 1 for block in headings),
        has_own_heading=_has_own_heading(headings, reading.metadata.title),
        headline_count=len({block.text for block in headings if is_headline(block, url)}),
        article_count=sum(1 for _ in _top_article_elements(tree)),
        kept_words=kept_words,
        kept_prose_blocks=len(prose_of(kept_blocks)),
        kept_link_share=sum([block.link_chars for block in kept_blocks]) / kept_chars if kept_chars else 0.0,
        page_link_share=sum([block.link_chars for block in blocks]) / max(1, text_chars(blocks)),
        static_name=_static_page_name(reading, STATIC_NAMES),
        static_hint=_static_page_name(reading, _STATIC_HINTS),
        listed_words=_listed_words(blocks, verdicts, url),
        visible_words=visible_words,
        script_count=sum(1 for _ in tree.iter("script")),
        title=fold_text(reading.metadata.title),
        head_text=_head_text(blocks, verdicts) if kept_words < _SHORT_PAGE_WORDS else "",
        noscript_text=_noscript_text(tree) if visible_words < _SHORT_PAGE_WORDS else "",
        tail_text=_tail_text(blocks, verdicts),
        lone_paywall=_lone_paywall(blocks, kept_blocks) if kept_words < _SHORT_PAGE_WORDS else "",
        refresh_url=_refresh_url(tree, reading) if visible_words < _SHORT_PAGE_WORDS else "",
        has_date=bool(reading.metadata.published),
        states_gallery=bool(signs["type_gallery"]) or metas.get("og:type", "").startswith("video"),
        gallery_path=next((part for part in _path_parts(url) if part in _GALLERY_PATHS), ""),
        image_count=sum(1 for _ in tree.iter("img")),
        captcha_markup=_captcha_markup(tree) if visible_words < _SHORT_PAGE_WORDS else "",
        asks_password=any((element.get("type") or "").lower() == "password" for element in tree.iter("input")),
        words=words,
        signs=signs,
        picture_count=picture_count,
    )


def _states_article(tree: TagIndex, nodes: Sequence[JsonLdNode], metas: dict[str, str]) -> bool:
    if metas.get("og:type", "").lower() in ("article", "news", "blog-post") or "article:published_time" in metas:
        return True
    if any(is_article_node(node) and ("headline" in node or "datePublished" in node) for node in nodes):
        return True
    article_items = [
        element for element in tree.typed_elements if element.tag in _MAIN_TAGS and _is_microdata_article(element)
    ]
    return len(article_items) == 1


def _is_microdata_article(element: etree._Element) -> bool:
    return (element.get("itemtype") or "").rsplit("/", 1)[-1] in ("Article", "NewsArticle", "BlogPosting")


def _captcha_markup(tree: TagIndex) -> str:
    """Find the first pattern of a CAPTCHA service that occurs in the markup's attributes; empty if none does."""
    values = [value for element in tree.elements for name in _NAMING_ATTRIBUTES if (value := element.get(name))]
    attribute_text = " ".join(values).lower()
    return next((pattern for pattern in _CAPTCHA_PATTERNS if pattern in attribute_text), "")


def _body_classes(tree: TagIndex) -> frozenset[str]:
    return frozenset(
        class_name.lower() for body in tree.iter("body") for class_name in (body.get("class") or "").split()
    )


def _has_own_heading(headings: Sequence[Block], title: str) -> bool:
    folded_title = strip_outer_marks(fold_text(title))
    return bool(folded_title) and any(
        heading.link_density < _LINK_DENSITY and strip_outer_marks(fold_text(heading.text)) == folded_title
        for heading in headings
    )


def is_headline(block: Block, url: str) -> bool:
    """Return whether a block is a heading that is wholly a link to another page of the host, outside navigation."""
    return (
        block.kind is BlockKind.HEADING
        and block.link_density >= _LINK_DENSITY
        and not block.landmarks & _OUTSIDE_LANDMARKS
        and block.words >= _HEADLINE_WORDS
        and any(_is_other_page(target, url) for target in _LINK_TARGET.findall(block.markdown))
    )


def _is_other_page(target: str, url: str) -> bool:
    target_parts, page_parts = split_url(target), split_url(url)
    return target_parts.netloc == page_parts.netloc and target_parts.path != page_parts.path


def _static_page_name(reading: Reading, static_names: frozenset[str]) -> str:
    """Return the last name in the path of the page's URL, or of its canonical one, if it is one of these; else empty.

    The name is without extension, and that of a form of the page (`amp`, `print`) does not count.
    """
    for url in (reading.page.url, reading.metadata.canonical_url):
        names = [_TRASH_NUMBER.sub("", part.partition(".")[0]) for part in _path_parts(url)]
        last_name = next((name for name in reversed(names) if name and name not in _FORM_NAMES), "")
        if last_name in static_names:
            return last_name
    return ""


def _path_parts(url: str) -> list[str]:
    return unquote(split_url(url).path).lower().split("/")


def _listed_words(blocks: Sequence[Block], verdicts: Sequence[Verdict], url: str) -> int:
    """Count the words in kept blocks below a linked headline, up to the next heading that is not linked."""
    word_count, is_below_headline = 0, False
    for block, verdict in zip(blocks, verdicts, strict=True):
        if block.kind is BlockKind.HEADING:
            is_below_headline = is_headline(block, url)
        elif is_below_headline and verdict.kept:
            word_count += block.words
    return word_count


def _top_article_elements(tree: TagIndex) -> Iterator[etree._Element]:
    """Yield the `article` elements that are not nested in another and outside of asides, navigation and footers."""
    for article in tree.iter("article"):
        if next(article.iterancestors("article", "aside", "nav", "footer"), None) is None:
            yield article


def _noscript_text(tree: TagIndex) -> str:
    """Return the first text, folded, of `noscript` elements, and of the body if it has few elements."""
    texts: list[str] = []
    size = 0
    for element in tree.iter("noscript", "body"):
        if element.tag == "noscript" or len(element) < _SHELL_ELEMENTS:
            for text in element.itertext():
                if isinstance(text, str) and (folded_text := fold_text(text[: 2 * _NOSCRIPT_CHARS])):
                    texts.append(folded_text)
                    size += len(folded_text) + 1
                    if size > _NOSCRIPT_CHARS:
                        return " ".join(texts)[:_NOSCRIPT_CHARS]
    return " ".join(texts)[:_NOSCRIPT_CHARS]


def _head_text(blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> str:
    """Return the first visible text, folded, without what readers wrote."""
    pairs = zip(blocks[:_HEAD_BLOCKS], verdicts[:_HEAD_BLOCKS], strict=True)
    texts = (block.text for block, verdict in pairs if verdict.kept or verdict.reason is not RemovalReason.COMMENTS)
    return fold_text(" ".join(texts))[:_HEAD_CHARS]


def _refresh_url(tree: TagIndex, reading: Reading) -> str:
    """Return the other page to which a meta element, not only for readers without scripts, leads within seconds."""
    delays = [
        (element.get("content") or "").strip()
        for element in tree.iter("meta")
        if (element.get("http-equiv") or "").lower() == "refresh"
        and next(element.iterancestors("noscript"), None) is None
    ]
    if not any(_AT_ONCE.match(delay) for delay in delays):
        return ""
    return next((link.url for link in reading.outlinks if link.via == "redirect" and link.url != reading.page.url), "")


def _lone_paywall(blocks: Sequence[Block], kept_blocks: Sequence[Block]) -> str:
    """Return the first phrase of a paywall outside menus and footers; empty if the page keeps text without one."""
    phrase = _paywall_phrase(block for block in blocks if not block.landmarks & {"nav", "footer"})
    own = (block for block in kept_blocks if block.kind is not BlockKind.HEADING and block.words >= _OWN_TEXT_WORDS)
    is_lone = phrase and all(block.link_density >= MAX_LINK_DENSITY or _paywall_phrase([block]) for block in own)
    return phrase if is_lone else ""


def _paywall_phrase(blocks: Iterable[Block]) -> str:
    text = fold_text("\n".join([block.text for block in blocks]))
    return next((phrase for phrase in _PAYWALL_PHRASES if phrase in text), "")


def _tail_text(blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> str:
    """Return the folded text around the end of the article: its last four blocks and the twelve after them."""
    last_kept = max(
        (block.position for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept), default=-1
    )
    return (
        fold_text(" ".join([block.text for block in blocks[max(0, last_kept - 3) : last_kept + _TAIL_BLOCKS]]))[:3000]
        if last_kept >= 0
        else ""
    )
