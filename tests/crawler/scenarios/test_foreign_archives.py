"""Archives of other crawlers with whatever is wrong with them: each record ends as a row or a counted skip."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.crawler.scripted_site import page
from tests.crawler.shell import command, rows
from tests.crawler.warcs import answer, arc_file_head, arc_record, digest, record, write

SITE = "https://a.example"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "made.db"


def story(name: str) -> bytes:
    return answer(page(name, words=150))


def imported(db: Path, *files: Path) -> str:
    """Import files again and again: the first time what they hold, then nothing; the first summary."""
    code, out, errors = command("import", *files, "--db", db)
    assert (code, errors) == (0, "")
    again = command("import", *files, "--db", db)
    assert (again[0], "Nothing to do" in again[1], again[2]) == (0, True, "")
    assert command("verify", db)[0] == 0
    assert command("reclean", db, "--all")[0] == 0
    return out


def faults(db: Path) -> dict[str, str | None]:
    query = "SELECT url, record_faults FROM captures"
    return {url.removeprefix(f"{SITE}/"): record_faults for url, record_faults in rows(db, query)}


def articles(db: Path) -> set[str]:
    return {url.removeprefix(f"{SITE}/") for (url,) in rows(db, "SELECT url FROM articles")}


@pytest.mark.slow
def test_verify_still_finds_a_record_that_changes_after_its_import(tmp_path, db):
    kept = [record(f"{SITE}/{name}", story(name), WARC_Block_Digest=stated) for name, stated in _STATED.items()]
    file = write(tmp_path / "a.warc", [*kept, arc_record(f"{SITE}/none", story("none"))], packed=False)
    imported(db, file)
    file.write_bytes(file.read_bytes().replace(b"river", b"riven").replace(b"mill", b"mull"))
    code, out, errors = command("verify", db)
    assert code == 1
    assert all(name in out + errors for name in _STATED)


_STATED = {"river": digest(story("river")), "mill": digest(b"never had it"), "river-2": ""}


@pytest.mark.slow
def test_a_user_name_and_password_are_left_out_and_the_page_kept(tmp_path, db):
    names = ("https://me:secret@a.example/x", "http://secret@b.example:8080/", "https://a.example/@secret?q=@x")
    file = write(tmp_path / "a.warc.gz", [record(url, story(url.rpartition("/")[2])) for url in names])
    imported(db, file)
    urls = {url for (url,) in rows(db, "SELECT url FROM captures")}
    assert urls == {"https://a.example/x", "http://b.example:8080/", "https://a.example/@secret?q=@x"}
    assert b"me:secret" not in db.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("packed", [True, False])
def test_arc_files_are_read(tmp_path, db, version, packed):
    rest = "text/html 200 ABCDEFGH - 0 site.arc" if version == 2 else "text/html"
    records = [
        arc_file_head(version),
        arc_record("dns:a.example", b"192.0.2.1", rest=rest),
        arc_record(f"{SITE}/one", story("one"), rest=rest),
        arc_record(f"{SITE}/no-head", page("no-head", words=150).encode(), rest=rest),
        arc_record(f"{SITE}/undated", story("undated"), "0", rest),
        arc_record(f"{SITE}/gone", answer("gone", "404 Gone"), rest=rest),
        arc_record(f"{SITE}/robots.txt", answer("User-agent: *", content_type="text/plain"), rest=rest),
    ]
    imported(db, write(tmp_path / "a.arc", records, packed=packed))
    assert articles(db) == {"one", "no-head", "undated"}
    assert set(faults(db).values()) == {None}
    assert len(faults(db)) == 5
    assert rows(db, "SELECT DISTINCT fetched_at FROM captures") == [("2024-03-01T10:00:00Z",)]


@pytest.mark.slow
def test_every_record_of_a_file_that_is_odd_throughout_is_accounted_for(tmp_path, db):
    good = [record(f"{SITE}/good{number}", story(f"good{number}")) for number in range(8)]
    odd = [
        record("dns:a.example", b"192.0.2.1", kind="resource"),
        record("https://", story("no host")),
        record("", story("no url"), WARC_Target_URI=""),
        record(f"{SITE}/no-status", b"words"),
        record(f"{SITE}/good0", story("good0")),
        b"WARC/1.0\r\nWARC-Type: response\r\n",
        b"\x00\xff neither\n",
        record(f"{SITE}/good1", b"", Content_Length="70"),
    ]
    parts = [part for pair in zip(good, odd, strict=True) for part in pair]
    file = tmp_path / "a.warc.gz"
    file.write_bytes(b"".join(gzip.compress(part, mtime=0) for part in parts) + b"\x1f\x8b\x08 and no more")
    code, out, errors = command("import", file, "--db", db)
    assert (code, errors.count("no record with a URL")) == (1, 4), errors
    assert articles(db) == {f"good{number}" for number in range(8)}
    ((text,),) = rows(db, "SELECT counts FROM runs")
    counts = json.loads(text)
    answers = sum(counts.get(f"record/{kind}", 0) for kind in ("response", "revisit", "resource", "broken"))
    skips = sum(counts.get(f"record/{kind}", 0) for kind in ("no_url", "damaged", "other_host", "known", "older"))
    outcomes = sum(number for name, number in counts.items() if not name.startswith("record/"))
    assert answers == outcomes + skips
    assert (counts["record/no_url"], counts["record/known"], counts["record/damaged"]) == (2, 2, 4)
    assert counts["page/failed/bad_http"] == 1
    assert f"damaged {counts['record/damaged']}" in out
