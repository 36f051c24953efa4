"""Blocks judged again by what the other pages of their site do at their places: when, by what, and the way back."""

import json
import zlib
from typing import Any

import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import Verdict
from broadsheet.output.read.verify import verify
from broadsheet.output.settle import page_table
from broadsheet.output.settle.page_table import IS_STORED_ELSEWHERE, read_page_facts
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.site_repeats import create_kept_view
from broadsheet.output.settle.site_scan import scan_pages
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.assembled_text import put_chances
from broadsheet.output.write.outcome import Outcome
from tests.internal_tables import BLOCK_TEXTS, OWN_VERDICTS, PAGE_BLOCKS, PAGE_LAYOUT, REASONS, SCANS, UNSETTLED
from tests.output.conftest import Maker
from tests.output.filled_rows import put
from tests.output.settle.stories import BODY, BOX, KEPT, LEFT, with_blocks

CAPTION, RULED = Verdict(False, "caption", "layout/caption"), Verdict(False, "share buttons", "share.icons")
NOTE = Verdict(False, "about the author", "model/author-note")
SURE, DOUBTFUL, HARDLY = 252, 128, 3
OUT, IN, DOUBT = (LEFT, HARDLY), (KEPT, SURE), (KEPT, DOUBTFUL)  # what pages do with their boxes
PHRASE = (RULED, HARDLY)
LETTERS = "abcdefghijklmnopqrst"
Box = tuple[Verdict, int]


def article(
    make: Maker, name: str, box: Box = OUT, box_at: int = 3, has_chances: bool = True, **changes: Any
) -> Outcome:
    """An outcome with three paragraphs of its own, and below or between them a box with its verdict."""
    texts = {part: " ".join(f"{name}{part}{a}{b}" for a in "abcd" for b in LETTERS[:10]) for part in "uvw"}
    rows = [(text, BODY, KEPT, SURE) for text in texts.values()]
    rows.insert(box_at, (" ".join(f"{name}boxa{b}" for b in LETTERS[:12]), BOX, *box))
    chances = bytes(row[3] for row in rows) if has_chances else b""
    changes = {"layout_signature": pack_signature(list(range(30))), "chances": chances} | changes
    return with_blocks(make.outcome(f"http://a.test/{name}", "x"), *(row[:3] for row in rows), **changes)


def settled(archive: Archive, make: Maker, *outcomes: Outcome) -> list[tuple[Any, ...]]:
    """Save and settle; the blocks that have another verdict than their pages gave."""
    archive.save(outcomes)
    settle(archive.db, make.clock)
    assert verify(archive.db) == []
    return archive.db.execute(
        f"""SELECT substr(b.url, 15), b.kept, b.reason, b.rule, o.kept FROM blocks b
        JOIN urls u USING (url) JOIN {OWN_VERDICTS} o ON o.page_id = u.id AND o.position = b.position
        ORDER BY 1, b.position"""
    ).fetchall()


RESTORED = [("z", 1, "in the article's place", "site/body", 0)]
SLOT = [("z", 0, "furniture inside the article", "site/slot", 1)]


@pytest.mark.parametrize(
    ("boxes", "odd_box", "changes", "found"),
    [
        pytest.param([OUT] * 19, DOUBT, {}, SLOT, id="others leave it out"),
        pytest.param([IN] * 11, (LEFT, DOUBTFUL), {}, RESTORED, id="others keep it"),
        pytest.param([OUT] * 19, IN, {}, [], id="the models are sure by themselves"),
        pytest.param([IN] * 11, (RULED, SURE), {}, [], id="a phrase rule explains it"),
        pytest.param([IN] * 11, (CAPTION, DOUBTFUL), {}, [], id="the markup calls it a caption"),
        pytest.param([IN] * 11, (NOTE, DOUBTFUL), {}, [], id="its page takes it for a note on the author"),
        pytest.param([(CAPTION, HARDLY)] * 19, DOUBT, {}, SLOT, id="others call it a caption"),
        pytest.param([PHRASE] * 19, DOUBT, {}, SLOT, id="nearly all lose what is at this place"),
        pytest.param([PHRASE] * 19, DOUBT, {"box_at": 2}, [], id="between paragraphs it stays"),
        pytest.param([PHRASE] * 18, DOUBT, {}, [], id="of fewer pages it may be chance"),
        pytest.param([PHRASE] * 19, DOUBT, {"has_chances": False}, SLOT, id="of pages whose models are not known"),
        pytest.param([*[PHRASE] * 18, DOUBT], DOUBT, {}, [], id="a tenth keep something there"),
    ],
)
def test_a_block_is_judged_again_by_what_other_pages_do_at_its_place(archive, make, boxes, odd_box, changes, found):
    pages = [article(make, name, box, **changes) for name, box in zip(LETTERS, boxes, strict=False)]
    assert settled(archive, make, *pages, article(make, "z", odd_box, **changes)) == found
    [(text,)] = archive.db.execute("SELECT text FROM articles WHERE url LIKE '%/z'").fetchall()
    assert "zuaa" in text
    assert ("zbox" in text) is (found == RESTORED or (not found and odd_box[0].kept))
    assert settle(archive.db, make.clock).rejudged_pages == 0


@pytest.mark.parametrize("kept_bytes", [1, 2_000, 1 << 20])
def test_a_host_too_large_for_memory_is_judged_alike(archive, make, monkeypatch, kept_bytes):
    """Its scans are read again by each pass: all of them, those after the first pages, or none."""
    monkeypatch.setattr(page_table, "_PAGES_AT_ONCE", 3)
    monkeypatch.setattr(page_table, "_KEPT_BYTES", kept_bytes)
    opening_hours = ("The office of the harbour is open from nine to five", BOX, KEPT)
    pages = []
    for name in LETTERS:
        paragraphs = [(" ".join(f"{name}{part}{word}" for word in LETTERS), BODY, KEPT) for part in "uvw"]
        pages.append(with_blocks(make.outcome(f"http://a.test/{name}", "x"), *paragraphs, opening_hours))
    assert settled(archive, make, *pages) == [(name, 0, "repeated on the site", "site/repeated", 1) for name in LETTERS]


def test_nothing_returns_below_what_a_page_takes_for_a_note_on_its_author(archive, make):
    """The note is two paragraphs long, and the second does not begin with the name."""
    texts = {part: " ".join(f"z{part}{a}{b}" for a in "abcd" for b in LETTERS[:10]) for part in "uvwxy"}
    verdicts = dict.fromkeys("uw", KEPT) | {"v": LEFT, "x": NOTE, "y": LEFT}
    rows = [(text, BODY, verdicts[part]) for part, text in texts.items()]
    changed = settled(
        archive,
        make,
        *(article(make, name) for name in LETTERS[:11]),
        with_blocks(make.outcome("http://a.test/z", "x"), *rows),
    )
    assert changed == RESTORED
    [(text,)] = archive.db.execute("SELECT text FROM articles WHERE url LIKE '%/z'").fetchall()
    assert text.split("\n") == [texts[part] for part in "uvw"]


def test_with_fewer_pages_and_with_surer_models_the_own_verdict_returns(archive, make):
    pages = [article(make, name) for name in LETTERS[:19]]
    assert settled(archive, make, *pages, article(make, "z", DOUBT)) == SLOT
    without_box = with_blocks(make.outcome("http://a.test/a", "x"), (" ".join(f"a{b}" for b in LETTERS), BODY, KEPT))
    assert settled(archive, make, without_box) == []
    assert settled(archive, make, article(make, "a")) == SLOT
    [(page_id,)] = archive.db.execute("SELECT id FROM urls WHERE url LIKE '%/z'").fetchall()
    put_chances(archive.db, page_id, bytes([SURE] * 4))
    assert settled(archive, make) == []
    put_chances(archive.db, page_id, bytes([SURE] * 4))
    assert archive.db[UNSETTLED].count == 0


ALIKE = "Ask for the tide table of {} at the office of the harbour"


@pytest.mark.parametrize(("keeping", "leaving", "returns"), [(2, 1, True), (4, 2, True), (3, 2, False), (0, 3, False)])
def test_a_text_that_most_pages_keep_returns_to_the_article_s_place(archive, make, keeping, leaving, returns):
    """Its digits do not count: beside it each page has a text of its own, at the same place."""
    pages = []
    for number, verdict in enumerate([KEPT] * keeping + [LEFT] * leaving):
        name = LETTERS[number]
        rows = [(" ".join(f"{name}{part}{word}" for word in LETTERS), BODY, KEPT) for part in "uvw"]
        rows.insert(1, (ALIKE.format(100 + number), BODY, verdict))
        pages.append(with_blocks(make.outcome(f"http://a.test/{name}", "x"), *rows))
    others = [article(make, name) for name in LETTERS[10:]]
    rules = [row[3] for row in settled(archive, make, *others, *pages)]
    assert rules == (["site/body"] * leaving if returns else [])


@pytest.mark.parametrize(
    ("reason", "rule", "length", "own", "is_stored_elsewhere"),
    [
        ("caption", "layout/caption", 250, None, True),
        ("byline", "layout/byline", 250, None, True),
        ("caption", "layout/caption", 251, None, False),  # which a template may only call so
        ("sidebar", "layout/other-column", 9, None, False),
        ("caption", "context/caption", 9, None, False),
        ("sidebar", "layout/x", 9, OWN_VERDICTS, True),
    ],
)
def test_short_captions_and_bylines_are_stored_elsewhere(archive, reason, rule, length, own, is_stored_elsewhere):
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    put(db, REASONS, 1, id=1, reason=reason, rule=rule)
    put(db, REASONS, 2, id=2, reason="byline", rule="layout/own")
    put(db, BLOCK_TEXTS, 1, id=1, text="x y " * (length // 4) + "x" * (length % 4))
    put(db, PAGE_LAYOUT, 1, page_id=1, layout=zlib.compress(json.dumps([[BODY, 0, 0, [], ""]]).encode()))
    put(db, PAGE_BLOCKS, 1, page_id=1, position=0, block_id=1, kept=0, reason_id=1)
    if own:
        put(db, own, 1, page_id=1, position=0, kept=0, reason_id=2)
    create_kept_view(db)
    [(_, _, blocks)] = scan_pages([read_page_facts(db, 1)])
    assert [bool(flags & IS_STORED_ELSEWHERE) for flags in blocks["flags"]] == [is_stored_elsewhere]


def scanned_pages(archive: Archive, make: Maker) -> str:
    """Settle; the names of the pages that were scanned for it."""
    page_ids: list[int] = []

    def spying_map(function: Any, jobs: Any) -> Any:
        for job in jobs:
            page_ids.extend(page.page_id for page in job if function is scan_pages)
            yield function(job)

    settle(archive.db, make.clock, spying_map)
    names = dict(archive.db.execute("SELECT id, substr(url, -1) FROM urls").fetchall())
    return "".join(sorted(names[page_id] for page_id in page_ids))


def test_a_page_is_scanned_again_where_it_or_the_use_of_its_texts_changes_and_no_table_of_settling_stays(archive, make):
    db = archive.db
    archive.save([article(make, name) for name in "pqrs"])
    assert scanned_pages(archive, make) == "pqrs"
    archive.save([article(make, "p", box=IN)])
    assert scanned_pages(archive, make) == "p"
    db.execute("UPDATE articles SET title = 'Another' WHERE url LIKE '%/q'")
    db.conn.commit()
    assert scanned_pages(archive, make) == "q"
    text = " ".join(f"ru{a}{b}" for a in "abcd" for b in LETTERS[:10])
    archive.save([with_blocks(make.outcome("http://a.test/t", "x"), (text, BODY, KEPT))])
    assert scanned_pages(archive, make) == "rt"
    scans = f"SELECT page_id, first_seen, scan FROM {SCANS} ORDER BY page_id"
    kept_scans = db.execute(scans).fetchall()
    db.execute("DELETE FROM meta WHERE key = 'settled'")
    db.conn.commit()
    assert scanned_pages(archive, make) == "pqrst"
    assert db.execute(scans).fetchall() == kept_scans
    assert db.execute("SELECT name FROM temp.sqlite_master").fetchall() == []
