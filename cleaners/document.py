"""Frozen values that the stages of cleaning pass on: fetched page, blocks, votes, verdicts, cleaned page.

A stage takes one of these values and returns another, and changes none. The values compute nothing, except that a block
counts its words and its share of link text.
"""

# ruff: noqa: RUF009 - a field's declaration is made by a function, which returns a new one each time

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from .words import rough_word_count

if TYPE_CHECKING:
    import numpy.typing as npt

Column: TypeAlias = "npt.NDArray[Any]"
"""A one-dimensional numpy array with one number for each block of a page, in the order of the blocks."""

Columns: TypeAlias = dict[str, Column]
"""Columns by name, such as those of features."""


class ExtractorUse(StrEnum):
    """Pages on which trafilatura is asked, besides the models."""

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
        """Return the spelling used in rule files and rule names: `author-bio`."""
        return self.name.lower().replace("_", "-")


class KeepReason(StrEnum):
    """Reason why a block was kept."""

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


cast_vote = lru_cache(maxsize=1024)(Vote)
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
    """Return the verdict that this vote decides, with the other votes attached."""
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
    STYLE = "style"  # a style sheet of an article's page


@dataclass(frozen=True, slots=True)
class Outlink:
    """Link on a page: its canonical URL, its text (in the head its title), its `rel` tokens, its kind in `via`."""

    url: str
    text: str = ""
    rel: tuple[str, ...] = ()
    via: UrlSource = UrlSource.LINK


class FieldKind(StrEnum):
    """Kind of a field's value: text, a list of texts, or a date, which an archive stores in three columns."""

    TEXT = "text"
    LIST = "list"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Declared:
    """Declaration of a field: its kind, the version of the schema that it came with, and what each column means.

    `meanings` has one line for the column of the field's name; for a date also one for the day and one for what the
    page states. An archive stores NULL for a text or date that is not there, and says so in the line.
    """

    meanings: tuple[str, ...]
    kind: FieldKind
    since: int


def _declare(*meanings: str, kind: FieldKind = FieldKind.TEXT, since: int = 1) -> Any:
    """Declare a field of a page's metadata."""
    empty = () if kind is FieldKind.LIST else ""
    return field(default=empty, metadata={"declared": Declared(meanings, kind, since)})


TextT = TypeVar("TextT")
DateT = TypeVar("DateT")


@dataclass(frozen=True, slots=True)
class MetadataFields(Generic[TextT, DateT]):
    """Declaration of what a page states about its article: each field once, in the order in which it is shown.

    `Metadata` has the fields as a page states them, `StatedMetadata` with the types of Python. From here come the
    columns of an archive, their meanings, exports, and the lines in the reading room. A field needs a reader in
    `cleaners/page/metadata_fields.py`.
    """

    title: str = _declare("Its title.")
    authors: tuple[str, ...] = _declare("Its authors, as a JSON array of names.", kind=FieldKind.LIST)
    credit: TextT = _declare(
        "The organisation that a byline beside the day names, as the page writes it: `the New York Times`; NULL if the "
        "page shows none.",
        since=2,
    )
    published: DateT = _declare(
        "When it was published, in UTC (`2024-05-03T13:47:42Z`); NULL unless the page states a time with its zone.",
        "The day on which it was published, in the publisher's zone (`2024-05-03`); NULL if the page states none.",
        "What the page states: ISO 8601, a time with or without its zone, or a day; NULL if it states nothing.",
        kind=FieldKind.DATE,
    )
    modified: DateT = _declare(
        "When it was last changed, in UTC; NULL unless the page states a time with its zone.",
        "The day on which it was last changed, in the publisher's zone; NULL if the page states none.",
        "What the page states of that, in the form of `published_stated`; NULL if it states nothing.",
        kind=FieldKind.DATE,
    )
    language: TextT = _declare("Its language: BCP 47 primary tag, lower case; NULL if it is not known.")
    description: TextT = _declare("The page's summary of it; NULL if the page states none.")
    standfirst: TextT = _declare(
        "The lines between its title and its text that sum it up, as they stand in the text too. NULL where the page "
        "shows none."
    )
    section: TextT = _declare("The section it appeared in; NULL if the page states none.")
    tags: tuple[str, ...] = _declare("Its tags, as a JSON array.", kind=FieldKind.LIST)
    keywords: tuple[str, ...] = _declare(
        "The keywords that its page states as such, in a meta or JSON-LD, as a JSON array.", kind=FieldKind.LIST
    )
    licence: TextT = _declare("URL or name of its licence; NULL if the page states none.")
    sitename: TextT = _declare("Name of the site; NULL if the page states none.")
    image: TextT = _declare("URL of its lead picture; NULL if the page states none.")
    canonical_url: TextT = _declare("The URL that its page calls the canonical one; NULL if none.")


DECLARED: Mapping[str, Declared] = {one.name: one.metadata["declared"] for one in fields(MetadataFields)}
"""The declaration of each field by its name, in their order."""


@dataclass(frozen=True, slots=True)
class Metadata(MetadataFields[str, str]):
    """Metadata that a page states about its article; a text is empty where it states none.

    A date is ISO 8601: a time, with its zone where the page states one, or a day. `sources` gives, per field, the place
    on the page that has the value.
    """

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


ARTICLE_TYPES = (PageType.ARTICLE, PageType.TEASER)
"""Types of the pages that enter the table `articles`."""


@dataclass(frozen=True, slots=True)
class PageVerdict:
    """Page's type, with the evidence for it as short `name=value` strings."""

    page_type: PageType
    evidence: tuple[str, ...] = ()

    @property
    def is_article(self) -> bool:
        """Return whether the page enters the table `articles`."""
        return self.page_type in ARTICLE_TYPES

    @property
    def refresh_url(self) -> str:
        """Return the target of a page that only redirects; empty for any other page."""
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
