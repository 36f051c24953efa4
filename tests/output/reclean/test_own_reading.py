from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from cleaners.clean import clean
from cleaners.document import Page
from output.outcome import Outcome
from output.reclean.own_reading import own_reading, unpacked
from output.settle.judge_again import settle
from output.store.page_rows import prepared
from output.verdicts.apply_rulings import carry_out
from output.verdicts.rulings import Ruling
from output.write.archive import Archive
from tests.crawler.scripted_site import page

SITE = "https://a.example"
SHARED = "<p>The Harbour Fund pays for what you read here, and we are grateful for it every single day.</p>"
LIST = "<html><body><h1>Page not found</h1><p>Nothing.</p></body></html>"
BODIES = {f"/{name}": page(name, "/next", extra=SHARED) for name in ("river", "mill", "ferry", "quay", "lock")}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive.open(tmp_path / "a.db")
    for path, body in (BODIES | {"/gone": LIST}).items():
        cleaned = clean(Page(SITE + path, body.encode()))
        made.save([Outcome(SITE + path, "done", str(cleaned.verdict.page_type), 200, cleaned=cleaned)])
    return made


def number(archive: Archive, path: str) -> int:
    return int(archive.db.execute("SELECT id FROM urls WHERE url = ?", [SITE + path]).fetchone()[0])


@pytest.mark.parametrize("path", ["/river", "/gone"])
def test_a_stored_page_is_read_as_it_was_cleaned_and_survives_packing(archive: Archive, path: str):
    with archive:
        reading = own_reading(archive.db, number(archive, path))
        assert reading is not None
        again = prepared(clean(Page(SITE + path, (BODIES | {"/gone": LIST})[path].encode())))
        assert reading.is_read_as(again)
        assert reading.rows.lineage == again.lineage
        assert unpacked(archive.db, SITE + path, reading.packed()) == reading
        assert reading.differs_in(again) == ()
        assert not reading.is_read_as(replace(again, digest="another"))
        other = replace(again, metadata=replace(again.metadata, title="Another"), outlinks=77)
        assert reading.differs_in(other) == ("title", "outlinks")
        assert own_reading(archive.db, 10**9) is None


def test_a_layout_that_another_packer_packed_is_the_same(archive: Archive):
    with archive:
        reading = own_reading(archive.db, number(archive, "/river"))
        again = prepared(clean(Page(f"{SITE}/river", BODIES["/river"].encode())))
        repacked = zlib.compress(zlib.decompress(again.ledger.layout), 9)
        assert reading
        assert repacked != again.ledger.layout
        assert reading.is_read_as(replace(again, ledger=replace(again.ledger, layout=repacked)))
        elsewhere = zlib.compress(zlib.decompress(repacked).replace(b"article", b"section"))
        assert reading.differs_in(replace(again, ledger=replace(again.ledger, layout=elsewhere))) == ("reasons",)


def test_neither_the_site_s_memory_nor_a_ruling_is_in_it(archive: Archive):
    with archive:
        before = own_reading(archive.db, number(archive, "/river"))
        assert before is not None
        settle(archive.db)
        query = "SELECT block_id, kept FROM blocks WHERE url = ? ORDER BY position"
        blocks = archive.db.execute(query, [f"{SITE}/river"]).fetchall()
        for block, kept in blocks[:3]:
            carry_out(archive.db, Ruling(block, not kept, at="2024-01-01T00:00:00+00:00"))
        held = archive.db.execute("SELECT (SELECT count(*) FROM own_verdicts), (SELECT count(*) FROM overruled)")
        assert all(held.fetchone())
        assert own_reading(archive.db, number(archive, "/river")) == before
