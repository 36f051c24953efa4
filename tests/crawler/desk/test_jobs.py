"""Jobs of a desk, as real processes: they run, wait, stop, are killed, and are found again from their files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from broadsheet.crawler.desk.job_process import carry_out
from broadsheet.crawler.desk.jobs import FOLDER, Job, JobFolder, JobState, Order, add_line
from broadsheet.crawler.fleet.fleet_folder import RecordFolder
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteTask
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.crawler.shell import rows
from tests.crawler.warm import PATIENCE

SLOW_PAGE = Reply(page("slow"), wait=PATIENCE)


def wait_for(jobs: JobFolder, job: Job, *states: JobState) -> Job:
    """Wait until a job has one of these states, or is over."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        now = jobs.job(job.id)
        assert now is not None
        if now.state in states or now.state.is_over:
            return now
        time.sleep(0.05)
    raise AssertionError(f"still {now.state}")


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[JobFolder]:
    """Jobs of a folder; what still runs at the end is killed."""
    (tmp_path / FOLDER).mkdir()
    made = JobFolder(tmp_path, {})
    yield made
    for job in made.jobs():
        if job.state is JobState.RUNNING and job.process:
            os.kill(job.process, signal.SIGKILL)


@pytest.fixture
def archive(jobs: JobFolder, db: Path) -> Path:
    return db


def reading(archive: Path, verb: str = "verify", *words: str) -> Order:
    return Order(f"{verb} it", archive.stem, (verb, str(archive), *words))


def crawling(site: ScriptedSite, archive: Path, *hosts: str) -> Order:
    words = ("--wait=1m", "--allow-private", "--delay=0", "--no-sitemaps", "--no-feeds", "--", f"{site.url}/")
    task = SiteTask(archive.stem, archive, words, words_digest="x", every=60.0)
    return Order("crawl it", archive.stem, task.command(archive), hosts, task)


def slow_site(serve: Callable[..., ScriptedSite]) -> ScriptedSite:
    return serve({"/": page("first", "/slow"), "/slow": SLOW_PAGE})


def test_an_order_and_its_state_are_read_from_files_alone(jobs, archive):
    jobs.parallel = 0
    job = jobs.add(reading(archive))
    [found] = JobFolder(jobs.archives, {}).jobs()
    assert (found.order, found.state) == (job.order, JobState.QUEUED)
    add_line(jobs.file(job.id, "jsonl"), event="started", at="2026-01-01T00:00:00Z", process=2**22)
    with jobs.file(job.id, "jsonl").open("a") as log:
        log.write('{"pages": 3}\n{"pages": 4')  # cut off by a kill
    again = JobFolder(jobs.archives, {}).job(job.id)
    assert again is not None
    assert (again.state, again.progress) == (JobState.KILLED, {"pages": 3})
    assert JobFolder(jobs.archives, {}).job(job.id) == again
    (jobs.archives / FOLDER / "20260101T000000000000-0badc0de.json").write_text("{")
    assert [job.id for job in jobs.jobs()] == [found.id]


@pytest.mark.parametrize("name", ["../../etc/passwd", "desk", "", "20260101T000000000000-../../..", "x" * 30])
def test_an_id_of_an_address_leads_nowhere_else(jobs, name):
    assert jobs.job(name) is None


def test_an_order_is_carried_out_once_and_written_down(jobs, archive, capfd):
    jobs.parallel = 0
    job = jobs.add(reading(archive))
    assert carry_out(jobs.archives, job.id) == 0
    now = jobs.job(job.id)
    assert now is not None
    assert (now.state, now.exit_code, bool(now.ended_at)) == (JobState.DONE, 0, True)
    assert capfd.readouterr().out == "in order: 2 articles\n"
    assert carry_out(jobs.archives, job.id) == 0
    assert capfd.readouterr().out == ""


def test_a_takedown_leaves_its_words_in_no_log(jobs, archive, capfd):
    jobs.parallel = 0
    earlier, other = jobs.add(reading(archive)), jobs.add(Order("other", "other", ("verify", "other.db")))
    job = jobs.add(reading(archive, "forget", "--yes", "--", "https://a.example/river"))
    for one in (earlier, other):
        jobs.file(one.id, "txt").write_text("New: The river\n")
    jobs.file(job.id, "txt").write_text("The river: 1 article\nforgotten: 1 article, 1 URL\n")
    add_line(jobs.file(job.id, "jsonl"), pages=1, url="https://a.example/river")
    assert carry_out(jobs.archives, job.id) == 0
    assert not jobs.file(earlier.id, "txt").exists()
    assert jobs.output(other) == "New: The river\n"
    assert jobs.output(job) == "forgotten: 1 article, 1 URL\n"
    assert "river" not in jobs.file(job.id, "jsonl").read_text()


@pytest.mark.slow
def test_a_job_is_the_verb_in_a_process_of_its_own(jobs, archive):
    job = wait_for(jobs, jobs.add(reading(archive)))
    assert (job.state, jobs.output(job)) == (JobState.DONE, "in order: 2 articles\n")
    missing = wait_for(jobs, jobs.add(reading(archive.with_name("none.db"))))
    assert (missing.state, missing.exit_code) == (JobState.FAILED, 1)
    assert "does not exist" in jobs.output(missing)


@pytest.mark.slow
def test_one_job_an_archive_one_a_host_and_so_many_at_once(jobs, serve, tmp_path):
    site = slow_site(serve)
    first = jobs.add(crawling(site, tmp_path / "a.db", "a.example"))
    same_archive, same_host = (jobs.add(crawling(site, tmp_path / name, "a.example")) for name in ("a.db", "b.db"))
    states = [wait_for(jobs, job, JobState.QUEUED, JobState.RUNNING).state for job in (first, same_archive, same_host)]
    assert states == [JobState.RUNNING, JobState.QUEUED, JobState.QUEUED]
    second = jobs.add(crawling(site, tmp_path / "c.db", "c.example"))
    third = jobs.add(crawling(site, tmp_path / "d.db", "d.example"))
    assert [jobs.job(job.id).state for job in (second, third)] == [JobState.RUNNING, JobState.QUEUED]
    jobs.stop(third)
    assert jobs.job(third.id).state is JobState.STOPPED


@pytest.mark.slow
def test_a_stop_is_ctrl_c_and_the_same_order_goes_on(jobs, serve, tmp_path):
    site, archive = slow_site(serve), tmp_path / "a.db"
    job = jobs.add(crawling(site, archive))
    while "/slow" not in site.paths():
        time.sleep(0.05)
    running = wait_for(jobs, job, JobState.RUNNING)
    beside = wait_for(jobs, jobs.add(reading(archive)))
    assert jobs.output(beside).startswith("in order: ")
    jobs.stop(running)
    assert jobs.job(job.id).state in (JobState.STOPPING, JobState.STOPPED)
    site.closing.set()
    stopped = wait_for(jobs, job)
    assert (stopped.state, stopped.exit_code) == (JobState.STOPPED, 130)
    record = RecordFolder(tmp_path).read("a")
    assert record is not None
    assert (record.result.end, record.is_crawled) == (SiteEnd.STOPPED, False)
    site.routes["/slow"] = page("slow")
    assert wait_for(jobs, jobs.add(crawling(site, archive))).state is JobState.DONE
    record = RecordFolder(tmp_path).read("a")
    assert record is not None
    assert (record.result.end, record.is_crawled) == (SiteEnd.DONE, True)
    assert rows(archive, "SELECT state FROM urls WHERE url LIKE '%/slow'") == [("done",)]


@pytest.mark.slow
def test_a_job_outlives_its_desk_and_a_killed_one_is_found(jobs, serve, tmp_path):
    site = slow_site(serve)
    program = f"""import sys
from pathlib import Path
from broadsheet.crawler.desk.jobs import *
import tests.crawler.desk.test_jobs as t
jobs = JobFolder(Path({str(tmp_path)!r}), {{}})
site = type("Site", (), {{"url": {site.url!r}}})
jobs.add(t.crawling(site, Path({str(tmp_path / "a.db")!r})))
os.kill(os.getpid(), 9)
"""
    import subprocess

    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[3]).returncode == -9
    [job] = jobs.jobs()
    while "/slow" not in site.paths():
        time.sleep(0.05)
    running = wait_for(jobs, job, JobState.RUNNING)
    assert running.state is JobState.RUNNING
    while not (running := jobs.job(job.id)).progress:
        time.sleep(0.05)
    assert set(running.progress) == {
        "at", "pages", "articles", "queued", "failed", "pages_a_second", "remaining_seconds", "url", "waits",
    }  # fmt: skip
    os.kill(running.process, signal.SIGKILL)
    killed = wait_for(jobs, job)
    assert (killed.state, killed.exit_code) == (JobState.KILLED, -9)
    record = RecordFolder(tmp_path).read("a")
    assert record is not None
    assert record.result.end is SiteEnd.KILLED


def test_a_process_that_cannot_be_started_has_ended_with_the_reason(jobs, archive):
    with mock.patch("subprocess.Popen", side_effect=OSError(11, "no more processes")):
        job = jobs.add(reading(archive))
    job = jobs.job(job.id)
    assert (job.state, jobs.output(job)) == (JobState.FAILED, "broadsheet: cannot be started: no more processes\n")


def test_old_jobs_go_with_their_trials(jobs, tmp_path):
    jobs.parallel = 0
    trial = jobs.add(Order("trial", f"{FOLDER}/trial-x.db", ("crawl",), is_trial=True))
    (tmp_path / FOLDER / "trial-x.db").touch()
    (tmp_path / FOLDER / "trial-x.db-wal").touch()
    jobs.stop(trial)
    with mock.patch("broadsheet.crawler.desk.jobs._KEPT", 0):
        jobs.forget_old()
    assert list((tmp_path / FOLDER).iterdir()) == []
    assert json.dumps([job.id for job in jobs.jobs()]) == "[]"
    shutil.rmtree(tmp_path / FOLDER)
