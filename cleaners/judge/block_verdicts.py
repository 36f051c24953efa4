"""Verdicts on a page's blocks, and a reason for each: rules vote beside the judge, and votes become verdicts.

Each function of `_VOTERS` casts votes for or against blocks; on each block the first vote in their order decides. Then
`weighed_verdicts` combines these verdicts with the judge's probabilities. Every vote is kept beside the verdict, also
the extractor's where it was asked, so that a person can see which ones disagreed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..document import Block, BlockKind, KeepReason, Metadata, RemovalReason, Verdict, Vote, cast_vote, verdict_by
from ..page.running_text import MAX_LINK_DENSITY, brief_positions, is_prose, main_container_positions
from ..rules.layout_rules import author_box, explain_layout
from ..rules.matcher import RuleBook
from ..rules.rule import AFTER_BODY, BEFORE_BODY, WITHIN_BODY, BodyPosition, Rule
from ..rules.rule_files import load_rules
from . import rescue
from .block_features import Reading
from .certainty import block_chances
from .headline_blocks import blocks_above_title, find_title_line, find_url_headline, metadata_blocks
from .page_boilerplate import (
    blocks_in_boxes,
    blocks_in_other_columns,
    boilerplate_rule,
    comment_blocks,
    continues_section,
    explain_by_content,
    is_box_heading,
    is_no_excerpt,
    is_teaser,
    opens_teaser_box,
)
from .repeated_texts import repeated_blocks
from .site_rules import override_verdicts
from .text_span import COMMENT_THREAD, author_notes, comment_thread_start, other_articles, text_span
from .weighed_verdicts import ELSEWHERE_ENDING, MODEL_SELECTS, weigh

_EXTRACTED = Vote("extractor", True, "extractor/selected", KeepReason.SELECTED)
_SECTION = "/section"
_LISTING, _ENTRY = "any/listing-heading", "/entry"  # of events, jobs or sponsors, and its links
# Looked up once: each access is a call.
_CAPTION, _DONATION, _DUPLICATE = RemovalReason.CAPTION, RemovalReason.DONATION, RemovalReason.DUPLICATE
_ADDRESSES = re.compile(r"(?:https?://|www\.)\S+(?:\s+(?:https?://|www\.)\S+)*")  # of sources, bare
_CAPTION_WORDS = 25  # of a longer paragraph a credit at the end makes no caption
_TOLD_SHARE, _TOLD_PARAGRAPHS = 0.2, 2  # of the text's words, and of its paragraphs, that one rule would take
_LITTLE_SHARE = 0.15  # of the selected words: sections that leave less than this are not believed
_ANYWHERE = BodyPosition()
_LINE_REASONS = frozenset(
    (RemovalReason.BYLINE, RemovalReason.DATE, RemovalReason.TAGS)
)  # of a line by itself, not of a box with a heading
_MOTTO_WORDS = 100  # fewer words above the title than this are a motto of the site's, not the article


@dataclass(frozen=True, slots=True)
class _VoteContext:
    """Everything that the voters know about the page."""

    blocks: Sequence[Block]
    selected_positions: frozenset[int]  # by the judge, or the main container where it selected nothing
    in_other_columns: frozenset[int]  # selected too, but in another column of a page laid out by a table
    above_title: frozenset[int]  # selected too, but above the title
    comment_thread: range  # from its heading to the end of the page; empty without one
    other_articles: Mapping[int, str]  # by position of their blocks, the rule that removes each
    boxed_blocks: Mapping[int, Rule]  # by position, each with its rule
    body: range  # from the first to the last article paragraph
    metadata: Metadata
    rules: RuleBook
    title_position: int | None  # of the line that is the title
    site_name: str  # as links to the site's pages have it; empty without a URL

    def body_positions(self) -> list[BodyPosition]:
        """Return the position of each block relative to the article's paragraphs."""
        count, body = len(self.blocks), self.body
        if not body:
            return [_ANYWHERE] * count
        return [BEFORE_BODY] * body.start + [WITHIN_BODY] * len(body) + [AFTER_BODY] * (count - body.stop)


_Votes = dict[int, Vote]  # by the block's position


@dataclass(frozen=True, slots=True)
class JudgedBlocks:
    """Verdict for each block of a page, and how likely each is the article's, as `block_chances` packs it."""

    verdicts: tuple[Verdict, ...] = ()
    chances: bytes = b""


def judge(reading: Reading, rules: RuleBook | None = None) -> tuple[Verdict, ...]:
    """Return a verdict for each block of the reading, in order, from the page alone."""
    return judge_blocks(reading, rules).verdicts


def judge_blocks(reading: Reading, rules: RuleBook | None = None) -> JudgedBlocks:
    """Return a verdict and a chance for each block of the reading, in order, from the page alone."""
    if not reading.blocks:
        return JudgedBlocks()
    probabilities, blocks = reading.judgement.probabilities, reading.blocks
    verdicts = weigh(blocks, rule_verdicts(reading, rules), probabilities, reading.metadata.authors)
    verdicts = list(override_verdicts(blocks, verdicts, probabilities))
    for n in reading.extracted or ():
        verdicts[n] = replace(verdicts[n], votes=(*verdicts[n].votes, _EXTRACTED))
    return JudgedBlocks(tuple(verdicts), block_chances(probabilities, verdicts))


def rule_verdicts(reading: Reading, rules: RuleBook | None = None) -> tuple[Verdict, ...]:
    """Return a verdict for each block from the rules and the selection, without the model."""
    context = _vote_context(reading, rules or load_rules(reading.metadata.language or None))
    votes_by_block: list[list[Vote]] = [[] for _ in reading.blocks]
    for cast_votes in _VOTERS:
        for n, vote in cast_votes(context).items():
            votes_by_block[n].append(vote)
    verdicts = _verdicts_of(votes_by_block)
    # Sections that would remove nearly the whole selection are ignored.
    words = {n: context.blocks[n].words for n in context.selected_positions}
    kept_words = sum(count for n, count in words.items() if verdicts[n].kept)
    if not (sum(words.values()) >= _MOTTO_WORDS and kept_words < _LITTLE_SHARE * sum(words.values())):
        return verdicts
    votes_without_sections = [[vote for vote in votes if not vote.rule.endswith(_SECTION)] for votes in votes_by_block]
    return _verdicts_of(votes_without_sections)


def _verdicts_of(votes_by_block: Sequence[list[Vote]]) -> tuple[Verdict, ...]:
    """Make a verdict of each block's votes; blocks with the same votes share it."""
    verdicts: dict[tuple[int, ...], Verdict] = {}
    keys = [tuple(map(id, votes)) for votes in votes_by_block]
    for key, votes in zip(keys, votes_by_block, strict=True):
        if key not in verdicts:
            verdicts[key] = _first_vote_verdict(votes)
    return tuple([verdicts[key] for key in keys])


def _first_vote_verdict(votes: list[Vote]) -> Verdict:
    if not votes:
        return Verdict(False, RemovalReason.NOT_SELECTED, "model/not-selected")
    return verdict_by(*votes)


def _vote_context(reading: Reading, rules: RuleBook) -> _VoteContext:
    blocks = reading.blocks
    title_position = find_title_line(blocks, reading.metadata)
    selected_positions = _selection_to_judge(reading, rules, title_position)
    in_other_columns = blocks_in_other_columns(blocks, selected_positions)
    above_title = blocks_above_title(blocks, selected_positions - in_other_columns, title_position)
    above_title |= reading.selected - selected_positions
    article_positions = selected_positions - in_other_columns - above_title
    thread_start = comment_thread_start(blocks, article_positions, rules)
    comment_thread = range(len(blocks) if thread_start is None else thread_start, len(blocks))
    headline = find_url_headline(blocks, reading.page.url) if title_position is None else title_position
    articles_beside = other_articles(blocks, headline, rules)
    article_positions = article_positions.difference(comment_thread, articles_beside)
    boxed_blocks = blocks_in_boxes(blocks, article_positions)
    article_positions = article_positions.difference(boxed_blocks)
    body = text_span(blocks, article_positions, rules, reading.metadata)
    return _VoteContext(
        blocks,
        article_positions,
        in_other_columns,
        above_title,
        comment_thread,
        articles_beside,
        boxed_blocks,
        body,
        reading.metadata,
        rules,
        title_position,
        _site_name(reading.page.url),
    )


def _site_name(url: str) -> str:
    """Return the longest label of a URL's host name, which names its site: in `www.example.co.uk` `example`."""
    host = url.partition("//")[2].partition("/")[0].partition(":")[0].removeprefix("www.")
    return max(host.split("."), key=len)


def _selection_to_judge(reading: Reading, rules: RuleBook, title_position: int | None) -> frozenset[int]:
    """Return the selected positions; if these hold no prose below the line of the title, with the short text there."""
    blocks, selected = reading.blocks, reading.selected
    below_title = frozenset(n for n in selected if title_position is None or n > title_position)
    if any(is_prose(blocks[n]) and not rules.match(blocks[n], BodyPosition()) for n in below_title):
        return selected
    unmatched_blocks = [block for block in blocks if not rules.match(block, BodyPosition())]
    short_text = (
        brief_positions(unmatched_blocks, blocks[title_position]) if title_position is not None else frozenset()
    )
    words_above_title = sum(blocks[n].words for n in selected - below_title)
    if short_text or (below_title and words_above_title < _MOTTO_WORDS):
        return below_title | short_text
    only = frozenset(b.position for b in unmatched_blocks if len(blocks) == 1)  # what a page of one block says
    return selected or main_container_positions(blocks) or only


def _metadata_votes(context: _VoteContext) -> _Votes:
    """Vote against blocks that only repeat the metadata (title, authors' names, tags), and notes on the authors."""
    reasons = metadata_blocks(context.blocks, context.metadata, context.body)
    for n, reason in reasons.items():
        if reason == RemovalReason.BYLINE and author_box(context.blocks[n].path):
            reasons[n] = RemovalReason.AUTHOR_BIO
    votes = {n: cast_vote("metadata", False, f"metadata/{reason.key}", reason) for n, reason in reasons.items()}
    notes = author_notes(context.blocks, context.selected_positions, context.body, context.metadata)
    return dict.fromkeys(notes, cast_vote("metadata", False, "metadata/author-note", RemovalReason.AUTHOR_BIO)) | votes


def _phrase_votes(context: _VoteContext) -> _Votes:
    """Vote by phrase rules on the block's own text, and on the sections that a heading opens."""
    votes: _Votes = {}
    section: Rule | None = None
    for block, position in zip(context.blocks, context.body_positions(), strict=True):
        n = block.position
        rule = context.rules.match(block, position)
        if rule and rule.reason == _CAPTION and _is_long_paragraph(block):
            rule = None
        if rule and rule.reason == _DONATION and _is_menu_entry(block):
            rule = None
        if rule and rule.heads_section and position.between and not opens_teaser_box(context.blocks, n):
            rule = None
        if rule:
            votes[n] = cast_vote("rule", False, rule.name, rule.reason)
            section = rule if rule.heads_section else section
        elif section and _continues_section(section, block, context.selected_positions, position):
            ending = _ENTRY if section.name == _LISTING and is_teaser(block) else _SECTION
            votes[n] = cast_vote("rule", False, f"{section.name}{ending}", section.reason)
        else:
            section = None
    if listed := {n for n, vote in votes.items() if vote.rule.startswith(_LISTING)}:
        words = sum([context.blocks[n].words for n in context.selected_positions])
        if sum([context.blocks[n].words for n in listed]) > _TOLD_SHARE * words:
            votes = {n: vote for n, vote in votes.items() if n not in listed}
    if donations := [n for n, vote in votes.items() if vote.reason == _DONATION]:
        told = _rules_that_tell(context, votes, donations)
        votes = {n: vote for n, vote in votes.items() if vote.rule not in told}
    return _box_heading_votes(context, votes) | votes


def _is_menu_entry(block: Block) -> bool:
    """Return whether a block is a navigation link by its markup: it leads to another page and asks for nothing."""
    rule = explain_layout(block.path, block.landmarks) if block.link_density > MAX_LINK_DENSITY else None
    return rule is not None and rule.reason == RemovalReason.NAVIGATION


def _is_long_paragraph(block: Block) -> bool:
    """Return whether a block is too long for a caption and its markup does not call it one."""
    is_paragraph = (
        block.kind is BlockKind.PARAGRAPH and block.words > _CAPTION_WORDS and "figure" not in block.landmarks
    )
    return is_paragraph and explain_layout(block.path, block.landmarks) is None


def _rules_that_tell(context: _VoteContext, votes: _Votes, donations: Sequence[int]) -> frozenset[str]:
    """Return the donation rules that would remove a fifth of the text: such an article is about donating."""
    words: Counter[str] = Counter()
    paragraphs: Counter[str] = Counter()
    text = [n for n in context.selected_positions if n in context.body and is_prose(context.blocks[n])]
    for n in set(donations).intersection(text):
        words[votes[n].rule] += context.blocks[n].words
        paragraphs[votes[n].rule] += 1
    enough = _TOLD_SHARE * sum(context.blocks[n].words for n in text)
    return frozenset(rule for rule, count in words.items() if count >= enough and paragraphs[rule] >= _TOLD_PARAGRAPHS)


def _continues_section(section: Rule, block: Block, selected_positions: frozenset[int], position: BodyPosition) -> bool:
    """Return whether a block belongs to the section that a rule's heading opened.

    Neither a long text nor a quotation is in a list of articles.
    """
    if section.reason == RemovalReason.RELATED:
        is_quotation = block.kind is BlockKind.QUOTE and is_prose(block)
        if is_quotation or is_no_excerpt(block):
            return False
    return continues_section(block, selected_positions, position)


def _box_heading_votes(context: _VoteContext, phrase_votes: _Votes) -> _Votes:
    """Vote against the heading of a box whose text a rule removed; a line of tags or a byline is no such box."""
    kept_prose = [n for n in context.selected_positions if n not in phrase_votes and is_prose(context.blocks[n])]
    return {
        n - 1: cast_vote("rule", False, f"{vote.rule}/heading", vote.reason)
        for n, vote in phrase_votes.items()
        if n
        and n - 1 not in phrase_votes
        and vote.reason not in _LINE_REASONS
        and is_box_heading(context.blocks, n - 1, kept_prose)
    }


def _comment_thread_votes(context: _VoteContext) -> _Votes:
    """Vote against the readers' comments and everything below them."""
    return dict.fromkeys(context.comment_thread, cast_vote("layout", False, COMMENT_THREAD, RemovalReason.COMMENTS))


def _other_article_votes(context: _VoteContext) -> _Votes:
    """Vote against other articles above and below the article."""
    return {n: cast_vote("layout", False, rule, RemovalReason.RELATED) for n, rule in context.other_articles.items()}


def _box_votes(context: _VoteContext) -> _Votes:
    """Vote against blocks in boxes apart from the text."""
    return {n: cast_vote("layout", False, rule.name, rule.reason) for n, rule in context.boxed_blocks.items()}


def _boilerplate_votes(context: _VoteContext) -> _Votes:
    """Vote against selected blocks in a part of the page that its markup shows to be boilerplate."""
    votes: _Votes = {}
    for n in context.selected_positions:
        if rule := boilerplate_rule(context.blocks[n], context.body):
            votes[n] = cast_vote("layout", False, rule.name, rule.reason)
    comments = comment_blocks(context.blocks, context.selected_positions)
    votes |= dict.fromkeys(comments, cast_vote("layout", False, "layout/comments", RemovalReason.COMMENTS))
    votes |= dict.fromkeys(
        context.in_other_columns, cast_vote("layout", False, "layout/other-column", RemovalReason.SIDEBAR)
    )
    return votes | dict.fromkeys(
        context.above_title, cast_vote("layout", False, "layout/above-title", RemovalReason.HEADER)
    )


def _duplicate_votes(context: _VoteContext) -> _Votes:
    """Vote against selected blocks that repeat an earlier one."""
    duplicates = repeated_blocks(context.blocks, context.selected_positions)
    return dict.fromkeys(duplicates, cast_vote("context", False, "context/duplicate", RemovalReason.DUPLICATE))


def _selection_votes(context: _VoteContext) -> _Votes:
    """Vote for the selected blocks."""
    return dict.fromkeys(context.selected_positions | context.in_other_columns | context.above_title, MODEL_SELECTS)


def _rescue_votes(context: _VoteContext) -> _Votes:
    """Vote for blocks that were not selected, though their surroundings show that they are the article's."""
    rules = rescue.rescued_blocks(context.blocks, context.selected_positions, context.metadata, context.body)
    links = rescue.link_list(context.blocks, context.title_position, context.site_name)
    rules |= dict.fromkeys(links - context.selected_positions, rescue.LINK_LIST)
    return {n: cast_vote("context", True, rule, KeepReason.RESCUED) for n, rule in rules.items()}


def _layout_votes(context: _VoteContext) -> _Votes:
    """Vote against blocks that were not selected, with a reason from their markup or their content."""
    votes: _Votes = {}
    for block in context.blocks:
        if block.position not in context.selected_positions:
            rule = explain_layout(block.path, block.landmarks)
            explanation = (rule.name, rule.reason) if rule else _explain_content(block, context.site_name)
            if explanation:
                votes[block.position] = cast_vote("layout", False, *explanation)
    return votes


def _explain_content(block: Block, site_name: str) -> tuple[str, RemovalReason] | None:
    """Return the rule and the reason that a block's content gives, with items told apart that link to other sites."""
    explanation = explain_by_content(block)
    if explanation is None or not block.link_chars:
        return explanation
    is_linked = block.kind is BlockKind.LIST_ITEM and "](http" in block.markdown
    is_source = block.kind is BlockKind.PARAGRAPH and _ADDRESSES.fullmatch(block.text)
    if (is_linked or is_source) and site_name not in block.markdown:
        return f"{explanation[0]}{ELSEWHERE_ENDING}", explanation[1]
    return explanation


_VOTERS: tuple[Callable[[_VoteContext], _Votes], ...] = (
    _metadata_votes, _phrase_votes, _comment_thread_votes, _other_article_votes, _box_votes,
    _boilerplate_votes, _duplicate_votes, _selection_votes, _rescue_votes, _layout_votes,
)  # fmt: skip
