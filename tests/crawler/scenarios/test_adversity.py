"""What machines do to a crawl: full disks, killed workers, locks, stopped clocks, signals, missing files."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from broadsheet.output.raw.warc_folders import Recovery
from broadsheet.output.read.verify import raw_responses
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.crawls import QUICK, REPOSITORY, SMALL, Result, Serve, kill_group, until
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page
from tests.crawler.shell import CONTACT, command, environment, rows, start
from tests.crawler.warm import PATIENCE
from tests.internal_tables import WARC_FILES
from tests.sampling import sampled

pytestmark = pytest.mark.slow

ENDING = [signal.SIGINT, signal.SIGTERM]
ENDS_WITHIN = 20  # seconds; a guard against a crawl that waits for what it was told to leave


def site_of(serve: Serve, pages: int, wait: float = 0.0, words: int = 90) -> ScriptedSite:
    """A start page and so many articles."""
    names = [f"/p{number}" for number in range(pages)]
    articles = {name: Reply(page(name[1:], words=words), wait=wait) for name in names}
    return serve({"/": page("home", *names), **articles})


def crawl_command(site: ScriptedSite, db: Path, *options: object) -> tuple[object, ...]:
    quick = ("--allow-private", "--delay", 0, "--no-sitemaps", "--no-feeds")
    return ("crawl", f"{site.url}/", "--db", db, *quick, *options)


def assert_whole(db: Path, pages: int) -> None:
    """Every page once, and a file in order."""
    assert rows(db, "PRAGMA integrity_check") == [("ok",)]
    assert rows(db, "PRAGMA foreign_key_check") == []
    states = dict(rows(db, "SELECT state || '/' || reason, count(*) FROM urls WHERE kind = 'page' GROUP BY 1"))
    assert sum(states.values()) == pages + 1, states
    assert states.get("done/article", 0) >= pages, states
    assert rows(db, "SELECT count(*), count(DISTINCT text) FROM articles")[0][0] >= pages


def pages_in(db: Path) -> int:
    """How many pages a file holds by now, which may not be a file yet."""
    if not (db.exists() and rows(db, "SELECT 1 FROM sqlite_master WHERE name = 'pages'")):
        return 0
    return int(rows(db, "SELECT count(*) FROM pages")[0][0])


def members(group: int) -> list[int]:
    """The processes of a process group that are alive."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(folder.name))
    return found


def worker_of(process: Any) -> int:
    """A cleaning process of a crawl: a child of its fork server."""
    found: list[int] = []

    def search() -> bool:
        for pid in members(process.pid):
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            if pid != process.pid and parent not in (process.pid, os.getpid()):
                found.append(pid)
        return bool(found)

    until(search)
    return found[0]


# --- Processes --------------------------------------------------------------------------------------------------
def test_a_killed_worker_costs_no_page(serve, crawl):
    """Between two kills the page that was under way is tried again, and others after it: more are stored than had
    been asked for."""
    site = site_of(serve, 120, wait=0.1, words=1500)
    process = crawl.start(f"{site.url}/", **SMALL, CONCURRENT_REQUESTS=2, BROADSHEET_PAGE_SECONDS=30)
    asked = 0
    for _ in range(3):
        until(lambda asked=asked: pages_in(crawl.db) >= asked + 8)  # type: ignore[misc]
        os.kill(worker_of(process), signal.SIGKILL)
        asked = len(site.log)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert_whole(crawl.db, 120)
    assert crawl.result(process).rows("SELECT url FROM urls WHERE reason LIKE 'worker%'") == []


def test_a_crawl_that_is_killed_alone_leaves_no_workers(serve, crawl):
    site = site_of(serve, 30, wait=0.05)
    process = crawl.start(f"{site.url}/", **SMALL)
    until(lambda: len(site.log) >= 8)
    assert len(members(process.pid)) > 1
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: not members(process.pid), seconds=ENDS_WITHIN)
    assert crawl(f"{site.url}/", **SMALL).code == 0
    assert_whole(crawl.db, 30)


def test_a_crawl_that_is_stopped_for_long_goes_on(serve, crawl):
    """What was under way has timed out by then, for all the crawl knows, and is asked for again."""
    site = site_of(serve, 20, wait=0.5)
    process = crawl.start(f"{site.url}/", **SMALL, DOWNLOAD_TIMEOUT=1)
    until(lambda: len(site.log) >= 8)
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(2.5)
    os.killpg(process.pid, signal.SIGCONT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in errors) == (0, False)
    assert_whole(crawl.db, 20)


# --- Signals ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", ENDING)
def test_one_signal_ends_within_seconds_though_a_host_asks_for_a_minute(serve, tmp_path, number):
    site = site_of(serve, 5)
    site.routes["/robots.txt"] = Reply("User-agent: *\nCrawl-delay: 60\n", headers={"Content-Type": "text/plain"})
    db = tmp_path / "a.db"
    process = start(*crawl_command(site, db), start_new_session=True)
    until(lambda: db.exists() and rows(db, "SELECT 1 FROM sqlite_master WHERE name = 'urls'"))
    until(lambda: rows(db, "SELECT 1 FROM urls WHERE kind = 'robots' AND state = 'done'"))
    process.send_signal(number)
    _, errors = process.communicate(timeout=ENDS_WITHIN)
    assert process.returncode == 128 + number
    assert "Stopped. " in errors
    assert rows(db, "SELECT outcome, reason FROM runs") == [("stopped", "shutdown")]
    assert rows(db, "SELECT url FROM urls WHERE state = 'queued'") == [(f"{site.url}/",)]
    assert site.paths() == ["/robots.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "a.db.warc"]


@pytest.mark.parametrize(
    "sent",
    sampled([[number] * times for number in ENDING for times in (1, 2)], 2),
    ids=lambda sent: " ".join(number.name for number in sent),
)
def test_a_signal_loses_nothing(serve, tmp_path, sent):
    wait = 20.0 if len(sent) == 2 else 0.3
    site = site_of(serve, 25, wait=wait)
    db = tmp_path / "a.db"
    process = start(*crawl_command(site, db), start_new_session=True)
    until(lambda: any(path.startswith("/p") for path in site.paths()))
    for number in sent:
        process.send_signal(number)
        time.sleep(0.5)
    _, errors = process.communicate(timeout=ENDS_WITHIN)
    assert (process.returncode, "Traceback" in errors) == (128 + sent[0], False)
    until(lambda: not members(process.pid), seconds=ENDS_WITHIN)
    done = set(rows(db, "SELECT url FROM urls WHERE state = 'done' AND kind = 'page'"))
    asked = len(site.log)
    for name in [name for name in site.routes if name.startswith("/p")]:
        site.routes[name] = page(name[1:])
    code, _, errors = command(*crawl_command(site, db))
    assert (code, errors.startswith("Going on: ")) == (0, True)
    assert not {(site.url + path,) for path in site.paths()[asked:]} & done
    assert_whole(db, 25)


# --- The disk ---------------------------------------------------------------------------------------------------
STOPPED_EARLY = """
import os, signal, sys
from broadsheet.crawler.crawl.spiders import SiteSpider

prepare = SiteSpider._prepare

def stop_and_prepare(*arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    prepare(*arguments)

SiteSpider._prepare = stop_and_prepare
from broadsheet.crawler.cli import run
if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
"""


def test_a_signal_before_the_spider_is_open_is_a_stop(serve, tmp_path):
    site, script = serve({"/": page("home")}), tmp_path / "early.py"
    script.write_text(STOPPED_EARLY)
    process = subprocess.run(
        [sys.executable, str(script), "crawl", f"{site.url}/", "--db", str(tmp_path / "a.db")],
        env=environment() | QUICK, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert process.returncode == 143, process.stderr
    assert "Traceback" not in process.stderr
    assert "the same command goes on from here" in process.stderr


def assert_one_line(code: int, errors: str, said: str) -> None:
    lines = [line for line in errors.splitlines() if "pages/s" not in line and not line.startswith("Going on")]
    assert (code, len(lines)) == (1, 1), errors
    assert said in lines[0]


def assert_in_step(db: Path) -> None:
    """Every row finds its record, and no file holds more than the rows know."""
    if not rows(db, f"SELECT 1 FROM sqlite_master WHERE name = '{WARC_FILES}'"):
        return
    with Archive.open(db) as archive:
        assert archive.recovery == Recovery(db)
        assert list(raw_responses(archive.db)) == []


def in_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script where it may mount."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "BROADSHEET_CONTACT": CONTACT}
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], env=environment, text=True, capture_output=True, timeout=240
    )


@pytest.mark.parametrize("kilobytes", sampled([8, 60, 300, 900, 1500], 2))
def test_a_full_disk_is_one_line_and_with_room_all_is_there(serve, tmp_path, kilobytes):
    if not shutil.which("unshare") or in_namespace("mount -t tmpfs -o size=1m tmpfs /mnt").returncode:
        pytest.skip("nothing may be mounted on this machine")
    site = site_of(serve, 30, words=2400)
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    kept.mkdir()
    again = shlex.join(map(str, (sys.executable, "-m", "broadsheet.crawler.cli", *crawl_command(site, disk / "a.db"))))
    done = in_namespace(
        f"""mount -t tmpfs -o size={kilobytes}k tmpfs {disk}
        {again} > {kept}/out1 2> {kept}/errors1; echo $? > {kept}/code1
        mkdir {kept}/full; cp -r {disk}/* {kept}/full/
        mount -o remount,size=200m {disk}
        {again} > {kept}/out2 2> {kept}/errors2; echo $? > {kept}/code2
        cp -r {disk}/* {kept}/; ls {disk}"""
    )
    assert_one_line(int((kept / "code1").read_text()), (kept / "errors1").read_text(), "cannot be")
    if (full := kept / "full" / "a.db").exists():
        assert rows(full, "PRAGMA integrity_check") == [("ok",)]
        assert_in_step(full)
    assert (kept / "code2").read_text() == "0\n", (kept / "errors2").read_text()
    assert done.stdout.split() == ["a.db", "a.db.warc"]
    assert_whole(kept / "a.db", 30)
    assert_in_step(kept / "a.db")


def test_a_write_error_is_one_line_and_without_it_all_is_there(serve, tmp_path):
    site = site_of(serve, 60, words=2400)
    db = tmp_path / "a.db"

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))

    assert command(*crawl_command(site, db, "--max-pages", 5))[0] == 0
    before = rows(db, "SELECT url, text FROM articles ORDER BY url")
    assert before
    code, _, errors = command(*crawl_command(site, db), preexec_fn=small_files)
    assert_one_line(code, errors, "cannot be written")
    assert rows(db, "PRAGMA integrity_check") == [("ok",)]
    assert set(before) <= set(rows(db, "SELECT url, text FROM articles"))
    assert_in_step(db)
    code, _, _ = command(*crawl_command(site, db))
    assert code == 0
    assert_whole(db, 60)


@pytest.mark.parametrize(
    "harm", sampled(["wal gone", "wal empty", "wal halved", "wal of noise", "shm gone", "shm of noise"], 2)
)
def test_a_file_beside_the_archive_that_was_harmed(serve, crawl, harm):
    """After a kill the archive has two files beside it. Without them commits may be lost, but nothing else is."""
    site = site_of(serve, 24, wait=0.02)
    process = crawl.start(f"{site.url}/", **SMALL)
    until(lambda: len(site.log) >= 15)
    kill_group(process)
    name, _, what = harm.partition(" ")
    file = Path(f"{crawl.db}-{name}")
    size = file.stat().st_size
    assert size
    if what == "gone":
        file.unlink()
    elif what == "of noise":
        file.write_bytes(bytes(range(256)) * (size // 256))
    else:
        os.truncate(file, size // 2 if what == "halved" else 0)
    result = crawl(f"{site.url}/", **SMALL)
    assert result.code == 0, result.errors
    assert_whole(crawl.db, 24)


# --- Other programs ---------------------------------------------------------------------------------------------
def test_a_file_that_stays_locked_ends_the_crawl_in_one_line(serve, tmp_path):
    site = site_of(serve, 20, wait=0.05)
    process, db = start(*crawl_command(site, tmp_path / "a.db")), tmp_path / "a.db"
    until(lambda: len(site.log) >= 6)
    other = sqlite3.connect(db, timeout=20, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    _, errors = process.communicate(timeout=120)
    assert_one_line(process.returncode, errors, "database is locked")
    code, _, errors = command(*crawl_command(site, db))
    assert_one_line(code, errors, "database is locked")
    other.execute("ROLLBACK")
    other.close()
    assert command(*crawl_command(site, db))[0] == 0
    assert_whole(db, 20)


# --- The clock --------------------------------------------------------------------------------------------------
def test_answers_that_fail_at_first_are_retried_after_a_kill(serve, crawl):
    """A retry that was committed with its wait is still one after the kill, and counts its tries."""
    tries: dict[str, int] = {}

    def shaky(seen: Seen) -> Reply:
        tries[seen.path] = tries.get(seen.path, 0) + 1
        return Reply("busy", 500) if tries[seen.path] < 3 else Reply(page(seen.path[1:]))

    site = serve({"/": page("home", "/a", "/b"), "/a": shaky, "/b": shaky})
    process = crawl.start(f"{site.url}/", **SMALL, BROADSHEET_RETRY_WAIT=2)
    until(lambda: crawl.db.exists() and len(tries) == 2)
    until(lambda: Result(crawl.db, 0, "").rows("SELECT 1 FROM urls WHERE attempts = 1 AND state = 'queued'"))
    kill_group(process)
    assert crawl(f"{site.url}/", **SMALL).code == 0
    assert_whole(crawl.db, 2)
