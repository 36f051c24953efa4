"""Reasons for which a page's article is taken out, a row a clause; the rows themselves are in test_settling.py."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.document import PageType, PageVerdict
from broadsheet.output.archive.shelf import ShelvingReason
from broadsheet.output.settle.copies_and_parts import ArticlePart, Representatives
from broadsheet.output.settle.second_look import EmptiedPage, LateCopy, SecondLook
from broadsheet.output.settle.settled_rows import PageFindings

COPY, ORIGINAL, PART, HEAD, LIST, NOTICE, EMPTIED, LATE, EARLIER, PLAIN, PART_COPY = range(11)
OTHER = PageVerdict(PageType.OTHER, ())
FINDINGS = PageFindings(
    representatives=Representatives([(COPY, ORIGINAL), (PART_COPY, PART)]),
    repeat_counts={LIST: 3},
    parts={PART: ArticlePart(HEAD, 2)},
    layout_verdicts={NOTICE: OTHER},
    second_look=SecondLook({EMPTIED: EmptiedPage("a.test", OTHER)}, {LATE: LateCopy("a.test", EARLIER)}),
    is_whole=True,
)


@pytest.mark.parametrize(
    ("page", "reason", "head"),
    [
        (COPY, ShelvingReason.DUPLICATE, ORIGINAL),
        (ORIGINAL, None, ORIGINAL),
        (PART, ShelvingReason.PART, HEAD),
        (PART_COPY, ShelvingReason.DUPLICATE, HEAD),
        (HEAD, None, HEAD),
        (LIST, ShelvingReason.LIST, LIST),
        (NOTICE, ShelvingReason.LAYOUT, NOTICE),
        (EMPTIED, ShelvingReason.EMPTIED, EMPTIED),
        (LATE, ShelvingReason.COPY, EARLIER),
        (EARLIER, None, EARLIER),
        (PLAIN, None, PLAIN),
    ],
)
def test_a_page_is_taken_out_for_one_reason_and_its_text_is_at_its_head(
    page: int, reason: ShelvingReason | None, head: int
) -> None:
    assert (FINDINGS.shelving_reason(page), FINDINGS.head_page(page)) == (reason, head)


def test_each_page_with_a_reason_may_be_taken_out() -> None:
    with_reason = {page for page in range(11) if FINDINGS.shelving_reason(page)}
    assert with_reason <= FINDINGS.shelvable_pages
    assert PLAIN not in FINDINGS.shelvable_pages


def test_the_layout_s_verdict_comes_before_the_others() -> None:
    findings = PageFindings(
        Representatives([(COPY, ORIGINAL)]),
        {COPY: 3},
        {ORIGINAL: ArticlePart(HEAD, 1)},
        {COPY: OTHER},
        SecondLook(),
        True,
    )
    assert findings.shelving_reason(COPY) is ShelvingReason.LAYOUT
