from __future__ import annotations

from dataclasses import replace

import pytest

from cleaners.compare.edits import Stood, Version, compare, may_matter

ONE = "The council of the harbour town voted on Tuesday to keep the second dredger in service until the spring."
TWO = "Its harbour master had told the members that the first one would be in the yard for eleven weeks at least."
THREE = "Nobody spoke against it, and the chair closed the sitting after less than a quarter of an hour."
FOUR = "The fishermen's association wrote afterwards that it had not been asked and would not pay a share."
NOTICE = "Correction: An earlier version of this article said that the vote was on Monday."


def kept(*texts: str, kind: str = "paragraph", box: int = 1) -> tuple[Stood, ...]:
    return tuple(Stood(text, kind, True, box) for text in texts)


def gone(*texts: str, box: int = 2) -> tuple[Stood, ...]:
    return tuple(Stood(text, "paragraph", False, box) for text in texts)


def version(*blocks: Stood, title: str = "Second dredger stays", **rest: str) -> Version:
    return Version(blocks, title, "og:title", **rest)


BASE = version(
    *gone("Home", "3 May 2026"), *kept(ONE, TWO, THREE), *gone("12 comments", "Donate now to keep us going.")
)


def test_the_same_page_is_no_edit() -> None:
    assert compare(BASE, BASE).kinds == ()


def test_a_paragraph_rewritten_is_one_edit_of_the_body() -> None:
    edit = compare(BASE, replace(BASE, blocks=kept(ONE, TWO.replace("eleven", "fourteen"), THREE)))
    assert edit.kinds == ("body",)
    assert (edit.added, edit.removed, edit.rewritten) == (0, 0, 1)


def test_a_number_in_a_sentence_is_an_edit() -> None:
    old, new = version(*kept(ONE, "Twelve boats, 3 of them new.", THREE)), "Twelve boats, 4 of them new."
    assert compare(old, version(*kept(ONE, new, THREE))).kinds == ("body",)


def test_a_paragraph_silently_removed_and_one_added() -> None:
    removed = compare(BASE, version(*kept(ONE, THREE)))
    assert (removed.kinds, removed.removed, removed.added) == (("body",), 1, 0)
    added = compare(BASE, version(*kept(ONE, TWO, THREE, FOUR)))
    assert (added.kinds, added.removed, added.added) == (("body",), 0, 1)


def test_the_first_paragraph_is_the_lead() -> None:
    assert compare(BASE, version(*kept(ONE.replace("Tuesday", "Monday"), TWO, THREE))).kinds == ("lead",)
    assert compare(BASE, version(*kept(FOUR, ONE, TWO, THREE))).kinds == ("lead",)


def test_a_correction_with_its_notice() -> None:
    new = version(*kept(ONE.replace("Tuesday", "Monday"), TWO, THREE, NOTICE))
    edit = compare(BASE, new)
    assert edit.kinds == ("correction", "lead")
    assert edit.note == NOTICE


def test_a_notice_at_the_top_is_not_the_lead() -> None:
    assert compare(BASE, version(*kept(NOTICE, ONE, TWO, THREE))).kinds == ("correction",)


def test_a_notice_counts_also_where_it_is_not_kept() -> None:
    assert may_matter(NOTICE)
    assert compare(BASE, replace(BASE, blocks=(*BASE.blocks, *gone(NOTICE)))).kinds == ("correction",)


@pytest.mark.parametrize(
    "line", ["Updated: 4 May 2026, 10:40", "Updated: Monday 3 May 2026 at 12:40 GMT", "Update now"]
)
def test_a_dateline_that_is_not_kept_is_no_notice(line: str) -> None:
    assert compare(BASE, replace(BASE, blocks=(*BASE.blocks, *gone(line)))).kinds == ()


def test_a_new_headline() -> None:
    assert compare(BASE, replace(BASE, title="Council keeps second dredger")).kinds == ("headline",)


def test_a_title_taken_from_elsewhere_is_no_new_headline_while_the_page_shows_both() -> None:
    page = version(*kept("Second dredger stays", kind="heading"), *gone("Dredger: what the vote means"), *kept(ONE))
    other = replace(page, title="Dredger: what the vote means", title_source="h1")
    assert compare(page, other).kinds == ()
    assert compare(page, replace(page, title="Second dredger stays – The Lantern", title_source="title")).kinds == ()


def test_typography_and_white_space_are_no_edit() -> None:
    plain = version(*kept('He said "no" - and left... at last, it\'s over for the whole of the fleet.', TWO))
    fancy = version(*kept("He said “no” – and left… at last, it’s over  for the whole of the fleet.", TWO))
    assert compare(plain, fancy).kinds == ()


def test_another_template_is_no_edit() -> None:
    """Blocks are cut otherwise, verdicts differ on what both show, furniture has another order and other places."""
    new = version(
        *gone("Donate now to keep us going.", "12 comments", box=9),
        *kept("Home", "3 May 2026", box=8),
        *kept(f"{ONE} {TWO}", THREE, box=7),
    )
    assert compare(BASE, new).kinds == ()
    assert compare(new, BASE).kinds == ()


def test_a_block_in_a_part_that_held_nothing_of_the_article_is_furniture() -> None:
    new = version(*kept(ONE, TWO, THREE), *kept("Join us: a paper like ours is paid by its readers.", box=2))
    assert compare(BASE, new).kinds == ()
    assert compare(new, BASE).kinds == ()


def test_a_text_on_other_pages_of_the_site_is_the_site_s() -> None:
    promo = Stood("Our spring appeal has begun: help us to reach the goal.", "paragraph", True, 5, elsewhere=1)
    long = Stood(FOUR, "paragraph", True, 1, elsewhere=1)
    assert compare(BASE, version(*kept(ONE, TWO, THREE), promo)).kinds == ()
    assert compare(BASE, version(*kept(ONE, TWO, THREE), long)).kinds == ()
    quoted = replace(long, text=f"{FOUR} {FOUR}")
    assert compare(BASE, version(*kept(ONE, TWO, THREE), quoted)).kinds == ("body",)


def test_links_alone_are_no_edit() -> None:
    related = Stood("Why the first dredger is in the yard", "list_item", True, 1, linked=True)
    assert compare(BASE, version(*kept(ONE, TWO, THREE), related)).kinds == ()


@pytest.mark.parametrize(
    ("was", "now"), [("12 comments", "13 comments"), ("Updated 3 May 2026", "Updated 5 June 2026")]
)
def test_counts_and_dates_in_labels_beside_the_text_are_no_edit(was: str, now: str) -> None:
    assert compare(version(*kept(ONE, TWO, was)), version(*kept(ONE, TWO, now))).kinds == ()


def test_the_same_paragraphs_in_another_order() -> None:
    edit = compare(BASE, version(*kept(ONE, THREE, TWO)))
    assert edit.moved
    assert edit.kinds == ("body",)


def test_a_new_date_of_publication_in_the_same_place() -> None:
    dated = version(*kept(ONE, TWO), published="2026-05-03", published_source="json-ld")
    assert compare(dated, replace(dated, published="2026-05-06")).kinds == ("date",)
    assert compare(dated, replace(dated, published="2026-05-06", published_source="meta")).kinds == ()
    assert compare(dated, replace(dated, published="2026-05-03T23:30:00-05:00")).kinds == ()
    read = replace(dated, published_source="text")
    assert compare(read, replace(read, published="2026-05-06")).kinds == ()


def test_one_instant_in_two_zones_is_one_date() -> None:
    dated = version(*kept(ONE), published="2026-05-03T23:30:00-05:00", published_source="meta")
    assert compare(dated, replace(dated, published="2026-05-04T04:30:00+00:00")).kinds == ()


def test_an_extended_paragraph_is_rewritten_not_added() -> None:
    edit = compare(version(*kept(ONE, TWO)), version(*kept(ONE, f"{TWO} {FOUR} {THREE}")))
    assert (edit.added, edit.removed, edit.rewritten) == (0, 0, 1)


def test_headline_and_body_at_once_name_the_headline_first() -> None:
    edit = compare(BASE, version(*kept(ONE, TWO), title="Vote on the dredger"))
    assert edit.kinds == ("headline", "body")


def test_one_promo_of_the_site_in_place_of_another_is_no_edit() -> None:
    spring = Stood("Our spring appeal has begun: help us to reach the goal.", "paragraph", True, 5, elsewhere=9)
    autumn = Stood("Our autumn appeal has begun: help us to reach the goal.", "paragraph", True, 5)
    assert compare(version(spring, *kept(ONE, TWO)), version(autumn, *kept(ONE, TWO))).kinds == ()
    alone = replace(spring, elsewhere=0)
    assert compare(version(alone, *kept(ONE, TWO)), version(autumn, *kept(ONE, TWO))).rewritten == 1
