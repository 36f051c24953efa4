"""Sites of generated articles, of the size and shape that real ones have, as the outcomes of a crawl.

A page is made from its number and nothing else, so that any of them can be made again, or with another text. Its words
are as frequent as words are. Around the article stand menus and a footer that its host repeats, titles of other
articles, and comments; some hundred and eighty blocks in the mean. Beside plain articles there are near and exact
copies, articles in two parts, pages that only repeat others, redirects, errors, sitemaps and what is still queued.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from broadsheet.cleaners.document import (
    Block,
    BlockKind,
    CleanedPage,
    Metadata,
    Outlink,
    PageType,
    PageVerdict,
    Verdict,
)
from broadsheet.output.archive.page_rows import make_page_rows
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome

KEPT = Verdict(True, "extractor", "selected")
_MENU = Verdict(False, "navigation", "layout/navigation")
_RELATED = Verdict(False, "other articles", "layout/related")
_COMMENT = Verdict(False, "comments", "layout/comments")
_FOOTER = Verdict(False, "navigation", "layout/footer")
_DOUBTFUL = Verdict(False, "furniture inside the article", "model/removed")

_WORDS, _SYLLABLES = 40_000, ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu")
_DRAWN, _ODD_FACTOR = 2**19, 0xD6E8FEB86659FD93
_LISTED_PER_SITEMAP = 500
_COPY_PERIOD, _NEAR_COPY_PERIOD, _PART_PERIOD, _LIST_PERIOD = 50, 20, 100, 200
_REDIRECT_PERIOD, _ERROR_PERIOD, _QUEUED_PERIOD, _PROMO_PERIOD = 4, 10, 3, 3


@dataclass(frozen=True)
class GeneratedSite:
    """`pages` article pages, spread evenly over `hosts`; `scale` 1 is the size of real articles, less is smaller."""

    pages: int
    hosts: int = 1
    scale: float = 1.0

    def outcomes(self) -> Iterator[Outcome]:
        """The outcomes of a whole crawl, in its order."""
        for first in range(0, self.pages, _LISTED_PER_SITEMAP):
            numbers = range(first, min(first + _LISTED_PER_SITEMAP, self.pages))
            yield from self._sitemaps(first, numbers)
            for number in numbers:
                yield self.page(number)
                yield from self._other_outcomes(number)

    def store(self, archive: Archive, batch_size: int = 100) -> None:
        """Store a whole crawl, in transactions of so many outcomes."""
        outcomes = self.outcomes()
        while batch := list(islice(outcomes, batch_size)):
            archive.save(batch)

    def page(self, number: int, *, version: int = 0) -> Outcome:
        """The outcome of the page with a number; one more paragraph for each later `version` of its article."""
        url, fetched_at = self.url(number), _time(number + version * self.pages)
        page = make_page_rows(self._cleaned_page(number, version))
        capture = Capture(url, fetched_at, 200, url, "text/html", f"sha256:{number:050}{version:06}", 60_000)
        queued = (number % _QUEUED_PERIOD == 0) * (self._discovered(f"{url}/later", found_via="link"),)
        return Outcome(url, "done", "article", 200, fetched_at, capture, page, discovered_urls=queued)

    def url(self, number: int) -> str:
        """The URL of a page."""
        return f"https://{self._host(number)}/{2000 + number % 26}/{_slug(self._title(number))}-{number}"

    def _host(self, number: int) -> str:
        return f"news{number % self.hosts}.example"

    def _sitemaps(self, first: int, numbers: Sequence[int]) -> Iterator[Outcome]:
        """A sitemap of each host that names those of the pages that are its own; every other page stays unnamed."""
        for host_number in range(min(self.hosts, len(numbers))):
            own = [number for number in numbers if number % self.hosts == (first + host_number) % self.hosts]
            urls = [self._old_url(number) if number % _REDIRECT_PERIOD == 0 else self.url(number) for number in own]
            named = tuple(self._discovered(url, found_via="sitemap") for url in urls[::2] + urls[1::4])
            url = f"https://{self._host(first + host_number)}/sitemap-{first}.xml"
            yield Outcome(url, "done", "sitemap", 200, _time(first), discovered_urls=named, kind="sitemap")

    def _other_outcomes(self, number: int) -> Iterator[Outcome]:
        """What else a crawl meets on the way to a page: redirects to it, and errors."""
        if number % _REDIRECT_PERIOD == 0:
            target = self.url(number)
            yield Outcome(self._old_url(number), "done", "redirect", 301, _time(number), location=target)
        if number % _ERROR_PERIOD == 0:
            yield Outcome(f"{self.url(number)}/gone", "failed", "http_404", 404, _time(number), found_via="link")

    def _old_url(self, number: int) -> str:
        return f"https://{self._host(number)}/?p={number}"

    def _discovered(self, url: str, found_via: str) -> DiscoveredUrl:
        return DiscoveredUrl(url, url.split("/")[2], found_via=found_via)

    def _title(self, number: int) -> str:
        return _title(number - 1 if number % _PART_PERIOD == 1 and number >= self.hosts else number)

    def _cleaned_page(self, number: int, version: int) -> CleanedPage:
        blocks_with_verdicts = list(self._blocks(number, version))
        blocks = tuple(_at_position(block, position) for position, (block, _) in enumerate(blocks_with_verdicts))
        verdicts = tuple(verdict for _, verdict in blocks_with_verdicts)
        kept_texts = [block.text for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept]
        metadata = Metadata(
            title=self._title(number), authors=(f"Author {number % 40}",), published=_time(number), language="en"
        )
        verdict = PageVerdict(PageType.ARTICLE, (f"words={sum(block.words for block in blocks)}",))
        text, markdown = "\n".join(kept_texts), "\n\n".join(kept_texts)
        return CleanedPage(
            self.url(number), verdict, metadata, blocks, verdicts, text, markdown, self._outlinks(number)
        )

    def _outlinks(self, number: int) -> tuple[Outlink, ...]:
        """Links as an article has them; the first part of an article also leads to the second."""
        links = tuple(Outlink(self.url(other), self._title(other)) for other in self._related(number))
        if number % _PART_PERIOD == 0 and self.hosts == 1 and number + 1 < self.pages:
            return (*links, Outlink(self.url(number + 1), "", (), "next"))
        return links

    def _blocks(self, number: int, version: int) -> Iterator[tuple[Block, Verdict]]:
        """The visible blocks of a page in order, with the page's own verdicts."""
        host = self._host(number)
        for place in range(self._scaled(35)):
            yield _block(f"{host} menu entry {place}", "body>nav>ul>li", BlockKind.LIST_ITEM), _MENU
        for text in self._paragraphs(number, version):
            yield _block(text, "body>main>article>div.text>p"), KEPT
        if number % _PROMO_PERIOD == 0:
            yield _block(f"{host} needs its readers and lives of what they give", "body>main>aside.promo>p"), KEPT
        for text in self._aside_texts(number):
            yield _block(text, "body>main>article>div.text>p"), _DOUBTFUL
        for other in self._related(number):
            yield _block(self._title(other), "body>main>div.related>h3", BlockKind.HEADING), _RELATED
        for place in range(self._scaled(number * 7 % 90)):
            yield _block(" ".join(_text(number, 500 + place, 25)), "body>main>div.comments>p"), _COMMENT
        for place in range(self._scaled(30)):
            yield _block(f"{host} footer line {place}", "body>footer>ul>li", BlockKind.LIST_ITEM), _FOOTER

    def _paragraphs(self, number: int, version: int) -> list[str]:
        """The paragraphs of a page's article, by what kind of page it is."""
        if number % _LIST_PERIOD == _LIST_PERIOD - 5:
            return [text for other in range(number - 3, number) for text in self._own_paragraphs(other)]
        if number % _COPY_PERIOD == _COPY_PERIOD - 2:
            return self._own_paragraphs(number - 5)
        added = [" ".join(_text(number, 9_000 + added, 30)) for added in range(version)]
        if number % _NEAR_COPY_PERIOD == _NEAR_COPY_PERIOD - 3:
            return [_edited(text, number) for text in self._own_paragraphs(number - 1)] + added
        return self._own_paragraphs(number) + added

    def _own_paragraphs(self, number: int) -> list[str]:
        generator = np.random.default_rng((7, number))
        lengths = generator.integers(15, 70, max(2, self._scaled(int(generator.integers(6, 40)))))
        return [" ".join(_text(number, 10 + place, int(words))) for place, words in enumerate(lengths)]

    def _aside_texts(self, number: int) -> list[str]:
        """Texts of an article that its cleaner took for something else; a site's evidence may bring them back."""
        return [" ".join(_text(number, 400 + place, 12)) for place in range(number % 3)]

    def _related(self, number: int) -> range:
        """The numbers of the articles that a page links to."""
        return range(max(0, number - self._scaled(20)), number)

    def _scaled(self, count: int) -> int:
        return round(count * self.scale)


def _text(number: int, place: int, words: int) -> list[str]:
    """So many words, always the same for a page and a place on it: every so many of those drawn, from a place on."""
    mixed = (number << 14 | place) * _ODD_FACTOR % 2**64
    mixed = (mixed ^ mixed >> 29) * _ODD_FACTOR % 2**64
    stride, start = mixed >> 40 | 1, mixed >> 16
    places = (np.arange(words) * stride + start) % _DRAWN
    return list(_drawn_words()[places])


@cache
def _drawn_words() -> NDArray[np.object_]:
    """Made-up words, as often as words are: the most frequent are the shortest."""
    ranks = np.minimum(20 * np.random.default_rng(7).pareto(0.7, _DRAWN), _WORDS - 1).astype(int)
    return np.array([_word(rank) for rank in range(_WORDS)], np.object_)[ranks]


@lru_cache(maxsize=1_000)
def _title(number: int) -> str:
    return " ".join(_text(number, 1, 7)).capitalize()


def _at_position(block: Block, position: int) -> Block:
    """The block at another position of its page."""
    return Block(position, block.kind, block.text, path=block.path)


def _block(text: str, path: str, kind: BlockKind = BlockKind.PARAGRAPH) -> Block:
    return Block(0, kind, text, path=path)


def _edited(text: str, number: int) -> str:
    """The text with one word in thirty changed."""
    words = text.split()
    words[number % 30 :: 30] = [f"{word}x" for word in words[number % 30 :: 30]]
    return " ".join(words)


def _word(rank: int) -> str:
    syllables = [_SYLLABLES[rank % len(_SYLLABLES)]]
    while rank := rank // len(_SYLLABLES):
        syllables.append(_SYLLABLES[rank % len(_SYLLABLES)])
    return "".join(syllables)


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-")


def _time(seconds: int) -> str:
    """A time so many minutes after the beginning of 2020."""
    return (np.datetime64("2020-01-01T00:00:00") + np.timedelta64(seconds, "m")).item().isoformat() + "+00:00"
