from __future__ import annotations

from collections.abc import Sequence

from broadsheet.cleaners.document import Block, BlockKind, CleanedPage, Metadata, PageType, PageVerdict, Verdict
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.output.archive.page_rows import PageRows, make_page_rows
from broadsheet.output.settle.own_reading import (
    NEW_BLOCK_REASON,
    NO_BLOCK_REASON,
    OwnReading,
    RecleanTally,
    compare_readings,
)

BlockSpecs = Sequence[tuple[str, str, str]]  # text, reason, rule; kept where the rule is empty


def cleaned_page(specs: BlockSpecs, page_type: PageType = PageType.ARTICLE, title: str = "A title") -> CleanedPage:
    blocks = tuple(Block(at, BlockKind.PARAGRAPH, text, path="body>p") for at, (text, _, _) in enumerate(specs))
    verdicts = tuple(Verdict(not rule, reason, rule) for _, reason, rule in specs)
    text, markdown = assemble(blocks, verdicts)
    verdict = PageVerdict(page_type)
    return CleanedPage("https://a.example/x", verdict, Metadata(title=title), blocks, verdicts, text, markdown, ())


def old_reading(specs: BlockSpecs, page_type: PageType = PageType.ARTICLE) -> OwnReading:
    page = cleaned_page(specs, page_type)
    keeps = page.is_article
    return OwnReading(1, make_page_rows(page), page.blocks if keeps else (), page.verdicts if keeps else ())


def new_rows(specs: BlockSpecs, page_type: PageType = PageType.ARTICLE, title: str = "A title") -> PageRows:
    return make_page_rows(cleaned_page(specs, page_type, title))


BODY, PROMO, SHARE = (
    ("The body.", "selected", ""),
    ("Give now.", "donation", "en/d"),
    ("Share.", "share buttons", "en/s"),
)
KEPT_PROMO, KEPT_SHARE = ("Give now.", "brought back", ""), ("Share.", "selected", "")


def test_blocks_are_named_by_what_had_removed_them_and_by_what_removes_them():
    change = compare_readings(old_reading([BODY, PROMO, KEPT_SHARE]), new_rows([BODY, KEPT_PROMO, SHARE]))
    assert change.kind == "changed"
    assert change.restored_blocks == (("Give now.", "donation", "en/d"),)
    assert change.removed_blocks == (("Share.", "share buttons", "en/s"),)
    assert (change.old_texts, change.new_texts) == (("The body.", "Share."), ("The body.", "Give now."))


def test_blocks_that_are_cut_otherwise_are_told_as_such():
    change = compare_readings(old_reading([("One. Two.", "", "")]), new_rows([("One.", "", ""), ("Two!", "", "")]))
    assert {block_change[1:] for block_change in change.restored_blocks} == {NEW_BLOCK_REASON}
    assert change.removed_blocks == (("One. Two.", *NO_BLOCK_REASON),)


def test_a_repeated_text_counts_as_often_as_it_stands():
    change = compare_readings(old_reading([BODY, KEPT_SHARE, SHARE]), new_rows([BODY, KEPT_SHARE, KEPT_SHARE]))
    assert change.restored_blocks == (("Share.", "share buttons", "en/s"),)


def test_the_kinds_of_change():
    assert compare_readings(old_reading([BODY, PROMO]), new_rows([BODY, PROMO])).kind == "same"
    assert compare_readings(old_reading([BODY, PROMO]), new_rows([BODY, PROMO], title="Another")).kind == "other"
    assert (
        compare_readings(old_reading([BODY, PROMO]), new_rows([BODY, ("Give now.", "donation", "en/new")])).kind
        == "other"
    )
    assert compare_readings(old_reading([BODY, PROMO]), new_rows([BODY, PROMO], title="Another")).differing_fields == (
        "title",
    )
    assert compare_readings(
        old_reading([BODY, PROMO]), new_rows([BODY, ("Give now.", "donation", "en/new")])
    ).differing_fields == ("reasons",)
    assert compare_readings(old_reading([BODY], PageType.LIST), new_rows([BODY])).kind == "gained"
    assert compare_readings(old_reading([BODY]), new_rows([BODY], PageType.LIST)).kind == "lost"


def test_a_tally_counts_pages_and_the_blocks_of_changed_ones_by_rule():
    tally = RecleanTally()
    tally.add(compare_readings(old_reading([BODY, PROMO, KEPT_SHARE]), new_rows([BODY, KEPT_PROMO, SHARE])))
    tally.add(compare_readings(old_reading([BODY, PROMO]), new_rows([BODY, KEPT_PROMO])))
    tally.add(compare_readings(old_reading([BODY]), new_rows([BODY], PageType.LIST)))
    assert tally.differing_fields == {}
    for title in ("New", "Newer"):
        tally.add(compare_readings(old_reading([BODY, PROMO]), new_rows([BODY, ("Give now.", "x", "y")], title=title)))
    assert tally.differing_fields == {"title": 2, "reasons": 2}
    assert tally.restored_by_rule == {("donation", "en/d"): 2}
    assert tally.removed_by_rule == {("share buttons", "en/s"): 1}
    assert tally.as_counts() == {"changed": 2, "lost": 1, "other": 2, "blocks_back": 2, "blocks_removed": 1}


def test_what_had_removed_a_text_is_told_though_the_page_kept_it_further_down():
    change = compare_readings(old_reading([BODY, SHARE, KEPT_SHARE]), new_rows([BODY, KEPT_SHARE, KEPT_SHARE]))
    assert change.restored_blocks == (("Share.", "share buttons", "en/s"),)
    change = compare_readings(old_reading([BODY, KEPT_SHARE, KEPT_SHARE]), new_rows([BODY, SHARE, KEPT_SHARE]))
    assert change.removed_blocks == (("Share.", "share buttons", "en/s"),)


def test_a_page_without_a_title_has_the_one_that_it_had():
    assert compare_readings(old_reading([BODY]), new_rows([BODY], title="")).title == "A title"
    assert compare_readings(old_reading([BODY]), new_rows([BODY], title="Another")).title == "Another"
