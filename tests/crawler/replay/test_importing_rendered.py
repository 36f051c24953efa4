"""Pages as browsers of other crawlers rendered them, taken from their records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broadsheet.output.raw.warc_reader import raw_faults
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.replay.test_importing import import_files
from tests.crawler.scripted_site import page
from tests.crawler.warcs import answer, record, write

SITE = "https://a.example"
SHELL = "<html><head><title>App</title></head><body><div id=root></div><script src=a.js></script></body></html>"
LATER = "2024-03-01T10:00:05Z"
LATEST = "2024-03-01T10:00:09Z"


def lines(name: str, count: int = 8) -> bytes:
    sentence = "The council decided on Tuesday to rebuild the harbour wall before the winter storms"
    sentences = (f"{sentence}, {name} {number}." for number in range(count))
    return "\n".join(["Home", f"The {name} story", *sentences, "A < B"]).encode()


def text(name: str, prefix: str = "urn:text:", at: str = LATER, count: int = 8) -> bytes:
    block = lines(name, count)
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


def test_a_rendered_page_takes_the_place_of_a_shell_and_of_nothing_else(tmp_path: Path) -> None:
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
        text("final", "urn:textFinal:", LATEST, count=9),
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
        assert list(raw_faults(archive.db, tmp_path)) == []


def test_what_a_response_says_of_its_use_holds_for_its_rendered_page(tmp_path: Path) -> None:
    shell = answer(SHELL, x_robots_tag="noarchive", content_usage="train-ai=n", tdm_reservation="1")
    with imported(tmp_path, record(f"{SITE}/app", shell), text("app")) as archive:
        query = "SELECT directives, usage FROM captures WHERE rendered_for = url"
        directives, usage = map(json.loads, archive.db.execute(query).fetchone())
        assert (directives, usage) == (["noarchive", "tdm-reservation: 1"], ["train-ai=n"])
        assert set(texts(archive)) == {"app"}
    (tmp_path / "b").mkdir()
    with imported(tmp_path / "b", record(f"{SITE}/app", shell), text("app"), obey_directives=True) as archive:
        assert texts(archive) == {}


def test_scoop_s_snapshot_is_the_page_of_its_file(tmp_path: Path) -> None:
    snapshot = answer(page("scoop"), content_type="text/html", content_disposition="Attachment")
    with imported(
        tmp_path,
        record(f"{SITE}/app", answer(SHELL)),
        record("https://cdn.example/frame", answer(SHELL)),
        record("file:///screenshot.png", answer(b"\x89PNG", content_type="image/png"), LATER),
        record("file:///dom-snapshot.html", snapshot, LATER),
    ) as archive:
        assert set(texts(archive)) == {"app"}
