from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.output.archive.page_rows import make_page_rows
from broadsheet.output.settle.own_reading import read_own_reading, unpack_reading
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.person_verdicts import Ruling
from tests.crawler.scripted_site import page
from tests.internal_tables import BLOCKS, OWN_VERDICTS

SITE = "https://a.example"
SHARED = "<p>The Harbour Fund pays for what you read here, and we are grateful for it every single day.</p>"
LIST = "<html><body><h1>Page not found</h1><p>Nothing.</p></body></html>"
BODIES = {f"/{name}": page(name, "/next", extra=SHARED) for name in ("river", "mill", "ferry", "quay", "lock")}

BODIES["/twice"] = page("twice", "/next", extra=f"{SHARED}<blockquote>{SHARED}</blockquote>")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    new_archive = Archive.open(tmp_path / "a.db")
    for path, body in (BODIES | {"/gone": LIST}).items():
        cleaned = clean(Page(SITE + path, body.encode()))
        new_archive.save(
            [Outcome(SITE + path, "done", str(cleaned.verdict.page_type), 200, page=make_page_rows(cleaned))]
        )
    return new_archive


def number(archive: Archive, path: str) -> int:
    return int(archive.db.execute("SELECT id FROM urls WHERE url = ?", [SITE + path]).fetchone()[0])


@pytest.mark.parametrize("path", ["/river", "/twice", "/gone"])
def test_a_stored_page_is_read_as_it_was_cleaned_and_survives_packing(archive: Archive, path: str):
    with archive:
        reading = read_own_reading(archive.db, number(archive, path))
        assert reading is not None
        same_rows = make_page_rows(clean(Page(SITE + path, (BODIES | {"/gone": LIST})[path].encode())))
        assert reading.equals(same_rows)
        assert reading.rows.lineage == same_rows.lineage
        assert unpack_reading(archive.db, SITE + path, reading.pack()) == reading
        assert reading.differing_fields(same_rows) == ()
        assert not reading.equals(replace(same_rows, digest="another"))
        other_rows = replace(same_rows, metadata=replace(same_rows.metadata, title="Another"), outlinks=77)
        assert reading.differing_fields(other_rows) == ("title", "outlinks")
        assert read_own_reading(archive.db, 10**9) is None


def test_what_a_page_says_twice_keeps_its_witness_also_where_a_person_brings_it_back(archive: Archive):
    with archive:
        page_id = number(archive, "/twice")
        [(position, block, repeats)] = archive.db.execute(
            "SELECT position, block_id, repeats FROM removed WHERE url = ? AND repeats IS NOT NULL", [f"{SITE}/twice"]
        ).fetchall()
        assert repeats < position
        carry_out_ruling(archive.db, Ruling(block, True, None, None, "2024-05-01T00:00:00Z"))
        assert archive.db.execute(f"SELECT count(*) FROM {BLOCKS} WHERE repeats IS NOT NULL").fetchall() == [(0,)]
        reading = read_own_reading(archive.db, page_id)
        assert reading is not None
        assert reading.verdicts[position].repeats == repeats
        assert unpack_reading(archive.db, f"{SITE}/twice", reading.pack()).verdicts[position].repeats == repeats


def test_a_layout_that_another_packer_packed_is_the_same(archive: Archive):
    with archive:
        reading = read_own_reading(archive.db, number(archive, "/river"))
        same_rows = make_page_rows(clean(Page(f"{SITE}/river", BODIES["/river"].encode())))
        repacked = zlib.compress(zlib.decompress(same_rows.ledger.layout), 9)
        assert reading
        assert repacked != same_rows.ledger.layout
        assert reading.equals(replace(same_rows, ledger=replace(same_rows.ledger, layout=repacked)))
        elsewhere = zlib.compress(zlib.decompress(repacked).replace(b"article", b"section"))
        assert reading.differing_fields(replace(same_rows, ledger=replace(same_rows.ledger, layout=elsewhere))) == (
            "reasons",
        )


def test_neither_the_site_s_memory_nor_a_ruling_is_in_it(archive: Archive):
    with archive:
        reading_before = read_own_reading(archive.db, number(archive, "/river"))
        assert reading_before is not None
        settle(archive.db)
        query = f"SELECT block_id, kept FROM {BLOCKS} WHERE url = ? ORDER BY position"
        blocks = archive.db.execute(query, [f"{SITE}/river"]).fetchall()
        for block, is_kept in blocks[:3]:
            carry_out_ruling(archive.db, Ruling(block, not is_kept, ruled_at="2024-01-01T00:00:00+00:00"))
        counts = archive.db.execute(f"SELECT count(site_kept), count(*) - count(site_kept) FROM {OWN_VERDICTS}")
        assert all(counts.fetchone())
        assert read_own_reading(archive.db, number(archive, "/river")) == reading_before
