from __future__ import annotations

from collections.abc import Sequence

from cleaners.document import Block, Cleaned, Kind, Metadata, PageType, PageVerdict, Verdict
from cleaners.verdicts.assemble import assemble
from output.reclean.changes import NEW_BLOCK, NO_BLOCK, Tally, change_of
from output.reclean.own_reading import OwnReading
from output.store.page_rows import PreparedPage, prepared

Said = Sequence[tuple[str, str, str]]  # text, reason, rule; kept where the rule is empty


def cleaned(said: Said, page_type: PageType = PageType.ARTICLE, title: str = "A title") -> Cleaned:
    blocks = tuple(Block(at, Kind.PARAGRAPH, text, path="body>p") for at, (text, _, _) in enumerate(said))
    verdicts = tuple(Verdict(not rule, reason, rule) for _, reason, rule in said)
    text, markdown = assemble(blocks, verdicts)
    verdict = PageVerdict(page_type)
    return Cleaned("https://a.example/x", verdict, Metadata(title=title), blocks, verdicts, text, markdown, ())


def before(said: Said, page_type: PageType = PageType.ARTICLE) -> OwnReading:
    made = cleaned(said, page_type)
    keeps = made.is_article
    return OwnReading(1, prepared(made), made.blocks if keeps else (), made.verdicts if keeps else ())


def after(said: Said, page_type: PageType = PageType.ARTICLE, title: str = "A title") -> PreparedPage:
    return prepared(cleaned(said, page_type, title))


BODY, PROMO, SHARE = ("The body.", "selected", ""), ("Give now.", "donation", "en/d"), ("Share.", "share", "en/s")
KEPT_PROMO, KEPT_SHARE = ("Give now.", "rescued", ""), ("Share.", "selected", "")


def test_blocks_are_named_by_what_had_removed_them_and_by_what_removes_them():
    change = change_of(before([BODY, PROMO, KEPT_SHARE]), after([BODY, KEPT_PROMO, SHARE]))
    assert change.kind == "changed"
    assert change.back == (("Give now.", "donation", "en/d"),)
    assert change.removed == (("Share.", "share", "en/s"),)
    assert (change.before, change.after) == (("The body.", "Share."), ("The body.", "Give now."))


def test_blocks_that_are_cut_otherwise_are_told_as_such():
    change = change_of(before([("One. Two.", "", "")]), after([("One.", "", ""), ("Two!", "", "")]))
    assert {each[1:] for each in change.back} == {NEW_BLOCK}
    assert change.removed == (("One. Two.", *NO_BLOCK),)


def test_a_repeated_text_counts_as_often_as_it_stands():
    change = change_of(before([BODY, KEPT_SHARE, SHARE]), after([BODY, KEPT_SHARE, KEPT_SHARE]))
    assert change.back == (("Share.", "share", "en/s"),)


def test_the_kinds_of_change():
    assert change_of(before([BODY, PROMO]), after([BODY, PROMO])).kind == "same"
    assert change_of(before([BODY, PROMO]), after([BODY, PROMO], title="Another")).kind == "other"
    assert change_of(before([BODY, PROMO]), after([BODY, ("Give now.", "donation", "en/new")])).kind == "other"
    assert change_of(before([BODY, PROMO]), after([BODY, PROMO], title="Another")).facts == ("title",)
    assert change_of(before([BODY, PROMO]), after([BODY, ("Give now.", "donation", "en/new")])).facts == ("reasons",)
    assert change_of(before([BODY], PageType.LIST), after([BODY])).kind == "gained"
    assert change_of(before([BODY]), after([BODY], PageType.LIST)).kind == "lost"


def test_a_tally_counts_pages_and_the_blocks_of_changed_ones_by_rule():
    tally = Tally()
    tally.note(change_of(before([BODY, PROMO, KEPT_SHARE]), after([BODY, KEPT_PROMO, SHARE])))
    tally.note(change_of(before([BODY, PROMO]), after([BODY, KEPT_PROMO])))
    tally.note(change_of(before([BODY]), after([BODY], PageType.LIST)))
    assert tally.facts == {}
    assert tally.back == {("donation", "en/d"): 2}
    assert tally.removed == {("share", "en/s"): 1}
    assert tally.as_counts() == {"changed": 2, "lost": 1, "blocks_back": 2, "blocks_removed": 1}
