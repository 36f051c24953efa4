"""Boilerplate of a site among a page's kept blocks, found by the texts that the site's pages repeat; pure.

A page comes as its kept blocks, and those of its removed blocks that other pages keep. Each has the key of its text's
template: texts that differ only in numbers, dates, addresses, or in the page's own title and authors have one key. The
container of a block decides more than its count: an archive's articles repeat headings, credits and whole paragraphs,
but not in a part of the page that never holds text of the article's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from ..document import KeepReason, RemovalReason, Verdict

CONSENSUS_VERDICT = Verdict(False, RemovalReason.REPEATED, "site/consensus")
REPEATED_VERDICT = Verdict(False, RemovalReason.REPEATED, "site/repeated")
BIO_VERDICT = Verdict(False, RemovalReason.AUTHOR_BIO, "site/author-bio")
NOTE_VERDICT = Verdict(False, RemovalReason.AUTHOR_BIO, "site/closing-note")
BODY_VERDICT = Verdict(True, KeepReason.SITE_BODY, "site/body")
SLOT_VERDICT = Verdict(False, RemovalReason.BOILERPLATE, "site/slot")

FEW_PAGES = 20  # on a smaller site two pages make a repetition; a larger one has pairs of similar pages by chance
_ANCHOR_WORDS = 8  # a block of the page's own of this length can be the first or last of its text
_OWN_TEXT_SHARE = 0.1  # a container with own text on more than this share of its pages is no boilerplate container
_COMMON_SHARE = 0.6  # share of the site's pages from which a block outside of boilerplate containers is boilerplate
_FREQUENT_SHARE = 0.3  # the same for a block on `_FREQUENT_PAGES` pages or more
_FREQUENT_PAGES = 25
_CONSENSUS_PAGES = 4  # that remove a text, and twice as many as keep it
_SURE_PAGES = 5  # a text on fewer pages may be that of two versions of one article
_BODY_SHARE = 0.8  # share of pages that keep text at a path from which what others removed there is the article's too
_SLOT_PAGES, _SLOT_SHARE = 20, 0.05  # pages with text at a place, and share of them that keep some, for a slot
_MAX_REMOVED_PART = 3  # if more than one word in this many would go, texts on fewer than `_SURE_PAGES` pages stay
_FEW_WORDS = 60  # of a page: a slot may hold all of them


class KeyedBlock(NamedTuple):
    """Block of a page, reduced to the facts that the comparison of pages needs.

    `text_id` is the number of its text, `template_key` that of the text's template, `container` names
    its container. `names_author`: it begins with an author's name. `is_kept`: the page's own verdict keeps it. `place`
    is the number of its path, `is_sure` whether the page's models are sure that it is the article's.
    """

    position: int
    template_key: int
    container: Hashable
    word_count: int
    is_heading: bool = False
    names_author: bool = False
    is_kept: bool = True
    text_id: int = 0
    place: int = -1
    is_sure: bool = False


@dataclass(frozen=True, slots=True)
class SiteMemory:
    """Memory of the texts and places that the pages of one site share.

    `pages_per_key` is the number of pages of each repeated key. `boilerplate_containers` are the container paths that
    hold hardly anything but repeated text, with the number of pages that have them. `outer_keys` are the repeated keys
    mostly before or after the page's own text. `beside_text_keys` stand beside a text of its own on most of their
    pages, and on at least `_SURE_PAGES`. `agreed_texts` are the texts that most pages remove which have them. `slots`
    are the numbers of the places where nearly all pages keep nothing. `closing_texts` are those that so many pages
    remove near the end of their text that it ends there: what stands below may be a note on the author.
    """

    page_count: int
    pages_per_key: Mapping[int, int]
    boilerplate_containers: Mapping[Hashable, int] = field(default_factory=dict)
    outer_keys: frozenset[int] = frozenset()
    beside_text_keys: frozenset[int] = frozenset()
    agreed_texts: frozenset[int] = frozenset()
    slots: frozenset[int] = frozenset()
    closing_texts: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _TextSpan:
    """Indices of the first and last block of a page's own text."""

    first_index: int
    last_index: int

    def excludes(self, index: int) -> bool:
        return not self.first_index <= index <= self.last_index


def min_repeat_pages(page_count: int) -> int:
    """Return the number of pages from which a text counts as repeated on a site of this size."""
    return 2 if page_count < FEW_PAGES else 3


def build_site_memory(
    pages: Iterable[Sequence[KeyedBlock]],
    pages_per_key: Mapping[int, int],
    page_count: int,
    agreed_texts: frozenset[int] = frozenset(),
    plain_containers: Mapping[Hashable, int] | None = None,
) -> SiteMemory:
    """Note where the repeated texts of a site are, from all its pages, one page an article.

    `pages_per_key` gives the number of pages of each repeated key; `page_count` is the number of all pages. Pages on
    which no key repeats may be left out of `pages`, if `plain_containers` counts them by container in which they keep
    text; it is read after the pages.
    """
    own_text_pages: Counter[Hashable] = Counter()
    repeated_text_pages: Counter[Hashable] = Counter()
    outside_pages: Counter[int] = Counter()
    beside_text_pages: Counter[int] = Counter()
    for page in pages:
        text_span = _own_text_span(page, pages_per_key)
        own_text_pages.update(
            {block.container for block in page if block.is_kept and block.template_key not in pages_per_key}
        )
        repeated_text_pages.update({block.container for block in page if block.template_key in pages_per_key})
        outside_pages.update(
            {
                block.template_key
                for index, block in enumerate(page)
                if block.template_key in pages_per_key and text_span.excludes(index)
            }
        )
        if any(_is_own_text(block, pages_per_key) for block in page):
            beside_text_pages.update({block.template_key for block in page if block.template_key in pages_per_key})
    own_text_pages.update(plain_containers or {})
    boilerplate_containers = {
        path: count
        for path, count in repeated_text_pages.items()
        if count > 1 and own_text_pages[path] <= _OWN_TEXT_SHARE * count
    }
    outer_keys = frozenset(key for key, count in outside_pages.items() if 2 * count > pages_per_key[key])
    beside_text_keys = frozenset(
        key for key, count in beside_text_pages.items() if count >= _SURE_PAGES and 2 * count > pages_per_key[key]
    )
    return SiteMemory(page_count, pages_per_key, boilerplate_containers, outer_keys, beside_text_keys, agreed_texts)


def _is_own_text(block: KeyedBlock, pages_per_key: Mapping[int, int]) -> bool:
    return block.is_kept and block.template_key not in pages_per_key and block.word_count >= _ANCHOR_WORDS


PathT = TypeVar("PathT")


def find_body_paths(
    keeping_pages: Mapping[PathT, int], removing_pages: Mapping[PathT, int]
) -> dict[PathT, tuple[int, int]]:
    """Find the paths at which a site's articles have their text: by path, the pages that keep it and all that have it.

    `keeping_pages` counts the pages that keep text at a path, `removing_pages` those that have some but keep none.
    """
    page_counts = {
        path: (kept_count, kept_count + removing_pages.get(path, 0)) for path, kept_count in keeping_pages.items()
    }
    return {
        path: (kept_count, total_count)
        for path, (kept_count, total_count) in page_counts.items()
        if total_count >= _SURE_PAGES and kept_count >= _BODY_SHARE * total_count
    }


def is_site_slot(page_count: int, keeping_count: int) -> bool:
    """Return whether a place is the site's: hardly any of the pages that have text there keep it.

    >>> is_site_slot(100, 5), is_site_slot(100, 6)
    (True, False)
    """
    return page_count >= _SLOT_PAGES and keeping_count <= _SLOT_SHARE * page_count


def is_consensus(removing_pages: int, keeping_pages: int) -> bool:
    """Return whether enough pages remove a text for it to be no article's: two of three that have it, at least four.

    >>> is_consensus(4, 2), is_consensus(3, 0), is_consensus(5, 3)
    (True, False, False)
    """
    return removing_pages >= _CONSENSUS_PAGES and removing_pages >= 2 * keeping_pages


def judge_consensus(page: Sequence[KeyedBlock], memory: SiteMemory) -> dict[int, Verdict]:
    """Remove the texts that most pages remove, by position; none where nothing else is left of the page.

    A note on the page's author stays, and so does a heading with kept text below it.
    """
    kept_blocks = [block for block in page if block.is_kept]
    agreed: set[int] = set()
    below: KeyedBlock | None = None
    for block in reversed(kept_blocks):
        heads_kept_text = block.is_heading and below is not None and below.position not in agreed
        below = block
        if block.text_id in memory.agreed_texts and not (block.names_author or heads_kept_text):
            agreed.add(block.position)
    return dict.fromkeys(sorted(agreed), CONSENSUS_VERDICT) if len(agreed) < len(kept_blocks) else {}


def judge_slots(page: Sequence[KeyedBlock], memory: SiteMemory) -> dict[int, Verdict]:
    """Remove blocks in the site's slots above and below the page's text, such as tags that no phrase rule knows.

    What the page's models are sure of stays: between paragraphs, a list may sit where other pages have buttons. At most
    a third of the page's kept words go, or all of a few: more is an article that stands elsewhere.
    """
    kept = [block for block in page if block.is_kept]
    in_slots = [index for index, block in enumerate(kept) if block.place in memory.slots and not block.is_sure]
    if not in_slots:
        return {}
    other_indices = set(range(len(kept))).difference(in_slots)
    text_indices = sorted(index for index in other_indices if kept[index].word_count >= _ANCHOR_WORDS)
    if text_indices:
        in_slots = [index for index in in_slots if not text_indices[0] < index < text_indices[-1]]
    words, kept_words = _total_words(kept, in_slots), _total_words(kept, range(len(kept)))
    is_part = _MAX_REMOVED_PART * words <= kept_words
    goes = is_part or words == kept_words <= _FEW_WORDS
    return {kept[index].position: SLOT_VERDICT for index in in_slots} if goes else {}


def judge_repeated_blocks(blocks: Sequence[KeyedBlock], memory: SiteMemory) -> dict[int, Verdict]:
    """Judge the kept blocks of a page: by position, the verdicts on those that are the site's boilerplate.

    Of what the page itself removed a line may close its text, but no heading, which opens something. Empty if no block
    repeats. A page loses every block only if other pages have each beside a text of their own: the site may have pages
    that differ in numbers alone, such as those of measurements.
    """
    page = [block for block in blocks if block.is_kept]
    removed_blocks = (block for block in blocks if not block.is_kept)
    closing_positions = [
        block.position
        for block in removed_blocks
        if not block.is_heading and (block.text_id in memory.closing_texts or _is_closing_line(block, memory))
    ]
    if not closing_positions and not any(block.template_key in memory.pages_per_key for block in page):
        return {}
    text_span = _own_text_span(page, memory.pages_per_key)
    site_indices = _find_site_indices(page, text_span, memory, 0)
    if _MAX_REMOVED_PART * _total_words(page, site_indices) > _total_words(page, range(len(page))):
        site_indices = _find_site_indices(page, text_span, memory, _SURE_PAGES)
    closing_positions += [page[index].position for index in site_indices if _is_closing_line(page[index], memory)]
    verdicts = dict.fromkeys(site_indices, REPEATED_VERDICT)
    verdicts = _verdicts_below_closing_line(page, closing_positions, text_span, memory) | verdicts
    if len(verdicts) == len(page) and not all(block.template_key in memory.beside_text_keys for block in page):
        return {}
    return {page[index].position: verdicts[index] for index in sorted(verdicts)}


def _find_site_indices(
    page: Sequence[KeyedBlock], text_span: _TextSpan, memory: SiteMemory, min_pages: int
) -> set[int]:
    """Find the indices of boilerplate that is on at least `min_pages` pages; a heading is one only with all below it.

    A text that occurs more than once within the page's own text is a refrain, a speaker's name or a signature.
    """
    key_counts = Counter(block.template_key for block in page)
    refrain_keys = {
        block.template_key
        for index, block in enumerate(page)
        if key_counts[block.template_key] > 1 and not text_span.excludes(index)
    }
    site_indices: set[int] = set()
    for index in reversed(range(len(page))):
        heads_kept_text = page[index].is_heading and (
            not text_span.excludes(index) or (index + 1 < len(page) and index + 1 not in site_indices)
        )
        is_repeated = (
            memory.pages_per_key.get(page[index].template_key, 0) >= max(min_pages, 1)
            and page[index].template_key not in refrain_keys
        )
        if is_repeated and not heads_kept_text and _is_site_text(page[index], memory):
            site_indices.add(index)
    return site_indices


def _is_site_text(block: KeyedBlock, memory: SiteMemory) -> bool:
    """Return whether a repeated block is boilerplate, by its container or as a closing line."""
    if container_pages := memory.boilerplate_containers.get(block.container, 0):
        return block.word_count >= _ANCHOR_WORDS or 2 * memory.pages_per_key[block.template_key] >= container_pages
    return _is_closing_line(block, memory)


def _is_closing_line(block: KeyedBlock, memory: SiteMemory) -> bool:
    """Return whether a text opens or closes too many articles to belong to any of them."""
    page_count = memory.pages_per_key.get(block.template_key, 0)
    if block.template_key not in memory.outer_keys or (page_count == 2 < memory.page_count):
        return False
    return are_most_pages(page_count, memory.page_count)


def are_most_pages(count: int, page_count: int) -> bool:
    """Return whether too many of a site's pages open or close with a text for it to belong to an article.

    >>> are_most_pages(12, 20), are_most_pages(11, 20), are_most_pages(30, 100)
    (True, False, True)
    """
    return count >= page_count * (_FREQUENT_SHARE if count >= _FREQUENT_PAGES else _COMMON_SHARE)


def is_near_end(words_below: Any, words: Any) -> Any:
    """Return whether so few of a page's kept words stand below a line that these may be a note on the author.

    Of columns of numbers, return a column.
    """
    return _MAX_REMOVED_PART * words_below <= words


def _verdicts_below_closing_line(
    page: Sequence[KeyedBlock], closing_positions: Iterable[int], text_span: _TextSpan, memory: SiteMemory
) -> dict[int, Verdict]:
    """Judge the blocks below the site's closing line, by index.

    These are the blocks that repeat there, such as credits, or all from a note that begins with the author's name.
    """
    for closing_position in sorted(closing_positions):
        below = [index for index, block in enumerate(page) if block.position > closing_position]
        if below and below[0] > text_span.last_index >= 0:
            repeated = (index for index in below if page[index].template_key in memory.pages_per_key)
            return {index: BIO_VERDICT if page[index].names_author else REPEATED_VERDICT for index in repeated}
        if _is_closing_note(page, below, text_span):
            return dict.fromkeys(below, NOTE_VERDICT)
    return {}


def not_below_note(restored: Mapping[int, Verdict], verdicts: Mapping[int, Verdict]) -> dict[int, Verdict]:
    """Return those of the verdicts `restored`, by position, that bring nothing back below a note on the author.

    `verdicts` tell the position of such a note, which goes to the end of the page.
    """
    first_note = min((n for n, verdict in verdicts.items() if verdict.reason == RemovalReason.AUTHOR_BIO), default=None)
    return {n: verdict for n, verdict in restored.items() if first_note is None or n < first_note}


def _is_closing_note(page: Sequence[KeyedBlock], below: Sequence[int], text_span: _TextSpan) -> bool:
    """Return whether the blocks below a closing line are a note on the author, and a small part of the page."""
    is_note = bool(below) and page[below[0]].names_author and 0 <= text_span.first_index < below[0]
    return is_note and bool(is_near_end(_total_words(page, below), _total_words(page, range(len(page)))))


def _own_text_span(page: Sequence[KeyedBlock], pages_per_key: Mapping[int, int]) -> _TextSpan:
    """Return the indices of the first and last long block of the page's own text, else of those of any length.

    (-1, -1) if the page has no text of its own.
    """
    own_indices = [
        index for index, block in enumerate(page) if block.is_kept and block.template_key not in pages_per_key
    ]
    anchor_indices = [index for index in own_indices if page[index].word_count >= _ANCHOR_WORDS] or own_indices
    return _TextSpan(anchor_indices[0], anchor_indices[-1]) if anchor_indices else _TextSpan(-1, -1)


def _total_words(page: Sequence[KeyedBlock], indices: Iterable[int]) -> int:
    return sum(page[index].word_count for index in indices)
