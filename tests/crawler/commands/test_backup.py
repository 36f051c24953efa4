"""`broadsheet backup` beside a crawl and its readers, killed in the middle, and what `cp` makes in its place."""

from __future__ import annotations

import shlex
import shutil
import threading
import time
from pathlib import Path

import pytest

from tests.crawler import raws
from tests.crawler.crawls import Serve, until
from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import command, rows, start, verb

NAMES = tuple(f"/p{number}" for number in range(30))
TEXTS = "SELECT url, title, text FROM articles ORDER BY url"
QUICK = ("--allow-private", "--no-sitemaps", "--no-feeds", "--concurrency", 1)


@pytest.fixture
def site(serve: Serve) -> ScriptedSite:
    return serve({"/": page("home", *NAMES), **{name: page(name[1:], words=300) for name in NAMES}})


def crawl(site: ScriptedSite, db: Path, *options: object) -> tuple[int, str, str]:
    return command("crawl", f"{site.url}/", "--db", db, *QUICK, "--delay", 0, *options)


@pytest.mark.slow
def test_the_last_line_is_the_command_that_puts_the_copy_back(site, tmp_path):
    db, copy = tmp_path / "my news.db", tmp_path / "monday's.db"
    assert crawl(site, db, "--max-pages", 3)[0] == 0
    code, out, errors = verb("backup", db, copy)
    first, last = out.splitlines()
    assert (code, first, errors) == (0, f"{copy}: 2 articles, WARC files: 1 copied", "")
    words = shlex.split(last.removeprefix("Verified. To put it back: broadsheet "))
    assert words == ["backup", "--restore", str(copy), str(db)]
    said = f"broadsheet: {db} exists already: name a new file for the backup\n"
    assert verb(*words) == (1, "", said), "never over a file that is there"
    texts = rows(db, TEXTS)
    db.unlink()
    shutil.rmtree(f"{db}.warc")
    code, out, errors = verb(*words)
    assert (code, errors) == (0, "")
    words = shlex.split(out.splitlines()[-1].removeprefix("Verified, and put back: broadsheet "))
    assert words == ["browse", str(db)]
    assert verb("verify", db)[:2] == (0, "in order: 2 articles\n")
    assert rows(db, TEXTS) == texts
    code, out, errors = verb("backup", db, tmp_path / "bare.db", "--no-raw")
    assert (code, out.splitlines()[0], errors) == (0, f"{tmp_path / 'bare.db'}: 2 articles, without raw responses", "")
    assert verb("backup", tmp_path / "none.db", tmp_path / "x.db")[0] == 1
    for target in ("no/x.db", "no/"):
        said = f"broadsheet: the folder {tmp_path / 'no'} does not exist\n"
        assert verb("backup", db, f"{tmp_path}/{target}")[2] == said
    for words in (("--restore", tmp_path), ("--copies", 2, tmp_path / "x.db")):
        assert verb("backup", db, *words)[0] == 2


@pytest.mark.slow
def test_a_folder_keeps_dated_copies_and_one_with_a_finding_displaces_none(site, tmp_path):
    db, folder = tmp_path / "news.db", tmp_path / "copies"
    folder.mkdir()
    assert crawl(site, db, "--max-pages", 3)[0] == 0
    names = []
    for _ in range(3):
        code, out, errors = verb("backup", db, folder, "--copies", 2)
        assert (code, errors) == (0, "")
        names.append(Path(out.partition(": ")[0]).name)
        time.sleep(1)
    assert f"Older copies removed: {names[0]}\n" in out
    assert sorted(path.name for path in folder.glob("*.db")) == names[1:]
    [file] = raws.files(db)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    code, out, errors = verb("backup", db, folder, "--copies", 2)
    copy = Path(out.partition(": ")[0])
    assert (code, "Verified" in out, copy.exists()) == (1, False, True)
    *findings, last = errors.splitlines()
    assert findings
    assert all(line.startswith("raw_responses: ") for line in findings)
    assert last == f"broadsheet: {copy} was made, but has the problems above; no older copy was removed"
    assert sorted(path.name for path in folder.glob("*.db")) == [*names[1:], copy.name]


@pytest.mark.slow
def test_a_crawl_goes_on_while_it_is_backed_up_and_both_come_to_the_same(site, tmp_path):
    db, copy = tmp_path / "news.db", tmp_path / "copies/news.db"
    copy.parent.mkdir()
    held, released = "/p12", threading.Event()
    site.routes[held] = lambda _: page("p12", words=300) if released.wait(100) else ""
    process = start("crawl", f"{site.url}/", "--db", db, *QUICK, "--delay", 0)
    until(lambda: held in site.paths() and len(rows(db, TEXTS)) > 2)
    torn = Path(shutil.copy(db, tmp_path / "torn.db"))
    assert db.stat().st_size == torn.stat().st_size == 4096, "a first crawl is in the log alone"
    code, _, errors = command("backup", db, copy)
    assert process.poll() is None, "the crawl was still at work"
    assert (code, errors) == (0, ""), errors
    released.set()
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert set(rows(copy, TEXTS)) < set(rows(db, TEXTS))
    before = {path.name: path.read_bytes() for path in raws.files(db)}
    assert crawl(site, copy)[0] == 0
    assert rows(copy, TEXTS) == rows(db, TEXTS)
    assert {path.name: path.read_bytes() for path in raws.files(db)} == before
    for archive in (db, copy):
        assert command("verify", archive)[0] == 0
        raws.checked(archive)

    said = "it was copied while a command wrote it, when only broadsheet backup makes a whole copy"
    code, _, errors = command("verify", torn)
    assert (code, errors.count("\n"), errors.endswith(f"it is empty: {said}\n")) == (1, 1, True), errors


@pytest.mark.slow
def test_a_copy_with_pages_of_two_moments_is_named_as_that(site, tmp_path):
    db, torn = tmp_path / "news.db", tmp_path / "torn.db"
    assert crawl(site, db, "--max-pages", 5)[0] == 0
    first = db.read_bytes()
    assert crawl(site, db)[0] == 0
    data = bytearray(db.read_bytes())
    half = len(first) // 4096 // 2 * 4096
    data[half : len(first)] = first[half:]
    data[18:20] = b"\x02\x02"  # as the file of a crawl at work says of itself
    torn.write_bytes(data)
    code, out, errors = command("verify", torn)
    assert (code, "it was copied while a command wrote it" in out + errors) == (1, True), (out, errors)
    data = bytearray(db.read_bytes())
    data[18:20] = b"\x02\x02"  # as a reader that stayed to the end leaves it
    db.write_bytes(data)
    shutil.rmtree(db.with_name("news.db.warc"))
    code, out, _ = command("verify", db)
    assert (code, "copied" in out) == (1, False), "it lacks its folder, and is no torn copy"
