"""What changed in an article between two captures of its page, told apart from what changed around it. Pure.

Both captures come as all their visible blocks with verdicts. A block that is kept in one and removed in the other is a
change of verdict and no edit; one that went from or came to a part of the page that holds nothing of the article is the
page's furniture. Texts are compared without regard to white space, quotation marks, dashes and how they are cut into
blocks, so that a new template makes no edit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from cleaners.compare.folding import moment, squeezed, words_of
from cleaners.compare.notices import CORRECTION, UPDATE, notice
from cleaners.compare.site_memory import length
from cleaners.compare.templates import DATED, template

HEADLINE, LEAD, BODY, DATE = "headline", "lead", "body", "date"
KINDS = (CORRECTION, UPDATE, HEADLINE, LEAD, BODY, DATE)
"""What an edit may be, the foremost first."""

_PROSE = 8  # words of a block that is the article's own text rather than a label
_FOUND_CHARS = 12  # a shorter text is found as a block of its own or not at all
_ALIKE = 0.4  # share of words in common from which one block is the other rewritten
_WITHIN = 0.8  # share of the shorter one's words that the longer one has
_LABEL_WORDS = 6  # a longer line is a label only if it dates something
_DATELINE_WORDS = 16
_SHARED_WORDS = 20  # a block so long on one other page of the site is quoted there; on two it is the site's
_EXACT = frozenset(("heading", "table", "code"))  # their numbers are what they say
_SENTENCE = re.compile(r"[.!?…。！？؟][\"'”’»)\]]*$")


@dataclass(frozen=True, slots=True)
class Stood:
    """A block as it stood in a capture.

    `box` names the part of the page that it stood in, 0 if unknown. `linked`: all of its text is a link. `elsewhere`
    is how many other articles of the site carry it.
    """

    text: str
    kind: str
    kept: bool
    box: int = 0
    linked: bool = False
    elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """An article at one capture: what its page states, where it states it, and its blocks in order."""

    blocks: tuple[Stood, ...]
    title: str = ""
    title_source: str = ""
    published: str = ""
    published_source: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A block before and after; one of them is empty where it was added or removed."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Edit:
    """What an edit did: its kinds, the foremost first, empty for no edit; the blocks; and the notice that tells of it.

    `moved` says that the same paragraphs come in another order.
    """

    kinds: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    moved: bool = False
    note: str = ""

    @property
    def added(self) -> int:
        """Blocks that came."""
        return sum(not change.before for change in self.changes)

    @property
    def removed(self) -> int:
        """Blocks that went."""
        return sum(not change.after for change in self.changes)

    @property
    def rewritten(self) -> int:
        """Blocks whose words changed."""
        return len(self.changes) - self.added - self.removed


@dataclass(slots=True)
class _Side:
    """One capture, as it is looked through. `all` is every visible text without white space."""

    version: Version
    keys: list[str] = field(default_factory=list)
    known: frozenset[str] = frozenset()
    all: str = ""
    boxes: dict[int, bool] = field(default_factory=dict)  # whether anything of the article's own is kept in it

    @classmethod
    def of(cls, version: Version) -> _Side:
        """The capture, folded."""
        side = cls(version, [squeezed(block.text) for block in version.blocks])
        side.known, side.all = frozenset(side.keys), "".join(side.keys)
        for block in version.blocks:
            side.boxes[block.box] = side.boxes.get(block.box, False) or (block.kept and not _is_shared(block))
        return side

    def has(self, key: str) -> bool:
        """Whether a text is anywhere on the page, whatever the verdict and the block."""
        return key in self.known or (len(key) >= _FOUND_CHARS and key in self.all)

    def kept(self) -> list[int]:
        return [at for at, block in enumerate(self.version.blocks) if block.kept]

    def without(self, other: _Side) -> list[int]:
        """The kept blocks that are no block of the other capture."""
        return [at for at in self.kept() if self.keys[at] and self.keys[at] not in other.known]

    def text(self, at: int) -> str:
        return self.version.blocks[at].text


def compare(old: Version, new: Version) -> Edit:
    """What the publication changed in the article from one capture to the next."""
    before, after = _Side.of(old), _Side.of(new)
    pairs = list(_changed(before, after))
    changes = tuple(Change(before.text(o) if o >= 0 else "", after.text(n) if n >= 0 else "") for o, n in pairs)
    notices = _notices(before, after, pairs)
    moved = _is_moved(before, after)
    kinds = set(notices)
    told = set(notices.values())
    for change in changes:
        if change.after not in told:
            kinds.add(LEAD if _is_lead(change, before, after, told) else BODY)
    kinds |= {BODY} if moved else set()
    kinds |= {HEADLINE} if _is_headline(before, after) else set()
    kinds |= {DATE} if _is_redated(old, new) else set()
    note = next((notices[kind] for kind in KINDS if kind in notices), "")
    return Edit(tuple(kind for kind in KINDS if kind in kinds), changes, moved, note)


def aligned(old: Version, new: Version) -> tuple[Change, ...]:
    """The article's blocks side by side, in the order of the new text: those that did not change, where both sides
    are the same, and those that an edit changed. What changed around the article does not show."""
    before, after = _Side.of(old), _Side.of(new)
    pairs = list(_changed(before, after))
    edited = {n: o for o, n in pairs if n >= 0}
    rows = [
        (float(n), Change(before.text(edited[n]) if edited.get(n, -1) >= 0 else "", after.text(n)))
        if n in edited
        else (float(n), Change(after.text(n), after.text(n)))
        for n in after.kept()
        if n in edited or before.has(after.keys[n]) or after.version.blocks[n].kind != "heading"
    ]
    rows += [(_place(before, after, o), Change(before.text(o), "")) for o, n in pairs if n < 0]
    return tuple(change for _, change in sorted(rows, key=lambda row: row[0]))


def may_matter(text: str) -> bool:
    """Whether a new block that is not kept may tell of an edit all the same."""
    return bool(notice(text)) and length(text) >= _LABEL_WORDS and not _is_dateline(text)


def _changed(before: _Side, after: _Side) -> Iterable[tuple[int, int]]:
    """Places of blocks that were edited, before and after, in the order of the new text; -1 where there is none."""
    gone = [o for o in before.without(after) if not _is_noise(before.version.blocks[o], after)]
    fresh = [n for n in after.without(before) if not _is_noise(after.version.blocks[n], before)]
    partner = _paired(before, after, gone, fresh)
    found = [(o, partner.get(o, -1)) for o in gone]
    found += [(-1, n) for n in fresh if n not in set(partner.values())]
    edits = [pair for pair in found if _is_edit(before, after, *pair)]
    return sorted(edits, key=lambda pair: (pair[1] if pair[1] >= 0 else _place(before, after, pair[0]), pair[0]))


def _place(before: _Side, after: _Side, at: int) -> float:
    """Where a block that went stood, as a place in the new capture: after the block before it that is still there."""
    places = {key: n for n, key in enumerate(after.keys)}
    earlier = (places[before.keys[o]] for o in range(at - 1, -1, -1) if before.keys[o] in places)
    return next(earlier, -1) + 0.5


def _is_edit(before: _Side, after: _Side, o: int, n: int) -> bool:
    if o >= 0 and n >= 0:
        both = before.has(after.keys[n]) and after.has(before.keys[o])
        return not both and not _is_label(before, after, o, n)
    side, other, at = (before, after, o) if n < 0 else (after, before, n)
    text = side.text(at)
    return not other.has(side.keys[at]) and (not _is_dateline(text) or (n >= 0 and may_matter(text)))


def _is_noise(block: Stood, other: _Side) -> bool:
    """Whether a block that only one capture has is the site's and not the article's."""
    return not may_matter(block.text) and (_is_furniture(block, other) or _is_shared(block))


def _is_furniture(block: Stood, other: _Side) -> bool:
    """Whether a block is a link alone, or stands where the other capture has nothing of the article."""
    return (block.linked and block.kind != "heading") or (bool(block.box) and other.boxes.get(block.box) is False)


def _is_shared(block: Stood) -> bool:
    return block.elsewhere > 1 or (block.elsewhere == 1 and length(block.text) < _SHARED_WORDS)


def _is_label(before: _Side, after: _Side, o: int, n: int) -> bool:
    """Whether two blocks are one label beside the article's text, with another number or date in it."""
    old, new = before.version.blocks[o], after.version.blocks[n]
    if old.kind in _EXACT or _SENTENCE.search(new.text):
        return False
    made = template(new.text)
    if made != template(old.text) or made == new.text:
        return False
    most = _DATELINE_WORDS if DATED in made else _LABEL_WORDS
    return length(new.text) <= most and not (_is_amid(before, o) or _is_amid(after, n))


def _is_amid(side: _Side, at: int) -> bool:
    """Whether a block stands between paragraphs of the article."""
    prose = [n for n in side.kept() if _is_prose(side.version.blocks[n])]
    return bool(prose) and prose[0] < at < prose[-1]


def _is_prose(block: Stood) -> bool:
    return block.kind not in ("heading", "caption") and length(block.text) >= _PROSE


def _is_dateline(text: str) -> bool:
    """Whether a line says little more than when."""
    made = template(text)
    return DATED in made and length(made) <= _LABEL_WORDS and len(re.findall(r"[^\W\d_]{2,}", made)) < _LABEL_WORDS


def _notices(before: _Side, after: _Side, pairs: Collection[tuple[int, int]]) -> dict[str, str]:
    """By kind, the first new block that says that the article was corrected or updated, also where it is not kept."""
    edited = {n for _, n in pairs}
    found: dict[str, str] = {}
    for at, block in enumerate(after.version.blocks):
        aside = not block.kept and not block.linked and block.elsewhere < 2 and may_matter(block.text)
        if (at in edited or (aside and not before.has(after.keys[at]))) and (kind := notice(block.text)):
            found.setdefault(kind, block.text)
    return found


def _is_lead(change: Change, before: _Side, after: _Side, told: Collection[str]) -> bool:
    """Whether a change is to the paragraph with which the article begins."""
    firsts = (_first(before, told), _first(after, told))
    return bool(firsts[0] and change.before == firsts[0]) or bool(firsts[1] and change.after == firsts[1])


def _first(side: _Side, told: Collection[str]) -> str:
    texts = (side.text(at) for at in side.kept() if _is_prose(side.version.blocks[at]))
    return next((text for text in texts if text not in told), "")


def _is_headline(before: _Side, after: _Side) -> bool:
    """Whether the title reads otherwise. Taken from another place, it must not be one that both pages show."""
    old, new = before.version, after.version
    was, now = (squeezed(title).casefold() for title in (old.title, new.title))
    if was == now or not (was and now):
        return False
    if old.title_source == new.title_source:
        return True
    shown = ({key.casefold() for key in side.known} for side in (before, after))
    return not any(was in keys and now in keys for keys in shown) and not (was in now or now in was)


def _is_redated(old: Version, new: Version) -> bool:
    """Whether the page states another time of publication, in the same place. Dates in lines of text do not count."""
    if old.published_source != new.published_source or new.published_source == "text":
        return False
    if not (old.published and new.published):
        return False
    was, now = moment(old.published), moment(new.published)
    return was is not None and now is not None and not was.agrees(now)


def _is_moved(before: _Side, after: _Side) -> bool:
    """Whether paragraphs that both captures keep, each once, come in another order."""
    old, new = _order(before), _order(after)
    common = set(old) & set(new)
    return [key for key in old if key in common] != [key for key in new if key in common]


def _order(side: _Side) -> list[str]:
    keys = [side.keys[at] for at in side.kept() if side.version.blocks[at].kind == "paragraph"]
    once = Counter(keys)
    return [key for key in keys if once[key] == 1 and len(key) >= 4 * _FOUND_CHARS]


def _paired(before: _Side, after: _Side, gone: Sequence[int], fresh: Sequence[int]) -> dict[int, int]:
    """Which block became which: the most alike first, each once."""
    olds = {o: Counter(words_of(before.text(o))) for o in gone}
    news = {n: Counter(words_of(after.text(n))) for n in fresh}
    likes = [(_likeness(old, new), -abs(o - n), o, n) for o, old in olds.items() for n, new in news.items()]
    partner: dict[int, int] = {}
    for _, _, o, n in sorted((each for each in likes if each[0] >= _ALIKE), reverse=True):
        if o not in partner and n not in partner.values():
            partner[o] = n
    return partner


def _likeness(old: Counter[str], new: Counter[str]) -> float:
    """Dice's share of words in common; high also where one text is most of the other's beginning of a longer one."""
    common, shorter = (old & new).total(), min(old.total(), new.total())
    if not common:
        return 0.0
    within = common / shorter if shorter >= _PROSE else 0.0
    return max(2 * common / (old.total() + new.total()), _ALIKE if within >= _WITHIN else 0.0)
