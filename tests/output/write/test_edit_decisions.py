"""What becomes a revision: captures of one article, stored and settled as an update does it, or gone."""

from dataclasses import replace
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.compare.edits import CapturedBlock
from broadsheet.cleaners.document import PageType
from broadsheet.output.archive.article_storage import remove_article
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.read.edit_history import blocks_of_revision, revisions_of
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.corrections import CorrectedField, Correction, store_correction
from broadsheet.output.write.edit_decisions import decide_pending, note_absences
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.person_verdicts import Ruling
from broadsheet.output.write.takedowns import finish_takedowns, take_down
from tests.internal_tables import PENDING_REVISIONS, REVISION_BLOCKS
from tests.output.cleaned_pages import with_page
from tests.output.filled_rows import put, rows

URL, COPY = "http://a.test/story", "http://a.test/print/story"
ONE = "The council of the harbour town voted on Tuesday to keep the second dredger in service until spring."
MONDAY = ONE.replace("Tuesday", "Monday")
TWO = "Its harbour master had told the members that the first one would be in the yard for eleven weeks."
THREE = "Nobody spoke against it, and the chair closed the sitting after less than a quarter of an hour."
NOTICE = "Correction: An earlier version of this article said that the vote was on Monday."
LONG = f"{NOTICE[:-1]}, {'and said so ' * 50}"
PROMO = "Our spring appeal has begun: help us to reach the goal of nine thousand readers by the end of May."
TITLE = "Second dredger stays"
TEXTS = {ONE: "one", MONDAY: "Monday", TWO: "two", THREE: "three", NOTICE: "notice", LONG: "notice", PROMO: "promo"}


def seen(*kept, settles=True, url=URL, removed=("Home", "Share"), title=TITLE, **rest):
    """A capture of an article, and a settling."""

    def step(archive, make):
        archive.save([make.outcome(url, *kept, removed=removed, title=title, **rest)])
        if settles:
            settle(archive.db, make.clock)

    return step


def missing(reason="http_404"):
    def step(archive, make):
        archive.save([make.failure(URL, reason)])
        settle(archive.db, make.clock)

    return step


def unchanged(archive, make):
    archive.save([Outcome(URL, "done", OutcomeReason.NOT_MODIFIED, 304, make.clock())])
    settle(archive.db, make.clock)


def settled(archive, make):
    settle(archive.db, make.clock)


def taken_out(archive, make):
    """A person says that the page is no article."""
    told = Correction(CorrectedField.KIND, "none", article_id=article_id(URL), url=URL, at=make.clock())
    store_correction(archive.db, told)
    settle(archive.db, make.clock)


def ruled(archive, make):
    carry_out_ruling(archive.db, Ruling(block_id(PROMO), True, ruled_at=make.clock()))


def elsewhere(archive, make):
    """The title is stated by an element of the page alone."""
    first = make.outcome(URL, ONE, TWO, removed=(TITLE,), title=TITLE)
    archive.save([with_page(first, metadata=replace(first.page.metadata, sources={"title": "h1"}))])


def others(archive, make):
    """Four stories of the site with the promo."""
    for number in range(4):
        words = " ".join(f"word{number}n{n}" for n in range(40))
        seen(words, PROMO, url=f"http://a.test/other{number}", title=f"Story {number}", settles=False)(archive, make)


FIRST = seen(ONE, TWO)
HISTORIES = {
    "the same text": ([FIRST, seen(ONE, TWO, removed=("Home", "Other", "news"))], ["first: one two"]),
    "settled again": ([FIRST, seen(ONE, THREE), settled, settled], ["first: one two", "body: one three (+1 -1 ~0)"]),
    "another verdict": (
        [seen(ONE, TWO, removed=("Home", PROMO)), seen(ONE, TWO, PROMO), seen(ONE, TWO, removed=(PROMO,))],
        ["first: one two"],
    ),
    "a promo that the site takes out later": ([others, FIRST, seen(ONE, TWO, PROMO)], ["first: one two"]),
    "a ruling between": (
        [seen(ONE, TWO, removed=(PROMO, "Share")), ruled, seen(ONE, TWO, removed=(PROMO, "Follow"))],
        ["first: one two promo"],
    ),
    "a headline that was stated elsewhere": (
        [elsewhere, seen(ONE, TWO, title=f"{TITLE} | The Lantern")], ["first: one two"],
    ),
    "edits and another title": (
        [FIRST, seen(ONE, THREE), seen(ONE, THREE, TWO, title="Third title")],
        ["first: one two", "body: one three (+1 -1 ~0)", "headline body: one three two (+1 -0 ~0)"],
    ),
    "corrections": (
        [seen(ONE, TWO, THREE), seen(MONDAY, THREE, NOTICE), seen(ONE, THREE, LONG)],
        ["first: one two three", "correction lead body: Monday three notice (+1 -1 ~1)",
         "correction lead: one three notice (+0 -0 ~2)"],
    ),
    "killed before it settles": (
        [seen(ONE, TWO, settles=False), seen(ONE, THREE, settles=False), seen(ONE, THREE, NOTICE)],
        ["first: one two", "body: one three (+1 -1 ~0)", "correction: one three notice (+1 -0 ~0)"],
    ),
    "gone and back": (
        [FIRST, missing(), settled, unchanged], ["first: one two", "withdrawn http_404: one two", "returned: one two"],
    ),
    "gone for good": ([FIRST, missing("http_410")], ["first: one two", "withdrawn http_410: one two"]),
    "gone and back changed": (
        [FIRST, missing(), seen(ONE, THREE)],
        ["first: one two", "withdrawn http_404: one two", "body: one three (+1 -1 ~0)", "returned: one three"],
    ),
    "a paywall that came later": (
        [seen(ONE, TWO, THREE), seen(ONE, page_type=PageType.TEASER)],
        ["first: one two three", "withdrawn teaser: one two three"],
    ),
    "another cleaner": (
        [FIRST, seen(ONE, THREE, cleaner_version="next")], ["first: one two", "cleaner: one three"],
    ),
    "taken out while a capture waits that is no edit": (
        [seen(ONE, TWO, removed=(PROMO,)), seen(ONE, TWO, PROMO, settles=False), taken_out, settled],
        ["first: one two promo", "withdrawn withdrawn: one two promo"],
    ),
    "a copy's edit": (
        [seen(*texts, url=url, canonical=URL, settles=url == COPY) for texts in ((ONE, TWO), (ONE, THREE))
         for url in (URL, COPY)],
        ["first: one two", "body: one three (+1 -1 ~0)"],
    ),
}  # fmt: skip


def history(archive):
    """The revisions, each with its kinds or note, its text and its counts; and the kinds that the feed tells."""
    [(page,)] = archive.db.execute("SELECT id FROM urls WHERE url = ?", [URL]).fetchall()
    lines = []
    for revision in revisions_of(archive.db, article_id(URL)):
        blocks = blocks_of_revision(archive.db, article_id(URL), page, revision.number)
        shown = "?" if blocks is None else " ".join(TEXTS[block.text] for block in blocks if block.is_kept)
        what = " ".join(revision.kinds or [revision.change])
        note = f" {revision.note}" if revision.note and len(revision.note) < 20 else ""
        counts = revision.added, revision.removed, revision.rewritten
        lines.append(f"{what}{note}: {shown}" + (" (+{} -{} ~{})".format(*counts) if any(counts) else ""))
    return lines


@pytest.mark.parametrize("name", HISTORIES)
def test_a_revision_is_an_edit_of_the_text_with_its_kinds_and_counts(archive, make, name):
    steps, expected = HISTORIES[name]
    for step in steps:
        step(archive, make)
    assert history(archive) == expected
    told = archive.db.execute("SELECT kind, revision FROM changes WHERE kind <> '' ORDER BY revision").fetchall()
    revisions = revisions_of(archive.db, article_id(URL))
    assert [revision.number for revision in revisions] == list(range(1, len(expected) + 1))
    assert told == [(revision.change, revision.number) for revision in revisions if revision.change != "first"]
    assert archive.db[REVISION_BLOCKS].count == 0 or len(expected) > 1, "the same text costs nothing"
    assert verify(archive.db) == []


def test_a_correction_s_notice_is_kept_up_to_five_hundred_characters(archive, make):
    for text in (ONE, NOTICE, LONG):
        seen(ONE, text)(archive, make)
    assert [revision.note for revision in revisions_of(archive.db, article_id(URL))] == ["", NOTICE, LONG[:500]]


def test_another_cleaner_is_an_edit_where_the_old_capture_can_be_cleaned_again(archive, make):
    seen(ONE, THREE)(archive, make)
    seen(ONE, TWO, THREE, cleaner_version="later", settles=False)(archive, make)
    assert archive.db[PENDING_REVISIONS].count == 1
    assert history(archive) == ["first: one three"]
    cleaned = [CapturedBlock(text, "paragraph", True) for text in (ONE, THREE)]
    decide_pending(archive.db, make.clock(), reclean=lambda capture: cleaned)
    assert history(archive) == ["first: one three", "body: one two three (+1 -0 ~0)"]


def test_an_edit_that_waits_is_numbered_before_what_a_person_does_then(archive, make):
    """No change tells it: the article is none any more."""
    for step in (FIRST, seen(ONE, THREE, settles=False), taken_out, settled):
        step(archive, make)
    assert history(archive) == ["first: one two", "body: one three (+1 -1 ~0)", "withdrawn withdrawn: one three"]
    assert [revision.number for revision in revisions_of(archive.db, article_id(URL))] == [1, 2, 3]
    assert verify(archive.db) == []


def test_forgetting_leaves_nothing_of_old_revisions(archive, make, file):
    secret = "Perpetua Oakenshaw had sold the lighthouse to her cousin, as the papers of the sale show plainly."
    for step in (seen(ONE, secret), seen(ONE, TWO), seen(THREE, TWO, ONE, url="http://a.test/other", title="Other")):
        step(archive, make)
    assert archive.db[REVISION_BLOCKS].count > 0
    assert take_down(archive.db, URL, "", make.clock).block_count >= 1
    finish_takedowns(archive.db)
    assert (archive.db[REVISION_BLOCKS].count, archive.db["revisions"].count) == (0, 1)
    assert b"Perpetua" not in b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    assert verify(archive.db) == []


def test_a_revision_from_before_texts_were_kept_is_told_apart(archive, make):
    for step in (FIRST, seen(ONE, THREE)):
        step(archive, make)
    archive.db.execute(f"DELETE FROM {REVISION_BLOCKS}")
    assert history(archive) == ["first: ?", "body: one three (+1 -1 ~0)"]


# Articles that their publication took away or put back: each clause of what tells so has a row that misses it.

OTHER = "http://a.test/other"
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
GONE = {"state": "failed", "reason": "http_404", "fetched_at": LATE, "held_at": EARLY}
REPLACED = {"state": "done", "reason": "soft_404", "fetched_at": LATE, "held_at": EARLY}
MOVED = {"state": "done", "reason": "redirect", "fetched_at": LATE, "held_at": EARLY, "location": OTHER}
TARGET = {"url": OTHER, "found_via": "link", "reason": "article", "page_type": "article"}


def fill(db: Database, article: dict[str, Any], target: dict[str, Any] | None = None) -> None:
    """Store an article's URL as it is now, and the page that it may redirect to."""
    db.execute("PRAGMA foreign_keys = OFF")
    put(db, "urls", 1, id=1, **({"url": URL, "host": "a.test", "kind": "page", "location": None} | article))
    put(db, "articles", 2, id=7, url=URL, host="a.test", page_id=1)
    if target is not None:
        values = TARGET | target
        page_type = values.pop("page_type")
        put(db, "urls", 3, id=3, **({"host": "a.test", "kind": "page", "state": "done", "location": None} | values))
        put(db, "pages", 3, id=3, page_type=page_type)


def changes(db: Database) -> list[tuple[Any, ...]]:
    return [(row["change"], row["kind"], row["revision"]) for row in rows(db, "changes")]


@pytest.mark.parametrize(
    ("article", "target", "is_withdrawn"),
    [
        (GONE, None, True),
        (GONE | {"reason": "http_410"}, None, True),
        (GONE | {"reason": "http_500"}, None, False),
        (GONE | {"kind": "feed"}, None, False),
        (GONE | {"state": "queued"}, None, False),
        (REPLACED, None, True),
        (REPLACED | {"reason": "empty"}, None, True),
        (REPLACED | {"reason": "wall"}, None, True),
        (REPLACED | {"reason": "teaser"}, None, True),
        (REPLACED | {"reason": "list"}, None, False),
        (REPLACED | {"held_at": LATE}, None, False),
        (REPLACED | {"kind": "feed"}, None, False),
        (REPLACED | {"state": "queued"}, None, False),
        (MOVED, {}, False),
        (MOVED, {"found_via": "seed"}, True),
        (MOVED, {"page_type": "list"}, True),
        (MOVED, {"reason": "http_404"}, True),
        (MOVED, {"reason": "http_410"}, True),
        (MOVED, {"reason": "http_500"}, False),
        (MOVED | {"location": "http://a.test/"}, {"url": "http://a.test/"}, True),
        (MOVED | {"location": "http://a.test/x/"}, {"url": "http://a.test/x/"}, False),
        (MOVED, None, False),
        (MOVED | {"held_at": LATE}, {"found_via": "seed"}, False),
        (MOVED | {"kind": "feed"}, {"found_via": "seed"}, False),
        (MOVED | {"state": "failed"}, {"found_via": "seed"}, False),
        (MOVED | {"reason": "article"}, {"found_via": "seed"}, False),
        (MOVED | {"location": "http://a.test/third"}, {"found_via": "seed"}, False),
    ],
)
def test_an_article_is_withdrawn(archive, article, target, is_withdrawn):
    fill(archive.db, article, target)
    assert note_absences(archive.db, LATE) == is_withdrawn
    assert changes(archive.db) == [("changed", "withdrawn", 1)] * is_withdrawn
    assert note_absences(archive.db, LATE) == 0, "once"


def test_a_withdrawal_says_when_and_what_came_instead(archive):
    fill(archive.db, GONE)
    put(archive.db, "revisions", 4, article_id=4, number=1, change="first", text_digest="other")
    note_absences(archive.db, EARLY)
    [revision] = [row for row in rows(archive.db, "revisions") if row["article_id"] != 4]
    assert (revision["change"], revision["kinds"], revision["note"]) == ("withdrawn", '["withdrawn"]', "http_404")
    assert (revision["seen_at"], revision["title"], revision["text_digest"]) == (LATE, "title 2", "")
    assert rows(archive.db, "changes")[0]["at"] == EARLY


BACK = {"state": "done", "reason": "article", "fetched_at": LATE, "held_at": LATE}


@pytest.mark.parametrize(
    ("article", "earlier", "is_returned"),
    [
        (BACK, ["withdrawn"], True),
        (BACK, ["first"], False),
        (BACK, ["withdrawn", "returned"], False),
        (BACK, ["withdrawn", "returned", "withdrawn"], True),
        (BACK | {"held_at": EARLY}, ["withdrawn"], False),
        (BACK | {"state": "queued"}, ["withdrawn"], False),
    ],
)
def test_an_article_returns_that_was_withdrawn_last(archive, article, earlier, is_returned):
    db = archive.db
    fill(db, article)
    number = article_id(URL)
    db.execute("UPDATE articles SET id = ?", [number])
    for count, change in enumerate(earlier, 1):
        put(db, "revisions", count, article_id=number, number=count, change=change)
    assert note_absences(db, LATE) == is_returned
    assert changes(db) == [("changed", "returned", len(earlier) + 1)] * is_returned


@pytest.mark.parametrize(("has_article", "previous"), [(False, "first"), (True, None), (True, "withdrawn")])
def test_a_pending_revision_without_an_article_or_an_earlier_text_goes(archive, has_article, previous):
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    if has_article:
        put(db, "articles", 2, id=7, url=URL)
    if previous is not None:
        put(db, "revisions", 1, article_id=7, number=1, change=previous)
    put(db, PENDING_REVISIONS, 2, article_id=7)
    put(db, PENDING_REVISIONS, 3, article_id=8)
    assert decide_pending(db, LATE, 7) == 0
    assert [row["article_id"] for row in rows(db, PENDING_REVISIONS)] == [8]
    decide_pending(db, LATE)
    assert rows(db, PENDING_REVISIONS) == []
    assert len(rows(db, "revisions")) == (previous is not None)


@pytest.mark.parametrize("gone", ["removed", "forgotten"])
def test_a_capture_of_an_article_that_goes_waits_no_longer(archive, make, gone):
    for step in (FIRST, seen(ONE, THREE, settles=False)):
        step(archive, make)
    assert archive.db[PENDING_REVISIONS].count == 1
    if gone == "forgotten":
        take_down(archive.db, URL, "", make.clock)
    else:
        remove_article(archive.db, URL, make.clock())
    assert archive.db[PENDING_REVISIONS].count == 0
