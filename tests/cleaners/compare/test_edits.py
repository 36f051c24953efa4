"""Tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.compare.edits import (
    ArticleVersion,
    CapturedBlock,
    _word_overlap,
    align_versions,
    compare_versions,
    load_notice_languages,
    may_report_edit,
    notice_kind,
)
from tests.cleaners.page_reports import forget_patterns

FIRST = "The council of the harbour town voted on Tuesday to keep the second dredger in service until the spring."
SECOND = "Its harbour master had told the members that the first one would be in the yard for eleven weeks at least."
THIRD = "Nobody spoke against it, and the chair closed the sitting after less than a quarter of an hour."
FOURTH = "The fishermen's association wrote afterwards that it had not been asked and would not pay a share."
NOTICE = "Correction: An earlier version of this article said that the vote was on Monday."


def kept_blocks(*texts: str, kind: str = "paragraph", container_id: int = 1) -> tuple[CapturedBlock, ...]:
    return tuple(CapturedBlock(text, kind, True, container_id) for text in texts)


def removed_blocks(*texts: str, container_id: int = 2) -> tuple[CapturedBlock, ...]:
    return tuple(CapturedBlock(text, "paragraph", False, container_id) for text in texts)


def make_version(*blocks: CapturedBlock, title: str = "Second dredger stays", **dates: str) -> ArticleVersion:
    return ArticleVersion(blocks, title, "og:title", **dates)


BASE = make_version(
    *removed_blocks("Home", "3 May 2026"),
    *kept_blocks(FIRST, SECOND, THIRD),
    *removed_blocks("12 comments", "Donate now to keep us going."),
)


def test_the_same_page_is_no_edit() -> None:
    assert compare_versions(BASE, BASE).kinds == ()


def test_a_paragraph_rewritten_is_one_edit_of_the_body() -> None:
    edit = compare_versions(BASE, BASE._replace(blocks=kept_blocks(FIRST, SECOND.replace("eleven", "fourteen"), THIRD)))
    assert edit.kinds == ("body",)
    assert (edit.added_count, edit.removed_count, edit.rewritten_count) == (0, 0, 1)


def test_a_number_in_a_sentence_is_an_edit() -> None:
    old, new = make_version(*kept_blocks(FIRST, "Twelve boats, 3 of them new.", THIRD)), "Twelve boats, 4 of them new."
    assert compare_versions(old, make_version(*kept_blocks(FIRST, new, THIRD))).kinds == ("body",)


def test_a_paragraph_silently_removed_and_one_added() -> None:
    removed = compare_versions(BASE, make_version(*kept_blocks(FIRST, THIRD)))
    assert (removed.kinds, removed.removed_count, removed.added_count) == (("body",), 1, 0)
    added = compare_versions(BASE, make_version(*kept_blocks(FIRST, SECOND, THIRD, FOURTH)))
    assert (added.kinds, added.removed_count, added.added_count) == (("body",), 0, 1)


def test_the_first_paragraph_is_the_lead() -> None:
    assert compare_versions(
        BASE, make_version(*kept_blocks(FIRST.replace("Tuesday", "Monday"), SECOND, THIRD))
    ).kinds == ("lead",)
    assert compare_versions(BASE, make_version(*kept_blocks(FOURTH, FIRST, SECOND, THIRD))).kinds == ("lead",)


def test_a_correction_with_its_notice() -> None:
    new = make_version(*kept_blocks(FIRST.replace("Tuesday", "Monday"), SECOND, THIRD, NOTICE))
    edit = compare_versions(BASE, new)
    assert edit.kinds == ("correction", "lead")
    assert edit.note == NOTICE


def test_a_notice_at_the_top_is_not_the_lead() -> None:
    assert compare_versions(BASE, make_version(*kept_blocks(NOTICE, FIRST, SECOND, THIRD))).kinds == ("correction",)


def test_a_notice_counts_also_where_it_is_not_kept() -> None:
    assert may_report_edit(NOTICE)
    assert compare_versions(BASE, BASE._replace(blocks=(*BASE.blocks, *removed_blocks(NOTICE)))).kinds == (
        "correction",
    )


@pytest.mark.parametrize(
    "line", ["Updated: 4 May 2026, 10:40", "Updated: Monday 3 May 2026 at 12:40 GMT", "Update now"]
)
def test_a_dateline_that_is_not_kept_is_no_notice(line: str) -> None:
    assert compare_versions(BASE, BASE._replace(blocks=(*BASE.blocks, *removed_blocks(line)))).kinds == ()


def test_a_new_headline() -> None:
    assert compare_versions(BASE, BASE._replace(title="Council keeps second dredger")).kinds == ("headline",)


def test_a_title_taken_from_elsewhere_is_no_new_headline_while_the_page_shows_both() -> None:
    page = make_version(
        *kept_blocks("Second dredger stays", kind="heading"),
        *removed_blocks("Dredger: what the vote means"),
        *kept_blocks(FIRST),
    )
    other = page._replace(title="Dredger: what the vote means", title_source="h1")
    assert compare_versions(page, other).kinds == ()
    assert (
        compare_versions(page, page._replace(title="Second dredger stays – The Lantern", title_source="title")).kinds
        == ()
    )


def test_typography_and_white_space_are_no_edit() -> None:
    plain = make_version(
        *kept_blocks('He said "no" - and left... at last, it\'s over for the whole of the fleet.', SECOND)
    )
    fancy = make_version(
        *kept_blocks("He said “no” – and left… at last, it’s over  for the whole of the fleet.", SECOND)
    )
    assert compare_versions(plain, fancy).kinds == ()


def test_another_template_is_no_edit() -> None:
    """Blocks are cut otherwise, verdicts differ on what both show, furniture has another order and other places."""
    new = make_version(
        *removed_blocks("Donate now to keep us going.", "12 comments", container_id=9),
        *kept_blocks("Home", "3 May 2026", container_id=8),
        *kept_blocks(f"{FIRST} {SECOND}", THIRD, container_id=7),
    )
    assert compare_versions(BASE, new).kinds == ()
    assert compare_versions(new, BASE).kinds == ()


def test_a_block_in_a_part_that_held_nothing_of_the_article_is_furniture() -> None:
    new = make_version(
        *kept_blocks(FIRST, SECOND, THIRD),
        *kept_blocks("Join us: a paper like ours is paid by its readers.", container_id=2),
    )
    assert compare_versions(BASE, new).kinds == ()
    assert compare_versions(new, BASE).kinds == ()


def test_a_text_on_other_pages_of_the_site_is_the_site_s() -> None:
    promo = CapturedBlock(
        "Our spring appeal has begun: help us to reach the goal.", "paragraph", True, 5, other_article_count=1
    )
    long = CapturedBlock(FOURTH, "paragraph", True, 1, other_article_count=1)
    assert compare_versions(BASE, make_version(*kept_blocks(FIRST, SECOND, THIRD), promo)).kinds == ()
    assert compare_versions(BASE, make_version(*kept_blocks(FIRST, SECOND, THIRD), long)).kinds == ()
    quoted = replace(long, text=f"{FOURTH} {FOURTH}")
    assert compare_versions(BASE, make_version(*kept_blocks(FIRST, SECOND, THIRD), quoted)).kinds == ("body",)


def test_links_alone_are_no_edit() -> None:
    related = CapturedBlock("Why the first dredger is in the yard", "list_item", True, 1, is_link=True)
    assert compare_versions(BASE, make_version(*kept_blocks(FIRST, SECOND, THIRD), related)).kinds == ()


@pytest.mark.parametrize(
    ("was", "now"), [("12 comments", "13 comments"), ("Updated 3 May 2026", "Updated 5 June 2026")]
)
def test_counts_and_dates_in_labels_beside_the_text_are_no_edit(was: str, now: str) -> None:
    assert (
        compare_versions(
            make_version(*kept_blocks(FIRST, SECOND, was)), make_version(*kept_blocks(FIRST, SECOND, now))
        ).kinds
        == ()
    )


def test_the_same_paragraphs_in_another_order() -> None:
    edit = compare_versions(BASE, make_version(*kept_blocks(FIRST, THIRD, SECOND)))
    assert edit.is_reordered
    assert edit.kinds == ("body",)


def test_a_new_date_of_publication_in_the_same_place() -> None:
    dated = make_version(*kept_blocks(FIRST, SECOND), published="2026-05-03", published_source="json-ld")
    assert compare_versions(dated, dated._replace(published="2026-05-06")).kinds == ("date",)
    assert compare_versions(dated, dated._replace(published="2026-05-06", published_source="meta")).kinds == ()
    assert compare_versions(dated, dated._replace(published="2026-05-03T23:30:00-05:00")).kinds == ()
    read = dated._replace(published_source="text")
    assert compare_versions(read, read._replace(published="2026-05-06")).kinds == ()


def test_one_instant_in_two_zones_is_one_date() -> None:
    dated = make_version(*kept_blocks(FIRST), published="2026-05-03T23:30:00-05:00", published_source="meta")
    assert compare_versions(dated, dated._replace(published="2026-05-04T04:30:00+00:00")).kinds == ()


def test_an_extended_paragraph_is_rewritten_not_added() -> None:
    edit = compare_versions(
        make_version(*kept_blocks(FIRST, SECOND)), make_version(*kept_blocks(FIRST, f"{SECOND} {FOURTH} {THIRD}"))
    )
    assert (edit.added_count, edit.removed_count, edit.rewritten_count) == (0, 0, 1)


def test_headline_and_body_at_once_name_the_headline_first() -> None:
    edit = compare_versions(BASE, make_version(*kept_blocks(FIRST, SECOND), title="Vote on the dredger"))
    assert edit.kinds == ("headline", "body")


def test_one_promo_of_the_site_in_place_of_another_is_no_edit() -> None:
    spring = CapturedBlock(
        "Our spring appeal has begun: help us to reach the goal.", "paragraph", True, 5, other_article_count=9
    )
    autumn = CapturedBlock("Our autumn appeal has begun: help us to reach the goal.", "paragraph", True, 5)
    assert (
        compare_versions(
            make_version(spring, *kept_blocks(FIRST, SECOND)), make_version(autumn, *kept_blocks(FIRST, SECOND))
        ).kinds
        == ()
    )
    alone = replace(spring, other_article_count=0)
    assert (
        compare_versions(
            make_version(alone, *kept_blocks(FIRST, SECOND)), make_version(autumn, *kept_blocks(FIRST, SECOND))
        ).rewritten_count
        == 1
    )


# --- Just above and just below a bound -------------------------------------------------------------------------------
def distinct_words(name: str, count: int) -> list[str]:
    return [f"{name}{'abcdefghij'[number // 10]}{'abcdefghij'[number % 10]}" for number in range(count)]


def paragraph(common: int, name: str, own: int) -> str:
    """A paragraph of words that two paragraphs have in common, and of words of its own."""
    return " ".join([*distinct_words("common", common), *distinct_words(name, own)]) + "."


@pytest.mark.parametrize(
    ("old_text", "new_text", "is_rewritten"),
    [
        (paragraph(8, "old", 12), paragraph(8, "new", 12), True),
        (paragraph(7, "old", 13), paragraph(7, "new", 13), False),
        (paragraph(8, "old", 2), paragraph(8, "new", 32), True),
        (paragraph(7, "old", 3), paragraph(7, "new", 33), False),
        (paragraph(8, "old", 32), paragraph(8, "new", 2), True),
        (paragraph(8, "old", 0), paragraph(8, "new", 32), True),
        (paragraph(7, "old", 0), paragraph(7, "new", 32), False),
    ],
    ids=["two fifths of both", "fewer", "four fifths of the shorter one", "fewer of it", "the new one is the shorter",
         "all of eight words", "all of seven words"],
)  # fmt: skip
def test_a_paragraph_is_rewritten_while_enough_of_it_is_left(old_text: str, new_text: str, is_rewritten: bool) -> None:
    old, new = (make_version(*kept_blocks(FIRST, text, THIRD)) for text in (old_text, new_text))
    edit = compare_versions(old, new)
    counts = (edit.added_count, edit.removed_count, edit.rewritten_count)
    assert counts == ((0, 0, 1) if is_rewritten else (1, 1, 0))


def test_of_several_paragraphs_the_most_similar_is_the_one_rewritten_and_among_equals_the_nearest() -> None:
    old = paragraph(10, "old", 10)
    likeness = [paragraph(9, "less", 11), paragraph(10, "more", 10)]
    edit = compare_versions(make_version(*kept_blocks(FIRST, old)), make_version(*kept_blocks(FIRST, *likeness)))
    assert [change.before for change in edit.changes] == ["", old]
    near, far = paragraph(10, "near", 10), paragraph(10, "far", 10)
    edit = compare_versions(make_version(*kept_blocks(FIRST, old)), make_version(*kept_blocks(FIRST, near, far)))
    assert [(change.before, change.after) for change in edit.changes] == [(old, near), ("", far)]


def with_block_aside(block: CapturedBlock) -> ArticleVersion:
    return make_version(*kept_blocks(FIRST, SECOND, THIRD), block)


@pytest.mark.parametrize(("word_count", "other_articles", "is_edit"),
                         [(20, 1, True), (19, 1, False), (20, 2, False), (19, 0, True)])  # fmt: skip
def test_what_one_other_article_has_is_a_quotation_from_twenty_words_on(
    word_count: int, other_articles: int, is_edit: bool
) -> None:
    text = " ".join(distinct_words("quoted", word_count))
    block = CapturedBlock(text, "paragraph", True, 1, other_article_count=other_articles)
    assert compare_versions(BASE, with_block_aside(block)).kinds == (("body",) if is_edit else ())


def label(count: int, number: int) -> str:
    return " ".join([*distinct_words("label", count - 1), str(number)])


def dated_label(count: int, day: int) -> str:
    return f"{' '.join(distinct_words('label', count - 3))} {day} May 2026"


@pytest.mark.parametrize(
    ("old_label", "new_label", "is_edit"),
    [(label(6, 12), label(6, 13), False), (label(7, 12), label(7, 13), True), (label(6, 12), f"{label(6, 13)}.", True),
     (f"{label(4, 12)} views", f"{label(4, 13)} reads", True), (f"{label(4, 12)} views", f"{label(4, 12)} reads", True),
     (dated_label(16, 3), dated_label(16, 4), False), (dated_label(18, 3), dated_label(18, 4), True)],
    ids=["six words", "seven", "a sentence", "another word", "a word alone", "sixteen with a date", "more with a date"],
)  # fmt: skip
def test_a_line_with_another_number_is_a_label_up_to_a_length(old_label: str, new_label: str, is_edit: bool) -> None:
    old, new = (with_block_aside(kept_blocks(text)[0]) for text in (old_label, new_label))
    assert compare_versions(old, new).kinds == (("body",) if is_edit else ())


def test_a_text_is_looked_for_across_blocks_from_twelve_characters_on() -> None:
    """Shorter ones stand in any longer text by chance."""
    for text, is_edit in [("abcdefghijkl", False), ("abcdefghijk", True)]:
        old = make_version(*kept_blocks(FIRST, SECOND, THIRD), *removed_blocks(f"({text} and more)"))
        assert compare_versions(old, with_block_aside(kept_blocks(text)[0])).kinds == (("body",) if is_edit else ())


def test_paragraphs_count_for_the_order_from_forty_eight_characters_on() -> None:
    for length, is_reordered in [(48, True), (47, False)]:
        one, two = ("".join(distinct_words(name, 20))[:length] for name in ("one", "two"))
        edit = compare_versions(make_version(*kept_blocks(one, two)), make_version(*kept_blocks(two, one)))
        assert edit.is_reordered == is_reordered


def test_a_label_between_two_paragraphs_is_text_and_at_their_edge_is_not() -> None:
    for position, is_edit in [(0, False), (1, True), (2, True), (3, False)]:
        old, new = ([FIRST, SECOND, THIRD] for _ in range(2))
        old.insert(position, label(4, 12))
        new.insert(position, label(4, 13))
        edit = compare_versions(make_version(*kept_blocks(*old)), make_version(*kept_blocks(*new)))
        assert edit.kinds == (("body",) if is_edit else ())


def test_versions_side_by_side_show_all_of_the_article_in_the_order_of_the_new_text() -> None:
    old = make_version(*kept_blocks("Old heading", kind="heading"), *kept_blocks(FIRST, THIRD, SECOND))
    changed = SECOND.replace("eleven", "twelve")
    new = make_version(*kept_blocks(FIRST, changed, FOURTH), *removed_blocks("A promo of the site."))
    assert [(change.before, change.after) for change in align_versions(old, new)] == [
        ("Old heading", ""), (FIRST, FIRST), (THIRD, ""), (SECOND, changed), ("", FOURTH),
    ]  # fmt: skip
    assert [change.before == change.after for change in align_versions(BASE, BASE)] == [True] * 3


def test_a_removed_block_is_shown_behind_a_rewritten_one_that_stood_above_it() -> None:
    changed = SECOND.replace("eleven", "twelve")
    old = make_version(*kept_blocks(FIRST, SECOND, THIRD))
    new = make_version(*kept_blocks(FIRST, changed))
    rows = [(change.before, change.after) for change in align_versions(old, new)]
    assert rows == [(FIRST, FIRST), (SECOND, changed), (THIRD, "")]
    edits = [(change.before, change.after) for change in compare_versions(old, new).changes]
    assert edits == [(SECOND, changed), (THIRD, "")]


def test_beside_the_edits_the_site_s_text_is_shown_as_unchanged_and_its_headings_are_left_out() -> None:
    promo, heading = (
        CapturedBlock(text, kind, True, 1, other_article_count=2)
        for text, kind in (
            ("Support the harbour paper with a gift.", "paragraph"),
            ("More from the harbour", "heading"),
        )
    )
    new = make_version(*kept_blocks(FIRST, SECOND, THIRD), promo, heading)
    assert [change.after for change in align_versions(BASE, new)] == [FIRST, SECOND, THIRD, promo.text]
    assert all(change.before == change.after for change in align_versions(BASE, new))


EXAMPLES = [
    (language, None if kind == "neither" else kind, text)
    for language, language_data in load_notice_languages().items()
    for kind, texts in language_data["examples"].items()
    for text in texts
]


@pytest.mark.parametrize(("language", "kind", "text"), EXAMPLES)
def test_the_examples_of_each_language_are_what_they_say(language: str, kind: str, text: str) -> None:
    assert notice_kind(text) == kind


def test_patterns_that_are_made_anew_find_all_examples() -> None:
    forget_patterns("broadsheet.cleaners.compare")
    assert [(language, notice_kind(text), text) for language, _, text in EXAMPLES] == EXAMPLES


def test_twelve_languages_have_examples_of_each_kind() -> None:
    languages = load_notice_languages()
    assert len(languages) >= 12
    assert all({"correction", "update", "neither"} <= language["examples"].keys() for language in languages.values())


def test_a_correction_that_is_also_an_update_is_a_correction() -> None:
    assert notice_kind("Correction: This story has been updated to give the right sum.") == "correction"


def test_a_long_block_is_no_notice() -> None:
    assert notice_kind("Correction: " + "the ferry ran late. " * 100) is None


@pytest.mark.parametrize(("length", "kind"), [(1_200, EditKind.CORRECTION), (1_201, None)])
def test_a_notice(length: int, kind: EditKind | None) -> None:
    text = "Correction: An earlier version of this article misspelled the mayor's name. "
    assert notice_kind(text.ljust(length, "x")) is kind


def bag(common: int, own: int, name: str) -> Counter[str]:
    return Counter([*(f"word{n}" for n in range(common)), *(f"{name}{n}" for n in range(own))])


@pytest.mark.parametrize(
    ("common", "old_words", "new_words", "overlap"),
    [
        (4, 10, 10, 0.4),
        (3, 10, 10, 0.3),
        (0, 10, 10, 0.0),
        (8, 10, 100, 0.4),  # most of the shorter one
        (7, 10, 100, 14 / 110),
        (8, 100, 8, 0.4),
        (7, 100, 7, 14 / 107),  # too short to be told by that
        (10, 10, 10, 1.0),
    ],
)
def test_words_in_common(common: int, old_words: int, new_words: int, overlap: float) -> None:
    old, new = bag(common, old_words - common, "old"), bag(common, new_words - common, "new")
    assert _word_overlap(old, new) == pytest.approx(overlap)
