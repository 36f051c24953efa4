"""Which article pages carry one text: groups of pages, and the URL that names each group.

Pure: the answer depends on the pages alone, not on the order in which they were fetched.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from output.db.text import words_of

SHORT_WORDS = 40  # below this a text alone is no identity: «No comment.» is also the whole of another page
NEAR_SAME = 0.9  # share of words in common that two captures of one text have, with a date or counter between them


@dataclass(frozen=True, slots=True)
class Member:
    """An article page, as far as its identity goes. `words` is its text's length in words.

    `digest` may be empty where no other page has the same text, and `title` where nothing asks for it: there are as
    many of these as pages.
    """

    page_id: int
    url: str
    title: str
    canonical_url: str
    digest: str
    words: int


class Winners(dict[int, int]):
    """The page that names a page's text. Only those that another names are held; a page missing names itself."""

    def __missing__(self, page_id: int) -> int:
        """The page itself."""
        return page_id


def winners(members: Sequence[Member], text_of: Callable[[int], str]) -> Winners:
    """Map each page to the page that names its text, itself where nothing else does.

    `text_of` gives the text of a page by its id; it is asked only for pages whose canonical URLs meet.
    """
    leader: dict[int, int] = {}
    for pair in (*_same_text(members), *_same_canonical(members, text_of)):
        _join(leader, *pair)
    groups: dict[int, list[Member]] = defaultdict(list)
    for member in members:
        if member.page_id in leader:
            groups[_root(leader, member.page_id)].append(member)
    named = ((member.page_id, _name_giver(group).page_id) for group in groups.values() for member in group)
    return Winners((page, winner) for page, winner in named if page != winner)


def overlap(one: str, other: str) -> float:
    """Share of words, counted with repeats, that two texts have in common, of the longer one's; 0 to 1."""
    first, second = Counter(words_of(one)), Counter(words_of(other))
    longest = max(first.total(), second.total())
    return (first & second).total() / longest if longest else 0.0


def _same_text(members: Iterable[Member]) -> Iterator[tuple[int, int]]:
    first: dict[tuple[str, str], int] = {}
    for member in members:
        if member.digest:
            key = (member.digest, member.title if member.words < SHORT_WORDS else "")
            if (other := first.setdefault(key, member.page_id)) != member.page_id:
                yield other, member.page_id


def _same_canonical(members: Sequence[Member], text_of: Callable[[int], str]) -> Iterator[tuple[int, int]]:
    """Pairs that a canonical URL relates and whose texts are nearly the same.

    All that name one URL are compared with the page at that URL, or with the first of them if it was not
    fetched: a site that names its home page everywhere costs one comparison a page.
    """
    for canonical, group in _by_canonical(members).items():
        anchor = min(group, key=lambda member: (member.url != canonical, *_order(member)))
        for member in group:
            if member is not anchor and _near(anchor, member, text_of):
                yield anchor.page_id, member.page_id


def _by_canonical(members: Sequence[Member]) -> Mapping[str, list[Member]]:
    groups: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        if member.canonical_url and member.canonical_url != member.url:
            groups[member.canonical_url].append(member)
    for member in members:
        if member.url in groups:
            groups[member.url].append(member)
    return groups


def _near(one: Member, other: Member, text_of: Callable[[int], str]) -> bool:
    if one.digest and one.digest == other.digest:
        return True
    if min(one.words, other.words) < NEAR_SAME * max(one.words, other.words):
        return False
    return overlap(text_of(one.page_id), text_of(other.page_id)) >= NEAR_SAME


def _name_giver(group: Sequence[Member]) -> Member:
    """The page that others call canonical, else one that calls itself so, else the shortest URL."""
    if len(group) == 1:
        return group[0]
    named = {member.canonical_url for member in group if member.canonical_url != member.url}
    return min(group, key=lambda member: (member.url not in named, member.canonical_url != member.url, *_order(member)))


def _order(member: Member) -> tuple[int, str]:
    return len(member.url), member.url


def _root(leader: dict[int, int], page: int) -> int:
    while leader.setdefault(page, page) != page:
        leader[page] = leader[leader[page]]
        page = leader[page]
    return page


def _join(leader: dict[int, int], one: int, other: int) -> None:
    first, second = sorted((_root(leader, one), _root(leader, other)))
    leader[second] = first
