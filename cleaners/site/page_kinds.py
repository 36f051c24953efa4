"""Kinds of a site's pages: find pages that only look like articles, by layouts and folders of URLs.

A layout of lists takes along those of its pages that look like articles. A layout whose pages are nearly all articles
with texts of their own is a **main** layout; pages are taken out only beside one. From it go cards of a directory,
pages of the site's menu, and what stands in a folder of lists: cards and lists with less text than the site's articles
have. No page is taken out for its lack of a date alone: on sites whose articles have one, cards and pages of the menu
have none. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from statistics import median
from typing import NamedTuple

from ..document import ARTICLE_TYPES, PageType, PageVerdict

_LIST_TYPES = frozenset((PageType.LIST, PageType.SOFT_404))

_MAIN_SHARE, _MAIN_EXCERPTS, _MAIN_TEXTS = 0.8, 0.3, 5  # shares of articles and of excerpts, and distinct texts
_MIN_PAGES, _LIST_SHARE, _FEW_ARTICLES = 3, 0.5, 0.25
_FEW_WORDS = 0.25  # of the words of the main layouts' articles
_SOME_LISTS, _LIST_ADDRESSES, _PLAIN_ADDRESSES = 0.25, 0.8, 0.2  # shares of lists, and of addresses like those of lists
_MIN_EXCERPTS, _EXCERPT_SHARE = 3, 0.5
_MIN_SAME_TEXT, _DATED_SHARE = 4, 0.25
_MIN_QUOTED = 3  # articles that a single page must be put together of to be a list by itself


@dataclass(frozen=True, slots=True)
class LayoutPage:
    """Page as its layout's verdict sees it. `page_type` is its own; the rest is empty unless that is an article.

    `has_list_address`, of any page, says that its URL has the shape of a list's. `quoted_pages` are those whose
    openings, titles or cards most of its kept text is; `is_patchwork`, if all of it is. `folder` is the pattern of its
    URL's path up to the last part. `has_sure_day` says that it shows or states when it was published or who wrote it;
    `kept_blocks` is how many blocks its text has, counted only without such a day; `is_in_menu` says that most pages of
    the host link to it in a menu. `layout` names its layout.
    """

    page_id: int
    page_type: PageType
    words: int = 0
    text_digest: str = ""
    has_date: bool = False
    quoted_pages: frozenset[int] = frozenset()
    is_patchwork: bool = False
    has_list_address: bool = False
    folder: str = ""
    has_sure_day: bool = False
    kept_blocks: int = 0
    is_in_menu: bool = False
    layout: bytes = b""

    @property
    def is_article(self) -> bool:
        """Return whether the page is an article by itself."""
        return self.page_type in ARTICLE_TYPES


class KindRule(NamedTuple):
    """Rule that pages of a layout or folder are no articles: those of `fewer_words`, and with `takes_quotes` also those
    that quote others; not those with a day or an author if it `spares_dated`.
    """

    verdict: PageVerdict
    fewer_words: float = inf
    takes_quotes: bool = False
    spares_dated: bool = False

    def holds_for(self, page: LayoutPage) -> bool:
        """Return whether the rule takes a page that looks like an article for something else."""
        if self.spares_dated and page.has_sure_day:
            return False
        return page.words < self.fewer_words or (self.takes_quotes and bool(page.quoted_pages))


@dataclass(frozen=True, slots=True)
class LayoutVerdict:
    """Verdict on a layout: `kind` is `article`, `list`, `other`, or empty if its pages are of several kinds.

    `evidence` gives the reason in words; `rule`, if any, takes pages out.
    """

    kind: str
    evidence: str
    rule: KindRule | None = None


@dataclass(frozen=True, slots=True)
class KindEvidence:
    """Evidence of a site about its pages' kinds: the verdicts on its layouts, the rules of its folders, the strongest
    first, and whether its articles show a day or an author, so that a page of the menu without them is none.
    """

    layouts: Mapping[bytes, LayoutVerdict]
    folders: Mapping[str, Sequence[KindRule]]
    tells_by_menu: bool


class _Layout:
    """Layout's pages with their counts."""

    def __init__(self, pages: Sequence[LayoutPage]) -> None:
        self.pages = pages
        self.articles = [page for page in pages if page.is_article]
        self.lists = sum(page.page_type in _LIST_TYPES for page in pages)
        self.excerpts = [page for page in self.articles if page.quoted_pages]
        self.texts = len({page.text_digest for page in self.articles})
        self.words = median(page.words for page in self.articles) if self.articles else 0.0
        self.list_addresses = sum(page.has_list_address for page in pages)

    @property
    def article_share(self) -> float:
        return len(self.articles) / len(self.pages)

    @property
    def excerpt_share(self) -> float:
        return len(self.excerpts) / len(self.articles) if self.articles else 0.0

    @property
    def is_main(self) -> bool:
        return (
            self.article_share >= _MAIN_SHARE
            and self.excerpt_share < _MAIN_EXCERPTS
            and self.texts >= max(_MAIN_TEXTS, len(self.pages) / 5)
        )

    @property
    def counts(self) -> str:
        return f"article pages: {len(self.articles)} of {len(self.pages)}, lists: {self.lists}"


def weigh_kinds(pages: Sequence[LayoutPage]) -> KindEvidence:
    """Weigh the pages of one host against each other, each with its layout."""
    groups: dict[bytes, list[LayoutPage]] = defaultdict(list)
    for page in pages:
        groups[page.layout].append(page)
    layouts = {name: _Layout(members) for name, members in groups.items()}
    excerpt_shares = {page.page_id: layout.excerpt_share for layout in layouts.values() for page in layout.pages}
    main_layouts = [layout for layout in layouts.values() if layout.is_main]
    main_words = [page.words for layout in main_layouts for page in layout.articles]
    typical_words = median(main_words) if main_words else 0.0
    tells_by_address = any(layout.list_addresses <= _PLAIN_ADDRESSES * len(layout.pages) for layout in main_layouts)
    verdicts = {
        name: _judge_layout(layout, excerpt_shares, typical_words, tells_by_address=tells_by_address)
        for name, layout in layouts.items()
    }
    taken_out = {page.page_id for page in pages if _by_layout(page, verdicts)}
    articles = [page for page in pages if page.is_article and page.page_id not in taken_out]
    folders = _weigh_folders(pages, articles, taken_out)
    others = [page for page in articles if not _by_folder(page, folders)]
    dated = sum(page.has_sure_day for page in others)
    return KindEvidence(verdicts, folders, dated >= max(_MIN_DATED, _DATED_ARTICLES * len(others)))


def judge_kind(page: LayoutPage, evidence: KindEvidence) -> PageVerdict | None:
    """Return the verdict on a page that only looks like an article; None for any other page."""
    verdict = _by_layout(page, evidence.layouts) or _by_folder(page, evidence.folders)
    if verdict is None and page.is_article and evidence.tells_by_menu and page.is_in_menu and not page.has_sure_day:
        return PageVerdict(PageType.OTHER, ("most pages link to it in the menu, and it shows no day and no author",))
    return verdict


def _by_layout(page: LayoutPage, layouts: Mapping[bytes, LayoutVerdict]) -> PageVerdict | None:
    """Return the verdict by a page's layout, or since it is put together of the openings of other articles."""
    rule = layouts[page.layout].rule if page.is_article else None
    if rule and rule.holds_for(page):
        return rule.verdict
    if page.is_article and page.is_patchwork and len(page.quoted_pages) >= _MIN_QUOTED:
        return PageVerdict(PageType.LIST, (f"openings of {len(page.quoted_pages)} articles",))
    return None


def _by_folder(page: LayoutPage, folders: Mapping[str, Sequence[KindRule]]) -> PageVerdict | None:
    rules = folders.get(page.folder, ()) if page.is_article else ()
    return next((rule.verdict for rule in rules if rule.holds_for(page)), None)


def _judge_layout(
    layout: _Layout, excerpt_shares: Mapping[int, float], typical_words: float, *, tells_by_address: bool
) -> LayoutVerdict:
    """Judge a layout; `tells_by_address` says that the site's articles do not have addresses like those of lists."""
    if layout.is_main:
        return LayoutVerdict("article", layout.counts)
    verdict = None
    if typical_words:
        verdict = _judge_list_layout(layout, typical_words) or _judge_same_text(layout)
    if tells_by_address:
        verdict = verdict or _judge_list_addresses(layout, typical_words)
    verdict = verdict or _judge_excerpts(layout, excerpt_shares)
    return verdict or LayoutVerdict("", layout.counts)


def _judge_list_layout(layout: _Layout, typical_words: float) -> LayoutVerdict | None:
    """Judge a layout half of whose pages are lists, and of whose other pages few are articles, or short ones.

    A page stays that has as much text of its own as the site's articles have.
    """
    if len(layout.pages) < _MIN_PAGES or layout.lists < _LIST_SHARE * len(layout.pages):
        return None
    if layout.article_share > _FEW_ARTICLES and layout.words >= _FEW_WORDS * typical_words:
        return None
    evidence = f"{layout.lists} of {len(layout.pages)} pages of this layout are lists"
    return _take_out(PageType.LIST, evidence, typical_words)


def _judge_list_addresses(layout: _Layout, typical_words: float) -> LayoutVerdict | None:
    """Judge a layout with some lists, whose addresses are nearly all like those of lists: pages of authors or tags.

    Its template may state of each that it is an article. A page stays that has as much text as the site's articles.
    """
    count = len(layout.pages)
    is_list = layout.lists >= _SOME_LISTS * count and layout.list_addresses >= _LIST_ADDRESSES * count
    if count < _MIN_PAGES or not is_list:
        return None
    evidence = f"{layout.list_addresses} of {count} addresses of this layout are lists'"
    return _take_out(PageType.LIST, evidence, typical_words)


def _judge_excerpts(layout: _Layout, excerpt_shares: Mapping[int, float]) -> LayoutVerdict | None:
    """Judge a layout half of whose articles are excerpts of articles in layouts that are not made of excerpts."""
    excerpts = [page for page in layout.excerpts if _quotes_originals(page, layout, excerpt_shares)]
    if len(layout.articles) < _MIN_EXCERPTS or len(excerpts) < _EXCERPT_SHARE * len(layout.articles):
        return None
    evidence = (
        f"{len(excerpts)} of {len(layout.articles)} texts of this layout are openings or titles of other articles"
    )
    return _take_out(PageType.LIST, evidence)


def _quotes_originals(page: LayoutPage, layout: _Layout, excerpt_shares: Mapping[int, float]) -> bool:
    own_pages = {member.page_id for member in layout.pages}
    return any(
        quoted not in own_pages and excerpt_shares.get(quoted, 0.0) <= layout.excerpt_share / 2
        for quoted in page.quoted_pages
    )


def _judge_same_text(layout: _Layout) -> LayoutVerdict | None:
    """Judge a layout whose articles all have one text, and hardly one a date: a notice in place of the pages."""
    dated_pages = sum(page.has_date for page in layout.articles)
    if len(layout.articles) < _MIN_SAME_TEXT or layout.texts > 1:
        return None
    if dated_pages > _DATED_SHARE * len(layout.articles):
        return None
    return _take_out(PageType.OTHER, f"{len(layout.articles)} pages of this layout have one text")


def _take_out(page_type: PageType, evidence: str, fewer_words: float = inf) -> LayoutVerdict:
    return LayoutVerdict(
        str(page_type), evidence, KindRule(PageVerdict(page_type, (evidence,)), fewer_words, takes_quotes=True)
    )


_MIN_FOLDER, _PROVEN_LISTS = 5, 0.6  # pages of a folder, and the share of proven lists from which the others are too
_MIN_CARDS, _CARD_WORDS, _CARD_BLOCKS = 20, 0.35, 3  # of a directory: pages; median words, of an article's; and blocks
_ALIKE_WORDS, _ALIKE_SHARE = 0.25, 0.9  # from the median, and share of the cards that are so near to it
_CARD_DAYS = 0.05  # of its pages that may show a day or an author
_DATED_ARTICLES, _MIN_DATED = 0.8, 10  # share, and number, of the articles that show a day or an author


def _weigh_folders(
    pages: Sequence[LayoutPage], articles: Sequence[LayoutPage], taken_out: Collection[int]
) -> dict[str, list[KindRule]]:
    """Return the rules of folders, by the kinds of their pages; `articles` are those that no layout takes out."""
    folders: dict[str, list[LayoutPage]] = defaultdict(list)
    for page in pages:
        folders[page.folder].append(page)
    dated_words = [page.words for page in articles if page.has_sure_day]
    typical_words = median(dated_words) if len(dated_words) >= _MIN_DATED else 0.0
    found = {
        folder: [*chain(*(weigh(folder, members, typical_words, taken_out) for weigh in (_list_rule, _card_rule)))]
        for folder, members in folders.items()
        if folder
    }
    return {folder: rules for folder, rules in found.items() if rules}


def _list_rule(
    folder: str, pages: Sequence[LayoutPage], typical_words: float, taken_out: Collection[int]
) -> list[KindRule]:
    """Return the rule of a folder where most pages are proven lists: pages shorter than articles are lists too."""
    proven = sum(page.page_type in _LIST_TYPES or page.page_id in taken_out for page in pages)
    if len(pages) < _MIN_FOLDER or proven < _PROVEN_LISTS * len(pages):
        return []
    verdict = PageVerdict(PageType.LIST, (f"{proven} of {len(pages)} pages in {folder} are lists",))
    return [KindRule(verdict, typical_words)]


def _card_rule(
    folder: str, pages: Sequence[LayoutPage], typical_words: float, taken_out: Collection[int]
) -> list[KindRule]:
    """Return the rule of a directory's cards: many short texts in a folder, without day and author, beside articles.

    They have a few blocks each, or nearly all the same number of words: rows of a table are filled in, not written.
    """
    cards = [page for page in pages if page.is_article and page.page_id not in taken_out]
    if len(cards) < _MIN_CARDS or sum(page.has_sure_day for page in cards) > _CARD_DAYS * len(cards):
        return []
    words = median(page.words for page in cards)
    blocks = median(page.kept_blocks for page in cards if not page.has_sure_day)
    alike = sum(abs(page.words - words) <= _ALIKE_WORDS * words for page in cards)
    is_form = blocks <= _CARD_BLOCKS or alike >= _ALIKE_SHARE * len(cards)
    if words >= _CARD_WORDS * typical_words or not is_form:
        return []
    verdict = PageVerdict(PageType.OTHER, (f"one of {len(cards)} cards in {folder}, without day and author",))
    return [KindRule(verdict, typical_words, spares_dated=True)]
