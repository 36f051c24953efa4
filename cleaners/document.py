"""The frozen values that pass between the stages: fetch, read, judge, store.

Nothing here computes, save that a block counts its words. A stage takes one of these values and returns another; none
is ever changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy.typing as npt

Column: TypeAlias = "npt.NDArray[Any]"
"""A number for each block of a page, as a numpy array."""


class Kind(StrEnum):
    """What a block is in its document."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    LIST_ITEM = "list_item"
    TABLE = "table"
    QUOTE = "quote"
    CODE = "code"
    CAPTION = "caption"
    LINE = "line"  # a line of text that another tool extracted; its markup is gone


@dataclass(frozen=True, slots=True)
class Page:
    """A response as the cleaners see it.

    `url` is the address that answered. `body` is the payload after transfer and content decoding.
    `fetched_at` is a UTC ISO 8601 time or empty; `headers` are (lower-case name, value) pairs.
    """

    url: str
    body: bytes
    content_type: str = ""
    http_status: int = 200
    fetched_at: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, init=False)
class Block:
    """One visible block of a page: a paragraph, heading, list item, data table, quote, code or caption.

    `text` is NFC with white space folded; a line break inside a block (verse, code, address) is a newline.
    `markdown` is the same text with its inline emphasis, code and links (no block prefix: `kind` and `level`
    give that), or empty where it would equal `text`.
    `path` is where it stood, as tags with id and classes from body down: `body>main>div.story>p`.
    `level` is a heading's level or a list's depth, else 0. `link_chars` counts the characters of `text`
    that are link text. `landmarks` are the ancestors that say what they are: nav, header, footer, aside,
    main, article, form, figure, dialog, details, blockquote, address, button.
    `words` are counted by white space; scripts without spaces count two characters as a word. `link_density` is the
    share of the text's characters that are link text, 0 to 1. Every voice asks for both, so each block holds them.
    """

    position: int
    kind: Kind
    text: str
    markdown: str = ""
    path: str = ""
    level: int = 0
    link_chars: int = 0
    landmarks: frozenset[str] = frozenset()
    words: int = field(init=False, repr=False, compare=False)
    link_density: float = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        position: int,
        kind: Kind,
        text: str,
        markdown: str = "",
        path: str = "",
        level: int = 0,
        link_chars: int = 0,
        landmarks: frozenset[str] = frozenset(),
    ) -> None:
        """Set the fields as on any object, and be a block then: a page has hundreds, and frozen fields cost thrice."""
        object.__setattr__(self, "__class__", _Draft)
        draft: Any = self
        draft.position = position
        draft.kind = kind
        draft.text = text
        draft.markdown = markdown
        draft.path = path
        draft.level = level
        draft.link_chars = link_chars
        draft.landmarks = landmarks
        draft.words = _words(text)
        draft.link_density = min(1.0, link_chars / len(text)) if link_chars and text else 0.0
        draft.__class__ = Block


class _Draft:
    """A block whose fields are being set."""

    __slots__ = Block.__slots__


def _words(text: str) -> int:
    words = len(text.split())
    return max(words, len(text) // 2) if words <= 2 and not text.isascii() else words


@dataclass(frozen=True, slots=True)
class Vote:
    """One voice about one block: who, which way, in whose name, and the reason it would give."""

    voter: str  # first-look, extractor, rule, layout, metadata, context, model, site
    keep: bool
    rule: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a block, why, and by which named rule."""

    kept: bool
    reason: str
    rule: str
    votes: tuple[Vote, ...] = ()


@dataclass(frozen=True, slots=True)
class Outlink:
    """A link that a page makes: the URL as canonicalised, its visible text and `rel` tokens."""

    url: str
    text: str = ""
    rel: tuple[str, ...] = ()
    via: str = "link"  # link, canonical, next, single_page, feed, redirect, sitemap


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a page says about its article. `sources` names, per field, where the value came from."""

    title: str = ""
    authors: tuple[str, ...] = ()
    published: str = ""  # ISO 8601, with its zone where the page states one, or a date alone
    modified: str = ""
    language: str = ""  # BCP 47 primary tag, lower case
    description: str = ""
    section: str = ""
    tags: tuple[str, ...] = ()
    licence: str = ""
    sitename: str = ""
    image: str = ""
    canonical_url: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)


class PageType(StrEnum):
    """What kind of page this is. Only ARTICLE and TEASER enter `articles`."""

    ARTICLE = "article"
    TEASER = "teaser"  # the free beginning of an article behind a paywall
    LIST = "list"  # home, section, tag, author, archive, search result, whole issue, a shop's shelf
    GALLERY = "gallery"  # a video or a set of pictures, with little text
    FORUM = "forum"  # a thread, a question with its answers
    PRODUCT = "product"  # one thing for sale
    DOCUMENT = "document"  # a manual's or reference's page
    WALL = "wall"  # consent or login in place of the page
    CAPTCHA = "captcha"  # a test for robots in place of the page
    NEEDS_JAVASCRIPT = "needs_javascript"
    SOFT_404 = "soft_404"  # it says that there is nothing, with status 200
    ERROR = "error"  # it says that something failed, with status 200
    EMPTY = "empty"
    OTHER = "other"  # a page that is none of these: contact, form, what an organisation offers


@dataclass(frozen=True, slots=True)
class PageVerdict:
    """The page's type with the evidence for it, as short `name=value` facts."""

    page_type: PageType
    evidence: tuple[str, ...] = ()

    @property
    def is_article(self) -> bool:
        """Whether the page enters `articles`."""
        return self.page_type in (PageType.ARTICLE, PageType.TEASER)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A page read and judged: all that the archive stores of it."""

    url: str
    verdict: PageVerdict
    metadata: Metadata
    blocks: tuple[Block, ...]
    verdicts: tuple[Verdict, ...]
    text: str
    markdown: str
    outlinks: tuple[Outlink, ...]
    robots: tuple[str, ...] = ()  # meta robots and X-Robots-Tag tokens, lower case
    cleaner_version: str = ""

    @property
    def is_article(self) -> bool:
        """Whether the page enters `articles`."""
        return self.verdict.is_article


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a page gives: its blocks, which of them are taken for the article, and what it states.

    `chances` are how likely each block is the article's where the first look was sure of the page and chose; None
    where the extractor was asked.
    """

    url: str
    blocks: tuple[Block, ...]
    selected: frozenset[int]
    metadata: Metadata
    outlinks: tuple[Outlink, ...] = ()
    robots: tuple[str, ...] = ()
    chances: Column | None = field(default=None, compare=False)
