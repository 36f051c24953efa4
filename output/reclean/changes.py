"""What cleaning a page again changes: in its article, and block by block with the rule that decides. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from output.reclean.own_reading import OwnReading
from output.store.page_rows import PreparedPage

NEW_BLOCK = ("new block", "")
"""(reason, rule) of a kept text that was no block before."""

NO_BLOCK = ("no block any more", "")
"""(reason, rule) of a text that was kept and is no block now."""

Turned = tuple[tuple[str, str, str], ...]
"""(text, reason, rule) of blocks: for one brought back what had removed it, for one removed what removes it."""


@dataclass(frozen=True, slots=True)
class PageChange:
    """A page cleaned again. `kind` is same, changed (its text), gained or lost (as an article), other (what is said of
    it: metadata, verdict, reasons)."""

    kind: str
    url: str
    title: str
    back: Turned = ()
    removed: Turned = ()
    before: tuple[str, ...] = ()  # the kept texts
    after: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()  # of one of kind other: what is said otherwise


def change_of(old: OwnReading, new: PreparedPage) -> PageChange:
    """What a new reading changes."""
    title = new.metadata.title or old.rows.metadata.title
    if not (kind := _change_of_text(old, new)):
        facts = old.differs_in(new)
        return PageChange("other" if facts else "same", old.rows.url, title, facts=facts)
    before, after = old.texts, _kept(new)
    return PageChange(
        kind,
        old.rows.url,
        title,
        back=tuple(_named(Counter(after) - Counter(before), _removed_before(old), NEW_BLOCK)),
        removed=tuple(_named(Counter(before) - Counter(after), _removed_now(new), NO_BLOCK)),
        before=before,
        after=after,
    )


def _change_of_text(old: OwnReading, new: PreparedPage) -> str:
    """What becomes of its text; empty if it stays."""
    was, now = old.rows.is_article, new.is_article
    if was != now:
        return "gained" if now else "lost"
    return "changed" if was and old.rows.digest != new.digest else ""


def _kept(page: PreparedPage) -> tuple[str, ...]:
    texts = dict(page.ledger.texts)
    return tuple(texts[number] for _, number, _, kept, _ in page.ledger.blocks if kept)


def _removed_before(old: OwnReading) -> dict[str, tuple[str, str]]:
    pairs = zip(old.blocks, old.verdicts, strict=True)
    return {block.text: (verdict.reason, verdict.rule) for block, verdict in pairs if not verdict.kept}


def _removed_now(page: PreparedPage) -> dict[str, tuple[str, str]]:
    texts = dict(page.ledger.texts)
    return {texts[number]: page.ledger.reasons[at] for _, number, _, kept, at in page.ledger.blocks if not kept}


def _named(
    texts: Counter[str], reasons: dict[str, tuple[str, str]], otherwise: tuple[str, str]
) -> Iterator[tuple[str, str, str]]:
    for text in texts.elements():
        yield text, *reasons.get(text, otherwise)


@dataclass(slots=True)
class Tally:
    """Counts over many pages: pages by kind of change, blocks brought back and removed by (reason, rule), and what is
    said otherwise of pages whose text is the same."""

    pages: Counter[str] = field(default_factory=Counter)
    back: Counter[tuple[str, str]] = field(default_factory=Counter)
    removed: Counter[tuple[str, str]] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)

    def note(self, change: PageChange) -> None:
        """Count a page; the blocks of one that became or ceased to be an article are not counted one by one."""
        self.pages[change.kind] += 1
        self.facts.update(change.facts)
        if change.kind == "changed":
            self.back += _by_rule(change.back)
            self.removed += _by_rule(change.removed)

    def as_counts(self) -> dict[str, int]:
        """The counts as plain values, for the record of the run."""
        blocks = {"blocks_back": self.back.total(), "blocks_removed": self.removed.total()}
        return {**self.pages, **blocks}


def _by_rule(turned: Iterable[tuple[str, str, str]]) -> Counter[tuple[str, str]]:
    return Counter((reason, rule) for _, reason, rule in turned)
