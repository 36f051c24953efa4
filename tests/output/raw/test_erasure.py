"""Takedowns of raw records: nothing of them is left, nothing else moves, and shared payloads stay with the others."""

import gzip
import os
from pathlib import Path
from uuid import UUID

import pytest

from broadsheet.output.raw import erasure as erase
from broadsheet.output.raw.erasure import blank_record, waiting_files
from broadsheet.output.raw.warc_reader import parse_record, raw_faults, read_response
from broadsheet.output.read.verify import raw_responses, verify
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.crawler import raws
from tests.internal_tables import WARC_ERASURES, WARC_FILES
from tests.output.wires import archive_with_warcs, fetched, warcs

URN = UUID(int=7).urn
SECRET = b"the secret of the harbour " * 40


def spans(archive: Archive) -> dict[str, tuple[object, ...]]:
    rows = archive.db.execute("SELECT url, warc_file, warc_offset, warc_length FROM captures")
    return {url: span for url, *span in rows.fetchall()}


def body_of(archive: Archive, folder: Path, url: str) -> bytes:
    (number,) = archive.db.execute("SELECT id FROM captures WHERE url = ?", [url]).fetchone()
    exchange = read_response(archive.db, folder, number)
    return exchange.body


def unpacked(path: Path) -> bytes:
    with gzip.open(path) as stream:
        return stream.read()


@pytest.mark.parametrize(
    "length", [283, 284, 300, 4000, 65_557, 65_558, 65_559, 65_563, 65_564, 131_000, 131_100, 700_001]
)
def test_a_blank_has_the_length_that_is_asked_for(length):
    with pytest.raises(ValueError, match="282 bytes are too few"):
        blank_record(282, "2026-01-01T00:00:00Z", URN)
    member = blank_record(length, "2026-01-01T00:00:00Z", URN)
    assert len(member) == length
    assert gzip.decompress(member).endswith(b"\r\n\r\n")  # its checksum and size hold
    record = parse_record(member, "blank")
    assert record.kind == "metadata"
    assert record.block.strip() in (b"taken-down: yes", b"taken-down: yes"[: len(record.block)].strip())


@pytest.mark.slow
def test_a_record_goes_with_its_request_and_the_others_stay_where_they_are(file):
    with archive_with_warcs(file) as archive:
        archive.save([fetched(f"http://a.test/{name}", n, SECRET * n) for n, name in enumerate(("a", "b", "c"), 1)])
        before = spans(archive)
        (path,) = warcs(file)
        size = path.stat().st_size
        take_down(archive.db, "http://a.test/b")
        assert not archive.db.conn.in_transaction
        after = spans(archive)
        assert after == {url: place for url, place in before.items() if not url.endswith("/b")}
        assert body_of(archive, file, "http://a.test/c") == SECRET * 3
        assert verify(archive.db) == []
    assert path.stat().st_size == size
    assert b"http://a.test/b" not in unpacked(path)
    assert unpacked(path).count(SECRET) == 4
    raws.checked(file)
    assert [record.kind for record in raws.records(file)].count("metadata") == 1


@pytest.mark.slow
def test_a_payload_that_others_refer_to_is_kept_for_them(file):
    urls = [f"http://a.test/{name}" for name in "abcd"]
    with archive_with_warcs(file) as archive:
        archive.save([fetched(url, n, SECRET) for n, url in enumerate(urls)])
        take_down(archive.db, urls[0])
        for url in urls[1:]:
            assert body_of(archive, file, url) == SECRET
        assert list(raw_responses(archive.db)) == []
        assert archive.db.execute("SELECT count(*) FROM captures WHERE refers_to IS NULL").fetchone() == (1,)
    (path,) = warcs(file)
    said = unpacked(path)
    assert urls[0].encode() not in said
    assert said.count(SECRET) == 1
    raws.checked(file)
    kept = raws.by_url(file)
    for url in urls[1:]:
        (request,) = kept[url]["request"]
        assert request.block == b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
        (answer,) = kept[url]["response"] or kept[url]["revisit"]
        assert answer.fields.get("warc-refers-to-target-uri", urls[1]) == urls[1]


def test_a_record_ends_where_the_next_of_its_file_begins(file):
    """Not where one of another file does."""
    with archive_with_warcs(file, 6_000) as archive:
        for number, size in enumerate((3000, 2000, 100, 100)):
            archive.save([fetched(f"http://a.test/{number}", number, os.urandom(size))])
        assert len(warcs(file)) == 2
        take_down(archive.db, "http://a.test/0")
        assert verify(archive.db) == []
    assert b"http://a.test/0" not in unpacked(warcs(file)[0])


def test_a_payload_that_goes_with_all_that_refer_to_it_is_not_written_again(file):
    with archive_with_warcs(file) as archive:
        archive.save([fetched(f"http://a.test/{number}", number, SECRET) for number in range(2)])
        size = warcs(file)[0].stat().st_size
        take_down(archive.db, "http://a.test/*")
        assert verify(archive.db) == []
    (path,) = warcs(file)
    assert (path.stat().st_size, SECRET in unpacked(path)) == (size, False)


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_capture_whose_record_is_not_there_cannot_be_written_again(file, is_kept):
    """Its file is gone, or its response was not kept."""
    with archive_with_warcs(file) as archive:
        archive.save([fetched(f"http://a.test/{number}", number, SECRET) for number in range(2)])
        if is_kept:
            warcs(file)[0].unlink()
        else:
            archive.db.execute("UPDATE captures SET warc_file = NULL WHERE refers_to IS NOT NULL")
        take_down(archive.db, "http://a.test/0")
        assert list(spans(archive)) == ["http://a.test/1"]


def test_a_blank_is_on_the_disk_before_the_record_counts_as_erased(file, monkeypatch):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/a", 1, SECRET)])
        (path,) = warcs(file)
        synced: list[bool] = []
        monkeypatch.setattr(erase, "sync_to_disk", lambda _: synced.append(SECRET in unpacked(path)))
        take_down(archive.db, "http://a.test/a")
    assert synced == [False]


def test_a_request_that_is_written_again_still_says_what_is_redacted(file):
    with archive_with_warcs(file) as archive:
        archive.save(
            [fetched(f"http://a.test/{n}", n, SECRET, redacted_headers=("cookie", "x-mine")) for n in range(2)]
        )
        take_down(archive.db, "http://a.test/0")
    (request,) = raws.by_url(file)["http://a.test/1"]["request"]
    assert request.fields["broadsheet-redacted"] == "cookie, x-mine"


@pytest.mark.slow
def test_a_forgotten_revisit_leaves_the_payload_alone(file):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/a", 1, SECRET), fetched("http://a.test/b", 2, SECRET)])
        take_down(archive.db, "http://a.test/b")
        assert body_of(archive, file, "http://a.test/a") == SECRET
        assert verify(archive.db) == []
    raws.checked(file)


@pytest.mark.slow
def test_what_a_kill_left_undone_is_done_at_the_next_opening(file, monkeypatch):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/a", 1, SECRET), fetched("http://a.test/b", 2, os.urandom(100_000))])

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(erase, "_overwrite", killed)
        with pytest.raises(KeyboardInterrupt):
            take_down(archive.db, "http://a.test/*")
        monkeypatch.undo()
    (path,) = warcs(file)
    assert SECRET in unpacked(path)
    with Archive.open(file) as archive:
        assert archive.db.execute(f"SELECT count(*) FROM {WARC_ERASURES}").fetchone() == (0,)
        assert archive.db.execute("SELECT count(*) FROM captures").fetchone() == (0,)
        assert verify(archive.db) == []
    assert SECRET not in unpacked(path)
    assert b"a.test" not in unpacked(path)
    raws.checked(file)


def test_what_is_in_a_file_that_is_not_there_goes_when_it_is(file):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/a", 1, SECRET)])
        (path,) = warcs(file)
        path.rename(file.parent / "elsewhere")
        take_down(archive.db, "http://a.test/a")
        assert waiting_files(archive.db) == [f"a.db.warc/{path.name}"]
    with Archive.open(file) as archive:
        assert waiting_files(archive.db) == [f"a.db.warc/{path.name}"]
    (file.parent / "elsewhere").rename(path)
    with Archive.open(file) as archive:
        assert waiting_files(archive.db) == []
        assert verify(archive.db) == []
    assert b"a.test" not in unpacked(path)


@pytest.mark.parametrize("left", [0, 50, 400])
def test_a_file_that_was_cut_keeps_no_takedown_and_no_opening_from_it(file, left):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/a", 1, os.urandom(2000))])
        (path,) = warcs(file)
        whole, offset = path.read_bytes(), int(str(spans(archive)["http://a.test/a"][1]))
        os.truncate(path, offset + left)
        take_down(archive.db, "http://a.test/a")
    with Archive.open(file) as archive:
        assert waiting_files(archive.db) == [f"a.db.warc/{path.name}"]
    assert whole[offset : offset + 50] not in path.read_bytes() or not left
    path.write_bytes(whole)
    with Archive.open(file) as archive:
        assert waiting_files(archive.db) == []
        assert verify(archive.db) == []
    assert b"a.test" not in unpacked(path)


def test_an_imported_file_is_not_ours_to_write_to(file):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/a", 1, SECRET)])
        (path,) = warcs(file)
        archive.db.execute(f"DELETE FROM {WARC_FILES}")
        archive.db.conn.commit()
        before = path.read_bytes()
        found = take_down(archive.db, "http://a.test/a")
        assert found.warc_files == (f".warc/{path.name}",)
    assert path.read_bytes() == before


def test_damage_does_not_keep_a_takedown_from_its_record(file):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/a", 1, SECRET), fetched("http://a.test/b", 2, SECRET * 2)])
        (path,) = warcs(file)
        place = spans(archive)["http://a.test/a"]
        with path.open("r+b") as stream:
            stream.seek(int(str(place[1])) + 60)
            stream.write(b"\0" * 20)
        assert len(list(raw_responses(archive.db))) == 1
        take_down(archive.db, "http://a.test/a")
        assert verify(archive.db) == []
        assert body_of(archive, file, "http://a.test/b") == SECRET * 2
    assert b"test/a" not in unpacked(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE captures SET payload_digest = 'sha1:AAAA'", "does not have the digest of its row"),
        ("UPDATE captures SET final_url = 'http://b.test/'", "the record is of http://a.test/a"),
        ("UPDATE captures SET fetched_at = '2020-01-01T00:00:00Z'", "its row of http://a.test/a, 2020"),
        ("UPDATE captures SET warc_offset = warc_offset + 1", "http://a.test/a: "),
        ("UPDATE captures SET warc_file = '.warc/none.warc.gz'", "none.warc.gz is not there"),
        ("UPDATE captures SET http_status = 404", "the record's status is 200, that of its row 404"),
        ("DELETE FROM captures", "the response of http://a.test/a has no row in captures"),
        (f"UPDATE {WARC_FILES} SET length = 4611686018427387904", "the file ends before the record does"),
        ("UPDATE captures SET warc_offset = -1", "the file ends before the record does"),
    ],
)
def test_verify_tells_a_row_from_another_s_record(file, change, said):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/a", 1, SECRET)])
        assert verify(archive.db) == []
        archive.db.execute(change)
        archive.db.conn.commit()
        assert any(said in fault for fault in raw_faults(archive.db, file))


def test_verify_tells_a_changed_byte_in_any_record(file):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/a", 1, os.urandom(500)), fetched("http://a.test/b", 2, os.urandom(500))])
        (path,) = warcs(file)
        whole = path.read_bytes()
        for at in range(15, len(whole), 97):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
            assert list(raw_responses(archive.db)), at
        path.write_bytes(whole)
        assert list(raw_responses(archive.db)) == []
