"""`broadsheet doctor`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands import doctor, spider_run
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome, RobotsFile
from tests.crawler.scripted_site import Reply, page
from tests.crawler.shell import command
from tests.crawler.warcs import answer, record, write

SUBJECTS = ["broadsheet", "Python", "system", "libraries", "SQLite", "workers", "browser", "disk", "clock"]


def subjects(out: str) -> list[str]:
    return [line[4:].partition(":")[0] for line in out.splitlines()]


def test_a_machine_in_order_is_0_and_nothing_is_left(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert subjects(out) == [*SUBJECTS, "site"]
    assert "BAD" not in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_site_is_asked_for_its_robots_txt(serve, tmp_path):
    site = serve({"/": page("home"), "/robots.txt": Reply("User-agent: *\nDisallow: /x\n")})
    code, out, errors = command("doctor", f"{site.url}/", "--allow-private", "--db", tmp_path / "a.db")
    assert (code, errors) == (0, "")
    assert subjects(out)[:11] == [*SUBJECTS, "robots.txt", "site"]
    assert f"ok  robots.txt: {site.url}/robots.txt: HTTP 200 OK" in out
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_bad(tmp_path, capsys):
    assert run(["doctor", "--db", str(tmp_path / "none" / "a.db")]) == 1
    out = capsys.readouterr().out
    assert f"BAD disk: {tmp_path / 'none'} cannot be written: No such file or directory" in out


@pytest.mark.parametrize(
    ("free", "program", "now", "lines"),
    [
        (
            1_000_000_000, "none is found", datetime(2026, 11, 1, 0, 0, 1, tzinfo=UTC),
            ["ok  browser: none is used: none is found (/bin/chromium)", "ok  disk: {} can be written, 1.0 GB are free",
             "ok  clock: 2026-11-01 00:00:01 UTC", "--- site: name a URL to check its robots.txt"],
        ),
        (
            999_999_999, SimpleNamespace(program="/bin/chromium"), datetime(2026, 11, 1, tzinfo=UTC),
            ["ok  browser: Playwright 1.2 with /bin/chromium", "BAD disk: {} can be written, 1.0 GB are free",
             "BAD clock: 2026-11-01 00:00:00 UTC", "--- site: name a URL to check its robots.txt"],
        ),
    ],
)  # fmt: skip
def test_what_the_machine_has_is_told(free, program, now, lines, tmp_path, monkeypatch, capsys):
    found = SimpleNamespace(
        find_chromium=lambda *, allows_no_sandbox: "unsafe" if allows_no_sandbox else program,
        find_program=lambda: "/bin/chromium",
    )
    monkeypatch.setattr(doctor, "chromium", found)
    monkeypatch.setattr(doctor, "version", lambda name: "1.2")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    monkeypatch.setattr(doctor, "datetime", SimpleNamespace(now=lambda zone: now.astimezone(zone)))
    assert run(["doctor", "--db", str(tmp_path / "a.db")]) == int("BAD" in "".join(lines))
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if line.split(":")[0][4:] in ("browser", "disk", "clock", "site")] == [
        line.format(tmp_path) for line in lines
    ]
    assert printed[1].partition(" (")[0] == f"ok  Python: {sys.version.split()[0]}"


NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def crawled(archive: Path, outcomes: Iterable[Outcome], seconds: float) -> None:
    """Make what a crawl of one page leaves, with a site whose clock is some seconds behind this one."""
    with Archive.open(archive) as made:
        made.save(outcomes)
    stated = format_datetime(NOW - timedelta(seconds=seconds), usegmt=True)
    folder = Path(f"{archive}.warc")
    folder.mkdir(exist_ok=True)
    request = record("http://a.example/", f"GET / HTTP/1.1\r\nDate: {stated}\r\n\r\n".encode(), kind="request")
    write(folder / "a.warc.gz", [request, record("http://a.example/", answer("x", date=stated))])


def robots(access: str, reason: str) -> Outcome:
    url = "http://a.example/robots.txt"
    file = RobotsFile("a.example", url, "2026-01-01T00:00:00Z", access, reason)
    return Outcome(url, "done", "robots", 200, "2026-01-01T00:00:00Z", robots_file=file)


@pytest.mark.parametrize(
    ("outcomes", "seconds", "code", "lines"),
    [
        (
            [robots("rules", "http_200"), Outcome("http://a.example/", "done", "article")], 119, 0,
            ["ok  robots.txt: http://a.example/robots.txt: HTTP 200 OK",
             "ok  site: http://a.example/: done, an article"],
        ),
        (
            [robots("nothing", "http_503:5"), Outcome("http://a.example/", "failed", "robots_unreachable")], 120, 1,
            ["BAD robots.txt: http://a.example/robots.txt: HTTP 503 Service Unavailable",
             "BAD site: http://a.example/: failed, the site's robots.txt could not be read, so nothing may be asked"
             " for"],
        ),
        ([], 0, 1, ["BAD site: http://a.example/ gave nothing"]),
    ],
)  # fmt: skip
def test_what_a_site_answers_is_told_with_its_clock(outcomes, seconds, code, lines, monkeypatch, capsys):
    asked: list[Any] = []

    def run_spider(db: str, arguments: Any, settings: Any) -> None:
        asked.append((arguments, settings))
        crawled(Path(db), outcomes, seconds)

    monkeypatch.setattr(spider_run, "run_spider", run_spider)
    monkeypatch.setattr(doctor.processes, "start_workers", lambda: None)
    monkeypatch.setattr(doctor, "datetime", SimpleNamespace(now=NOW.astimezone))
    assert run(["doctor", "http://a.example/", "--allow-private"]) == code
    mark = "BAD" if seconds > 119 else "ok "
    assert capsys.readouterr().out.splitlines()[len(SUBJECTS) :] == [
        *lines, f"{mark} site's clock: {seconds} s from this one",
    ]  # fmt: skip
    assert asked == [(
        {"seeds": ("http://a.example/",), "max_pages": 1, "sitemaps": False, "feeds": False,
         "links": False},
        {"BROADSHEET_COMMAND": True, "BROADSHEET_ALLOW_PRIVATE": True, "BROADSHEET_DELAY": 1.0,
         "BROADSHEET_CONCURRENCY": 1, "BROADSHEET_PROGRESS": False,
         "CONCURRENT_REQUESTS": 1, "LOG_LEVEL": "ERROR",
         "BROADSHEET_URL_LINES": False},
    )]  # fmt: skip
