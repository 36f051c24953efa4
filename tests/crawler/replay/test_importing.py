"""Import of records: what each kind of record becomes, in the ledger, in the captures, in the counts and in print.

Pages as browsers of other crawlers rendered them, and pictures of articles.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.replay import importing
from broadsheet.crawler.replay.importing import Importer, take_pictures
from broadsheet.crawler.replay.record_order import RecordOrder
from broadsheet.crawler.workers.pool import WorkerPool
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_reader import raw_faults
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.crawler.pictures import SVG, illustrated, jpeg, png
from tests.crawler.scripted_site import page
from tests.crawler.shell import command, rows, verb
from tests.crawler.warcs import answer, digest, record, write
from tests.internal_tables import PICTURES
from tests.new_archives import copied_schemas

SITE, OTHER = "https://a.example", "https://b.example"


@pytest.fixture(autouse=True, scope="module")
def quick_new_archives(request: pytest.FixtureRequest) -> Iterator[None]:
    with copied_schemas(request.path):
        yield


def import_files(archive: Archive, folder: Path, *names: str, **options: object) -> tuple[Importer, list[str]]:
    """Import files of a folder into an archive in it; return the importer, and the lines that it prints."""
    lines: list[str] = []
    with closing(RecordOrder()) as order:
        for name in names:
            order.add_file(name, folder / name)
        order.sort()
        crawl_options = CrawlOptions.from_arguments({"seeds": ("archive",), **options})
        with closing(open_database(folder / "a.db", read_only=True)) as read_db:
            importer = Importer(archive, read_db, order, crawl_options, lines.append)
            with closing(WorkerPool(1)) as workers:
                asyncio.run(importer.run(folder, workers))
    return importer, lines


def test_a_record_that_breaks_our_own_code_costs_itself(tmp_path, monkeypatch):
    read = importing.read_indexed_record

    def failing_read(job: Any, *others: Any) -> Any:
        if job.url.endswith("/bad"):
            raise TypeError("never thought of")
        return read(job, *others)

    monkeypatch.setattr(importing, "read_indexed_record", failing_read)
    write(tmp_path / "a.warc.gz", [record(f"{SITE}/{name}", answer(page(name))) for name in ("bad", "good")])
    with Archive.open(tmp_path / "a.db") as archive:
        _, lines = import_files(archive, tmp_path, "a.warc.gz")
        reasons = dict(archive.db.execute("SELECT url, reason FROM urls WHERE kind = 'page'").fetchall())
    assert reasons == {f"{SITE}/bad": "error:TypeError", f"{SITE}/good": "article"}
    assert [line.count("never thought of") for line in lines] == [1]


def at(hour: int) -> str:
    return f"2024-03-01T{hour:02}:00:00Z"


def revisit(name: str, hour: int, block: bytes = b"", **headers: str) -> bytes:
    """A revisit; `refers_to` is a name and an hour."""
    name_and_hour = headers.pop("refers_to", "")
    if name_and_hour:
        target, target_hour = name_and_hour.split()
        headers |= {"WARC-Refers-To-Target-URI": f"{SITE}/{target}", "WARC-Refers-To-Date": at(int(target_hour))}
    return record(f"{SITE}/{name}", block, at(hour), "revisit", **headers)


ONE, TWO = page("one", "/linked", "/private/x"), page("two")
XMLNS = "http://www.sitemaps.org/schemas/sitemap/0.9"
SITEMAP = f'<?xml version="1.0"?><urlset xmlns="{XMLNS}"><url><loc>{SITE}/listed</loc></url></urlset>'

FIRST = [
    record(f"{SITE}/one", answer(ONE), at(3), WARC_Payload_Digest=digest(ONE.encode())),
    record(
        f"{SITE}/robots.txt",
        answer("User-agent: *\nDisallow: /private/\nContent-Usage: train-ai=n\n", content_type="text/plain"),
        at(5),
    ),
    record(f"{SITE}/news.xml", answer(SITEMAP, content_type="application/xml"), at(6)),
    record(f"{SITE}/one", answer(ONE.replace("harbour town", "market town")), at(9)),
    record(f"{SITE}/one", answer(ONE), at(1)),
    revisit("named", 16, answer("", "304 Not Modified"), refers_to="one 9"),
    revisit("same", 11, WARC_Payload_Digest=digest(ONE.encode())),
    revisit("other", 17, answer("", "200 OK"), refers_to="one 9", WARC_Payload_Digest="sha1:OTHER"),
    revisit("own", 13, answer(TWO), WARC_Payload_Digest="sha1:GONE"),
    revisit("own304", 13, answer("", "304 Not Modified"), refers_to="one 3", WARC_Payload_Digest="sha1:GONE"),
    revisit("wrong", 13, answer("", "200 OK"), refers_to="one 3", WARC_Payload_Digest="sha1:OTHER"),
    revisit("md5", 13, answer("", "200 OK"), refers_to="one 3", WARC_Payload_Digest="md5:OTHER"),
    revisit("lower", 13, answer("", "200 OK"), refers_to="one 3", WARC_Payload_Digest=digest(ONE.encode()).lower()),
    revisit("one", 14),
    revisit("nothing", 15),
    record(f"{SITE}/moved", answer("", "301 Moved", location=f"{SITE}/one"), at(4)),
    record(f"{SITE}/gone", answer("<p>gone", "404 Not Found"), at(4)),
    record(f"{SITE}/down", answer("<p>down", "503 Down"), at(4)),
    record(f"{SITE}/empty", answer(""), at(4)),
    record(f"{SITE}/odd", b"no status line\r\n\r\nx", at(4)),
    record(f"{SITE}/skipped/page", answer(TWO), at(4)),
    record(f"{SITE}/removed", answer(TWO), at(4)),
]

SECOND = [
    record(f"{OTHER}/robots.txt", answer("", "404 Not Found"), at(4)),
    record(f"{OTHER}/two", answer(TWO)[:-200], at(4), WARC_Truncated="length", WARC_Block_Digest=""),
    record(f"{OTHER}/two", answer(TWO), at(2)),
    record(f"{OTHER}/two", answer(TWO), at(2)),
    revisit("none", 16, refers_to="nothing 9"),
]

THIRD = [
    record(f"{SITE}/one", answer(TWO), at(0)),
    record(f"{SITE}/gone", answer(TWO), at(20)),
    record(f"{SITE}/odd", b"no status line", at(20)),
    record(f"{SITE}/listed", answer(TWO), at(20)),
    revisit("nothing", 20),
    record(f"{SITE}/skipped/more", answer(TWO), at(20)),
]

_URLS = """SELECT url, kind, state, reason, fetched_at, http_status, found_via, location FROM urls ORDER BY url"""
_CAPTURES = """SELECT c.url, c.fetched_at, c.http_status, c.final_url = c.url, c.content_type, c.warc_file, c.usage,
    (SELECT substr(host, 1, 1) FROM robots_files WHERE id = c.robots_id), o.url || ' ' || o.fetched_at,
    c.truncated, c.record_faults
    FROM captures c LEFT JOIN captures o ON o.id = c.refers_to ORDER BY c.url, c.fetched_at, c.warc_offset"""

FIRST_URLS = """
/down page failed http_503 4h 503 archive
/empty page done empty 4h 200 archive
/gone page failed http_404 4h 404 archive
/linked page skipped not_in_archive - - link
/listed page skipped not_in_archive - - sitemap
/lower page done article 13h 200 archive
/md5 page done article 13h 200 archive
/moved page done redirect 4h 301 archive /one
/named page done article 16h 200 archive
/news.xml page done sitemap 6h 200 archive
/none page skipped not_in_archive - - archive
/nothing page skipped not_in_archive - - archive
/odd page failed bad_http 4h - archive
/one page done article 14h 200 archive
/other page done article 17h 200 archive
/own page done article 13h 200 archive
/own304 page done article 13h 200 archive
/private/x page skipped not_in_archive - - link
/removed page skipped forgotten - - archive
/robots.txt robots done robots 5h 200 robots
/same page done article 11h 200 archive
/skipped/page page skipped pattern - - archive
/wrong page done article 13h 200 archive
b/robots.txt robots done robots 4h 404 robots
b/two page done article 4h 200 archive
"""

FIRST_CAPTURES = """
/down 4h 503 1 html a.warc.gz no-ai a
/empty 4h 200 1 html a.warc.gz no-ai a
/gone 4h 404 1 html a.warc.gz no-ai a
/lower 13h 200 1 html a.warc.gz no-ai a /one 3h
/md5 13h 200 1 html a.warc.gz no-ai a /one 3h
/moved 4h 301 1 html a.warc.gz no-ai a
/named 16h 200 1 html a.warc.gz no-ai a /one 9h
/news.xml 6h 200 1 application/xml a.warc.gz no-ai a
/one 1h 200 1 html a.warc.gz no-ai a
/one 3h 200 1 html a.warc.gz no-ai a
/one 9h 200 1 html a.warc.gz no-ai a
/one 14h 200 1 html a.warc.gz no-ai a /one 9h
/other 17h 200 1 html a.warc.gz no-ai a /one 9h
/own 13h 200 1 html a.warc.gz no-ai a - - bad_revisit
/own304 13h 200 1 html a.warc.gz no-ai a /one 3h
/robots.txt 5h 200 1 text/plain a.warc.gz [] a
/same 11h 200 1 html a.warc.gz no-ai a /one 3h
/wrong 13h 200 1 html a.warc.gz no-ai a /one 3h - bad_revisit
b/robots.txt 4h 404 1 html b.warc.gz [] b
b/two 2h 200 1 html b.warc.gz [] b
b/two 4h 200 1 html b.warc.gz [] b - length
"""

THIRD_ROWS = """
/gone page done article 20h 200 archive
/listed page done article 20h 200 sitemap
/skipped/more page skipped pattern - - archive
/gone 20h 200 1 html c.warc.gz no-ai a
/listed 20h 200 1 html c.warc.gz no-ai a
/one 0h 200 1 html c.warc.gz []
"""


def rows_of(archive: Archive, query: str) -> list[str]:
    """The rows of a query, short: a hyphen is nothing, and what is nothing at the end is left out."""

    def short(value: object) -> str:
        text = str("-" if value in (None, "") else value).replace(SITE, "").replace("https://b.example", "b")
        text = text.replace('["train-ai=n"]', "no-ai").replace("text/html; charset=utf-8", "html")
        return re.sub(r"2024-03-01T0?(\d+):00:00Z\Z", r"\1h", text)

    return [re.sub("( -)+$", "", " ".join(map(short, row))) for row in archive.db.execute(query).fetchall()]


def test_what_each_kind_of_record_becomes(tmp_path):
    for name, records in (("a", FIRST), ("b", SECOND), ("c", THIRD)):
        write(tmp_path / f"{name}.warc.gz", records)
    with Archive.open(tmp_path / "a.db") as archive:
        take_down(archive.db, f"{SITE}/removed", "")
        importer, lines = import_files(archive, tmp_path, "a.warc.gz", "b.warc.gz", exclude=("/skipped/",))
        urls, captures = rows_of(archive, _URLS), rows_of(archive, _CAPTURES)
        assert "\n".join(urls) == FIRST_URLS.strip()
        assert "\n".join(captures) == FIRST_CAPTURES.strip()
        assert importer.outcome_counts == {
            "page/done/article": 14, "robots/done/robots": 2, "page/done/sitemap": 1, "page/done/redirect": 1,
            "page/done/empty": 1, "page/failed/http_404": 1, "page/failed/http_503": 1, "page/failed/bad_http": 1,
            "page/skipped/not_in_archive": 2, "page/skipped/pattern": 1, "page/skipped/forgotten": 1,
        }  # fmt: skip
        assert importer.record_counts == {"known": 1, "unreadable": 1}
        unread = [f"a.warc.gz, byte N: bad_http: no status line ({SITE}/odd)"]
        assert [re.sub(r"byte \d+", "byte N", line) for line in lines] == unread

        importer, lines = import_files(archive, tmp_path, "a.warc.gz", "b.warc.gz", exclude=("/skipped/",))
        assert (importer.outcome_counts, importer.record_counts) == ({}, {"known": 27, "unreadable": 1})
        assert (rows_of(archive, _URLS), rows_of(archive, _CAPTURES), len(lines)) == (urls, captures, 1)

        importer, _ = import_files(archive, tmp_path, "c.warc.gz", exclude=("/skipped/",))
        assert importer.outcome_counts == {"page/done/article": 2, "page/skipped/pattern": 1}
        assert importer.record_counts == {"known": 2, "unreadable": 1, "older": 1}
        rows = [row for row in rows_of(archive, _URLS) if row not in urls]
        rows += [row for row in rows_of(archive, _CAPTURES) if row not in captures]
        assert "\n".join(rows) == THIRD_ROWS.strip()


def test_a_revisit_right_after_its_original_refers_to_it(tmp_path):
    """The original, under another URL, is still under way when the revisit comes."""
    records = [record(f"{SITE}/one", answer(ONE), at(1)), revisit("same", 2, refers_to="one 1")]
    write(tmp_path / "a.warc.gz", records)
    with Archive.open(tmp_path / "a.db") as archive:
        import_files(archive, tmp_path, "a.warc.gz")
        assert rows_of(archive, _CAPTURES) == [
            "/one 1h 200 1 html a.warc.gz []", "/same 2h 200 1 html a.warc.gz [] - /one 1h",
        ]  # fmt: skip


def picture(name: str, shade: int, **headers: str) -> bytes:
    return record(f"{SITE}/{name}.png", answer(png(shade=shade), content_type="image/png", **headers))


def test_what_is_kept_of_pictures(tmp_path, monkeypatch):
    """In two batches and a part. Some are refused by themselves, by their page, or are none."""
    monkeypatch.setattr(importing, "_BATCH", 2)
    links = [f"/{name}.png" for name in ("a", "b", "c", "again", "own", "other", "none", "gone")]
    records = [
        record(f"{SITE}/one", answer(illustrated("one", *links))),
        *(picture(name, shade) for shade, name in enumerate("abc", 7)),
        revisit("again.png", 10, refers_to="a.png 10"),
        picture("own", 20, content_usage="train-ai=n"),
        picture("other", 21, x_robots_tag="otherbot: noindex"),
        record(f"{SITE}/none.png", answer("<p>sign in", content_type="image/png")),
        record(f"{SITE}/two", answer(illustrated("two", "/two.png"), x_robots_tag="noimageindex")),
        picture("two", 22),
        picture("nobodys", 23),
    ]
    write(tmp_path / "a.warc.gz", records)
    with Archive.open(tmp_path / "a.db") as archive:
        import_files(archive, tmp_path, "a.warc.gz")
        settle(archive.db)
        assert take_pictures(archive, obeys_directives=True).total() == 5
        kept = rows_of(archive, "SELECT image FROM article_pictures ORDER BY image")
        assert kept == ["/a.png", "/again.png", "/b.png", "/c.png", "/other.png"]
        assert take_pictures(archive, obeys_directives=False).total() == 2
        assert take_pictures(archive, obeys_directives=False).total() == 0
        query = "SELECT url, kind, state, reason, fetched_at, http_status, found_via FROM urls WHERE kind = 'picture'"
        assert rows_of(archive, f"{query} ORDER BY url") == [
            f"/{name}.png picture done picture 10h 200 archive"
            for name in ("a", "again", "b", "c", "other", "own", "two")
        ]


SHELL = "<html><head><title>App</title></head><body><div id=root></div><script src=a.js></script></body></html>"
LATER = "2024-03-01T10:00:05Z"


def text(name: str, prefix: str = "urn:text:", at: str = LATER, count: int = 8) -> bytes:
    sentence = "The council decided on Tuesday to rebuild the harbour wall before the winter storms"
    sentences = (f"{sentence}, {name} {number}." for number in range(count))
    block = "\n".join(["Home", f"The {name} story", *sentences, "A < B"]).encode()
    return record(f"{prefix}{SITE}/{name}", block, at, "resource", Content_Type='text/plain; charset="UTF-8"')


@contextmanager
def imported(folder: Path, *records: bytes, **options: object) -> Iterator[Archive]:
    """The archive of these records, imported in one file."""
    write(folder / "a.warc.gz", records)
    with Archive.open(folder / "a.db") as archive:
        import_files(archive, folder, "a.warc.gz", **options)
        yield archive


def texts(archive: Archive) -> dict[str, str]:
    return {url.removeprefix(f"{SITE}/"): text for url, text in archive.db.execute("SELECT url, text FROM articles")}


def test_a_rendered_page_takes_the_place_of_a_shell_and_of_nothing_else(tmp_path):
    document = page("dom").encode()
    with imported(
        tmp_path,
        text("app"),  # before its response in the file, and after it in time
        record(f"{SITE}/app", answer(SHELL)),
        text("lone", "urn:text:20240301100005123/"),
        record(f"{SITE}/own", answer(page("own"))),
        text("own"),
        record(f"{SITE}/final", answer(SHELL)),
        text("final", count=3),
        text("final", "urn:textFinal:", "2024-03-01T10:00:09Z", count=9),
        record(f"{SITE}/gone", answer("<p>Not here</p>", "404 Not Found")),
        text("gone"),
        record(f"{SITE}/moved", answer("", "301 Moved", location="/own")),
        text("moved"),
        record(f"{SITE}/dom", answer(SHELL)),
        record(f"{SITE}/dom", document, LATER, "conversion", X_DOM_Snapshot="True", Content_Type="text/html"),
        record(f"urn:view:{SITE}/app", b"\x89PNG", LATER, "resource", Content_Type="image/png"),
        record(f"urn:pageinfo:{SITE}/app", b"{}", LATER, "resource", Content_Type="application/json"),
    ) as archive:
        found = texts(archive)
        assert set(found) == {"app", "lone", "own", "final", "dom"}
        assert "harbour wall before the winter storms, app 7." in found["app"]
        assert "own0word3" in found["own"]
        assert "final 8." in found["final"]
        assert "dom0word3" in found["dom"]
        query = "SELECT url FROM captures WHERE rendered_for = url AND id IN (SELECT capture_id FROM pages)"
        rendered = {url.removeprefix(f"{SITE}/") for (url,) in archive.db.execute(query)}
        assert rendered == {"app", "lone", "final", "dom"}
        assert archive.db.execute("SELECT count(*) FROM captures WHERE rendered_for = url").fetchone() == (8,)
        states = dict(archive.db.execute("SELECT url, reason FROM urls").fetchall())
        assert states[f"{SITE}/gone"] == "http_404"
        assert states[f"{SITE}/moved"] == "redirect"
        assert list(raw_faults(archive.db, archive.path)) == []


def test_what_a_response_says_of_its_use_holds_for_its_rendered_page(tmp_path):
    shell = answer(SHELL, x_robots_tag="noarchive", content_usage="train-ai=n", tdm_reservation="1")
    with imported(tmp_path, record(f"{SITE}/app", shell), text("app")) as archive:
        query = "SELECT directives, usage FROM captures WHERE rendered_for = url"
        directives, usage = map(json.loads, archive.db.execute(query).fetchone())
        assert (directives, usage) == (["noarchive", "tdm-reservation: 1"], ["train-ai=n"])
        assert set(texts(archive)) == {"app"}
    (tmp_path / "b").mkdir()
    with imported(tmp_path / "b", record(f"{SITE}/app", shell), text("app"), obey_directives=True) as archive:
        assert texts(archive) == {}


def test_scoop_s_snapshot_is_the_page_of_its_file(tmp_path):
    snapshot = answer(page("scoop"), content_type="text/html", content_disposition="Attachment")
    with imported(
        tmp_path,
        record(f"{SITE}/app", answer(SHELL)),
        record("https://cdn.example/frame", answer(SHELL)),
        record("file:///screenshot.png", answer(b"\x89PNG", content_type="image/png"), LATER),
        record("file:///dom-snapshot.html", snapshot, LATER),
    ) as archive:
        assert set(texts(archive)) == {"app"}


LEAD = png(shade=50)
KEPT = {"/i/a.png", "/i/b.jpg", "/i/lead.png", "/i/moved.png", "/i/same.png", "/i/draw.svg"}


def chunked(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def a_picture(path: str, body: bytes, **headers: str) -> bytes:
    return record(SITE + path, answer(body, content_type="image/png", **headers))


def a_site() -> list[bytes]:
    """Two articles with pictures, as other crawlers write them, and files that belong to no article."""
    one = illustrated("one", "/i/a.png", "/i/b.jpg", "/i/moved.png", "/i/missing.png", lead=f"{SITE}/i/lead.png")
    two = illustrated("two", "/i/same.png", "/i/draw.svg", "/i/page.png", "/i/huge.png")
    return [
        record(f"{SITE}/one", answer(one)),
        record(f"{SITE}/two", answer(two)),
        a_picture("/i/a.png", png()),
        a_picture("/i/b.jpg", gzip.compress(jpeg()), content_encoding="gzip"),
        a_picture("/i/lead.png", chunked(LEAD), transfer_encoding="chunked"),
        record(f"{SITE}/i/moved.png", answer("", "302 Found", location="/i/half.png")),
        record(f"{SITE}/i/half.png", answer("", "302 Found", location="/i/there.png")),
        a_picture("/i/there.png", png(shade=9)),
        a_picture("/i/same.png", png(), transfer_encoding="chunked", content_encoding="gzip"),  # neither
        record(f"{SITE}/i/draw.svg", SVG, kind="resource", Content_Type="image/svg+xml"),
        a_picture("/i/page.png", b"<html><body>sign in</body></html>"),
        a_picture("/i/huge.png", png(60_000, 60_000)),
        a_picture("/i/other.png", png(shade=77)),
    ]


def shown(db: Path) -> set[str]:
    return {url.removeprefix(SITE) for (url,) in rows(db, "SELECT image FROM article_pictures")}


@pytest.mark.slow
def test_pictures_of_articles_are_kept_and_no_others(tmp_path):
    file, db = write(tmp_path / "a.warc.gz", a_site()), tmp_path / "a.db"
    code, out, errors = command("import", file, "--db", db)
    assert code == 0, errors
    assert shown(db) == set()

    code, out, errors = command("import", file, "--db", db, "--keep", "pictures")
    assert (code, out) == (0, "Kept 6 pictures of files that were imported before.\n"), errors
    assert shown(db) == KEPT
    states = {
        url.removeprefix(SITE): tuple(rest) for url, *rest in rows(db, "SELECT url, kind, state, reason FROM urls")
    }
    assert states["/i/a.png"] == ("picture", "done", "picture")
    assert states["/i/other.png"] == states["/i/huge.png"] == ("page", "skipped", "media_type")
    assert "/i/missing.png" not in states
    assert rows(db, f"SELECT count(*) FROM {PICTURES}") == [(6,)]
    code, out, errors = verb("verify", db)
    assert code == 0, out + errors
    exported = tmp_path / "html"
    assert verb("export", db, "--format", "html", "-o", exported)[0] == 0, "files are read from the records"
    assert LEAD in {file.read_bytes() for file in (exported / "pictures").iterdir()}
    assert "Nothing to do" in command("import", file, "--db", db, "--keep", "pictures")[1]


@pytest.mark.slow
def test_pictures_are_kept_at_once_and_refusals_are_obeyed(tmp_path):
    records = [
        *a_site(),
        record(f"{SITE}/three", answer(illustrated("three", "/i/c.png"), x_robots_tag="noimageindex")),
        a_picture("/i/c.png", png(shade=3)),
        record(f"{SITE}/four", answer(illustrated("four", "/i/d.png"))),
        a_picture("/i/d.png", png(shade=4), content_usage="train-ai=n"),
    ]
    file, db, obeying = write(tmp_path / "a.warc.gz", records), tmp_path / "a.db", tmp_path / "b.db"
    code, out, _ = command("import", file, "--db", db, "--keep", "pictures")
    assert (code, "8 pictures" in out) == (0, True), out
    assert shown(db) == KEPT | {"/i/c.png", "/i/d.png"}
    assert command("import", file, "--db", obeying, "--keep", "pictures", "--obey-directives")[0] == 0
    assert shown(obeying) == KEPT


@pytest.mark.slow
def test_what_pages_show_is_taken_from_the_files_and_asked_for_later_where_they_lack_it(tmp_path):
    def sheet(path: str, text: str) -> bytes:
        return record(f"{SITE}{path}", answer(text, content_type="text/css"))

    links = "".join(f'<link rel="stylesheet" href="/s/{name}.css">' for name in ("before", "after", "missing"))
    records = [
        sheet("/s/before.css", "@import 'more.css'; p { background: url(/i/paper.png) }"),
        record(f"{SITE}/one", answer(page("one", head=links, extra='<aside><img src="/i/beside.png"></aside>'))),
        sheet("/s/after.css", "p {}"),
        sheet("/s/more.css", "@import 'deeper.css';"),
        sheet("/s/deeper.css", "p {}"),
        a_picture("/i/paper.png", png(shade=1)),
        a_picture("/i/beside.png", png(shade=2)),
    ]
    file, db = write(tmp_path / "a.warc.gz", records), tmp_path / "a.db"
    code, out, errors = command("import", file, "--db", db, "--keep", "page")
    assert (code, "2 pictures, 3 style sheets" in out) == (0, True), out + errors
    kept = {url.removeprefix(SITE): reason for url, reason in rows(db, "SELECT url, reason FROM urls")}
    assert {url for url, reason in kept.items() if reason == "style"} == {
        "/s/before.css",
        "/s/after.css",
        "/s/more.css",
    }
    assert {url for url, reason in kept.items() if reason == "picture"} == {"/i/paper.png", "/i/beside.png"}
    assert (kept["/s/missing.css"], kept["/s/deeper.css"]) == ("not_in_archive", "media_type")
    with Archive.open(db) as archive:
        assert archive.queue_pictures(obeys_directives=False) == 1
        queued = rows_of(archive, "SELECT url, found_via FROM urls WHERE state = 'queued'")
    assert queued == ["/s/missing.css style"]
    assert verb("verify", db)[0] == 0
