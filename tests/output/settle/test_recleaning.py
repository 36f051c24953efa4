"""Pages cleaned again: as they are read, compared and stored, and put back by undoing."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import (
    ArticleImage,
    Block,
    BlockKind,
    CleanedPage,
    FieldStatement,
    Metadata,
    Page,
    PageType,
    PageVerdict,
    Verdict,
)
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.output.archive.page_rows import PageRows, make_page_rows
from broadsheet.output.raw.raw_exchange import Capture, RecordLocation
from broadsheet.output.settle.own_reading import (
    NEW_BLOCK_REASON,
    NO_BLOCK_REASON,
    OwnReading,
    PageChange,
    RecleanTally,
    compare_readings,
    read_own_reading,
    unpack_reading,
)
from broadsheet.output.settle.reclean_undo import UndoResult, list_recleans, undo_after
from broadsheet.output.settle.recleaned_pages import (
    RawPage,
    RecleanedPage,
    begin_reclean,
    end_reclean,
    pages_with_raw,
    replace_page,
    store_batch,
)
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.person_verdicts import Ruling
from tests.crawler.scripted_site import page
from tests.internal_tables import BLOCK_TEXTS, OWN_VERDICTS, RECLEAN_BEFORE, named
from tests.output.cleaned_pages import page_rows
from tests.output.filled_rows import put, rows, tables

SITE = "https://a.example"
SHARED = "<p>The Harbour Fund pays for what you read here, and we are grateful for it every single day.</p>"
LIST = "<html><body><h1>Page not found</h1><p>Nothing.</p></body></html>"
HEAD = """<meta name="author" content="Ann Lee"><meta property="article:published_time" content="2026-01-01">
    <link rel="next" href="/river/2">"""
FIGURE = (
    '<figure><img src="/quay.jpg" width="800" height="600" alt="A quay"><figcaption>The quay.</figcaption></figure>'
)
BODIES = {name: page(name, "/next", extra=SHARED) for name in ("mill", "ferry", "quay", "lock")} | {
    "river": page("river", head=HEAD, extra=SHARED + FIGURE),
    "twice": page("twice", "/next", extra=f"{SHARED}<blockquote>{SHARED}</blockquote>"),
    "gone": LIST,
}
NOW = "2026-02-01T00:00:00Z"


def rows_of(name: str, body: str) -> PageRows:
    return make_page_rows(clean(Page(f"{SITE}/{name}", body.encode())))


def fetched(name: str, body: str, day: int = 1) -> Outcome:
    at, rows = f"2026-01-{day:02}T00:00:00Z", rows_of(name, body)
    capture = Capture(f"{SITE}/{name}", at, 200, f"{SITE}/{name}", "text/html", f"sha256:{name}{day}", 10)
    return Outcome(f"{SITE}/{name}", "done", str(rows.verdict.page_type), 200, at, capture, rows)


@pytest.fixture
def cleaned(archive):
    archive.save([fetched(name, body) for name, body in BODIES.items()])
    return archive


def own_reading(archive: Archive, name: str | int) -> OwnReading:
    number = name if isinstance(name, int) else next(archive.db["urls"].rows_where("url = ?", [f"{SITE}/{name}"]))["id"]
    reading = read_own_reading(archive.db, number)
    assert reading is not None
    return reading


@pytest.mark.parametrize("name", ["river", "twice", "gone"])
def test_a_stored_page_is_read_as_it_was_cleaned_and_survives_packing(cleaned, name):
    reading, same_rows = own_reading(cleaned, name), rows_of(name, BODIES[name])
    assert reading.equals(same_rows)
    assert reading.rows.lineage == same_rows.lineage
    assert unpack_reading(cleaned.db, f"{SITE}/{name}", reading.pack()) == reading
    assert reading.differing_fields(same_rows) == ()
    assert not reading.equals(replace(same_rows, digest="another"))
    other_rows = replace(same_rows, metadata=replace(same_rows.metadata, title="Another"), outlinks=77)
    assert reading.differing_fields(other_rows) == ("title", "outlinks")
    assert read_own_reading(cleaned.db, 10**9) is None


def test_of_a_page_that_is_the_same_no_block_is_read_and_of_any_other_all(cleaned):
    reading, same = own_reading(cleaned, "twice"), rows_of("twice", BODIES["twice"])
    page_id = next(cleaned.db["urls"].rows_where("url = ?", [f"{SITE}/twice"]))["id"]
    told = read_own_reading(cleaned.db, page_id, same)
    assert (told.blocks, told.equals(same), told.rows.text) == ((), True, same.text)
    position, text_id, kind, is_kept, reason = same.ledger.blocks[-1]
    other_blocks = (*same.ledger.blocks[:-1], (position, text_id, kind, not is_kept, reason))
    others = [
        replace(same, metadata=replace(same.metadata, title="Another")),
        replace(same, ledger=replace(same.ledger, blocks=other_blocks)),
        replace(same, ledger=replace(same.ledger, repeats=())),
        replace(same, ledger=replace(same.ledger, layout=zlib.compress(b"[]"))),
        replace(same, digest="another"),
    ]
    assert [read_own_reading(cleaned.db, page_id, rows) == reading for rows in others] == [True] * len(others)


def test_what_a_page_says_twice_keeps_its_witness_also_where_a_person_brings_it_back(cleaned):
    [(position, block, repeats)] = cleaned.db.execute(
        "SELECT position, block_id, repeats FROM removed WHERE url = ? AND repeats IS NOT NULL", [f"{SITE}/twice"]
    ).fetchall()
    assert repeats < position
    carry_out_ruling(cleaned.db, Ruling(block, True, None, None, "2024-05-01T00:00:00Z"))
    assert cleaned.db.execute("SELECT count(*) FROM blocks WHERE repeats IS NOT NULL").fetchall() == [(0,)]
    reading = own_reading(cleaned, "twice")
    assert reading.verdicts[position].repeats == repeats
    assert unpack_reading(cleaned.db, f"{SITE}/twice", reading.pack()).verdicts[position].repeats == repeats


def test_a_layout_that_another_packer_packed_is_the_same(cleaned):
    reading, same = own_reading(cleaned, "river"), rows_of("river", BODIES["river"])
    layout = zlib.decompress(same.ledger.layout)
    repacked, elsewhere = zlib.compress(layout, 9), zlib.compress(layout.replace(b"article", b"section"))
    assert repacked != same.ledger.layout
    assert reading.equals(replace(same, ledger=replace(same.ledger, layout=repacked)))
    assert reading.differing_fields(replace(same, ledger=replace(same.ledger, layout=elsewhere))) == ("reasons",)


def test_neither_the_site_s_memory_nor_a_ruling_is_in_it(cleaned):
    before = own_reading(cleaned, "river")
    settle(cleaned.db)
    query = "SELECT block_id, kept FROM blocks WHERE url = ? ORDER BY position LIMIT 3"
    for block, is_kept in cleaned.db.execute(query, [f"{SITE}/river"]).fetchall():
        carry_out_ruling(cleaned.db, Ruling(block, not is_kept, ruled_at="2024-01-01T00:00:00Z"))
    counts = cleaned.db.execute(f"SELECT count(site_kept), count(*) - count(site_kept) FROM {OWN_VERDICTS}")
    assert all(counts.fetchone())
    assert own_reading(cleaned, "river") == before


# Two readings of a page.

Specs = Sequence[tuple[str, str, str]]  # text, reason, rule; kept where the rule is empty
BODY, PROMO, SHARE = ("The body.", "", ""), ("Give now.", "donation", "en/d"), ("Share.", "share buttons", "en/s")
KEPT_PROMO, KEPT_SHARE, NEWLY = ("Give now.", "", ""), ("Share.", "", ""), ("Give now.", "x", "y")
ONE, TWO, BOTH = (("One.", "", ""), ("Two!", "", ""), ("One. Two.", "", ""))


def cleaned_page(specs: Specs, page_type: PageType, title: str) -> CleanedPage:
    blocks = tuple(Block(at, BlockKind.PARAGRAPH, text, path="body>p") for at, (text, _, _) in enumerate(specs))
    verdicts = tuple(Verdict(not rule, reason, rule) for _, reason, rule in specs)
    verdict, metadata = PageVerdict(page_type), Metadata(title=title)
    return CleanedPage("https://a.example/x", verdict, metadata, blocks, verdicts, *assemble(blocks, verdicts), ())


def compared(
    old: Specs, new: Specs, old_type: str = "article", new_type: str = "article", title: str = "A title"
) -> PageChange:
    page = cleaned_page(old, PageType(old_type), "A title")
    parts = (page.blocks, page.verdicts) if page.is_article else ((), ())
    return compare_readings(
        OwnReading(1, make_page_rows(page), *parts), make_page_rows(cleaned_page(new, PageType(new_type), title))
    )


AS_NEW, AS_OLD = [("One.", *NEW_BLOCK_REASON), ("Two!", *NEW_BLOCK_REASON)], [("One. Two.", *NO_BLOCK_REASON)]
CHANGES: dict[str, tuple[Any, str, list[Any], list[Any]]] = {
    "same": (([BODY, PROMO], [BODY, PROMO]), "same", [], []),
    "another reason": (([BODY, PROMO], [BODY, NEWLY]), "other", [], []),
    "an article now": (([BODY], [BODY], "list"), "gained", [("The body.", *NEW_BLOCK_REASON)], []),
    "no article now": (([BODY], [BODY], "article", "list"), "lost", [], [("The body.", *NO_BLOCK_REASON)]),
    "other rules": (([BODY, PROMO, KEPT_SHARE], [BODY, KEPT_PROMO, SHARE]), "changed", [PROMO], [SHARE]),
    "cut otherwise": (([BOTH], [ONE, TWO]), "changed", AS_NEW, AS_OLD),
    "repeated": (([BODY, KEPT_SHARE, SHARE], [BODY, KEPT_SHARE, KEPT_SHARE]), "changed", [SHARE], []),
    "kept below": (([BODY, SHARE, KEPT_SHARE], [BODY, KEPT_SHARE, KEPT_SHARE]), "changed", [SHARE], []),
    "still below": (([BODY, KEPT_SHARE, KEPT_SHARE], [BODY, SHARE, KEPT_SHARE]), "changed", [], [SHARE]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_readings_are_compared_by_what_is_kept_and_for_which_reason_not(name):
    """A text is told with what had removed it, or with what removes it."""
    readings, *expected = CHANGES[name]
    found = compared(*readings)
    assert [found.kind, sorted(found.restored_blocks), list(found.removed_blocks)] == expected


def test_a_change_has_the_kept_texts_of_both_and_the_title_that_there_is():
    change = compared([BODY, PROMO, KEPT_SHARE], [BODY, KEPT_PROMO, SHARE], title="")
    assert (change.old_texts, change.new_texts) == (("The body.", "Share."), ("The body.", "Give now."))
    assert change.title == "A title"
    retitled = compared([BODY], [BODY], title="Another")
    assert (retitled.title, retitled.kind, retitled.differing_fields) == ("Another", "other", ("title",))
    assert compared([BODY, PROMO], [BODY, NEWLY]).differing_fields == ("reasons",)


def test_a_tally_counts_pages_and_the_blocks_of_changed_ones_by_rule():
    tally = RecleanTally()
    tally.add(compared([BODY, PROMO, KEPT_SHARE], [BODY, KEPT_PROMO, SHARE]))
    tally.add(compared([BODY, PROMO], [BODY, KEPT_PROMO]))
    tally.add(compared([BODY], [BODY], new_type="list"))
    assert tally.differing_fields == {}
    for title in ("New", "Newer"):
        tally.add(compared([BODY, PROMO], [BODY, NEWLY], title=title))
    assert tally.differing_fields == {"title": 2, "reasons": 2}
    assert tally.restored_by_rule == {("donation", "en/d"): 2}
    assert tally.removed_by_rule == {("share buttons", "en/s"): 1}
    assert tally.as_counts() == {"changed": 2, "lost": 1, "other": 2, "blocks_back": 2, "blocks_removed": 1}


# Pages that have raw responses.

URL = "http://a.test/1"
OWN = {"id": 1, "url": URL, "final_url": "http://a.test/final", "payload_digest": "d", "refers_to": None,
       "warc_file": "a.warc.gz", "warc_offset": 5, "warc_length": 7, "record_faults": "x y", "fetched_at": "t",
       "truncated": None}  # fmt: skip
OTHER = {"id": 2, "payload_digest": "d", "refers_to": None, "truncated": None, "warc_file": "b.warc.gz",
         "warc_offset": 8, "warc_length": 9}  # fmt: skip
RAW_PAGE = RawPage(
    3, URL, "a.test", 1, "t", OWN["final_url"], 4, RecordLocation("a.warc.gz", 5, 7, "d"), None, ("x", "y")
)


@pytest.fixture
def db(archive):
    archive.db.execute("PRAGMA foreign_keys = OFF")
    put(archive.db, "urls", 3, id=3, url=URL, host="a.test", kind="page", state="done")
    return archive.db


def raw_pages(db: Database, own: dict[str, Any], other: dict[str, Any] | None = None, **page: Any) -> list[RawPage]:
    put(db, "captures", 1, **(OWN | own))
    if other is not None:
        put(db, "captures", 2, **(OTHER | other))
    put(db, "pages", 3, **({"id": 3, "capture_id": 1, "evidence": '["words=3"]', "cleaner_id": 4} | page))
    return list(pages_with_raw(db))


@pytest.mark.parametrize(
    ("own", "page", "expected"),
    [
        ({}, {}, {}),
        ({"final_url": ""}, {}, {"final_url": URL}),
        ({"warc_file": None}, {}, {"record_location": None}),
        ({"record_faults": None}, {}, {"record_faults": ()}),
        ({}, {"capture_id": None},
         {"capture_id": None, "fetched_at": "", "record_location": None, "final_url": URL, "record_faults": ()}),
        ({}, {"evidence": '["left_out=since"]'}, None),
    ],
)  # fmt: skip
def test_each_value_of_a_page_is_from_its_column_and_empty_where_there_is_none(db, own, page, expected):
    assert raw_pages(db, own, **page) == ([] if expected is None else [replace(RAW_PAGE, **expected)])


@pytest.mark.parametrize(
    ("own", "other", "has_body"),
    [
        ({}, {}, True),
        ({"refers_to": 2}, {"payload_digest": "other"}, True),
        ({}, {"payload_digest": "other"}, False),
        ({}, {"warc_file": None}, False),
        ({}, {"refers_to": 1}, False),
        ({}, {"truncated": "length"}, False),
        ({}, None, False),
    ],
)
def test_the_body_of_a_revisit_is_in_the_record_that_it_refers_to_or_that_has_it(db, own, other, has_body):
    [found] = raw_pages(db, own, other)
    body = RecordLocation("b.warc.gz", 8, 9, (OTHER | (other or {}))["payload_digest"])
    assert found.body_location == (body if has_body else None)


def test_more_pages_than_one_query_reads_come_in_order(db, monkeypatch):
    monkeypatch.setattr("broadsheet.output.settle.recleaned_pages._PAGES_PER_BATCH", 2)
    for number in (7, 5, 9, 8, 6):
        put(db, "urls", number, id=number, url=f"u{number}", kind="page", state="done")
        put(db, "pages", number, id=number, capture_id=None, evidence="[]")
    assert [page.id for page in pages_with_raw(db)] == [5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("url", "held_reason", "reason"),
    [
        ({"state": "done", "held_at": "t", "fetched_at": "t"}, "list", "list"),
        ({"state": "done", "held_at": "t", "fetched_at": "u"}, "list", "reason 3"),
        ({"state": "failed", "held_at": "t", "fetched_at": "t"}, "list", "reason 3"),
        ({"state": "done", "held_at": None, "fetched_at": None}, "held_reason 3", "reason 3"),
    ],
)
def test_a_url_has_the_reason_of_what_is_held_of_it(db, make, url, held_reason, reason):
    db.execute("DELETE FROM urls")
    put(db, "urls", 3, id=3, url=URL, host="a.test", kind="page", **url)
    put(db, "urls", 4, id=4, url="other", kind="page", **(url | {"state": "done"}))
    replace_page(db, RAW_PAGE, page_rows(make.cleaned(URL, page_type="list")), "", "")
    found = {row["id"]: (row["held_reason"], row["reason"]) for row in rows(db, "urls")}
    assert found == {3: (held_reason, reason), 4: ("held_reason 4", "reason 4")}


@pytest.mark.parametrize(
    ("seen", "expected"), [(("", ""), ("3", "3")), (("1", "9"), ("1", "9")), (("5", "4"), ("3", "4"))]
)
def test_an_article_keeps_when_it_was_seen(db, make, seen, expected):
    replace_page(db, replace(RAW_PAGE, fetched_at="3"), page_rows(make.cleaned(URL, "text")), *seen)
    assert [(article["first_seen"], article["last_seen"]) for article in rows(db, "articles")] == [expected]


def begin(db: Database, outcome: str = "finished") -> int:
    """Begin a reclean as a run does, which ends so; returns its number."""
    put_run = "INSERT INTO runs (started_at, command, options, versions, outcome) VALUES ('t', 'reclean', '', '', ?)"
    return begin_reclean(db, int(db.execute(put_run, [outcome]).lastrowid or 0))


def test_a_reclean_that_was_cut_off_keeps_its_number_and_one_that_changed_nothing_has_none(db):
    first = begin(db, "killed")
    assert not db.conn.in_transaction
    assert begin(db) == first
    end_reclean(db, first)
    assert not db.conn.in_transaction
    assert list_recleans(db) == []
    second = begin(db, "stopped")
    put(db, RECLEAN_BEFORE, 1, reclean_id=second)
    assert begin(db) == second
    end_reclean(db, second)
    third = begin(db)
    assert third == second + 1
    assert list_recleans(db) == [second, third]
    end_reclean(db, third)
    assert list_recleans(db) == [second]


def test_a_page_that_differs_keeps_its_first_reading_of_a_run_and_one_that_does_not_none(archive, make):
    archive.save([make.outcome(URL, "one two")])
    first = reading = own_reading(archive, 1)
    page = replace(RAW_PAGE, id=1, capture_id=reading.capture_id)
    run = begin(archive.db)
    store_batch(archive.db, run, [RecleanedPage(page, reading, reading.rows)], make.clock)
    assert not archive.db.conn.in_transaction
    assert rows(archive.db, RECLEAN_BEFORE) == []
    for text in ("three", "four"):
        new = replace(page_rows(make.cleaned(URL, text)), lineage=first.rows.lineage)
        store_batch(archive.db, run, [RecleanedPage(page, reading, new)], make.clock)
        reading = own_reading(archive, 1)
    assert rows(archive.db, RECLEAN_BEFORE) == [{"page_id": 1, "reclean_id": run, "before": first.pack()}]
    assert [row["text"] for row in rows(archive.db, "articles")] == ["four"]


def test_a_reading_that_is_the_same_stores_what_no_reading_is_compared_by(archive, make):
    archive.save([make.outcome(URL, "one two", "three", chances=bytes([255, 255]))])
    reading = own_reading(archive, 1)
    assert reading.rows.lineage is not None
    new = replace(
        reading.rows,
        cleaner_version="new",
        ledger=replace(reading.rows.ledger, chances=bytes([255, 0])),
        lineage=replace(reading.rows.lineage, version="new"),
        layout_signature=b"signature",
        images=(ArticleImage("http://a.test/i.jpg", "caption", "credit", "alt"),),
        statements=(FieldStatement("title", "h1", "One"),),
    )
    page = replace(RAW_PAGE, id=1, capture_id=reading.capture_id)
    store_batch(archive.db, begin(archive.db), [RecleanedPage(page, reading, new)], make.clock)
    stored = own_reading(archive, 1).rows
    assert replace(new, certainty=None) == replace(stored, certainty=None)
    assert stored.certainty == 0.8644


# Undoing.

KEPT_BY_UNDO = {BLOCK_TEXTS, "runs", RECLEAN_BEFORE, "changes"}
"""Tables that tell of the reclean and its undoing, and texts of earlier versions. All others are as they were."""

CHANGED = set(
    named("""
        articles pages urls revisions _page_blocks _page_layout _images _page_leads _page_statements
        _scans meta
    """).split()
)
"""Tables of which a reclean of these pages changes something."""


@pytest.fixture
def three(tmp_path):
    with Archive.open(tmp_path / "three.db") as opened:
        river = page("river", head=HEAD, extra=FIGURE)
        opened.save([fetched("river", river), fetched("mill", page("mill")), fetched("gone", LIST)])
        settle(opened.db)
        yield opened


def reclean(archive: Archive, **bodies: str) -> int:
    """Store another reading of pages as one reclean; returns its number."""
    run_id = begin(archive.db)
    for name, body in bodies.items():
        [raw_page] = [each for each in pages_with_raw(archive.db) if each.url == f"{SITE}/{name}"]
        recleaned = RecleanedPage(raw_page, own_reading(archive, name), rows_of(name, body))
        store_batch(archive.db, run_id, [recleaned], lambda: NOW)
    end_reclean(archive.db, run_id)
    settle(archive.db)
    return run_id


def undo(archive: Archive, run_id: int = 0, clock: Callable[[], str] = lambda: NOW) -> UndoResult:
    return undo_after(archive.db, run_id, clock)


def readings(archive: Archive) -> dict[str, list[Any]]:
    """What is said of the pages: all tables, whichever the schema has, but those that tell of recleans."""
    return {name: sorted(rows(archive.db, name), key=repr) for name in tables(archive.db) if name not in KEPT_BY_UNDO}


def test_all_is_as_it_was_before(three):
    three.db.execute("ALTER TABLE articles ADD COLUMN note TEXT")
    three.db.execute("UPDATE articles SET note = 'mine'")
    before = readings(three)
    reclean(three, river=page("quay"), mill=LIST, gone=page("gone"))
    changed = readings(three)
    assert {table for table in before if before[table] != changed[table]} == CHANGED
    assert list_recleans(three.db) == [1]
    assert undo(three, 2**80) == UndoResult(0, 0, 0)
    assert undo(three) == UndoResult(1, 3, 0)
    assert not three.db.conn.in_transaction
    assert readings(three) == before
    assert three.db.execute("SELECT count(*) FROM changes WHERE at = ?", [NOW]).fetchone() == (6,)
    assert list_recleans(three.db) == []
    assert undo(three) == UndoResult(0, 0, 0)


def test_of_several_runs_those_after_the_named_one_are_undone(three):
    first = reclean(three, river=page("quay"))
    between = readings(three)
    reclean(three, river=page("lock"))
    reclean(three, river=page("ferry"), mill=page("lock"))
    assert undo(three, first) == UndoResult(2, 2, 0)
    assert readings(three) == between
    assert list_recleans(three.db) == [first]


def test_a_page_that_was_fetched_since_stays(three):
    reclean(three, river=page("quay"), mill=page("lock"))
    three.save([fetched("river", page("ferry"), 9)])
    settle(three.db)
    assert undo(three) == UndoResult(1, 1, 1)
    titles = dict(three.db.execute("SELECT url, title FROM articles").fetchall())
    expected = {"river": rows_of("river", page("ferry")), "mill": rows_of("mill", page("mill"))}
    assert titles == {f"{SITE}/{name}": of.metadata.title for name, of in expected.items()}


def test_an_undoing_that_is_cut_off_goes_on(three, monkeypatch):
    """After the first of two pages, and before it settles."""
    before, module = readings(three), "broadsheet.output.settle.reclean_undo"
    reclean(three, river=page("quay"), gone=page("gone"))
    monkeypatch.setattr(f"{module}._PAGES_PER_BATCH", 1)
    with pytest.raises(KeyboardInterrupt):
        undo(three, clock=Mock(side_effect=[NOW, KeyboardInterrupt]))
    assert list_recleans(three.db) == [1]
    with monkeypatch.context() as patched:
        patched.setattr(f"{module}.settle", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            undo(three)
    assert list_recleans(three.db) == [1]
    assert undo(three).undone_runs == 1
    assert readings(three) == before
