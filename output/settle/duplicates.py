"""Which article pages carry one text: groups of pages, and the page that represents each group.

Pure: the answer depends on the pages alone, not on the order in which they were fetched.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from broadsheet.output.db.text import words_of

SHORT_WORDS = 40  # below this a text alone is no identity: «No comment.» is also the whole of another page
MIN_COPY_OVERLAP = 0.9  # share of words in common of two captures of one text, with a date or counter between them


@dataclass(frozen=True, slots=True)
class PageIdentity:
    """What identifies an article page as a copy of another.

    `digest` may be empty where no other page has the same text, and `title` where no comparison needs it: there are as
    many of these in memory as pages.
    """

    page_id: int
    url: str
    title: str
    canonical_url: str
    digest: str
    word_count: int


class Representatives(dict[int, int]):
    """Page id → id of the page that represents its group of copies. Holds only the pages that another represents; any
    other page represents itself."""

    def __missing__(self, page_id: int) -> int:
        """The page itself."""
        return page_id


def find_representatives(pages: Sequence[PageIdentity], text_of: Callable[[int], str]) -> Representatives:
    """Group the pages that carry one text, and choose the page whose URL represents each group.

    `text_of` gives the text of a page by its id; it is called only for pages that a canonical URL relates.
    """
    parents: dict[int, int] = {}
    for pair in (*_pairs_with_same_text(pages), *_pairs_with_same_canonical(pages, text_of)):
        _union_groups(parents, *pair)
    groups: dict[int, list[PageIdentity]] = defaultdict(list)
    for page in pages:
        if page.page_id in parents:
            groups[_find_root(parents, page.page_id)].append(page)
    pairs = ((page.page_id, _choose_representative(group).page_id) for group in groups.values() for page in group)
    return Representatives((page_id, representative) for page_id, representative in pairs if page_id != representative)


def word_overlap(first_text: str, second_text: str) -> float:
    """Share of words, counted with repeats, that two texts have in common, of the longer one's; 0 to 1."""
    first_words, second_words = Counter(words_of(first_text)), Counter(words_of(second_text))
    longest = max(first_words.total(), second_words.total())
    return (first_words & second_words).total() / longest if longest else 0.0


def _pairs_with_same_text(pages: Iterable[PageIdentity]) -> Iterator[tuple[int, int]]:
    """Each page whose text an earlier page has, with the first such page; a short text needs the same title too."""
    first_pages: dict[tuple[str, str], int] = {}
    for page in pages:
        if page.digest:
            key = (page.digest, page.title if page.word_count < SHORT_WORDS else "")
            if (first_page := first_pages.setdefault(key, page.page_id)) != page.page_id:
                yield first_page, page.page_id


def _pairs_with_same_canonical(
    pages: Sequence[PageIdentity], text_of: Callable[[int], str]
) -> Iterator[tuple[int, int]]:
    """Pairs of pages that a canonical URL relates and whose texts are nearly the same.

    All that name one URL are compared with the page at that URL, or with the first of them if it was not
    fetched: a site that names its home page everywhere costs one comparison a page.
    """
    for canonical_url, group in _group_by_canonical(pages).items():
        anchor = min(group, key=lambda page: (page.url != canonical_url, *_url_sort_key(page)))
        for page in group:
            if page is not anchor and _is_near_copy(anchor, page, text_of):
                yield anchor.page_id, page.page_id


def _group_by_canonical(pages: Sequence[PageIdentity]) -> Mapping[str, list[PageIdentity]]:
    """By canonical URL, the pages that name it, and the page at that URL."""
    groups: dict[str, list[PageIdentity]] = defaultdict(list)
    for page in pages:
        if page.canonical_url and page.canonical_url != page.url:
            groups[page.canonical_url].append(page)
    for page in pages:
        if page.url in groups:
            groups[page.url].append(page)
    return groups


def _is_near_copy(first: PageIdentity, second: PageIdentity, text_of: Callable[[int], str]) -> bool:
    if first.digest and first.digest == second.digest:
        return True
    if min(first.word_count, second.word_count) < MIN_COPY_OVERLAP * max(first.word_count, second.word_count):
        return False
    return word_overlap(text_of(first.page_id), text_of(second.page_id)) >= MIN_COPY_OVERLAP


def _choose_representative(group: Sequence[PageIdentity]) -> PageIdentity:
    """The page that others call canonical, else one that calls itself so, else the shortest URL."""
    if len(group) == 1:
        return group[0]
    canonical_urls = {page.canonical_url for page in group if page.canonical_url != page.url}
    return min(
        group,
        key=lambda page: (page.url not in canonical_urls, page.canonical_url != page.url, *_url_sort_key(page)),
    )


def _url_sort_key(page: PageIdentity) -> tuple[int, str]:
    return len(page.url), page.url


def _find_root(parents: dict[int, int], page_id: int) -> int:
    """The root of a page's group in the union-find forest `parents`, with path halving."""
    while parents.setdefault(page_id, page_id) != page_id:
        parents[page_id] = parents[parents[page_id]]
        page_id = parents[page_id]
    return page_id


def _union_groups(parents: dict[int, int], first_page: int, second_page: int) -> None:
    lower_root, higher_root = sorted((_find_root(parents, first_page), _find_root(parents, second_page)))
    parents[higher_root] = lower_root
