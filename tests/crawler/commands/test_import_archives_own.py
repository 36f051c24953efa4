"""Responses of the archive's own folder that no row names are taken in, but for what was taken down."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.output.archive.page_rows import make_page_rows
from broadsheet.output.raw.raw_exchange import Capture, RawExchange
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.crawler.scripted_site import page
from tests.crawler.shell import rows, verb
from tests.internal_tables import WARC_FILES
from tests.output.conftest import Clock

SITE = "https://a.example"
STATES = "SELECT url, state, reason FROM urls ORDER BY url"
LENGTHS = f"SELECT length FROM {WARC_FILES} ORDER BY name"
pytestmark = pytest.mark.usefixtures("workers_here")


def crawl(db: Path, *names: str, day: int = 1) -> None:
    """Store a page of each name with its raw response, as a crawl does."""
    clock = Clock(86_400 * day)
    with Archive.open(db, clock) as archive:
        archive.keep_raw({"software": "tests"})
        for name in names:
            url, body, at = f"{SITE}/{name}", page(name).encode(), clock()
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
            request = f"GET /{name} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode()
            capture = Capture(url, at, 200, url, "text/html", f"sha256:{name}", len(body))
            capture = replace(capture, raw=RawExchange(request, head, body))
            stored = make_page_rows(clean(Page(url, body, "text/html", fetched_at=at)))
            archive.save([Outcome(url, "done", "article", 200, at, capture, stored)])
        settle(archive.db)


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive whose database is older than its folder, which has two pages more."""
    monkeypatch.chdir(tmp_path)
    crawl(Path("a.db"), "river", "mill")
    shutil.copy("a.db", "backup")
    crawl(Path("a.db"), "tower", "quay", day=0)
    os.replace("backup", "a.db")
    return Path("a.db")


def printed(*arguments: object) -> tuple[int, str, str]:
    code, out, errors = verb(*arguments)
    return code, re.sub(r"in \d+ s", "in N s", out).partition("\nNext:")[0], errors


def states(db: Path) -> dict[str, str]:
    return {url.removeprefix(f"{SITE}/"): f"{state}/{reason}" for url, state, reason in rows(db, STATES)}


def test_what_is_newer_than_the_database_is_taken_in_and_again_nothing(db):
    lengths_before = rows(db, LENGTHS)
    code, out, errors = printed("import", "--own", "--db", db)
    assert (code, errors) == (0, "")
    assert out.splitlines()[:2] == [
        "4 articles in a.db; 2 pages taken in in N s",
        "New: 2",
    ]
    assert states(db) == dict.fromkeys(("mill", "quay", "river", "tower"), "done/article")
    [run] = rows(db, "SELECT outcome, reason, counts FROM runs WHERE command LIKE 'import --own %'")
    assert run[:2] == ("finished", "")
    assert '"page/done/article": 2' in run[2]
    assert rows(db, LENGTHS) == [(file.stat().st_size,) for file in files(db)]
    assert rows(db, LENGTHS) != lengths_before
    assert printed("import", "--own", "--db", db) == (0, "Nothing to take in: each response has its row.\n", "")
    assert printed("import", "--own", "--db", db, "--quiet") == (0, "", "")
    assert printed("verify", db) == (0, "in order: 4 articles\n", "")


def files(db: Path) -> list[Path]:
    return sorted(Path(f"{db}.warc").glob("*.warc.gz"))


def test_what_was_taken_down_stays_away_and_is_erased(db):
    with Archive.open(db) as archive:
        archive.save([Outcome(f"{SITE}/tower", "failed", "http_500")])
    assert verb("forget", db, f"{SITE}/tower", "--yes")[0] == 0
    code, out, errors = printed("import", "--own", "--db", db)
    assert (code, errors) == (0, "")
    assert out.splitlines()[0] == "3 articles in a.db; 1 page taken in in N s"
    assert verb("import", "--own", "--db", db)[1] == "Nothing to take in: each response has its row.\n"
    assert states(db) == dict.fromkeys(("mill", "quay", "river"), "done/article") | {"tower": "skipped/forgotten"}
    assert printed("verify", db) == (0, "in order: 3 articles\n", "")


@pytest.fixture
def copied_folder(db: Path) -> Path:
    """An empty database beside a copy of the folder of another one, which is whole."""
    assert printed("import", "--own", "--db", db)[0] == 0
    shutil.copytree("a.db.warc", "c.db.warc")
    Path("c.db").touch()
    return Path("c.db")


@pytest.mark.slow
def test_a_folder_that_was_renamed_is_of_the_database_of_its_name(db, copied_folder):
    shutil.rmtree("a.db.warc")
    code, out, errors = printed("import", "--own", "--db", db)
    assert (code, out, errors.count("\n")) == (1, "", 1)
    assert "write to it too, cp -r " in errors
    code, out, errors = printed("import", "--own", "--db", copied_folder)
    assert (code, "; 4 pages taken in" in out, errors) == (0, True, "")
    shutil.copytree("c.db.warc", "a.db.warc")
    for archive in (db, copied_folder):
        assert verb("verify", archive) == (0, "in order: 4 articles\n", "")


def test_a_database_that_was_copied_alone_is_told_of_its_folder_in_a_line(db, tmp_path):
    assert printed("import", "--own", "--db", db)[0] == 0
    alone = tmp_path / "alone" / "a.db"
    alone.parent.mkdir()
    shutil.copy(db, alone)
    said = "raw_responses: a.db.warc is not there: put it back beside the database; raw responses in it: 4\n"
    assert verb("verify", alone) == (1, said, "")
    shutil.copytree("a.db.warc", alone.with_name("a.db.warc"))
    assert verb("verify", alone)[0] == 0
    gone, *rest = files(alone)
    gone.unlink()
    said = (
        f"raw_responses: a.db.warc/{gone.name} is not there: put it back beside the database; raw responses in it: 4\n"
    )
    assert verb("verify", alone) == (1, said, ""), rest


def test_bytes_that_are_lost_are_told_with_their_place(db):
    [file] = files(db)
    data = file.read_bytes()
    file.write_bytes(data[:-300] + b"\xff" * 300)
    code, out, errors = printed("import", "--own", "--db", db)
    assert (code, out.splitlines()[0]) == (1, "4 articles in a.db; 2 pages taken in in N s")
    place = r"broadsheet: a.db.warc/a-\d+-\d+.warc.gz, byte [\d,]+: [\d,]+ bytes "
    assert re.fullmatch(f"{place}in which no record with a URL can be read\n", errors)


def test_a_file_that_is_away_or_no_warc_file_costs_the_others_nothing(db):
    [file] = files(db)
    data = file.read_bytes()
    file.unlink()
    assert printed("import", "--own", "--db", db)[:2] == (1, ""), "nothing is said of what was not read"
    file.write_bytes(b"x" * len(data))
    code, out, errors = printed("import", "--own", "--db", db)
    assert (code, out) == (1, "")
    assert [line for line in errors.splitlines() if line.startswith("broadsheet: ")] == [
        f"broadsheet: {file.absolute()} holds no WARC or ARC records"
    ]
