"""Edits of an article by its publication, found between two captures of its page, notices included; pure.

A capture is all visible blocks of the page with their verdicts. Two differences are no edits: a block kept in one
capture and removed in the other (a change of verdict), and a block added or removed where the page holds no article
text (boilerplate). Texts are compared without regard to white space, quotation marks, dashes and how they are cut into
blocks, so that a new template makes no edit. The phrases of correction and update notices are data (`notices.toml`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from ..package_data import read_toml
from ..words import rough_word_count
from .edit_kinds import COMPARED_KINDS, NOTICE_KINDS, EditKind
from .text_comparison import (
    DATE_MARK,
    WordChanges,
    comparison_key,
    diff_words,
    parse_moment,
    split_words,
    text_template,
)

_MAX_NOTICE_CHARS = 1_200  # a longer block is a paragraph that may quote a notice
_NOTICE_OPENING = r"^[\W_]*"
_NOTICE_STAMP = r"(?:\s*[(\[（【][^)\]）】]{1,40}[)\]）】]|,?\s[^:：.。]{0,40}?\d[^:：。]{0,30}?)?"  # a date or a time
_NOTICE_END_MARK = r"\s*(?:[:：.。|]|\s[-–—]|[–—])"


def notice_kind(text: str) -> EditKind | None:
    """Return the kind of notice (correction or update) that a text is, in any language; None for other texts.

    >>> notice_kind("Correction: An earlier version of this article misspelled the mayor's name.")
    <EditKind.CORRECTION: 'correction'>
    """
    if len(text) > _MAX_NOTICE_CHARS:
        return None
    return next((kind for kind, pattern in _notice_patterns().items() if pattern.search(text)), None)


def load_notice_languages() -> Mapping[str, Mapping[str, Any]]:
    """Read the data file: by language the phrases of each kind (`begins`, `says`) and examples."""
    return read_toml(__package__, "notices.toml")


@cache
def _notice_patterns() -> dict[EditKind, re.Pattern[str]]:
    phrases_by_language = tuple(load_notice_languages().values())
    return {kind: _compile_phrases(language[kind] for language in phrases_by_language) for kind in NOTICE_KINDS}


def _compile_phrases(phrases_by_language: Iterable[Mapping[str, list[str]]]) -> re.Pattern[str]:
    opening_patterns, sentence_patterns = [], []
    for language_phrases in phrases_by_language:
        opening_patterns += language_phrases["begins"]
        sentence_patterns += language_phrases["says"]
    return re.compile(
        f"{_NOTICE_OPENING}(?:{'|'.join(opening_patterns)}){_NOTICE_STAMP}{_NOTICE_END_MARK}|{'|'.join(sentence_patterns)}",
        re.IGNORECASE,
    )


_PROSE_WORDS = 8  # from this length a block is article text rather than a label
_SEARCHABLE_CHARS = 12  # a shorter text must be a whole block; a longer one is searched for across blocks too
_REWRITTEN_OVERLAP = 0.4  # share of common words from which a block counts as the other one rewritten
_CONTAINED_SHARE = 0.8  # the same, as the share of the shorter block's words that the longer one has
_LABEL_WORDS = 6  # a longer line is a label only if it has a date
_DATELINE_WORDS = 16
_QUOTED_WORDS = 20  # a block of this length that one other article has is a quotation; on two it is the site's text
_EXACT_KINDS = frozenset(("heading", "table", "code"))  # kinds in which a changed number is an edit
_SENTENCE_END = re.compile(r"[.!?…。！？؟][\"'”’»)\]]*$")


@dataclass(frozen=True, slots=True)
class CapturedBlock:
    """Visible block of a capture.

    `container_id` identifies the part of the page that the block is in, 0 if unknown. `is_link` says that all of its
    text is a link. `other_article_count` is how many other articles of the site have the same block.
    """

    text: str
    kind: str
    is_kept: bool
    container_id: int = 0
    is_link: bool = False
    other_article_count: int = 0


class ArticleVersion(NamedTuple):
    """Article at one capture: the title and date that its page states, their sources, and its blocks in order."""

    blocks: tuple[CapturedBlock, ...]
    title: str = ""
    title_source: str = ""
    published: str = ""
    published_source: str = ""


@dataclass(frozen=True, slots=True)
class BlockChange:
    """Text of a block before and after an edit; `before` is empty if it was added, `after` if it was removed."""

    before: str
    after: str

    @property
    def kind(self) -> str:
        """Return the kind of the change: `same`, `added`, `removed` or `rewritten`."""
        if self.before == self.after:
            return "same"
        return "added" if not self.before else "removed" if not self.after else "rewritten"

    @property
    def words(self) -> WordChanges:
        """Return the words of both texts in order, with their signs."""
        return diff_words(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Edit:
    """Edit of an article: the kinds of change and the changed blocks.

    `kinds` come the most important first and are empty if there is no edit. `note` is the text of the correction or
    update notice that reports it. `is_reordered` says that the same paragraphs come in another order.
    """

    kinds: tuple[EditKind, ...] = ()
    changes: tuple[BlockChange, ...] = ()
    is_reordered: bool = False
    note: str = ""

    @property
    def added_count(self) -> int:
        """Count the blocks that were added."""
        return sum(not change.before for change in self.changes)

    @property
    def removed_count(self) -> int:
        """Count the blocks that were removed."""
        return sum(not change.after for change in self.changes)

    @property
    def rewritten_count(self) -> int:
        """Count the blocks that were rewritten."""
        return len(self.changes) - self.added_count - self.removed_count


@dataclass(slots=True)
class _FoldedPage:
    """Version prepared for comparison: `keys` are its blocks' folded texts without white space.

    `page_key` is all of them joined. `has_article_text` says of each container whether a block of the article's own is
    kept in it.
    """

    version: ArticleVersion
    keys: list[str] = field(default_factory=list)
    key_set: frozenset[str] = frozenset()
    page_key: str = ""
    has_article_text: dict[int, bool] = field(default_factory=dict)

    @classmethod
    def from_version(cls, version: ArticleVersion) -> _FoldedPage:
        """Fold the texts of a version."""
        page = cls(version, [comparison_key(block.text) for block in version.blocks])
        page.key_set, page.page_key = frozenset(page.keys), "".join(page.keys)
        flags = page.has_article_text
        for block in version.blocks:
            is_article_text = block.is_kept and not _is_site_text(block)
            flags[block.container_id] = flags.get(block.container_id, False) or is_article_text
        return page

    def contains(self, key: str) -> bool:
        """Return whether a folded text is anywhere on the page, kept or not, in one block or across blocks."""
        return key in self.key_set or (len(key) >= _SEARCHABLE_CHARS and key in self.page_key)

    def kept_positions(self) -> list[int]:
        return [position for position, block in enumerate(self.version.blocks) if block.is_kept]

    def kept_positions_missing_from(self, other_page: _FoldedPage) -> list[int]:
        """Return the positions of the kept blocks whose text is not a block of the other page."""
        return [
            position
            for position in self.kept_positions()
            if self.keys[position] and self.keys[position] not in other_page.key_set
        ]

    def text_at(self, position: int) -> str:
        return self.version.blocks[position].text


def compare_versions(old_version: ArticleVersion, new_version: ArticleVersion) -> Edit:
    """Find what the publication changed in the article from one capture to the next."""
    old_page, new_page = _FoldedPage.from_version(old_version), _FoldedPage.from_version(new_version)
    pairs = list(_edited_pairs(old_page, new_page))
    changes = tuple(
        BlockChange(
            old_page.text_at(old_pos) if old_pos >= 0 else "", new_page.text_at(new_pos) if new_pos >= 0 else ""
        )
        for old_pos, new_pos in pairs
    )
    notices = _find_new_notices(old_page, new_page, pairs)
    old_keys, new_keys = _paragraph_keys(old_page), _paragraph_keys(new_page)
    common_keys = set(old_keys) & set(new_keys)
    is_reordered = [key for key in old_keys if key in common_keys] != [key for key in new_keys if key in common_keys]
    kinds = set(notices)
    notice_texts = set(notices.values())
    for change in changes:
        if change.after not in notice_texts:
            kinds.add(EditKind.LEAD if _changes_lead(change, old_page, new_page, notice_texts) else EditKind.BODY)
    kinds |= {EditKind.BODY} if is_reordered else set()
    kinds |= {EditKind.HEADLINE} if _changes_headline(old_page, new_page) else set()
    kinds |= {EditKind.DATE} if _changes_date(old_version, new_version) else set()
    note = next((notices[kind] for kind in COMPARED_KINDS if kind in notices), "")
    return Edit(tuple(kind for kind in COMPARED_KINDS if kind in kinds), changes, is_reordered, note)


def align_versions(old_version: ArticleVersion, new_version: ArticleVersion) -> tuple[BlockChange, ...]:
    """Align the blocks of two versions of an article side by side, in the order of the new text.

    Unchanged blocks have the same text on both sides. Changes outside of the article are left out.
    """
    old_page, new_page = _FoldedPage.from_version(old_version), _FoldedPage.from_version(new_version)
    pairs = list(_edited_pairs(old_page, new_page))
    old_by_new = {new_pos: old_pos for old_pos, new_pos in pairs if new_pos >= 0}
    rows = [
        (
            float(new_pos),
            BlockChange(
                old_page.text_at(old_by_new[new_pos]) if old_by_new.get(new_pos, -1) >= 0 else "",
                new_page.text_at(new_pos),
            ),
        )
        if new_pos in old_by_new
        else (float(new_pos), BlockChange(new_page.text_at(new_pos), new_page.text_at(new_pos)))
        for new_pos in new_page.kept_positions()
        if new_pos in old_by_new
        or old_page.contains(new_page.keys[new_pos])
        or new_page.version.blocks[new_pos].kind != "heading"
    ]
    places = _new_places(old_page, new_page, pairs)
    rows += [
        (_order_key(places, old_pos), BlockChange(old_page.text_at(old_pos), ""))
        for old_pos, new_pos in pairs
        if new_pos < 0
    ]
    return tuple(change for _, change in sorted(rows, key=lambda row: row[0]))


def may_report_edit(text: str) -> bool:
    """Return whether a block reads like a correction or update notice, so that it counts even where it is not kept."""
    return bool(notice_kind(text)) and rough_word_count(text) >= _LABEL_WORDS and not _is_dateline(text)


def _edited_pairs(old_page: _FoldedPage, new_page: _FoldedPage) -> Iterable[tuple[int, int]]:
    """Return the (old, new) positions of edited blocks in the order of the new text; -1 for no block."""
    removed_positions = [
        old_pos
        for old_pos in old_page.kept_positions_missing_from(new_page)
        if not _is_outside_article(old_page.version.blocks[old_pos], new_page)
    ]
    added_positions = [
        new_pos
        for new_pos in new_page.kept_positions_missing_from(old_page)
        if not _is_outside_article(new_page.version.blocks[new_pos], old_page)
    ]
    new_by_old = _match_blocks(old_page, new_page, removed_positions, added_positions)
    candidate_pairs = [(old_pos, new_by_old.get(old_pos, -1)) for old_pos in removed_positions]
    candidate_pairs += [(-1, new_pos) for new_pos in added_positions if new_pos not in set(new_by_old.values())]
    edited_pairs = [pair for pair in candidate_pairs if _is_edit(old_page, new_page, *pair)]
    places = _new_places(old_page, new_page, edited_pairs)
    return sorted(edited_pairs, key=lambda pair: (pair[1] if pair[1] >= 0 else _order_key(places, pair[0]), pair[0]))


def _new_places(old_page: _FoldedPage, new_page: _FoldedPage, pairs: Iterable[tuple[int, int]]) -> Mapping[int, int]:
    """Return the new positions of the old blocks that are still there, as they were or rewritten, by their old ones."""
    new_positions = {key: new_pos for new_pos, key in enumerate(new_page.keys)}
    places = {old_pos: new_positions[key] for old_pos, key in enumerate(old_page.keys) if key in new_positions}
    return places | {old_pos: new_pos for old_pos, new_pos in pairs if old_pos >= 0 and new_pos >= 0}


def _order_key(new_places: Mapping[int, int], old_pos: int) -> float:
    """Return the place of a removed block among the new positions: behind the nearest earlier block that remains."""
    earlier_positions = range(old_pos - 1, -1, -1)
    return next((new_places[position] for position in earlier_positions if position in new_places), -1) + 0.5


def _is_edit(old_page: _FoldedPage, new_page: _FoldedPage, old_pos: int, new_pos: int) -> bool:
    """Return whether a pair from `_edited_pairs` is a change of the article, and not of labels or verdicts."""
    if old_pos >= 0 and new_pos >= 0:
        has_both_texts = old_page.contains(new_page.keys[new_pos]) and new_page.contains(old_page.keys[old_pos])
        return not has_both_texts and not _is_same_label(old_page, new_page, old_pos, new_pos)
    page, other_page, position = (old_page, new_page, old_pos) if new_pos < 0 else (new_page, old_page, new_pos)
    text = page.text_at(position)
    return not other_page.contains(page.keys[position]) and (
        not _is_dateline(text) or (new_pos >= 0 and may_report_edit(text))
    )


def _is_outside_article(block: CapturedBlock, other_page: _FoldedPage) -> bool:
    """Return whether a block that only one capture keeps belongs to the site and not to the article."""
    return not may_report_edit(block.text) and (_is_boilerplate(block, other_page) or _is_site_text(block))


def _is_boilerplate(block: CapturedBlock, other_page: _FoldedPage) -> bool:
    """Return whether a block is only a link, or in a container in which the other capture has no article text."""
    return (block.is_link and block.kind != "heading") or (
        bool(block.container_id) and other_page.has_article_text.get(block.container_id) is False
    )


def _is_site_text(block: CapturedBlock) -> bool:
    """Return whether several other articles have the block too, so that it belongs to the site."""
    return block.other_article_count > 1 or (
        block.other_article_count == 1 and rough_word_count(block.text) < _QUOTED_WORDS
    )


def _is_same_label(old_page: _FoldedPage, new_page: _FoldedPage, old_pos: int, new_pos: int) -> bool:
    """Return whether two blocks are one label outside of the article's text, in which only a number or date changed."""
    old_block, new_block = old_page.version.blocks[old_pos], new_page.version.blocks[new_pos]
    if old_block.kind in _EXACT_KINDS or _SENTENCE_END.search(new_block.text):
        return False
    new_template = text_template(new_block.text)
    if new_template != text_template(old_block.text) or new_template == new_block.text:
        return False
    max_words = _DATELINE_WORDS if DATE_MARK in new_template else _LABEL_WORDS
    return rough_word_count(new_block.text) <= max_words and not (
        _is_between_paragraphs(old_page, old_pos) or _is_between_paragraphs(new_page, new_pos)
    )


def _is_between_paragraphs(page: _FoldedPage, position: int) -> bool:
    """Return whether a block is between two kept paragraphs of prose."""
    prose_positions = [kept_pos for kept_pos in page.kept_positions() if _is_prose(page.version.blocks[kept_pos])]
    return bool(prose_positions) and prose_positions[0] < position < prose_positions[-1]


def _is_prose(block: CapturedBlock) -> bool:
    return block.kind not in ("heading", "caption") and rough_word_count(block.text) >= _PROSE_WORDS


def _is_dateline(text: str) -> bool:
    """Return whether a line is little more than a date."""
    line_template = text_template(text)
    return (
        DATE_MARK in line_template
        and rough_word_count(line_template) <= _LABEL_WORDS
        and len(re.findall(r"[^\W\d_]{2,}", line_template)) < _LABEL_WORDS
    )


def _find_new_notices(
    old_page: _FoldedPage, new_page: _FoldedPage, pairs: Collection[tuple[int, int]]
) -> dict[EditKind, str]:
    """Find the first new correction and update notice, by kind; a notice counts even if its block is not kept."""
    edited_positions = {new_pos for _, new_pos in pairs}
    notices: dict[EditKind, str] = {}
    for position, block in enumerate(new_page.version.blocks):
        is_notice_aside = (
            not block.is_kept and not block.is_link and block.other_article_count < 2 and may_report_edit(block.text)
        )
        if (position in edited_positions or (is_notice_aside and not old_page.contains(new_page.keys[position]))) and (
            kind := notice_kind(block.text)
        ):
            notices.setdefault(kind, block.text)
    return notices


def _changes_lead(
    change: BlockChange, old_page: _FoldedPage, new_page: _FoldedPage, notice_texts: Collection[str]
) -> bool:
    """Return whether a change is to the first paragraph of the article."""
    lead_texts = (_find_lead(old_page, notice_texts), _find_lead(new_page, notice_texts))
    return bool(lead_texts[0] and change.before == lead_texts[0]) or bool(
        lead_texts[1] and change.after == lead_texts[1]
    )


def _find_lead(page: _FoldedPage, notice_texts: Collection[str]) -> str:
    """Find the first kept paragraph that is not a notice; empty if there is none."""
    texts = (page.text_at(position) for position in page.kept_positions() if _is_prose(page.version.blocks[position]))
    return next((text for text in texts if text not in notice_texts), "")


def _changes_headline(old_page: _FoldedPage, new_page: _FoldedPage) -> bool:
    """Return whether the title changed.

    A title from another source than before counts only if neither page shows both and neither contains the other.
    """
    old_version, new_version = old_page.version, new_page.version
    old_title, new_title = (comparison_key(title).casefold() for title in (old_version.title, new_version.title))
    if old_title == new_title or not (old_title and new_title):
        return False
    if old_version.title_source == new_version.title_source:
        return True
    key_sets = ({key.casefold() for key in page.key_set} for page in (old_page, new_page))
    return not any(old_title in keys and new_title in keys for keys in key_sets) and not (
        old_title in new_title or new_title in old_title
    )


def _changes_date(old_version: ArticleVersion, new_version: ArticleVersion) -> bool:
    """Return whether the same source states another publication date. Dates read from visible text do not count."""
    if old_version.published_source != new_version.published_source or new_version.published_source == "text":
        return False
    if not (old_version.published and new_version.published):
        return False
    old_date, new_date = parse_moment(old_version.published), parse_moment(new_version.published)
    return old_date is not None and new_date is not None and not old_date.may_equal(new_date)


def _paragraph_keys(page: _FoldedPage) -> list[str]:
    """Return the keys of the longer kept paragraphs that occur once on the page, in order."""
    keys = [
        page.keys[position] for position in page.kept_positions() if page.version.blocks[position].kind == "paragraph"
    ]
    key_counts = Counter(keys)
    return [key for key in keys if key_counts[key] == 1 and len(key) >= 4 * _SEARCHABLE_CHARS]


def _match_blocks(
    old_page: _FoldedPage, new_page: _FoldedPage, removed_positions: Sequence[int], added_positions: Sequence[int]
) -> dict[int, int]:
    """Match removed to added blocks, the most similar pairs first: new position by old position."""
    old_bags = {old_pos: Counter(split_words(old_page.text_at(old_pos))) for old_pos in removed_positions}
    new_bags = {new_pos: Counter(split_words(new_page.text_at(new_pos))) for new_pos in added_positions}
    candidates = [
        (_word_overlap(old_bag, new_bag), -abs(old_pos - new_pos), old_pos, new_pos)
        for old_pos, old_bag in old_bags.items()
        for new_pos, new_bag in new_bags.items()
    ]
    new_by_old: dict[int, int] = {}
    similar_pairs = sorted((candidate for candidate in candidates if candidate[0] >= _REWRITTEN_OVERLAP), reverse=True)
    for _, _, old_pos, new_pos in similar_pairs:
        if old_pos not in new_by_old and new_pos not in new_by_old.values():
            new_by_old[old_pos] = new_pos
    return new_by_old


def _word_overlap(old_bag: Counter[str], new_bag: Counter[str]) -> float:
    """Compute Dice's coefficient of two bags of words; at least the threshold if one bag contains most of the other."""
    common_count, shorter_count = (old_bag & new_bag).total(), min(old_bag.total(), new_bag.total())
    if not common_count:
        return 0.0
    contained_share = common_count / shorter_count if shorter_count >= _PROSE_WORDS else 0.0
    return max(
        2 * common_count / (old_bag.total() + new_bag.total()),
        _REWRITTEN_OVERLAP if contained_share >= _CONTAINED_SHARE else 0.0,
    )
