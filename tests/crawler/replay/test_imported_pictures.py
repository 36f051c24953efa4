"""Pictures of imported files: those of articles become files of the archive."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.crawler.pictures import SVG, illustrated, jpeg, png
from tests.crawler.shell import command, rows, verb
from tests.crawler.warcs import answer, record, write
from tests.internal_tables import PICTURES

SITE = "https://a.example"
LEAD = png(shade=50)
KEPT = {"/i/a.png", "/i/b.jpg", "/i/lead.png", "/i/moved.png", "/i/same.png", "/i/draw.svg"}


def chunked(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def picture(path: str, body: bytes, **headers: str) -> bytes:
    return record(SITE + path, answer(body, content_type="image/png", **headers))


def a_site() -> list[bytes]:
    """Two articles with pictures, as other crawlers write them, and files that belong to no article."""
    one = illustrated("one", "/i/a.png", "/i/b.jpg", "/i/moved.png", "/i/missing.png", lead=f"{SITE}/i/lead.png")
    two = illustrated("two", "/i/same.png", "/i/draw.svg", "/i/page.png", "/i/huge.png")
    return [
        record(f"{SITE}/one", answer(one)),
        record(f"{SITE}/two", answer(two)),
        picture("/i/a.png", png()),
        picture("/i/b.jpg", gzip.compress(jpeg()), content_encoding="gzip"),
        picture("/i/lead.png", chunked(LEAD), transfer_encoding="chunked"),
        record(f"{SITE}/i/moved.png", answer("", "302 Found", location="/i/half.png")),
        record(f"{SITE}/i/half.png", answer("", "302 Found", location="/i/there.png")),
        picture("/i/there.png", png(shade=9)),
        picture("/i/same.png", png(), transfer_encoding="chunked", content_encoding="gzip"),  # neither
        record(f"{SITE}/i/draw.svg", SVG, kind="resource", Content_Type="image/svg+xml"),
        picture("/i/page.png", b"<html><body>sign in</body></html>"),
        picture("/i/huge.png", png(60_000, 60_000)),
        picture("/i/other.png", png(shade=77)),
    ]


def shown(db: Path) -> set[str]:
    return {url.removeprefix(SITE) for (url,) in rows(db, "SELECT image FROM article_pictures")}


@pytest.mark.slow
def test_pictures_of_articles_are_kept_and_no_others(tmp_path: Path) -> None:
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
def test_pictures_are_kept_at_once_and_refusals_are_obeyed(tmp_path: Path) -> None:
    records = [
        *a_site(),
        record(f"{SITE}/three", answer(illustrated("three", "/i/c.png"), x_robots_tag="noimageindex")),
        picture("/i/c.png", png(shade=3)),
        record(f"{SITE}/four", answer(illustrated("four", "/i/d.png"))),
        picture("/i/d.png", png(shade=4), content_usage="train-ai=n"),
    ]
    file, db, obeying = write(tmp_path / "a.warc.gz", records), tmp_path / "a.db", tmp_path / "b.db"
    code, out, _ = command("import", file, "--db", db, "--keep", "pictures")
    assert (code, "8 pictures" in out) == (0, True), out
    assert shown(db) == KEPT | {"/i/c.png", "/i/d.png"}
    assert command("import", file, "--db", obeying, "--keep", "pictures", "--obey-directives")[0] == 0
    assert shown(obeying) == KEPT
