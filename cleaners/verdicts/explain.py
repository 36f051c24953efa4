"""Why a block that the learned voice takes out and no rule names is not the article: read off the page around it.

What its own part of the markup says comes first, then what it stands beside or heads, then what it is like: a note on
the author, a footnote, a box beside the text, a closing line. The names that are left say only where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import lru_cache

from cleaners.compare.site_memory import names_author
from cleaners.document import Block, Kind, Verdict, Vote
from cleaners.html.prose import LINKED, container_of, is_prose, shared_steps
from cleaners.rules.layout import explain_layout
from cleaners.verdicts.furniture import explain

Told = tuple[str, str]  # rule, reason

_OWN = frozenset(("title", "byline", "date", "duplicate"))  # reasons that say nothing of what stands beside
_HEADS = frozenset(("related", "comments", "newsletter", "promo", "donation", "membership", "share", "author_bio"))
_SAYS_MORE = frozenset(("navigation", "form", "footer", "comments", "newsletter", "consent", "share", "breadcrumb"))
_LABELS = frozenset(("advertisement", "navigation", "date", "caption", "byline"))  # what has such a reason heads no box
_HEAD_WORDS = 9
_HEADINGS = frozenset((Kind.HEADING, Kind.PARAGRAPH))
_HEADS_WITHIN = 2  # blocks below a line that it may still head
_NOTE_WORDS = 5
_FOOTNOTE = re.compile(r"(?:\^|\[\d{1,3}\]|[¹²³⁴-⁹]|\*{1,3}\s)\s*\S")
_WAY_BACK = ("↩", "↑", "↩\ufe0e", "↑\ufe0e")  # ends a footnote
_vote = lru_cache(maxsize=4096)(Vote)  # equal votes are one object: thousands of blocks have the same


def first_against(verdict: Verdict) -> Vote | None:
    """The first voice against a block; its own markup before a heading far above it, where that says more."""
    against = [vote for vote in verdict.votes if not vote.keep]
    if against and against[0].rule.endswith("/section"):
        return next((vote for vote in against if vote.voter == "layout" and vote.reason in _SAYS_MORE), against[0])
    against = [vote for vote in against if not (vote.rule.endswith("/heading") and vote.reason in _LABELS)]
    return against[0] if against else None


def votes_against(
    blocks: Sequence[Block],
    named: Sequence[Verdict],
    kept: Set[int],
    authors: Sequence[str] = (),
    unasked: Set[int] = frozenset(),
) -> dict[int, Vote]:
    """The learned voice's vote against each block, but for those `unasked`, with the reason that says most."""
    plain = [None if n in kept and n in unasked else _plain(block) for n, block in enumerate(blocks)]
    told = _told(named)
    found = [own or near for own, near in zip(plain, _beside(blocks, told, kept, plain), strict=True)]
    heads = _heads(blocks, told, kept, found)
    likeness = _Likeness(blocks, kept, authors)
    return {
        n: _vote("model", False, *(found[n] or heads.get(n) or likeness.reason(block)))
        for n, block in enumerate(blocks)
        if n not in unasked
    }


def _told(named: Sequence[Verdict]) -> list[Vote | None]:
    """The first voice against each block; blocks often share a verdict, which is looked at once."""
    known = {id(verdict): verdict for verdict in named}
    firsts = {key: first_against(verdict) for key, verdict in known.items()}
    return [firsts[id(verdict)] for verdict in named]


def _plain(block: Block) -> Told | None:
    """What the block's own part of the markup says, or its links, its kind, its look."""
    rule = explain_layout(block.path, block.landmarks)
    if rule is not None:
        return rule.name, rule.reason
    name, reason = explain(block)
    return (name, reason) if name else None


def _beside(
    blocks: Sequence[Block], told: Sequence[Vote | None], kept: Set[int], plain: Sequence[Told | None]
) -> list[Told | None]:
    """The reason of what is explained above a block in the same container, with no kept block between."""
    found: list[Told | None] = []
    nearest, container = "", ""
    for n, block in enumerate(blocks):
        parent = block.path.rpartition(">")[0]
        usable = nearest and parent == container and nearest not in _OWN
        found.append((f"model/beside-{nearest}", nearest) if usable else None)
        if n in kept:
            nearest = ""
        elif first := told[n]:
            nearest, container = first.reason, parent
        elif own := plain[n]:
            nearest, container = own[1], parent
    return found


def _heads(
    blocks: Sequence[Block], told: Sequence[Vote | None], kept: Set[int], found: Sequence[Told | None]
) -> dict[int, Told]:
    """Headings and short lines that stand directly above furniture of the same part of the page."""
    heads: dict[int, Told] = {}
    for n, block in enumerate(blocks):
        if found[n] is None and n not in kept and block.words <= _HEAD_WORDS and block.kind in _HEADINGS:
            reason = _below(blocks, told, kept, found, n)
            if reason in _HEADS:
                heads[n] = f"model/heads-{reason}", reason
    return heads


def _below(
    blocks: Sequence[Block], told: Sequence[Vote | None], kept: Set[int], found: Sequence[Told | None], n: int
) -> str:
    home = blocks[n].path.split(">")
    for below in range(n + 1, min(n + 1 + _HEADS_WITHIN, len(blocks))):
        steps = blocks[below].path.split(">")
        if below in kept or shared_steps(home, steps) < len(home) - 2:
            return ""
        first = told[below]
        reason = first.reason if first else (found[below] or ("", ""))[1]
        if reason:
            return reason
    return ""


class _Likeness:
    """What a block is by its words and its place, where nothing on the page names it."""

    def __init__(self, blocks: Sequence[Block], kept: Set[int], authors: Sequence[str]) -> None:
        self.first, self.last = min(kept, default=len(blocks)), max(kept, default=-1)
        self.homes = {container_of(blocks[n]) for n in kept if is_prose(blocks[n])}
        self.homes = self.homes or {container_of(blocks[n]) for n in kept}
        self.authors = authors

    def reason(self, block: Block) -> Told:
        """A rule's name and its reason."""
        if block.position < self.first:
            return "model/before-article", "header"
        if _FOOTNOTE.match(block.text) or block.text.endswith(_WAY_BACK):
            return "model/footnote", "notes"
        after = block.position > self.last
        if after and block.words >= _NOTE_WORDS and names_author(block.text, self.authors):
            return "model/author-note", "author_bio"
        if container_of(block) in self.homes:
            return ("model/closing-line", "closing") if after else ("model/inside-article", "boilerplate")
        return self._apart(block, after)

    def _apart(self, block: Block, after: bool) -> Told:
        """A block in another part of the page than the article's own text."""
        if after:
            return "model/after-article", "elsewhere"
        if block.kind is Kind.TABLE or block.link_density >= LINKED:
            return "model/inside-article", "boilerplate"
        return "model/box-in-article", "sidebar"
