"""Judgement of one page by what all pages of its site say: all steps, in the order in which they win; pure.

Whoever asks why a page became what it is reads here which step decides, and in the step's module on what grounds. Each
step votes with a rule name, which the archive keeps beside the block, or with a fact in the evidence of the page.

- **Fields** (`field_evidence.py`): a name of the menu, a source that says the same everywhere, the words before all its
  names, a place behind a name; a last resort's common day, the order of day and month; a title of several pages, the
  headline behind a short title, what titles have in common; the usual language.
- **Kinds** (`page_kinds.py`): a person's word, then the layout, then the folder, then the menu.
- **Blocks** (`judge_blocks`): a person's word, then the steps of `_BLOCK_STEPS`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from ..document import Verdict
from .repeated_blocks import KeyedBlock, SiteMemory, judge_consensus, judge_repeated_blocks, judge_slots, not_below_note

_BLOCK_STEPS: tuple[Callable[[Sequence[KeyedBlock], SiteMemory], dict[int, Verdict]], ...] = (
    judge_consensus,  # site/consensus: most pages with the text remove it
    judge_repeated_blocks,  # site/repeated, site/author-bio, site/closing-note
    judge_slots,  # site/slot: hardly any page keeps something at the place
)
"""Steps over a page's blocks, the strongest first. Below them is what returns to the article's place (site/body)."""


def judge_blocks(
    page: Sequence[KeyedBlock], memory: SiteMemory, restored: Mapping[int, Verdict], agreed: Collection[int] = ()
) -> dict[int, Verdict]:
    """Judge the blocks of a page: by position, the verdicts that differ from the page's own.

    `page` has the blocks that the page keeps, and those of its removed blocks that other pages keep in the same part.
    `restored` are the verdicts on what stands in the article's place. No text returns on which the pages agree
    (`agreed` positions), nor one below a note on the author.
    """
    removed: dict[int, Verdict] = {}
    for judge in reversed(_BLOCK_STEPS):
        removed |= judge(page, memory)
    returning = {n: verdict for n, verdict in restored.items() if n not in agreed}
    return not_below_note(returning, removed) | removed
