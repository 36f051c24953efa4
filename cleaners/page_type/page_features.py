"""What can be counted on a page that tells an article from a list, a wall or an error page."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import unquote, urlsplit

from lxml import etree
from lxml.html import HtmlElement

from cleaners.document import Block, Kind, Reading, Verdict
from cleaners.html.prose import is_prose
from cleaners.html.tag_index import Walked, walked
from cleaners.metadata.json_ld import Node, is_article, read_nodes, types_of
from cleaners.page_type.page_signs import Signs, page_signs
from cleaners.rules.matcher import core, fold
from cleaners.urls.shape import Shape, shape_of

FACTS: dict[str, dict[str, list[str]]] = tomllib.loads(
    files(__package__).joinpath("page_features.toml").read_text(encoding="utf-8")
)
STATIC = frozenset(FACTS["static"]["names"])
_TARGET = re.compile(r"\]\((\S+?)\)")
_OUTSIDE = frozenset(("nav", "footer", "aside", "form", "dialog"))
_MAIN_TAGS = frozenset(("div", "article", "main", "body", "html"))
_LINKED = 0.8
_HEADLINE_WORDS = 3
_SHELL_ELEMENTS = 12
_TAIL_BLOCKS = 13
_NOSCRIPT_CHARS = 1500
_GALLERY_PATHS = frozenset(FACTS["paths"]["gallery"])
_FEW_WORDS = 120
_CHALLENGES = tuple(FACTS["markup"]["challenge"])
_LISTING_TYPES = frozenset(["CollectionPage", "ItemList", "SearchResultsPage", "Blog", "ProfilePage", "OfferCatalog"])


@dataclass(frozen=True, slots=True)
class Features:
    """A page in numbers. Words and blocks are counted after judging; shares are 0 to 1."""

    url: str
    http_status: int
    shape: Shape
    states_article: bool  # by JSON-LD, Open Graph or microdata
    states_listing: bool
    locked: bool  # JSON-LD isAccessibleForFree is false
    noindex: bool
    body_classes: frozenset[str]
    h1: int
    own_heading: bool  # a heading that is not a link says the title
    headlines: int  # linked headings outside navigation, each to another page
    articles: int  # article elements that hold a link and are not nested
    kept_words: int
    kept_prose: int
    kept_links: float  # share of the kept characters that are link text
    page_links: float  # share of the page's visible characters that are link text
    static: str  # the last part of the path, where it names a page that every site has: about, contact, terms
    listed_words: int  # words of kept blocks that stand right under a linked headline
    visible_words: int
    scripts: int
    title: str
    head: str  # the first words that a reader sees, folded, where few are kept: for phrases of walls and error pages
    noscript: str  # what it tells a reader without scripts, folded, on a page of few words
    tail: str  # text near the end of the kept span and after it, folded, for a paywall's words
    published: bool
    states_gallery: bool  # a video or a set of pictures, by JSON-LD, microdata or Open Graph
    images: int
    gallery_path: str  # the part of the path that names a gallery or a video
    challenge: str  # markup of a CAPTCHA's maker, on a page of few words
    password: bool  # it asks for a password
    signs: Signs  # what `page_kinds` weighs


def page_features(
    tree: HtmlElement | Walked, http_status: int, reading: Reading, verdicts: Sequence[Verdict]
) -> Features:
    """Count the page. The tree is not changed."""
    tree, blocks = walked(tree), reading.blocks
    kept = [b for b, v in zip(blocks, verdicts, strict=True) if v.kept]
    nodes = list(_nodes(tree))
    metas = {(m.get("property") or m.get("name") or "").lower(): m.get("content") or "" for m in tree.iter("meta")}
    chars = sum([len(b.text) for b in kept])
    words, visible = sum([b.words for b in kept]), sum([b.words for b in blocks])
    headings = [b for b in blocks if b.kind is Kind.HEADING]
    signs = page_signs(tree, nodes, metas, reading, verdicts)
    return Features(
        url=reading.url,
        http_status=http_status,
        shape=shape_of(reading.url),
        states_article=_states_article(tree, nodes, metas),
        states_listing=_states_listing(nodes, metas),
        locked=any(str(n.get("isAccessibleForFree", "")).lower() == "false" for n in nodes),
        noindex="noindex" in reading.robots,
        body_classes=_body_classes(tree),
        h1=sum(b.level == 1 for b in headings),
        own_heading=_own_heading(headings, reading.metadata.title),
        headlines=len({b.text for b in headings if is_headline(b, reading.url)}),
        articles=sum(1 for _ in _articles(tree)),
        kept_words=words,
        kept_prose=sum(map(is_prose, kept)),
        kept_links=sum([b.link_chars for b in kept]) / chars if chars else 0.0,
        page_links=sum([b.link_chars for b in blocks]) / max(1, sum([len(b.text) for b in blocks])),
        static=_static(reading.url),
        listed_words=_listed_words(blocks, verdicts, reading.url),
        visible_words=visible,
        scripts=sum(1 for _ in tree.iter("script")),
        title=fold(reading.metadata.title),
        head=fold(" ".join(b.text for b in blocks[:40]))[:1500] if words < _FEW_WORDS else "",
        noscript=_noscript(tree) if visible < _FEW_WORDS else "",
        tail=_tail(blocks, verdicts),
        published=bool(reading.metadata.published),
        states_gallery=bool(signs["type_gallery"]) or metas.get("og:type", "").startswith("video"),
        gallery_path=next((part for part in _path_parts(reading.url) if part in _GALLERY_PATHS), ""),
        images=sum(1 for _ in tree.iter("img")),
        challenge=_challenge(tree) if visible < _FEW_WORDS else "",
        password=any((each.get("type") or "").lower() == "password" for each in tree.iter("input")),
        signs=signs,
    )


def _nodes(tree: Walked) -> Iterator[Node]:
    for script in tree.iter("script"):
        if "ld+json" in (script.get("type") or "") and script.text:
            yield from read_nodes(script.text)


def _states_article(tree: Walked, nodes: Sequence[Node], metas: dict[str, str]) -> bool:
    if metas.get("og:type", "").lower() in ("article", "news", "blog-post") or "article:published_time" in metas:
        return True
    if any(is_article(node) and ("headline" in node or "datePublished" in node) for node in nodes):
        return True
    items = [e for e in tree.typed if e.tag in _MAIN_TAGS and _microdata_article(e)]
    return len(items) == 1


def _states_listing(nodes: Sequence[Node], metas: dict[str, str]) -> bool:
    return metas.get("og:type") == "profile" or any(_LISTING_TYPES.intersection(types_of(node)) for node in nodes)


def _microdata_article(element: etree._Element) -> bool:
    return (element.get("itemtype") or "").rsplit("/", 1)[-1] in ("Article", "NewsArticle", "BlogPosting")


def _challenge(tree: Walked) -> str:
    """What in the markup is of a CAPTCHA's maker."""
    marks = " ".join(tree.tree.xpath("//@src | //@action | //@class | //@id")).lower()
    return next((mark for mark in _CHALLENGES if mark in marks), "")


def _body_classes(tree: Walked) -> frozenset[str]:
    return frozenset(c.lower() for body in tree.iter("body") for c in (body.get("class") or "").split())


def _own_heading(headings: Sequence[Block], title: str) -> bool:
    wanted = core(fold(title))
    return bool(wanted) and any(b.link_density < _LINKED and core(fold(b.text)) == wanted for b in headings)


def is_headline(block: Block, url: str) -> bool:
    """Whether a block is a heading that is wholly a link to another page of the host, outside navigation."""
    return (
        block.kind is Kind.HEADING
        and block.link_density >= _LINKED
        and not block.landmarks & _OUTSIDE
        and block.words >= _HEADLINE_WORDS
        and any(_elsewhere(target, url) for target in _TARGET.findall(block.markdown))
    )


def _elsewhere(target: str, url: str) -> bool:
    one, other = urlsplit(target), urlsplit(url)
    return one.netloc == other.netloc and one.path != other.path


def _static(url: str) -> str:
    """The name of a page that every site has, if the URL ends in one, whatever its extension."""
    names = [part.partition(".")[0] for part in _path_parts(url)]
    last = next((name for name in reversed(names) if name and name != "index"), "")
    return last if last in STATIC else ""


def _path_parts(url: str) -> list[str]:
    try:
        return unquote(urlsplit(url).path).lower().split("/")
    except ValueError:  # a host in broken brackets
        return []


def _listed_words(blocks: Sequence[Block], verdicts: Sequence[Verdict], url: str) -> int:
    """Words of kept blocks that follow a linked headline, up to the next heading that is not linked."""
    words, under = 0, False
    for block, verdict in zip(blocks, verdicts, strict=True):
        if block.kind is Kind.HEADING:
            under = is_headline(block, url)
        elif under and verdict.kept:
            words += block.words
    return words


def _articles(tree: Walked) -> Iterator[etree._Element]:
    for article in tree.iter("article"):
        if next(article.iterancestors("article", "aside", "nav", "footer"), None) is None:
            yield article


def _noscript(tree: Walked) -> str:
    """The first words, folded, of what is for readers without scripts, or of a body with few elements."""
    said: list[str] = []
    size = 0
    for element in tree.iter("noscript", "body"):
        if element.tag == "noscript" or len(element) < _SHELL_ELEMENTS:
            for text in element.itertext():
                if isinstance(text, str) and (folded := fold(text[: 2 * _NOSCRIPT_CHARS])):
                    said.append(folded)
                    size += len(folded) + 1
                    if size > _NOSCRIPT_CHARS:
                        return " ".join(said)[:_NOSCRIPT_CHARS]
    return " ".join(said)[:_NOSCRIPT_CHARS]


def _tail(blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> str:
    """What stands around the end of the article: its last block and the twelve after it."""
    last = max((b.position for b, v in zip(blocks, verdicts, strict=True) if v.kept), default=-1)
    return fold(" ".join(b.text for b in blocks[max(0, last - 3) : last + _TAIL_BLOCKS]))[:3000] if last >= 0 else ""
