from __future__ import annotations

from dataclasses import replace

import pytest

from cleaners.compare.edits import ArticleVersion, CapturedBlock, compare_versions, may_report_edit

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
    edit = compare_versions(BASE, replace(BASE, blocks=kept_blocks(FIRST, SECOND.replace("eleven", "fourteen"), THIRD)))
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
    assert compare_versions(BASE, replace(BASE, blocks=(*BASE.blocks, *removed_blocks(NOTICE)))).kinds == (
        "correction",
    )


@pytest.mark.parametrize(
    "line", ["Updated: 4 May 2026, 10:40", "Updated: Monday 3 May 2026 at 12:40 GMT", "Update now"]
)
def test_a_dateline_that_is_not_kept_is_no_notice(line: str) -> None:
    assert compare_versions(BASE, replace(BASE, blocks=(*BASE.blocks, *removed_blocks(line)))).kinds == ()


def test_a_new_headline() -> None:
    assert compare_versions(BASE, replace(BASE, title="Council keeps second dredger")).kinds == ("headline",)


def test_a_title_taken_from_elsewhere_is_no_new_headline_while_the_page_shows_both() -> None:
    page = make_version(
        *kept_blocks("Second dredger stays", kind="heading"),
        *removed_blocks("Dredger: what the vote means"),
        *kept_blocks(FIRST),
    )
    other = replace(page, title="Dredger: what the vote means", title_source="h1")
    assert compare_versions(page, other).kinds == ()
    assert (
        compare_versions(page, replace(page, title="Second dredger stays – The Lantern", title_source="title")).kinds
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
    assert compare_versions(dated, replace(dated, published="2026-05-06")).kinds == ("date",)
    assert compare_versions(dated, replace(dated, published="2026-05-06", published_source="meta")).kinds == ()
    assert compare_versions(dated, replace(dated, published="2026-05-03T23:30:00-05:00")).kinds == ()
    read = replace(dated, published_source="text")
    assert compare_versions(read, replace(read, published="2026-05-06")).kinds == ()


def test_one_instant_in_two_zones_is_one_date() -> None:
    dated = make_version(*kept_blocks(FIRST), published="2026-05-03T23:30:00-05:00", published_source="meta")
    assert compare_versions(dated, replace(dated, published="2026-05-04T04:30:00+00:00")).kinds == ()


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
