"""What cleaning a page again changes: in its article, and block by block with the rule that decides it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from broadsheet.output.reclean.own_reading import OwnReading
from broadsheet.output.store.page_rows import PageRows

NEW_BLOCK_REASON = ("new block", "")
"""(reason, rule) of a kept text that was no block before."""

NO_BLOCK_REASON = ("no block any more", "")
"""(reason, rule) of a text that was kept and is no block now."""

BlockChanges = tuple[tuple[str, str, str], ...]
"""(text, reason, rule) of blocks: for one brought back, what had removed it; for one removed, what removes it now."""


@dataclass(frozen=True, slots=True)
class PageChange:
    """A page cleaned again. `kind` is same, changed (its text), gained or lost (as an article), or other (its metadata,
    verdict or reasons). The texts are those of its kept blocks."""

    kind: str
    url: str
    title: str
    restored_blocks: BlockChanges = ()
    removed_blocks: BlockChanges = ()
    old_texts: tuple[str, ...] = ()
    new_texts: tuple[str, ...] = ()
    differing_fields: tuple[str, ...] = ()  # of kind other: names of what differs


def compare_readings(old: OwnReading, new: PageRows) -> PageChange:
    """What the new rows of a page change against its old reading."""
    title = new.metadata.title or old.rows.metadata.title
    if not (kind := _text_change_kind(old, new)):
        differing_fields = old.differing_fields(new)
        return PageChange(
            "other" if differing_fields else "same", old.rows.url, title, differing_fields=differing_fields
        )
    old_texts, new_texts = old.kept_texts, _kept_texts(new)
    restored_texts, removed_texts = Counter(new_texts) - Counter(old_texts), Counter(old_texts) - Counter(new_texts)
    return PageChange(
        kind,
        old.rows.url,
        title,
        restored_blocks=tuple(_with_reasons(restored_texts, _old_removal_reasons(old), NEW_BLOCK_REASON)),
        removed_blocks=tuple(_with_reasons(removed_texts, _new_removal_reasons(new), NO_BLOCK_REASON)),
        old_texts=old_texts,
        new_texts=new_texts,
    )


def _text_change_kind(old: OwnReading, new: PageRows) -> str:
    """gained, lost or changed; empty if its text stays the same."""
    was_article, is_article = old.rows.is_article, new.is_article
    if was_article != is_article:
        return "gained" if is_article else "lost"
    return "changed" if was_article and old.rows.digest != new.digest else ""


def _kept_texts(page: PageRows) -> tuple[str, ...]:
    text_by_id = dict(page.ledger.texts)
    return tuple(text_by_id[text_id] for _, text_id, _, is_kept, _ in page.ledger.blocks if is_kept)


def _old_removal_reasons(old: OwnReading) -> dict[str, tuple[str, str]]:
    """(reason, rule) of the texts that the old reading removed."""
    pairs = zip(old.blocks, old.verdicts, strict=True)
    return {block.text: (verdict.reason, verdict.rule) for block, verdict in pairs if not verdict.kept}


def _new_removal_reasons(page: PageRows) -> dict[str, tuple[str, str]]:
    """(reason, rule) of the texts that the new rows remove."""
    text_by_id, reasons = dict(page.ledger.texts), page.ledger.reasons
    return {text_by_id[text_id]: reasons[index] for _, text_id, _, is_kept, index in page.ledger.blocks if not is_kept}


def _with_reasons(
    texts: Counter[str], reasons: dict[str, tuple[str, str]], default_reason: tuple[str, str]
) -> Iterator[tuple[str, str, str]]:
    for text in texts.elements():
        yield text, *reasons.get(text, default_reason)


@dataclass(slots=True)
class RecleanTally:
    """Counts over many pages: pages by kind of change, blocks brought back and removed by (reason, rule), and the
    fields that differ in pages of kind other."""

    pages_by_kind: Counter[str] = field(default_factory=Counter)
    restored_by_rule: Counter[tuple[str, str]] = field(default_factory=Counter)
    removed_by_rule: Counter[tuple[str, str]] = field(default_factory=Counter)
    differing_fields: Counter[str] = field(default_factory=Counter)

    def add(self, change: PageChange) -> None:
        """Count a page; the blocks of one that became or ceased to be an article are not counted one by one."""
        self.pages_by_kind[change.kind] += 1
        self.differing_fields.update(change.differing_fields)
        if change.kind == "changed":
            self.restored_by_rule += _count_by_rule(change.restored_blocks)
            self.removed_by_rule += _count_by_rule(change.removed_blocks)

    def as_counts(self) -> dict[str, int]:
        """The counts as they are stored with the run."""
        block_counts = {"blocks_back": self.restored_by_rule.total(), "blocks_removed": self.removed_by_rule.total()}
        return {**self.pages_by_kind, **block_counts}


def _count_by_rule(block_changes: Iterable[tuple[str, str, str]]) -> Counter[tuple[str, str]]:
    return Counter((reason, rule) for _, reason, rule in block_changes)
