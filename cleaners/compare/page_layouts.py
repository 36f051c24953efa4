"""Layouts: a page's signature, groups of pages whose signatures are alike, and a verdict on each group.

A signature stands for the names in a page's markup without its words: `tag.class` and `tag#id` of its elements, digits
as `#`. Of their 32-bit hashes the smallest are kept (a bottom-k sketch, Cohen and Kaplan 2007): two sketches give an
estimate of the share of names that two pages have in common.

Groups are the connected components of signatures that are alike. A new page joins a group or merges several; it never
splits one. So the groups depend on the pages, not on the order in which they came.

A layout of lists takes along those of its pages that look like articles. A layout whose pages are nearly all articles
with texts of their own is a **main** layout; pages are taken out only beside one, and never from it. No page is taken
out for lacking something, such as a date. Pure.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from itertools import starmap
from math import ceil
from statistics import median
from sys import byteorder

from ..document import PageType, PageVerdict
from ..page.elements import TagIndex

MAX_HASHES = 128
MIN_NAMES = 6
"""Names that a page must have: with fewer, pages of any kind are alike."""

_DIGITS = re.compile(r"\d+")
_UNSEEN_TAGS = frozenset(("script", "style", "link", "meta", "noscript"))  # libraries come and go, the layout stays


def layout_signature(tree: TagIndex) -> bytes:
    """Compute the signature of a parsed page, four bytes a hash in rising order; empty for a page of few names."""
    names = {(element.tag, element.get("class"), element.get("id")) for element in tree.elements}
    hashes = sorted(set[int]().union(*starmap(_name_hashes, names)))
    return pack_signature(hashes[:MAX_HASHES]) if len(hashes) >= MIN_NAMES else b""


def pack_signature(hashes: list[int]) -> bytes:
    """Pack hashes into bytes, four a hash, little-endian."""
    values = array("I", hashes)
    if byteorder == "big":
        values.byteswap()
    return values.tobytes()


def unpack_signature(signature: bytes) -> frozenset[int]:
    """Unpack the hashes of a signature; bytes that are no whole hash are left out."""
    values = array("I")
    values.frombytes(signature[: len(signature) // 4 * 4])
    if byteorder == "big":
        values.byteswap()
    return frozenset(values)


@lru_cache(maxsize=16_384)
def _name_hashes(tag: str, classes: str | None, identity: str | None) -> tuple[int, ...]:
    """Hash an element's names; a cached tuple of numbers is nothing that the garbage collector walks, a set is."""
    if tag in _UNSEEN_TAGS:
        return ()
    names = [f"{tag}.{name}" for name in (classes or "").split()]
    return tuple(map(_hash_name, [*names, f"{tag}#{identity.strip()}"] if identity else names))


@lru_cache(maxsize=16_384)
def _hash_name(name: str) -> int:
    digest = blake2b(_DIGITS.sub("#", name).encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest, "little")


MIN_SIMILARITY = 0.85
"""Share of their names that two pages of one layout have in common at least."""

_Hashes = frozenset[int]


def signature_similarity(first: _Hashes, second: _Hashes) -> float:
    """Estimate the share of their names that two pages have in common, 0 to 1; exact if they have few.

    >>> signature_similarity(frozenset({1, 2, 3}), frozenset({2, 3, 4}))
    0.5
    """
    smallest = sorted(first | second)[:MAX_HASHES]
    return sum(name in first and name in second for name in smallest) / len(smallest) if smallest else 0.0


def group_signatures(signatures: Collection[bytes]) -> list[list[bytes]]:
    """Group distinct signatures; each group is sorted, and so are the groups."""
    ordered = sorted(set(signatures))
    hash_sets = [unpack_signature(signature) for signature in ordered]
    parents = list(range(len(ordered)))
    postings: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))  # by name, then by root
    for number, rare_names in enumerate(_rare_names(hash_sets)):
        compared: set[int] = set()
        for name in rare_names:
            for root, members in postings[name].items():
                if _group_root(parents, root) != _group_root(parents, number):
                    new_members = [member for member in members if member not in compared]
                    compared.update(new_members)
                    if any(_are_alike(hash_sets[number], hash_sets[member]) for member in new_members):
                        parents[_group_root(parents, number)] = _group_root(parents, root)
        for name in rare_names:
            postings[name][_group_root(parents, number)].append(number)
    groups: dict[int, list[bytes]] = defaultdict(list)
    for number, signature in enumerate(ordered):
        groups[_group_root(parents, number)].append(signature)
    return sorted(groups.values())


def _are_alike(first: _Hashes, second: _Hashes) -> bool:
    """Return whether two signatures are of one layout; counting what they share rules most pairs out at once."""
    if len(first & second) < MIN_SIMILARITY * max(len(first), len(second)):
        return False
    return signature_similarity(first, second) >= MIN_SIMILARITY


def _rare_names(signatures: Sequence[_Hashes]) -> list[list[int]]:
    """Return for each signature its rarest names, so many that two signatures that are alike share one of them.

    Two alike signatures have `MIN_SIMILARITY` of the larger one's names in common, so not all of the first names of
    either can be missing in the other (prefix filtering, Chaudhuri 2006).
    """
    frequencies: Mapping[int, int] = Counter(name for names in signatures for name in names)
    return [
        sorted(names, key=lambda name: (frequencies[name], name))[: len(names) - ceil(MIN_SIMILARITY * len(names)) + 1]
        for names in signatures
    ]


def _group_root(parents: list[int], number: int) -> int:
    """Find the root of a group in the union-find forest `parents`, with path halving."""
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


_ARTICLE_TYPES = frozenset((PageType.ARTICLE, PageType.TEASER))
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
    openings or titles most of its kept text is; `is_patchwork`, if all of it is.
    """

    page_id: int
    page_type: PageType
    words: int = 0
    text_digest: str = ""
    has_date: bool = False
    quoted_pages: frozenset[int] = frozenset()
    is_patchwork: bool = False
    has_list_address: bool = False

    @property
    def is_article(self) -> bool:
        """Return whether the page is an article by itself."""
        return self.page_type in _ARTICLE_TYPES


@dataclass(frozen=True, slots=True)
class LayoutVerdict:
    """Verdict on a layout: `kind` is `article`, `list`, `other`, or empty if its pages are of several kinds.

    `evidence` gives the reason in words; `taken_out` are the pages that only look like articles, each with its true
    type.
    """

    kind: str
    evidence: str
    taken_out: Mapping[int, PageVerdict] = field(default_factory=dict)


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


def judge_layouts(groups: Sequence[Sequence[LayoutPage]]) -> list[LayoutVerdict]:
    """Judge the layouts of one host, each a group of pages; the verdicts are in the order of the groups."""
    layouts = [_Layout(pages) for pages in groups]
    excerpt_shares = {page.page_id: layout.excerpt_share for layout in layouts for page in layout.pages}
    main_layouts = [layout for layout in layouts if layout.is_main]
    main_words = [page.words for layout in main_layouts for page in layout.articles]
    typical_words = median(main_words) if main_words else 0.0
    tells_by_address = any(layout.list_addresses <= _PLAIN_ADDRESSES * len(layout.pages) for layout in main_layouts)
    return [
        _judge_layout(layout, excerpt_shares, typical_words, tells_by_address=tells_by_address) for layout in layouts
    ]


def _judge_layout(
    layout: _Layout, excerpt_shares: Mapping[int, float], typical_words: float, *, tells_by_address: bool
) -> LayoutVerdict:
    """Judge a layout; `tells_by_address` says that the site's articles do not have addresses like those of lists."""
    if layout.is_main:
        return LayoutVerdict("article", layout.counts, _take_out_patchworks(layout))
    verdict = None
    if typical_words:
        verdict = _judge_list_layout(layout, typical_words) or _judge_same_text(layout)
    if tells_by_address:
        verdict = verdict or _judge_list_addresses(layout, typical_words)
    verdict = verdict or _judge_excerpts(layout, excerpt_shares)
    return verdict or LayoutVerdict("", layout.counts, _take_out_patchworks(layout))


def _judge_list_layout(layout: _Layout, typical_words: float) -> LayoutVerdict | None:
    """Judge a layout half of whose pages are lists, and of whose other pages few are articles, or short ones.

    A page stays that has as much text of its own as the site's articles have.
    """
    if len(layout.pages) < _MIN_PAGES or layout.lists < _LIST_SHARE * len(layout.pages):
        return None
    if layout.article_share > _FEW_ARTICLES and layout.words >= _FEW_WORDS * typical_words:
        return None
    taken_out = [page for page in layout.articles if page.words < typical_words or page.quoted_pages]
    return _take_out(PageType.LIST, f"{layout.lists} of {len(layout.pages)} pages of this layout are lists", taken_out)


def _judge_list_addresses(layout: _Layout, typical_words: float) -> LayoutVerdict | None:
    """Judge a layout with some lists, whose addresses are nearly all like those of lists: pages of authors or tags.

    Its template may state of each that it is an article. A page stays that has as much text as the site's articles.
    """
    count = len(layout.pages)
    is_list = layout.lists >= _SOME_LISTS * count and layout.list_addresses >= _LIST_ADDRESSES * count
    if count < _MIN_PAGES or not is_list:
        return None
    taken_out = [page for page in layout.articles if page.words < typical_words or page.quoted_pages]
    return _take_out(
        PageType.LIST, f"{layout.list_addresses} of {count} addresses of this layout are lists'", taken_out
    )


def _judge_excerpts(layout: _Layout, excerpt_shares: Mapping[int, float]) -> LayoutVerdict | None:
    """Judge a layout half of whose articles are excerpts of articles in layouts that are not made of excerpts."""
    excerpts = [page for page in layout.excerpts if _quotes_originals(page, layout, excerpt_shares)]
    if len(layout.articles) < _MIN_EXCERPTS or len(excerpts) < _EXCERPT_SHARE * len(layout.articles):
        return None
    evidence = (
        f"{len(excerpts)} of {len(layout.articles)} texts of this layout are openings or titles of other articles"
    )
    return _take_out(PageType.LIST, evidence, layout.articles)


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
    return _take_out(PageType.OTHER, f"{len(layout.articles)} pages of this layout have one text", layout.articles)


def _take_out(page_type: PageType, evidence: str, pages: Iterable[LayoutPage]) -> LayoutVerdict:
    page_verdict = PageVerdict(page_type, (evidence,))
    return LayoutVerdict(str(page_type), evidence, {page.page_id: page_verdict for page in pages})


def _take_out_patchworks(layout: _Layout) -> dict[int, PageVerdict]:
    """Take out pages that are put together of the openings of other articles, whatever their layout."""
    return {
        page.page_id: PageVerdict(PageType.LIST, (f"openings of {len(page.quoted_pages)} articles",))
        for page in layout.articles
        if page.is_patchwork and len(page.quoted_pages) >= _MIN_QUOTED
    }
