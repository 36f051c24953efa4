"""Judgement of one page by the evidence of all pages of its site: all steps, the strongest first; pure.

Whoever asks why a page became what it is reads here which step decides, and in the step's module on what grounds. Each
step votes with a rule name, which the archive keeps beside the block, or with a fact in the evidence of the page.

- **Fields** (`field_evidence.py`): a name of the menu, a source that says the same everywhere, the words before all its
  names, a place behind a name; a last resort's common day, the order of day and month; a title of several pages, the
  headline behind a short title, what titles have in common; the usual language.
- **Kinds** (`page_kinds.py`): a person's word, then the layout, then what the text is put together of, then the folder,
  then the menu.
- **Blocks** (`repeated_blocks.py`): the steps of `_BLOCK_STEPS`, then what stands in the article's place.

`judge_page` is told nothing but the page's own verdicts, the evidence, and a person's word. The evidence of blocks is
counted on pages that are articles by their kinds and no copies, so a part of the evidence may not be known yet: that
part of the page is then not judged, and the others come out as they would with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..document import PageVerdict, Verdict
from .field_evidence import FieldEvidence, SettledField, StatedPage, settle_fields
from .page_kinds import KindEvidence, LayoutPage, judge_kind
from .repeated_blocks import (
    BODY_VERDICT,
    KeyedBlock,
    SiteMemory,
    judge_consensus,
    judge_repeated_blocks,
    judge_slots,
    not_below_note,
)

_BLOCK_STEPS: tuple[Callable[[Sequence[KeyedBlock], SiteMemory], dict[int, Verdict]], ...] = (
    judge_consensus,  # site/consensus: most pages with the text remove it
    judge_repeated_blocks,  # site/repeated, site/author-bio, site/closing-note
    judge_slots,  # site/slot: hardly any page keeps something at the place
)
"""Steps over a page's blocks, the strongest first. Text that returns (site/body) ranks below them."""


@dataclass(frozen=True, slots=True)
class SiteEvidence:
    """Evidence of a site about its pages, by subject; None where it is not known or not asked."""

    fields: FieldEvidence | None = None
    kinds: KindEvidence | None = None
    blocks: SiteMemory | None = None


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A page as it is by itself: what it states, what it looks like, and its blocks.

    `blocks` are those that it keeps, and those of its removed ones that other pages keep in the same part. `returning`
    are the texts, by position, of removed blocks that stand in the article's place.
    """

    fields: StatedPage | None = None
    kind: LayoutPage | None = None
    blocks: Sequence[KeyedBlock] = ()
    returning: Mapping[int, int] = field(default_factory=dict)


class SiteVerdict(NamedTuple):
    """Verdict of a site on a page, where it differs from the page's own: what it is if it is no article, its blocks by
    position, and its fields.
    """

    page: PageVerdict | None = None
    blocks: Mapping[int, Verdict] = {}
    fields: Sequence[SettledField] = ()


def judge_page(own: OwnPage, evidence: SiteEvidence, person: bool | None = None) -> SiteVerdict:
    """Judge a page by the evidence of its site.

    `person` is whether somebody says that the page is an article, None if nobody does: the kind is then theirs.
    """
    kind = judge_kind(own.kind, evidence.kinds) if own.kind and evidence.kinds and person is None else None
    blocks = judge_blocks(own.blocks, evidence.blocks, own.returning) if evidence.blocks else {}
    fields = settle_fields(own.fields, evidence.fields) if own.fields and evidence.fields else ()
    return SiteVerdict(kind, blocks, fields)


def judge_blocks(
    page: Sequence[KeyedBlock], memory: SiteMemory, returning: Mapping[int, int] | None = None
) -> dict[int, Verdict]:
    """Judge the blocks of a page: by position, the verdicts that differ from the page's own.

    `page` and `returning` are as in `OwnPage`. No text returns on which the pages agree, nor one below a note on the
    author.
    """
    removed: dict[int, Verdict] = {}
    for judge in reversed(_BLOCK_STEPS):
        removed |= judge(page, memory)
    restored = {n: BODY_VERDICT for n, text in (returning or {}).items() if text not in memory.agreed_texts}
    return not_below_note(restored, removed) | removed
