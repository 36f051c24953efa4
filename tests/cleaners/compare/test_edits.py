"""Edits of an article: two versions of a page in, the kinds of edit and what was added, removed and rewritten out."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.compare.edits import (
    ArticleVersion,
    CapturedBlock,
    align_versions,
    compare_versions,
    load_notice_languages,
    may_report_edit,
    notice_kind,
)
from tests.cleaners.building import holds_up_to
from tests.cleaners.page_reports import forget_patterns

FIRST = "The council of the harbour town voted on Tuesday to keep the second dredger in service until the spring."
SECOND = "Its harbour master had told the members that the first one would be in the yard for eleven weeks at least."
THIRD = "Nobody spoke against it, and the chair closed the sitting after less than a quarter of an hour."
FOURTH = "The fishermen's association wrote afterwards that it had not been asked and would not pay a share."
NOTICE = "Correction: An earlier version of this article said that the vote was on Monday."
APPEAL = "Our {} appeal has begun: help us to reach the goal."


def kept_blocks(*texts: str, kind: str = "paragraph", container_id: int = 1) -> tuple[CapturedBlock, ...]:
    return tuple(CapturedBlock(text, kind, True, container_id) for text in texts)


def removed_blocks(*texts: str, container_id: int = 2) -> tuple[CapturedBlock, ...]:
    return tuple(CapturedBlock(text, "paragraph", False, container_id) for text in texts)


def shared_block(text: str, other_articles: int, container_id: int = 1, kind: str = "paragraph") -> CapturedBlock:
    return CapturedBlock(text, kind, True, container_id, other_article_count=other_articles)


def make_version(*blocks: CapturedBlock | str, title: str = "Second dredger stays", **dates: str) -> ArticleVersion:
    """A version of these blocks; a text is that of a paragraph which is kept."""
    captured = tuple(block for each in blocks for block in (kept_blocks(each) if isinstance(each, str) else (each,)))
    return ArticleVersion(captured, title, "og:title", **dates)


BASE = make_version(
    *removed_blocks("Home", "3 May 2026"),
    *kept_blocks(FIRST, SECOND, THIRD),
    *removed_blocks("12 comments", "Donate now to keep us going."),
)
MONDAY, FOURTEEN = FIRST.replace("Tuesday", "Monday"), SECOND.replace("eleven", "fourteen")
OTHER_TEMPLATE = make_version(
    *removed_blocks("Donate now to keep us going.", "12 comments", container_id=9),
    *kept_blocks("Home", "3 May 2026", container_id=8),
    *kept_blocks(f"{FIRST} {SECOND}", THIRD, container_id=7),
)
TWO_TITLES = make_version(
    *kept_blocks("Second dredger stays", kind="heading"), *removed_blocks("Dredger: what the vote means"), FIRST
)
DATED = make_version(FIRST, SECOND, published="2026-05-03", published_source="json-ld")
TIMED = make_version(FIRST, published="2026-05-03T23:30:00-05:00", published_source="meta")
LINK = CapturedBlock("Why the first dredger is in the yard", "list_item", True, 1, is_link=True)


@pytest.mark.parametrize(
    ("old", "new", "kinds", "counts"),
    [
        (BASE, BASE, "", (0, 0, 0)),
        (BASE, BASE._replace(blocks=kept_blocks(FIRST, FOURTEEN, THIRD)), "body", (0, 0, 1)),
        (BASE, make_version(FIRST, THIRD), "body", (0, 1, 0)),
        (BASE, make_version(FIRST, SECOND, THIRD, FOURTH), "body", (1, 0, 0)),
        (make_version(FIRST, SECOND), make_version(FIRST, f"{SECOND} {FOURTH} {THIRD}"), "body", (0, 0, 1)),
        (make_version(FIRST, "Twelve boats, 3 new."), make_version(FIRST, "Twelve boats, 4 new."), "body", (0, 0, 1)),
        (BASE, make_version(MONDAY, SECOND, THIRD), "lead", (0, 0, 1)),
        (BASE, make_version(FOURTH, FIRST, SECOND, THIRD), "lead", (1, 0, 0)),
        (BASE, make_version(MONDAY, SECOND, THIRD, NOTICE), "correction lead", (1, 0, 1)),
        (BASE, make_version(NOTICE, FIRST, SECOND, THIRD), "correction", (1, 0, 0)),
        (BASE, BASE._replace(blocks=(*BASE.blocks, *removed_blocks(NOTICE))), "correction", (0, 0, 0)),
        (BASE, BASE._replace(title="Council keeps second dredger"), "headline", (0, 0, 0)),
        (BASE, make_version(FIRST, SECOND, title="Vote on the dredger"), "headline body", (0, 1, 0)),
        (BASE, make_version(FIRST, THIRD, SECOND), "body", (0, 0, 0)),
        (DATED, DATED._replace(published="2026-05-06"), "date", (0, 0, 0)),
    ],
    ids=["the same page", "a paragraph rewritten", "removed", "added", "extended", "a number", "the lead", "a new lead",
         "a correction with its notice", "a notice at the top", "a notice that is not kept", "a headline",
         "headline and body", "another order", "a date"],
)  # fmt: skip
def test_an_edit_has_kinds_in_order_and_counts(old, new, kinds, counts):
    edit = compare_versions(old, new)
    assert edit.kinds == tuple(kinds.split())
    assert (edit.added_count, edit.removed_count, edit.rewritten_count) == counts
    assert edit.is_reordered is (new.blocks == kept_blocks(FIRST, THIRD, SECOND))
    assert edit.note == (NOTICE if "correction" in kinds else "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *((BASE, BASE._replace(blocks=(*BASE.blocks, *removed_blocks(line))))
          for line in ("Updated: 4 May 2026, 10:40", "Updated: Monday 3 May 2026 at 12:40 GMT", "Update now")),
        (TWO_TITLES, TWO_TITLES._replace(title="Dredger: what the vote means", title_source="h1")),
        (TWO_TITLES, TWO_TITLES._replace(title="Second dredger stays – The Lantern", title_source="title")),
        (make_version('He said "no" - and left... at last, it\'s over for the whole of the fleet.', SECOND),
         make_version("He said “no” – and left… at last, it’s over  for the whole of the fleet.", SECOND)),
        (BASE, OTHER_TEMPLATE),
        (OTHER_TEMPLATE, BASE),
        *((BASE, make_version(FIRST, SECOND, THIRD, *kept_blocks("Join us: a paper is paid by its readers.",
                                                                 container_id=2)))[::step] for step in (1, -1)),
        (BASE, make_version(FIRST, SECOND, THIRD, shared_block(APPEAL.format("spring"), 1, 5))),
        (BASE, make_version(FIRST, SECOND, THIRD, shared_block(FOURTH, 1))),
        (BASE, make_version(FIRST, SECOND, THIRD, LINK)),
        (make_version(FIRST, SECOND, "12 comments"), make_version(FIRST, SECOND, "13 comments")),
        (make_version(FIRST, SECOND, "Updated 3 May 2026"), make_version(FIRST, SECOND, "Updated 5 June 2026")),
        (make_version(shared_block(APPEAL.format("spring"), 9, 5), FIRST, SECOND),
         make_version(shared_block(APPEAL.format("autumn"), 0, 5), FIRST, SECOND)),
        (DATED, DATED._replace(published="2026-05-06", published_source="meta")),
        (DATED, DATED._replace(published="2026-05-03T23:30:00-05:00")),
        (DATED._replace(published_source="text"), DATED._replace(published_source="text", published="2026-05-06")),
        (TIMED, TIMED._replace(published="2026-05-04T04:30:00+00:00")),
    ],
    ids=["a dateline", "a dateline with a zone", "a label", "a title from elsewhere", "a title with the site's name",
         "typography", "another template", "the template before", "a part that held nothing", "the same before",
         "the site's promo", "a text of another page", "a link", "a count", "a date in a label",
         "one promo for another", "a date from another source", "a time of the day", "a date read in the text",
         "one instant in two zones"],
)  # fmt: skip
def test_what_is_no_edit(old, new):
    assert compare_versions(old, new).kinds == ()


def test_a_text_that_is_not_the_site_s_is_an_edit():
    quoted = make_version(FIRST, SECOND, THIRD, shared_block(f"{FOURTH} {FOURTH}", 1))
    assert compare_versions(BASE, quoted).kinds == ("body",)
    spring, autumn = (make_version(shared_block(APPEAL.format(name), 0, 5), FIRST) for name in ("spring", "autumn"))
    assert compare_versions(spring, autumn).rewritten_count == 1
    assert may_report_edit(NOTICE)


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
def test_a_paragraph_is_rewritten_while_enough_of_it_is_left(old_text, new_text, is_rewritten):
    edit = compare_versions(make_version(FIRST, old_text, THIRD), make_version(FIRST, new_text, THIRD))
    counts = (edit.added_count, edit.removed_count, edit.rewritten_count)
    assert counts == ((0, 0, 1) if is_rewritten else (1, 1, 0))


def test_of_several_paragraphs_the_most_similar_is_the_one_rewritten_and_among_equals_the_nearest():
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
def test_what_one_other_article_has_is_a_quotation_from_twenty_words_on(word_count, other_articles, is_edit):
    text = " ".join(distinct_words("quoted", word_count))
    new = with_block_aside(shared_block(text, other_articles))
    assert compare_versions(BASE, new).kinds == (("body",) if is_edit else ())


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
def test_a_line_with_another_number_is_a_label_up_to_a_length(old_label, new_label, is_edit):
    old, new = (with_block_aside(kept_blocks(text)[0]) for text in (old_label, new_label))
    assert compare_versions(old, new).kinds == (("body",) if is_edit else ())


def test_thresholds():
    def is_edit(chars: int) -> bool:
        """Whether a text is looked for across blocks: shorter ones stand in any longer text by chance."""
        text = "abcdefghijklmn"[:chars]
        return bool(
            compare_versions(
                make_version(FIRST, *removed_blocks(f"({text} and more)")), make_version(FIRST, text)
            ).kinds
        )

    def is_reordered(chars: int) -> bool:
        one, two = ("".join(distinct_words(name, 20))[:chars] for name in ("one", "two"))
        return compare_versions(make_version(one, two), make_version(two, one)).is_reordered

    assert holds_up_to(11, is_edit)
    assert holds_up_to(47, lambda n: not is_reordered(n))
    assert holds_up_to(1_200, lambda n: notice_kind(NOTICE.ljust(n, "x")) is EditKind.CORRECTION)


def test_a_label_between_two_paragraphs_is_text_and_at_their_edge_is_not():
    for position, is_edit in [(0, False), (1, True), (2, True), (3, False)]:
        old, new = ([FIRST, SECOND, THIRD] for _ in range(2))
        old.insert(position, label(4, 12))
        new.insert(position, label(4, 13))
        edit = compare_versions(make_version(*kept_blocks(*old)), make_version(*kept_blocks(*new)))
        assert edit.kinds == (("body",) if is_edit else ())


def test_versions_side_by_side_show_all_of_the_article_in_the_order_of_the_new_text():
    old = make_version(*kept_blocks("Old heading", kind="heading"), *kept_blocks(FIRST, THIRD, SECOND))
    changed = SECOND.replace("eleven", "twelve")
    new = make_version(*kept_blocks(FIRST, changed, FOURTH), *removed_blocks("A promo of the site."))
    assert [(change.before, change.after) for change in align_versions(old, new)] == [
        ("Old heading", ""), (FIRST, FIRST), (THIRD, ""), (SECOND, changed), ("", FOURTH),
    ]  # fmt: skip
    assert [change.before == change.after for change in align_versions(BASE, BASE)] == [True] * 3


def test_a_removed_block_is_shown_behind_a_rewritten_one_that_stood_above_it():
    changed = SECOND.replace("eleven", "twelve")
    old = make_version(*kept_blocks(FIRST, SECOND, THIRD))
    new = make_version(*kept_blocks(FIRST, changed))
    rows = [(change.before, change.after) for change in align_versions(old, new)]
    assert rows == [(FIRST, FIRST), (SECOND, changed), (THIRD, "")]
    edits = [(change.before, change.after) for change in compare_versions(old, new).changes]
    assert edits == [(SECOND, changed), (THIRD, "")]


def test_beside_the_edits_the_site_s_text_is_shown_as_unchanged_and_its_headings_are_left_out():
    promo = shared_block("Support the harbour paper with a gift.", 2)
    new = make_version(FIRST, SECOND, THIRD, promo, shared_block("More from the harbour", 2, kind="heading"))
    assert [change.after for change in align_versions(BASE, new)] == [FIRST, SECOND, THIRD, promo.text]
    assert all(change.before == change.after for change in align_versions(BASE, new))


EXAMPLES = [
    (language, None if kind == "neither" else kind, text)
    for language, language_data in load_notice_languages().items()
    for kind, texts in language_data["examples"].items()
    for text in texts
]


@pytest.mark.parametrize(("language", "kind", "text"), EXAMPLES)
def test_the_examples_of_each_language_are_what_they_say(language, kind, text):
    assert notice_kind(text) == kind


def test_patterns_that_are_made_anew_find_all_examples():
    forget_patterns("broadsheet.cleaners.compare")
    assert [(language, notice_kind(text), text) for language, _, text in EXAMPLES] == EXAMPLES


def test_twelve_languages_have_examples_of_each_kind():
    languages = load_notice_languages()
    assert len(languages) >= 12
    assert all({"correction", "update", "neither"} <= language["examples"].keys() for language in languages.values())
