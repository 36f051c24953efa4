from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.crawler.scripted_site import page
from tests.crawler.shell import crawl, rows, verb
from tests.crawler.warcs import answer, record, wacz, write
from tests.internal_tables import OUTSIDE_HOSTS

pytestmark = pytest.mark.usefixtures("workers_here")

SITE = "https://a.example"
SITEMAP = f"<urlset><url><loc>{SITE}/listed</loc><lastmod>2024-02-02</lastmod></url></urlset>"


def at(minute: int) -> str:
    return f"2024-03-01T10:{minute:02}:00Z"


def site() -> list[bytes]:
    """A small site as a crawler of another make keeps it: also what gives no page."""
    return [
        record("", b"software: tests\r\n", kind="warcinfo", WARC_Target_URI=""),
        record("dns:a.example", b"192.0.2.1", kind="resource", Content_Type="text/dns"),
        record(f"{SITE}/", b"GET / HTTP/1.1\r\n\r\n", kind="request"),
        record(f"{SITE}/", answer(page("home", "/river", "/mill", "/never-fetched", "https://b.example/"))),
        record(f"{SITE}/river", answer(page("river"))),
        record(f"{SITE}/mill?utm_source=x", answer(page("mill"))),
        record(f"{SITE}/listed", answer(page("listed"))),
        record(f"{SITE}/moved", answer("", "301 Moved", location="/river")),
        record(f"{SITE}/gone", answer("gone", "410 Gone")),
        record(f"{SITE}/style.css", answer("p { }", content_type="text/css")),
        record(f"{SITE}/robots.txt", answer(f"User-agent: *\nSitemap: {SITE}/sitemap.xml", content_type="text/plain")),
        record(f"{SITE}/sitemap.xml", answer(SITEMAP, content_type="application/xml")),
        record(f"{SITE}/river", b"via: x", kind="metadata", Content_Type="application/warc-fields"),
        record(f"{SITE}/river", b"River words", kind="conversion", Content_Type="text/plain"),
    ]


def states(db: Path) -> dict[str, tuple[str, str]]:
    return {
        url.removeprefix(SITE): (state, reason)
        for url, state, reason in rows(db, "SELECT url, state, reason FROM urls")
    }


def texts(db: Path) -> dict[str, str]:
    return {url.removeprefix(SITE): text for url, text in rows(db, "SELECT url, text FROM articles")}


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "made.db"


def test_a_record_that_comes_in_later_names_the_robots_txt_that_came_in_before(tmp_path, db):
    """As when an import was cut off: the same command finds the robots.txt known already."""
    robots = record(f"{SITE}/robots.txt", answer("User-agent: *\nAllow: /", content_type="text/plain"))
    records = [robots, *(record(f"{SITE}/{name}", answer(page(name))) for name in ("river", "mill"))]
    for count in (2, 3):
        write(tmp_path / "site.warc.gz", records[:count])
        assert verb("import", tmp_path / "site.warc.gz", "--db", db, "-q")[0] == 0
    assert rows(db, "SELECT count(*), count(robots_id) FROM captures") == [(3, 3)]


def test_every_answer_in_a_file_becomes_a_row_with_its_outcome(tmp_path, db):
    file = write(tmp_path / "site.warc.gz", site())
    code, out, errors = verb("import", file, "--db", db)
    assert (code, errors) == (0, "")
    assert states(db) == {
        "/": ("done", "list"),
        "/river": ("done", "article"),
        "/mill": ("done", "article"),
        "/listed": ("done", "article"),
        "/never-fetched": ("skipped", "not_in_archive"),
        "/moved": ("done", "redirect"),
        "/gone": ("failed", "http_410"),
        "/style.css": ("skipped", "media_type"),
        "/robots.txt": ("done", "robots"),
        "/sitemap.xml": ("done", "sitemap"),
    }
    assert rows(db, f"SELECT found_via, lastmod FROM urls WHERE url = '{SITE}/listed'") == [("sitemap", "2024-02-02")]
    assert rows(db, f"SELECT host, links FROM {OUTSIDE_HOSTS}") == [("b.example", 1)]
    assert "3 articles in" in out
    assert "Records without an outcome of their own: request 1, metadata 1, warcinfo 1, conversion 1, no url 1" in out


def test_the_captures_name_the_file_and_the_record(tmp_path, db):
    file = write(tmp_path / "site.warc.gz", site())
    verb("import", file, "--db", db)
    query = "SELECT url, fetched_at, warc_file, warc_offset, warc_length FROM captures"
    captures = rows(db, query)
    assert len(captures) == 9
    for url, fetched_at, name, offset, length in captures:
        assert (fetched_at, name) == ("2024-03-01T10:00:00Z", "site.warc.gz")
        said = gzip.decompress(file.read_bytes()[offset : offset + length]).partition(b"\r\n\r\n")[0].decode()
        assert f"WARC-Target-URI: {url}" in said.replace("?utm_source=x", "")


def test_a_wacz_file_and_unpacked_records_give_the_same(tmp_path):
    archives = []
    for name, packed in (("a", True), ("b", False)):
        warc = write(tmp_path / f"{name}.warc.gz", site(), packed=packed)
        archives.append(tmp_path / f"{name}.db")
        verb("import", wacz(tmp_path / f"{name}.wacz", warc) if packed else warc, "--db", archives[-1])
    assert texts(archives[0]) == texts(archives[1])
    assert states(archives[0]) == states(archives[1])


def test_a_damaged_record_costs_itself_with_one_line_and_a_reason(tmp_path, db):
    packed = [gzip.compress(record_bytes, mtime=0) for record_bytes in site()]
    packed[4] = packed[4][:300] + bytes(40) + packed[4][340:]
    file = tmp_path / "a.warc.gz"
    file.write_bytes(b"".join(packed))
    code, _, errors = verb("import", file, "--db", db)
    assert code == 0
    assert errors.count("\n") == 1
    assert "broken_record" in errors
    assert f"{SITE}/river" in errors
    assert states(db)["/river"] == ("failed", "broken_record")
    assert texts(db).keys() == {"/mill", "/listed"}


def test_hosts_patterns_and_languages_bound_what_is_taken(tmp_path, db):
    far = record("http://xn--mnchen-3ya.example/x", answer(page("other")), WARC_Truncated="length")
    file = write(tmp_path / "a.warc.gz", [*site(), far])
    _, out, _ = verb("import", file, "--db", db, "--host", "a.example", "--exclude", "/mill")
    assert "other host 1" in out
    assert (states(db)["/mill"], texts(db).keys()) == (("skipped", "pattern"), {"/river", "/listed"})
    assert verb("import", file, "--db", tmp_path / "de.db", "--language", "de")[0] == 1
    assert {reason for _, reason in states(tmp_path / "de.db").values()} >= {"language"}
    assert verb("import", file, "--db", tmp_path / "far.db", "--host", "http://www.München.example/")[0] == 0
    assert rows(tmp_path / "far.db", "SELECT url FROM articles") == [("http://xn--mnchen-3ya.example/x",)]
    assert "truncated=length" in rows(tmp_path / "far.db", "SELECT evidence FROM pages")[0][0]


@pytest.mark.slow
def test_a_later_crawl_takes_up_what_imported_pages_name(tmp_path, db, site):
    site.routes |= {"/": page("home", "/river", "/mill"), "/river": page("river"), "/mill": page("mill")}
    records = [record(f"{site.url}/", answer(page("home", "/river", "/mill", "http://127.0.0.2/x")))]
    verb("import", write(tmp_path / "a.warc.gz", records), "--db", db)
    assert rows(db, "SELECT count(*) FROM urls WHERE reason = 'not_in_archive'") == [(2,)]
    code, _, _ = crawl(site, db, "--exclude", "/mill")
    assert code == 0
    got = {url.removeprefix(site.url): reason for url, reason in rows(db, "SELECT url, reason FROM urls")}
    assert (got["/river"], got["/mill"]) == ("article", "not_in_archive")


def test_an_imported_revisit_can_be_cleaned_again(tmp_path, db):
    same = {"WARC_Payload_Digest": "sha1:SAME"}
    original = record(
        f"{SITE}/river", answer(gzip.compress(page("river").encode()), content_encoding="gzip"), at(1), **same
    )
    file = write(tmp_path / "a.warc.gz", [original, record(f"{SITE}/copy", answer(""), at(9), "revisit", **same)])
    verb("import", file, "--db", db)
    assert len(rows(db, "SELECT DISTINCT payload_digest FROM captures")) == 1
    code, out, errors = verb("reclean", db, "--all")
    assert (code, errors) == (0, "")
    assert "2 pages cleaned again" in out
    assert "unchanged 2" in out


def test_what_was_taken_down_does_not_come_back(tmp_path, db):
    file = write(tmp_path / "a.warc.gz", site())
    verb("import", file, "--db", db)
    verb("forget", db, f"{SITE}/river", "--yes")
    second_warc = write(tmp_path / "b.warc.gz", [*site(), record(f"{SITE}/river", answer(page("river")), at(50))])
    code, _, _ = verb("import", second_warc, "--db", db)
    assert code == 0
    assert texts(db).keys() == {"/mill", "/listed"}
    assert states(db)["/river"] == ("skipped", "forgotten")
    assert rows(db, f"SELECT count(*) FROM captures WHERE url = '{SITE}/river'") == [(0,)]


@pytest.mark.slow
def test_what_a_pattern_took_down_does_not_come_back_under_another_address(tmp_path, db):
    again = [
        record(f"{SITE}/river", answer(page("river")), at(50)),
        record(f"{SITE}/news/river", answer(page("river"))),
    ]
    verb("import", write(tmp_path / "a.warc.gz", [*site(), again[1]]), "--db", db)
    verb("forget", db, f"{SITE}/riv*", "--yes")
    assert states(db)["/news/river"] == states(db)["/moved"] == ("skipped", "forgotten")
    assert verb("import", write(tmp_path / "b.warc.gz", [*site(), *again]), "--db", db)[0] == 0
    assert texts(db).keys() == {"/mill", "/listed"}
    assert states(db)["/news/river"] == states(db)["/moved"] == ("skipped", "forgotten")


def test_a_quiet_import_prints_what_went_badly_wrong_and_nothing_else(tmp_path, db):
    code, out, errors = verb(
        "import", "-q", write(tmp_path / "a.warc.gz", [record(f"{SITE}/", answer("gone"))]), "--db", db
    )
    assert (code, out) == (1, "")
    assert errors.startswith("broadsheet: Nothing could be read")
    assert errors.count("\n") == 1
