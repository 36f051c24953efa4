"""Frozen values that the stages of cleaning pass on: fetched page, blocks, votes, verdicts, cleaned page.

A stage takes one of these values and returns another, and changes none. The values compute nothing, except that a block
counts its words and its share of link text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from .words import rough_word_count

if TYPE_CHECKING:
    import numpy.typing as npt

Column: TypeAlias = "npt.NDArray[Any]"
"""A one-dimensional numpy array with one number for each block of a page, in the order of the blocks."""

Columns: TypeAlias = dict[str, Column]
"""Columns by name, such as those of features."""


class ExtractorUse(StrEnum):
    """On which pages trafilatura is asked beside the models."""

    ALWAYS = "always"
    IN_DOUBT = "in-doubt"  # where the judge is unsure of the page as a whole
    NEVER = "never"


class BlockKind(StrEnum):
    """Kind of a block in its document: a paragraph, a heading, a list item …"""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    LIST_ITEM = "list_item"
    TABLE = "table"
    QUOTE = "quote"
    CODE = "code"
    CAPTION = "caption"
    LINE = "line"  # a line of text that another tool extracted, without its markup


@dataclass(frozen=True, slots=True)
class Page:
    """Response as the cleaners see it.

    `url` is the URL that answered, after redirects. `body` is the payload after transfer and content decoding.
    `fetched_at` is a UTC ISO 8601 time or empty; `directives` are what its headers ask of robots, as
    `broadsheet.cleaners.page.robots_directives.header_directives` reads them.
    """

    url: str
    body: bytes
    content_type: str = ""
    http_status: int = 200
    fetched_at: str = ""
    directives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, init=False)
class Block:
    """Visible block of a page: a paragraph, heading, list item, data table, quote, code or caption.

    `position` counts the page's blocks from 0 in document order.
    `text` is NFC with white space folded; a line break inside a block (verse, code, address) is a newline.
    `markdown` is the same text with its inline emphasis, code and links (no block prefix: `kind` and `level`
    give that), or empty where it would equal `text`.
    `path` is the block's element path, as tags with id and classes from body down: `body>main>div.story>p`.
    `level` is a heading's level or a list's depth, else 0. `link_chars` counts the characters of `text`
    that are link text. `landmarks` are the ancestors whose tag or role has a meaning: nav, header, footer, aside,
    main, article, form, figure, dialog, details, blockquote, address, button; also the labels of site rules.
    `words` is the number of words, by white space; in scripts without spaces two characters count as one.
    `link_density` is the share of the text's characters that are link text, 0 to 1. Both are computed once, at
    creation, since nearly every rule and model reads them.
    """

    position: int
    kind: BlockKind
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
        kind: BlockKind,
        text: str,
        markdown: str = "",
        path: str = "",
        level: int = 0,
        link_chars: int = 0,
        landmarks: frozenset[str] = frozenset(),
    ) -> None:
        """Set the fields through a class that is not frozen, which takes a third of the time: a page has hundreds."""
        object.__setattr__(self, "__class__", _BlockDraft)
        draft: Any = self
        draft.position = position
        draft.kind = kind
        draft.text = text
        draft.markdown = markdown
        draft.path = path
        draft.level = level
        draft.link_chars = link_chars
        draft.landmarks = landmarks
        draft.words = rough_word_count(text)
        draft.link_density = min(1.0, link_chars / len(text)) if link_chars and text else 0.0
        draft.__class__ = Block


class _BlockDraft:
    """Class of a block while its fields are being set: the same slots, not frozen."""

    __slots__ = Block.__slots__


class RemovalReason(StrEnum):
    """Reason for a block's absence from the text: its kind, as far as anything tells, or else its place.

    The stored words are those that people read. Rule files call a reason by its member in small letters: `author-bio`.
    """

    ADVERTISEMENT = "advertisement"
    APP = "app"  # an advertisement for the site's app
    AUTHOR_BIO = "about the author"
    BREADCRUMB = "breadcrumb"
    BYLINE = "byline"
    CAPTION = "caption"
    COMMENTS = "comments"
    CONSENT = "consent"
    COPYRIGHT = "copyright"
    DATE = "date"
    DIALOG = "dialog"
    DONATION = "donation"
    FEEDBACK = "feedback"
    FOOTER = "footer"
    FORM = "form"
    HIDDEN = "not to be seen"  # by its class
    LEGAL = "legal"
    LICENCE = "reuse licence"
    MEMBERSHIP = "membership"
    NAVIGATION = "navigation"
    NEWSLETTER = "newsletter"
    NOTES = "footnotes"
    PAYWALL = "paywall"
    PRINT = "print"
    PROMO = "promo"
    RELATED = "other articles"
    SHARE = "share buttons"
    SIDEBAR = "sidebar"
    TAGS = "tags"
    TITLE = "repeats the title"  # the line that repeats the title, which is stored apart
    DUPLICATE = "said twice"  # of a kept block
    HEADER = "above the article"
    CLOSING = "closing line"  # a line below the article, in its part of the page
    BOILERPLATE = "furniture inside the article"  # among the article's blocks
    ELSEWHERE = "below the article"  # below the article, in another part of the page
    NOT_SELECTED = "nothing speaks for it"  # nothing speaks for it, and nothing names it
    SITE_RULE = "a site rule of yours"  # a person's rule for the host removes it
    REPEATED = "repeated on the site"  # the site repeats it on other pages
    REMOVED_BY_PERSON = "removed by hand"

    @property
    def key(self) -> str:
        """Return the name that rule files, and the names of rules, have for it: `author-bio`."""
        return self.name.lower().replace("_", "-")


class KeepReason(StrEnum):
    """Reason for a block's presence in the text."""

    SELECTED = "selected"  # by the judge or a site rule
    RESCUED = "brought back"  # though not selected
    ARTICLE = "article"  # a line of text without markup that no rule removes
    SITE_BODY = "in the article's place"  # other pages of the site show that it stands in the article's place
    RESTORED = "restored by hand"  # by a person


BlockReason: TypeAlias = RemovalReason | KeepReason | Literal[""]
"""Why a block is kept or removed; empty in a vote that says no more than its verdict.

A verdict that was read from an archive holds the stored word, a plain string, which may be an earlier version's.
"""


@dataclass(frozen=True, slots=True)
class Vote:
    """Vote on one block: the voter, whether to keep the block, the named rule, and the reason for it."""

    voter: str  # model, extractor, rule, layout, metadata, context, site
    keep: bool
    rule: str
    reason: BlockReason = ""


cast_vote = lru_cache(maxsize=4096)(Vote)
"""Return a vote. Equal votes are one object, since thousands of blocks share one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Decision on a block: whether it is kept, the reason, the named rule, and all votes that were cast.

    `repeats` is the position of the kept block that a duplicate repeats; None for any other block.
    """

    kept: bool
    reason: BlockReason
    rule: str
    votes: tuple[Vote, ...] = ()
    repeats: int | None = None


def verdict_by(deciding_vote: Vote, *other_votes: Vote) -> Verdict:
    """Return the verdict of a vote, with the others beside it."""
    votes = (deciding_vote, *other_votes)
    return Verdict(deciding_vote.keep, deciding_vote.reason, deciding_vote.rule, votes)


class UrlSource(StrEnum):
    """Source of a URL. A page names a link, canonical, next, single_page, feed, sitemap or redirect."""

    SEED = "seed"
    LINK = "link"
    SITEMAP = "sitemap"
    FEED = "feed"
    REDIRECT = "redirect"
    CANONICAL = "canonical"
    NEXT = "next"  # or previous page of an article or list
    SINGLE_PAGE = "single_page"  # the whole article on one page
    ROBOTS = "robots"  # a robots.txt names it, or it is one
    GUESS = "guess"  # a usual place
    ARCHIVE = "archive"  # its own record in an imported file
    IMAGE = "image"  # an article shows it


@dataclass(frozen=True, slots=True)
class Outlink:
    """Link on a page: its canonical URL, its text (in the head its title), its `rel` tokens, its kind in `via`."""

    url: str
    text: str = ""
    rel: tuple[str, ...] = ()
    via: UrlSource = UrlSource.LINK


DATE_TEXT = "a date as a page states it"
"""The mark of a field that holds one: an archive stores it in three columns."""

DateText: TypeAlias = Annotated[str, DATE_TEXT]
"""ISO 8601: a time, with its zone where the page states one, or a date; empty without any."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata that a page states about its article. `sources` gives, per field, the place on the page that has the
    value.
    """

    title: str = ""
    authors: tuple[str, ...] = ()
    published: DateText = ""
    modified: DateText = ""
    language: str = ""  # BCP 47 primary tag, lower case
    description: str = ""
    standfirst: str = ""  # as it stands in the text, a line for each of its blocks
    section: str = ""
    tags: tuple[str, ...] = ()  # from whatever states topics: keywords, `article:tag`, links to tags
    keywords: tuple[str, ...] = ()  # what the page states under this name alone
    licence: str = ""
    sitename: str = ""
    image: str = ""
    canonical_url: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)


AUTHORS, BYLINE, TITLE, PUBLISHED, DAY_MONTH = "authors", "byline", "title", "published", "day_month"
"""Fields of a `FieldStatement`: persons, the line that names them, titles beside the chosen one, days, the order of day
and month.
"""


@dataclass(frozen=True, slots=True)
class FieldStatement:
    """Statement of one source of a page about a field.

    The value is a JSON array of names, a byline as the page prints it, a title, or an ISO 8601 date. For DAY_MONTH it
    is `day-first` or `month-first`: its source is `shown` where a day is above twelve, else `assumed`, with the day
    that was read so. The note says why a date is not the page's; it is empty for one that is.
    """

    field: str
    source: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ArticleImage:
    """Picture of an article: its absolute address, its caption, whose it is as the page says, and what it shows for
    those who do not see it; empty where the page says nothing. `place` is the number of the page's blocks before it;
    None if it is not known.
    """

    url: str
    caption: str = ""
    credit: str = ""
    alt: str = ""
    place: int | None = None


class PageType(StrEnum):
    """Type of a page. Only ARTICLE and TEASER enter the table `articles`."""

    ARTICLE = "article"
    TEASER = "teaser"  # the free beginning of an article behind a paywall
    LIST = "list"  # home, section, tag, author, archive, search result, whole issue, a shop's shelf
    GALLERY = "gallery"  # a video or a set of pictures with little text
    FORUM = "forum"  # a thread, a question with its answers
    PRODUCT = "product"  # one thing for sale
    DOCUMENT = "document"  # a manual's or reference's page
    WALL = "wall"  # a consent or login form, or an offer to subscribe, instead of the page
    CAPTCHA = "captcha"  # a test for robots instead of the page
    NEEDS_JAVASCRIPT = "needs_javascript"
    SOFT_404 = "soft_404"  # "not found", with status 200
    ERROR = "error"  # an error message, with status 200
    EMPTY = "empty"
    OTHER = "other"  # none of these: contact, form, what an organisation offers


REFRESH = "refresh="
"""The evidence for a page that only leads to another one begins so."""


@dataclass(frozen=True, slots=True)
class PageVerdict:
    """Page's type, with the evidence for it as short `name=value` strings."""

    page_type: PageType
    evidence: tuple[str, ...] = ()

    @property
    def is_article(self) -> bool:
        """Return whether the page enters the table `articles`."""
        return self.page_type in (PageType.ARTICLE, PageType.TEASER)

    @property
    def refresh_url(self) -> str:
        """Return where a page leads that does nothing else; empty for any other."""
        return next((fact.removeprefix(REFRESH) for fact in self.evidence if fact.startswith(REFRESH)), "")


@dataclass(frozen=True, slots=True)
class CleanedPage:
    """Page with a verdict on itself and on each of its blocks: all that the archive stores of it.

    `verdicts` has one entry for each of `blocks`. `text` is the kept blocks, one a line; `markdown` is the same with
    headings, lists, quotes and links.
    """

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
    layout_signature: bytes | None = (
        None  # as `cleaners.compare.page_layouts.layout_signature` makes it; None if it was not taken
    )
    images: tuple[ArticleImage, ...] = ()  # of the article
    statements: tuple[FieldStatement, ...] = ()  # of the article's authors and dates, by all sources
    chances: bytes = (
        b""  # how likely each block is the article's, as `cleaners.judge.certainty.block_chances` packs it, if known
    )
    asked_extractor: bool = False  # whether trafilatura was asked, besides the models

    @property
    def is_article(self) -> bool:
        """Return whether the page enters the table `articles`."""
        return self.verdict.is_article
