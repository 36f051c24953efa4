"""Votes to verdicts: which blocks of a page are its article, and for each, why.

Every named voice is heard for every block it has something to say about; among them the first vote in the order of
`_VOICES` decides. The learned voice has its own view of each block: that of the first look where it was sure of the
page, else one after all the others were heard. `weigh.py` brings both together. Every vote is kept beside the verdict,
so that a person can see who disagreed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cleaners.document import Block, Metadata, Reading, Verdict, Vote
from cleaners.html import prose
from cleaners.learned.block_features import block_features
from cleaners.learned.model import probabilities
from cleaners.metadata.title_line import title_line
from cleaners.rules.layout import explain_layout
from cleaners.rules.loader import load_rules
from cleaners.rules.matcher import RuleBook
from cleaners.rules.rule import Place, Rule
from cleaners.site_rules.overrides import ruled
from cleaners.verdicts import furniture, metadata_echo, rescue, teasers
from cleaners.verdicts.weigh import SURE, SURE_ALONE, weigh

EXTRACTOR, FIRST_LOOK = "extractor", "first-look"
_SECTION = "/section"
_HOLLOW = 0.15  # share of the selected words below which sections are not believed
_ANYWHERE, _BEFORE, _BETWEEN, _AFTER = (
    Place(), Place(before_body=True), Place(between=True), Place(after_body=True),
)  # fmt: skip
_LINES = frozenset(("byline", "date", "tags"))  # reasons of a line by itself, which is no box that could have a heading
_MOTTO_WORDS = 100  # fewer words above the title than this are the site's, however they read


@dataclass(frozen=True, slots=True)
class _Hearing:
    """What the voices know of the page while they are heard."""

    blocks: Sequence[Block]
    selected: frozenset[int]  # by the first look or the extractor, or the main container where that found nothing
    columns: frozenset[int]  # selected too, but in another column of a page laid out by a table
    above: frozenset[int]  # selected too, but above the title
    body: range  # from the first to the last article paragraph
    metadata: Metadata
    rules: RuleBook
    selector: str  # who selected

    def place(self, position: int) -> Place:
        """Where a block stands, seen from the article's paragraphs."""
        if not self.body:
            return _ANYWHERE
        return _BEFORE if position < self.body.start else _AFTER if position >= self.body.stop else _BETWEEN


_Ballot = dict[int, Vote]
_vote = lru_cache(maxsize=4096)(Vote)  # equal votes are one object: thousands of blocks have the same


def judge(reading: Reading, rules: RuleBook | None = None) -> tuple[Verdict, ...]:
    """Return a verdict for each block of the reading, in order, from the page alone."""
    if not reading.blocks:
        return ()
    named = named_verdicts(reading, rules)
    if reading.chances is not None:
        chances, sure = reading.chances, SURE_ALONE
    else:
        chances, sure = probabilities(*block_features(reading, named)), SURE
    return ruled(reading.blocks, weigh(reading.blocks, named, chances, reading.metadata.authors, sure), chances)


def named_verdicts(reading: Reading, rules: RuleBook | None = None) -> tuple[Verdict, ...]:
    """What the named voices say, before the learned one is heard."""
    hearing = _open(reading, rules or load_rules(reading.metadata.language or None))
    ballots = [voice(hearing) for voice in _VOICES]
    votes: list[list[Vote]] = [[] for _ in reading.blocks]
    for ballot in ballots:
        for n, vote in ballot.items():
            votes[n].append(vote)
    verdicts = _decided(votes, hearing.selector)
    if not _hollow(hearing, verdicts):
        return verdicts
    return _decided([[vote for vote in each if not vote.rule.endswith(_SECTION)] for each in votes], hearing.selector)


def _hollow(hearing: _Hearing, verdicts: Sequence[Verdict]) -> bool:
    """Whether sections of furniture took nearly all that the extractor selected: then no heading opened one."""
    words = {n: hearing.blocks[n].words for n in hearing.selected}
    kept = sum(count for n, count in words.items() if verdicts[n].kept)
    return sum(words.values()) >= _MOTTO_WORDS and kept < _HOLLOW * sum(words.values())


def _decided(votes: Sequence[list[Vote]], selector: str) -> tuple[Verdict, ...]:
    """A verdict for each block's votes; blocks with the same votes share it."""
    known: dict[tuple[int, ...], Verdict] = {}
    keys = [tuple(map(id, each)) for each in votes]
    for key, each in zip(keys, votes, strict=True):
        if key not in known:
            known[key] = _decide(each, selector)
    return tuple(known[key] for key in keys)


def _decide(votes: list[Vote], selector: str) -> Verdict:
    if not votes:
        return Verdict(False, "not_selected", f"{selector}/not-selected")
    first = votes[0]
    return Verdict(first.keep, first.reason, first.rule, tuple(votes))


def _open(reading: Reading, rules: RuleBook) -> _Hearing:
    blocks = reading.blocks
    line = title_line(blocks, reading.metadata)
    selected = _starting_point(reading, rules, line)
    columns = furniture.other_cells(blocks, selected)
    above = metadata_echo.above_title(blocks, selected - columns, line) | (reading.selected - selected)
    rest = selected - columns - above
    body = prose.body_span(blocks, rest)
    selector = EXTRACTOR if reading.chances is None else FIRST_LOOK
    return _Hearing(blocks, rest, columns, above, body, reading.metadata, rules, selector)


def _starting_point(reading: Reading, rules: RuleBook, line: int | None) -> frozenset[int]:
    """What was selected; on a page without prose below the title in it, the short text there."""
    blocks, selected = reading.blocks, reading.selected
    below = frozenset(n for n in selected if line is None or n > line)
    if any(prose.is_prose(blocks[n]) and not rules.match(blocks[n], Place()) for n in below):
        return selected
    free = [b for b in blocks if not rules.match(b, Place())]
    brief = prose.brief(free, blocks[line]) if line is not None else frozenset()
    above = sum(blocks[n].words for n in selected - below)
    if brief or (below and above < _MOTTO_WORDS):
        return below | brief
    return selected or prose.main_container(blocks)


def _metadata(hearing: _Hearing) -> _Ballot:
    """Blocks that only repeat what the metadata holds: the title, the bare names of the authors, the date."""
    found = metadata_echo.metadata_blocks(hearing.blocks, hearing.metadata, hearing.body)
    return {n: _vote("metadata", False, f"metadata/{reason}", reason) for n, reason in found.items()}


def _phrases(hearing: _Hearing) -> _Ballot:
    """Named rules on the block's own words, and the sections that a heading of furniture opens."""
    ballot: _Ballot = {}
    section: Rule | None = None
    for block in hearing.blocks:
        place = hearing.place(block.position)
        rule = hearing.rules.match(block, place)
        if rule and rule.heads_section and place.between and not teasers.opens(hearing.blocks, block.position):
            rule = None
        if rule:
            ballot[block.position] = _vote("rule", False, rule.name, rule.reason)
            section = rule if rule.heads_section else section
        elif section and teasers.continues(block, hearing.selected, place):
            ballot[block.position] = _vote("rule", False, f"{section.name}{_SECTION}", section.reason)
        else:
            section = None
    return _box_headings(hearing, ballot) | ballot


def _box_headings(hearing: _Hearing, ballot: _Ballot) -> _Ballot:
    """The lines that head a box whose text a rule removed; a line of tags or a byline is none."""
    kept = [n for n in hearing.selected if n not in ballot and prose.is_prose(hearing.blocks[n])]
    return {
        n - 1: _vote("rule", False, f"{vote.rule}/heading", vote.reason)
        for n, vote in ballot.items()
        if n and n - 1 not in ballot and vote.reason not in _LINES and furniture.heads_box(hearing.blocks, n - 1, kept)
    }


def _furniture(hearing: _Hearing) -> _Ballot:
    """Blocks that were selected from a part of the page that says it is not the article."""
    ballot: _Ballot = {}
    for n in hearing.selected:
        if rule := furniture.says_furniture(hearing.blocks[n], hearing.body):
            ballot[n] = _vote("layout", False, rule.name, rule.reason)
    comments = furniture.readers_comments(hearing.blocks, hearing.selected)
    ballot |= dict.fromkeys(comments, _vote("layout", False, "layout/comments", "comments"))
    ballot |= dict.fromkeys(hearing.columns, _vote("layout", False, "layout/other-column", "sidebar"))
    return ballot | dict.fromkeys(hearing.above, _vote("layout", False, "layout/above-title", "header"))


def _repeats(hearing: _Hearing) -> _Ballot:
    found = furniture.repeats(hearing.blocks, hearing.selected)
    return dict.fromkeys(found, _vote("context", False, "context/duplicate", "duplicate"))


def _selector(hearing: _Hearing) -> _Ballot:
    vote = _vote(hearing.selector, True, f"{hearing.selector}/selected", "selected")
    return dict.fromkeys(hearing.selected | hearing.columns | hearing.above, vote)


def _rescues(hearing: _Hearing) -> _Ballot:
    """Blocks that were not selected, though all around them says that they are the article's."""
    found = rescue.rescued(hearing.blocks, hearing.selected, hearing.metadata, hearing.body)
    return {n: _vote("context", True, rule, "rescued") for n, rule in found.items()}


def _layout(hearing: _Hearing) -> _Ballot:
    """What explains a block that was not selected: where it stands in the page's own markup."""
    ballot: _Ballot = {}
    for block in hearing.blocks:
        if block.position not in hearing.selected:
            rule = explain_layout(block.path, block.landmarks)
            name, reason = (rule.name, rule.reason) if rule else furniture.explain(block)
            if name:
                ballot[block.position] = _vote("layout", False, name, reason)
    return ballot


_VOICES: tuple[Callable[[_Hearing], _Ballot], ...] = (
    _metadata, _phrases, _furniture, _repeats, _selector, _rescues, _layout,
)  # fmt: skip
