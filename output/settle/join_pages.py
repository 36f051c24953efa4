"""Which article pages are parts of one article: pages that a site numbers, and pages that another holds whole.

Pure: the answer depends on the pages and where they lead, not on the order in which they were fetched.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from sqlite_utils import Database

from cleaners.metadata.titles import fold_title
from cleaners.urls.canonical import host_of
from output.db.text import words_of
from output.settle.duplicates import Member
from output.store.leads import NEXT, WHOLE, Lead
from output.store.multipage import Part

_WITHIN = 0.8  # share of a page's words that the whole article must have
_MAX_PARTS = 100
_NAMES = "page|paged|pagenum|pageno|page_no|pg|p|pagina|página|pagine|seite|side|sida|part|teil|start"
_IN_QUERY = re.compile(rf"[?&](?:{_NAMES})=(\d{{1,3}})(?=&|$)", re.IGNORECASE)
_IN_PATH = re.compile(rf"[/_.-](?:(?:{_NAMES})[/_=-]?)?(\d{{1,3}})(?=/?$|\.\w{{2,5}}$)", re.IGNORECASE)
_NUMBERED = re.compile(rf"\b(?:(?:{_NAMES})\s+)?\d{{1,3}}(?:\s+\w{{1,3}}\s+\d{{1,3}})?$", re.IGNORECASE)
_LEADS = "SELECT page_id, way, url, ruled FROM page_leads"
_AWAITED = """SELECT u.url FROM page_leads l JOIN urls u ON u.url = l.url
    WHERE u.state = 'queued' OR (u.state = 'skipped' AND u.reason = 'limit')"""


def find_parts(
    db: Database, members: Sequence[Member], winner: Mapping[int, int], text_of: Callable[[int], str]
) -> dict[int, Part]:
    """Which of the archive's article pages are parts of which article."""
    leads = [Lead(page, way, url, bool(ruled)) for page, way, url, ruled in db.execute(_LEADS)]
    if not leads:
        return {}
    return parts(members, leads, winner, {url for (url,) in db.execute(_AWAITED)}, text_of)


def parts(
    members: Sequence[Member],
    leads: Iterable[Lead],
    winner: Mapping[int, int],
    awaited: Collection[str],
    text_of: Callable[[int], str],
) -> dict[int, Part]:
    """Say of each page that is a part which part it is; the head of numbered pages is their first.

    `winner` maps duplicates to the page that names them. An article with a page among the URLs `awaited` is not
    complete, and is left as it is.
    """
    by_id = {member.page_id: member for member in members}
    at = {member.url: by_id[winner[member.page_id]] for member in members}
    own = [lead for lead in leads if lead.page_id in by_id and winner[lead.page_id] == lead.page_id]
    found = dict(_wholes(at, own, text_of))
    for chain in _chains(by_id, at, own, awaited):
        if not any(page in found for page in chain):
            found.update({page: Part(chain[0], place) for place, page in enumerate(chain)})
    return found


def _wholes(
    at: Mapping[str, Member], leads: Iterable[Lead], text_of: Callable[[int], str]
) -> Iterator[tuple[int, Part]]:
    """Pages whose article stands whole on another page, which itself leads to no other."""
    goes_to = {lead.page_id: at[lead.url] for lead in leads if lead.way == WHOLE and lead.url in at}
    for page, whole in sorted(goes_to.items()):
        if page != whole.page_id and whole.page_id not in goes_to and _holds(text_of(whole.page_id), text_of(page)):
            yield page, Part(whole.page_id, -1)


def _holds(whole: str, part: str) -> bool:
    words, inside = words_of(part), frozenset(words_of(whole))
    return bool(words) and sum(word in inside for word in words) >= _WITHIN * len(words)


def _chains(
    by_id: Mapping[int, Member], at: Mapping[str, Member], leads: Iterable[Lead], awaited: Collection[str]
) -> Iterator[list[int]]:
    """The pages of each article that is complete, in order."""
    following: dict[int, int] = {}
    preceded: dict[int, int] = {}
    open_ended: set[int] = set()
    first: set[int] = set()
    for page, ways in _by_page(leads).items():
        for lead in ways:
            step = _step(by_id[page].url, lead)
            if step is None:
                continue
            target = at.get(lead.url)
            if target is None:
                open_ended |= {page} if lead.url in awaited else set()
            elif page not in following and _goes_on(by_id[page], target) and target.page_id not in preceded:
                following[page], preceded[target.page_id] = target.page_id, page
                first |= {page} if step <= 1 else set()
    for page in sorted(first - preceded.keys()):
        chain = [page]
        while (page := following.get(page, page)) not in chain and len(chain) < _MAX_PARTS:
            chain.append(page)
        if not open_ended.intersection(chain):
            yield chain


def _by_page(leads: Iterable[Lead]) -> Mapping[int, list[Lead]]:
    found: dict[int, list[Lead]] = defaultdict(list)
    for lead in sorted(leads, key=lambda lead: (lead.page_id, not lead.ruled, lead.url)):
        if lead.way == NEXT:
            found[lead.page_id].append(lead)
    return found


def _goes_on(one: Member, other: Member) -> bool:
    """Whether two pages have one title, but for a page's number."""
    first, second = (_NUMBERED.sub("", fold_title(each.title)).strip() for each in (one, other))
    return one.page_id != other.page_id and bool(first) and first == second


def _step(url: str, lead: Lead) -> int | None:
    """The number of a page whose next page the lead's is, by both URLs; None if they are not pages of one article."""
    if host_of(url) != host_of(lead.url):
        return None
    own = dict(reversed(_forms(url)))
    for stem, number in _forms(lead.url)[1:]:
        if stem in own and own[stem] < number:
            return own[stem]
    return 1 if lead.ruled else None


def _forms(url: str) -> list[tuple[str, int]]:
    """The URL as it is, which is page 1 of its article, then without what may be a page's number, and that number."""
    found = [(url.rstrip("/"), 1)]
    for pattern in (_IN_QUERY, _IN_PATH):
        if match := pattern.search(url):
            rest = url[: match.start()] + url[match.end() :]
            rest = rest if "?" in rest else rest.replace("&", "?", 1)
            found.append((rest.rstrip("/"), int(match[1])))
    return found
