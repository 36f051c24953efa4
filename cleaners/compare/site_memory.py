"""What a site repeats: which kept blocks of a page are the site's and not the article's, seen over many pages.

Pure. A page comes as its kept blocks, and those of its others that are kept elsewhere, each with a key for what it
says: texts that differ only in numbers, dates, addresses, or in the page's own title and authors have one key. Where a
block stands decides, more than how often it stands: an archive's articles repeat headings, credits and whole
paragraphs, but not in a part of the page where nothing of their own ever stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from cleaners.document import Verdict

REPEATED = Verdict(False, "repeated", "site/repeated")
BIO = Verdict(False, "author_bio", "site/author-bio")
BODY = Verdict(True, "site_body", "site/body")

FEW_PAGES = 20  # of a site with fewer, two pages are enough; a larger one has pairs of pages that are alike
_ANCHOR_WORDS = 8  # a block of the page's own with so many words bounds its text
_OWN_IN_BOX = 0.1  # share of the pages where a part of the page may hold something of their own and be a box
_COMMON = 0.6  # share of the site's pages that makes a block amid the articles' own text the site's
_USUAL = 0.3  # the same, where it stands on many pages
_MANY = 25
_SURE = 5  # a text on fewer pages may be two versions of an article: it is taken out only
_BODY = 0.8  # share of the pages that keep text at a place, for what some remove there to be the article's too
_SHARE = 3  # where all that goes is at most one word in so many
_NAMED_WITHIN = 6  # words from its beginning in which a note on the author names the author
_NAMED_WITHIN_CHARS = 100

_TEXT_LEVEL = re.compile(
    r"(?:p|blockquote|q|ul|ol|li|dl|dt|dd|pre|code|h[1-6]|em|strong|small|b|i|u|a|span|font|center|figure|"
    r"figcaption)(?:$|[.#])"
)
_DIGITS = re.compile(r"\d+")
_WORD, _NAME = re.compile(r"\w+"), re.compile(r"\w{3,}")


class Seen(NamedTuple):
    """A block as the site's memory sees it.

    `key` is the number of its template, `container` where it stood, `named` whether it begins by naming an author,
    `kept` whether its page alone keeps it.
    """

    position: int
    key: int
    container: str
    words: int
    heading: bool = False
    named: bool = False
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Memory:
    """What the pages of one site have in common.

    `repeated` gives the pages of each key that stands on several; `boxes` are containers in which nothing but
    repeated text stands, with the number of pages that have them; `outer` are keys that mostly stand before or after
    the page's own text.
    """

    pages: int
    repeated: Mapping[int, int]
    boxes: Mapping[str, int] = field(default_factory=dict)
    outer: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Outline:
    """Where a page's own text stands: the places of the first and last block of it."""

    first: int
    last: int

    def outside(self, place: int) -> bool:
        return not self.first <= place <= self.last


def least_pages(pages: int) -> int:
    """On how many pages of a site of this size a text must stand to count as repeated."""
    return 2 if pages < FEW_PAGES else 3


@lru_cache(maxsize=8192)
def container(path: str) -> str:
    """The path of the part of the page that a block stands in, without text-level tags at its end and numbers."""
    parts = path.split(">")
    while len(parts) > 1 and _TEXT_LEVEL.match(parts[-1]):
        parts.pop()
    return _DIGITS.sub("0", ">".join(parts))


def length(text: str) -> int:
    """Words of the text, roughly; scripts without spaces count two characters as a word."""
    words = text.count(" ") + text.count("\n") + 1
    return words if text.isascii() or words > 2 else max(words, len(text) // 2)


def names_author(text: str, authors: Iterable[str]) -> bool:
    """Whether the text begins by naming one of the authors, by any part of the name."""
    beginning = text[:_NAMED_WITHIN_CHARS]
    names = [name for name in _names_of(tuple(authors)) if name in beginning]
    return bool(names) and not set(names).isdisjoint(_WORD.findall(beginning)[:_NAMED_WITHIN])


@lru_cache(maxsize=16)
def _names_of(authors: tuple[str, ...]) -> frozenset[str]:
    return frozenset(part for author in authors for part in _NAME.findall(author) if part[:1].isupper())


def remember(pages: Iterable[Sequence[Seen]], repeated: Mapping[int, int], number: int) -> Memory:
    """Look at all pages of a site, one page an article, and note where its repeated texts stand.

    `repeated` gives the pages of each key that stands on several; `number` is that of all pages.
    """
    own: Counter[str] = Counter()
    shared: Counter[str] = Counter()
    outside: Counter[int] = Counter()
    for page in pages:
        outline = _outline(page, repeated)
        own.update({each.container for each in page if each.kept and each.key not in repeated})
        shared.update({each.container for each in page if each.key in repeated})
        outside.update({b.key for n, b in enumerate(page) if b.key in repeated and outline.outside(n)})
    boxes = {name: count for name, count in shared.items() if count > 1 and own[name] <= _OWN_IN_BOX * count}
    outer = frozenset(key for key, count in outside.items() if 2 * count > repeated[key])
    return Memory(number, repeated, boxes, outer)


def body_places(kept: Mapping[str, int], left: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """The places in the markup where a site's articles stand: on how many pages kept, on how many there at all.

    `kept` counts the pages that keep text at a place, `left` those that have text there and keep none of it.
    """
    seen = {place: (count, count + left.get(place, 0)) for place, count in kept.items()}
    return {place: (count, all_) for place, (count, all_) in seen.items() if all_ >= _SURE and count >= _BODY * all_}


def judge_again(page: Sequence[Seen], memory: Memory) -> dict[int, Verdict]:
    """The verdicts, by position, on the kept blocks of a page that are the site's; nothing if all of it is.

    `page` holds its kept blocks alone.
    """
    if not any(each.key in memory.repeated for each in page):
        return {}
    outline = _outline(page, memory.repeated)
    taken = _the_sites(page, outline, memory, 0)
    if _SHARE * _words(page, taken) > _words(page, range(len(page))):
        taken = _the_sites(page, outline, memory, _SURE)
    closing = _after_closing(page, taken, outline, memory)
    if len(taken | closing) == len(page):
        return {}
    return {page[n].position: BIO if page[n].named and n in closing else REPEATED for n in sorted(taken | closing)}


def _the_sites(page: Sequence[Seen], outline: _Outline, memory: Memory, least: int) -> set[int]:
    """The places of the site's blocks on at least so many pages; a heading is the site's only with all that it heads.

    What stands more than once on the page, and amid its own text, is a refrain, a speaker's name or a signature.
    """
    times = Counter(each.key for each in page)
    refrains = {b.key for n, b in enumerate(page) if times[b.key] > 1 and not outline.outside(n)}
    taken: set[int] = set()
    for n in reversed(range(len(page))):
        heads = page[n].heading and (not outline.outside(n) or (n + 1 < len(page) and n + 1 not in taken))
        known = memory.repeated.get(page[n].key, 0) >= max(least, 1) and page[n].key not in refrains
        if known and not heads and _is_the_sites(page[n], memory):
            taken.add(n)
    return taken


def _is_the_sites(block: Seen, memory: Memory) -> bool:
    if in_box := memory.boxes.get(block.container, 0):
        return block.words >= _ANCHOR_WORDS or 2 * memory.repeated[block.key] >= in_box
    return _is_closing(block, memory)


def _is_closing(block: Seen, memory: Memory) -> bool:
    """Whether a text stands at the beginnings or ends of so many articles that no article needs it."""
    count = memory.repeated.get(block.key, 0)
    if block.key not in memory.outer or (count == 2 < memory.pages):
        return False
    return count >= memory.pages * (_USUAL if count >= _MANY else _COMMON)


def _after_closing(page: Sequence[Seen], taken: Collection[int], outline: _Outline, memory: Memory) -> set[int]:
    """What else repeats below the line with which the site closes its articles: notes on authors, credits."""
    ends = (n for n in sorted(taken) if n > outline.last >= 0 and _is_closing(page[n], memory))
    closing = next(ends, None)
    if closing is None:
        return set()
    return {n for n in range(closing, len(page)) if page[n].key in memory.repeated} - set(taken)


def _outline(page: Sequence[Seen], repeated: Mapping[int, int]) -> _Outline:
    own = [n for n, each in enumerate(page) if each.kept and each.key not in repeated]
    anchors = [n for n in own if page[n].words >= _ANCHOR_WORDS] or own
    return _Outline(anchors[0], anchors[-1]) if anchors else _Outline(-1, -1)


def _words(page: Sequence[Seen], places: Iterable[int]) -> int:
    return sum(page[n].words for n in places)
