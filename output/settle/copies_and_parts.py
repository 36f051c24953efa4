"""Article pages that carry one text, and pages that are parts of one article.

Each group of pages with one text has one that represents it. Parts are pages that a site numbers, and pages that
another page holds whole. Pure: the answer depends on the pages and where they lead, not on the order in which they were
fetched.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.cleaners.page.titles import fold_title
from broadsheet.cleaners.words import words_of

from ..archive.page_rows import NEXT_PAGE, WHOLE_ARTICLE, PageLead
from ..write.assembled_text import ArticlePart

SHORT_WORDS = 40  # below this a text alone is no identity: «No comment.» is also the whole of another page
TITLED_WORDS = 100  # nor below this, where each page calls itself canonical: comics with the same lines below each
MIN_COPY_OVERLAP = 0.9  # share of words in common of two captures of one text, with a date or counter between them


class PageIdentity(NamedTuple):
    """The values that identify an article page as a copy of another.

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
    """A mapping from each page's id to that of the page that represents its group of copies.

    It holds only the pages that another represents; any other page represents itself.
    """

    def __missing__(self, page_id: int) -> int:
        """Return the page itself."""
        return page_id


def find_representatives(pages: Sequence[PageIdentity], text_of: Callable[[int], str]) -> Representatives:
    """Group the pages that carry one text, and choose the page whose URL represents each group.

    `text_of` gives the text of a page by its id; it is called only for pages that a canonical URL relates.
    """
    group_of = group_pairs((*_pairs_with_same_text(pages), *_pairs_with_same_canonical(pages, text_of)))
    groups: dict[int, list[PageIdentity]] = defaultdict(list)
    for page in pages:
        if page.page_id in group_of:
            groups[group_of[page.page_id]].append(page)
    pairs = ((page.page_id, choose_representative(group).page_id) for group in groups.values() for page in group)
    return Representatives((page_id, representative) for page_id, representative in pairs if page_id != representative)


def group_pairs(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Map each number in the pairs to its group, the numbers that pairs connect, named by the smallest one.

    The method is union-find with path halving.

    >>> group_pairs([(4, 2), (2, 9), (5, 6)])
    {4: 2, 2: 2, 9: 2, 5: 5, 6: 5}
    """
    parents: dict[int, int] = {}

    def find_root(number: int) -> int:
        while (parent := parents.setdefault(number, number)) != number:
            parents[number] = parents[parent]
            number = parents[number]
        return number

    for first, second in pairs:
        lower_root, higher_root = sorted((find_root(first), find_root(second)))
        parents[higher_root] = lower_root
    return {number: find_root(number) for number in parents}


def word_overlap(first_text: str, second_text: str) -> float:
    """Return the share of the longer text's words, with repeats, that both texts have; 0 to 1.

    >>> word_overlap("a b c d", "a b c")
    0.75
    """
    first_words, second_words = Counter(words_of(first_text)), Counter(words_of(second_text))
    longest = max(first_words.total(), second_words.total())
    return (first_words & second_words).total() / longest if longest else 0.0


def _pairs_with_same_text(pages: Iterable[PageIdentity]) -> Iterator[tuple[int, int]]:
    """Yield each page whose text an earlier page has, with the first such page; shorter texts need one title too."""
    pages = list(pages)
    shared_canonical = {page.digest for page in pages if page.canonical_url != page.url}
    first_pages: dict[tuple[str, str], int] = {}
    for page in pages:
        if page.digest:
            least_words = SHORT_WORDS if page.digest in shared_canonical else TITLED_WORDS
            key = (page.digest, page.title if page.word_count < least_words else "")
            if (first_page := first_pages.setdefault(key, page.page_id)) != page.page_id:
                yield first_page, page.page_id


def _pairs_with_same_canonical(
    pages: Sequence[PageIdentity], text_of: Callable[[int], str]
) -> Iterator[tuple[int, int]]:
    """Yield pairs of pages that a canonical URL relates and whose texts are nearly the same.

    Pages that name one URL are compared with the page there, or with the first of them if it was not fetched: a site
    that names its home page everywhere costs one comparison a page.
    """
    for canonical_url, group in _group_by_canonical(pages).items():
        anchor = min(group, key=lambda page: (page.url != canonical_url, *_url_sort_key(page)))
        for page in group:
            if page is not anchor and _is_near_copy(anchor, page, text_of):
                yield anchor.page_id, page.page_id


def _group_by_canonical(pages: Sequence[PageIdentity]) -> Mapping[str, list[PageIdentity]]:
    """Group pages by canonical URL: those that name it, and the page at that URL."""
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


def choose_representative(group: Sequence[PageIdentity]) -> PageIdentity:
    """Choose the page that others call canonical, else one that calls itself so, else the shortest URL."""
    if len(group) == 1:
        return group[0]
    canonical_urls = {page.canonical_url for page in group if page.canonical_url != page.url}
    return min(
        group,
        key=lambda page: (page.url not in canonical_urls, page.canonical_url != page.url, *_url_sort_key(page)),
    )


def _url_sort_key(page: PageIdentity) -> tuple[int, str]:
    return len(page.url), page.url


_MIN_WORDS_WITHIN = 0.8  # share of a page's words that the whole article must have
_MAX_PARTS = 100
_PAGE_NAMES = "page|paged|pagenum|pageno|page_no|pg|p|pagina|página|pagine|seite|side|sida|part|teil|start"
_NUMBER_IN_QUERY = re.compile(rf"[?&](?:{_PAGE_NAMES})=(\d{{1,3}})(?=&|$)", re.IGNORECASE)
_NUMBER_IN_PATH = re.compile(rf"[/_.-](?:(?:{_PAGE_NAMES})[/_=-]?)?(\d{{1,3}})(?=/?$|\.\w{{2,5}}$)", re.IGNORECASE)
_TITLE_NUMBER = re.compile(rf"\b(?:(?:{_PAGE_NAMES})\s+)?\d{{1,3}}(?:\s+\w{{1,3}}\s+\d{{1,3}})?$", re.IGNORECASE)
_LEADS = "SELECT page_id, way, url, ruled FROM _page_leads"
_AFFECTED_LEADS = """SELECT l.page_id, l.way, l.url, l.ruled FROM settle_affected a
    CROSS JOIN _page_leads l ON l.page_id = a.page_id"""
_IS_AWAITED = """SELECT EXISTS (SELECT 1 FROM urls
    WHERE url = ? AND (state = 'queued' OR (state = 'skipped' AND reason = 'limit')))"""


def find_parts(
    db: Database,
    pages: Sequence[PageIdentity],
    representatives: Mapping[int, int],
    text_of: Callable[[int], str],
    *,
    is_whole: bool,
) -> dict[int, ArticlePart]:
    """Find the article pages that are parts of an article, of the whole archive or of those in `settle_affected`."""
    rows = db.execute(_LEADS if is_whole else _AFFECTED_LEADS).fetchall()
    leads = [PageLead(page_id, kind, url, bool(by_rule)) for page_id, kind, url, by_rule in rows]
    awaited_urls = {url for url in {lead.url for lead in leads} if db.execute(_IS_AWAITED, [url]).fetchone()[0]}
    return assign_parts(pages, leads, representatives, awaited_urls, text_of) if leads else {}


def assign_parts(
    pages: Sequence[PageIdentity],
    leads: Iterable[PageLead],
    representatives: Mapping[int, int],
    awaited_urls: Collection[str],
    text_of: Callable[[int], str],
) -> dict[int, ArticlePart]:
    """Assign each page that is a part to its article; the head of numbered pages is their first."""
    by_id = {page.page_id: page for page in pages}
    by_url = {page.url: by_id[representatives[page.page_id]] for page in pages}
    leads = [lead for lead in leads if lead.page_id in by_id and representatives[lead.page_id] == lead.page_id]
    parts = dict(_parts_of_whole_pages(by_url, leads, text_of))
    for chain in _complete_chains(by_id, by_url, leads, awaited_urls):
        if not any(page_id in parts for page_id in chain):
            parts.update({page_id: ArticlePart(chain[0], number) for number, page_id in enumerate(chain)})
    return parts


def _parts_of_whole_pages(
    by_url: Mapping[str, PageIdentity], leads: Iterable[PageLead], text_of: Callable[[int], str]
) -> Iterator[tuple[int, ArticlePart]]:
    """Yield pages whose article stands whole on another page, which itself leads to no other."""
    whole_pages = {
        lead.page_id: by_url[lead.url] for lead in leads if lead.kind == WHOLE_ARTICLE and lead.url in by_url
    }
    for page_id, whole in sorted(whole_pages.items()):
        if page_id == whole.page_id or whole.page_id in whole_pages:
            continue
        if _contains_words(text_of(whole.page_id), text_of(page_id)):
            yield page_id, ArticlePart(whole.page_id, -1)


def _contains_words(whole_text: str, part_text: str) -> bool:
    part_words, whole_words = words_of(part_text), frozenset(words_of(whole_text))
    return bool(part_words) and sum(word in whole_words for word in part_words) >= _MIN_WORDS_WITHIN * len(part_words)


def _complete_chains(
    by_id: Mapping[int, PageIdentity],
    by_url: Mapping[str, PageIdentity],
    leads: Iterable[PageLead],
    awaited_urls: Collection[str],
) -> Iterator[list[int]]:
    """Yield the page ids of each article that is complete, in order of its pages."""
    next_pages: dict[int, int] = {}
    previous_pages: dict[int, int] = {}
    incomplete_pages: set[int] = set()
    first_pages: set[int] = set()
    for page_id, page_leads in _next_leads_by_page(leads).items():
        for lead in page_leads:
            number = _page_number_before(by_id[page_id].url, lead)
            if number is None:
                continue
            target = by_url.get(lead.url)
            if target is None:
                incomplete_pages |= {page_id} if lead.url in awaited_urls else set()
            elif (
                page_id not in next_pages
                and _has_same_title(by_id[page_id], target)
                and target.page_id not in previous_pages
            ):
                next_pages[page_id], previous_pages[target.page_id] = target.page_id, page_id
                first_pages |= {page_id} if number <= 1 else set()
    for page_id in sorted(first_pages - previous_pages.keys()):
        chain = [page_id]
        while (page_id := next_pages.get(page_id, page_id)) not in chain and len(chain) < _MAX_PARTS:
            chain.append(page_id)
        if not incomplete_pages.intersection(chain):
            yield chain


def _next_leads_by_page(leads: Iterable[PageLead]) -> Mapping[int, list[PageLead]]:
    """Return by page id the links to an article's next page: those that a person's rule names first, then by URL."""
    leads_by_page: dict[int, list[PageLead]] = defaultdict(list)
    for lead in sorted(leads, key=lambda lead: (lead.page_id, not lead.is_by_rule, lead.url)):
        if lead.kind == NEXT_PAGE:
            leads_by_page[lead.page_id].append(lead)
    return leads_by_page


def _has_same_title(first: PageIdentity, second: PageIdentity) -> bool:
    """Return whether two pages have one title, apart from a page's number."""
    first_title, second_title = (_TITLE_NUMBER.sub("", fold_title(page.title)).strip() for page in (first, second))
    return first.page_id != second.page_id and bool(first_title) and first_title == second_title


def _page_number_before(url: str, lead: PageLead) -> int | None:
    """Return the number of the page at `url` if the lead goes to a later page of its article, by both URLs; None if
    not.
    """
    if host_of(url) != host_of(lead.url):
        return None
    number_by_stem = dict(reversed(_stems_and_numbers(url)))
    for stem, number in _stems_and_numbers(lead.url)[1:]:
        if stem in number_by_stem and number_by_stem[stem] < number:
            return number_by_stem[stem]
    return 1 if lead.is_by_rule else None


def _stems_and_numbers(url: str) -> list[tuple[str, int]]:
    """Return the URL as it is, which is page 1 of its article, then without what may be a page's number, and that
    number.
    """
    stems = [(url.rstrip("/"), 1)]
    for pattern in (_NUMBER_IN_QUERY, _NUMBER_IN_PATH):
        if match := pattern.search(url):
            stem = url[: match.start()] + url[match.end() :]
            stem = stem if "?" in stem else stem.replace("&", "?", 1)
            stems.append((stem.rstrip("/"), int(match[1])))
    return stems
