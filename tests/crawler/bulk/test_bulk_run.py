"""`broadsheet clean … -o`: many WARC files, each a task, on the cores of this machine and on a Dask cluster.

A batch of them gives Parquet files of their pages, of what was removed, and of each record.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import CancelledError
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import dask.dataframe
import pandas as pd
import pytest

from broadsheet.crawler.bulk import batch_plan, batch_task, bulk_run
from broadsheet.crawler.bulk.batch_plan import Piece, agreed_plan, new_batches
from broadsheet.crawler.bulk.batch_task import (
    BatchStopped,
    BatchTask,
    BulkJob,
    Course,
    RecordSelection,
    clean_batch,
    collect_scratch,
    scratch_folder,
    take_all,
)
from broadsheet.crawler.bulk.bulk_run import BulkRun
from broadsheet.crawler.bulk.cleaner import Cleaner
from broadsheet.crawler.bulk.sources import Source, found_sources, listed_sources, split_address
from broadsheet.crawler.cli import command_line, run
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import StoreRefused
from broadsheet.crawler.fleet.store_address import store_at, web_store
from broadsheet.crawler.replay.record_index import IndexedRecord
from broadsheet.output.archive.row_sample import RowSample
from tests.bench.load.site import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.fleet.s3_server import BUCKET, running_s3_server
from tests.crawler.shell import start
from tests.crawler.warcs import answer, record, write
from tests.crawler.warm import PATIENCE

WORDS = ("lock", "bridge", "quay", "crane", "ferry")


def page(title: str) -> str:
    words = "".join(f"<p>The {word} of the harbour was opened again on Monday, the council said.</p>" for word in WORDS)
    return (
        f"<html lang=en><head><title>{title}</title><meta name=author content='Ada Wren'></head><body>"
        f"<nav><a href=/>Home</a></nav><article><h1>{title}</h1>{words}</article>"
        "<footer>All rights reserved.</footer></body></html>"
    )


def harbour(file: Path, name: str = "a") -> Path:
    """A file with two articles, a page that is gone, a picture, and a damaged record between them."""
    site = f"http://{name}.example"
    file.parent.mkdir(exist_ok=True)
    records = [
        record(f"{site}/one", answer(page("One bridge"))), record(f"{site}/gone", answer("", "410 Gone")),
        b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/damaged\r\n\r\nno answer",
        record(f"{site}/two", answer(page("Two bridges"))),
        record(f"{site}/p.png", answer(b"png", content_type="image/png")),
    ]  # fmt: skip
    return write(file, records)


def clean(*words: object) -> tuple[int, str, str]:
    process = start("clean", *words)
    out, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, out, errors


def test_sources_are_files_patterns_and_folders_and_pages_beside_them_are_said(tmp_path):
    march = [harbour(tmp_path / f"march/{name}.warc.gz") for name in ("a", "b")]
    (tmp_path / "march/page.html").write_text("<p>a page</p>")
    (tmp_path / "march/c.warc").mkdir()
    lines: list[str] = []

    def found(*names: str) -> list[str]:
        return [source.address for source in found_sources(names, lines.append)]

    assert found(str(tmp_path)) == [str(file) for file in march]
    assert lines == [f"{tmp_path}: 1 saved page left out: -o takes WARC and WACZ files"]
    assert found(f"{tmp_path}/*/b*.gz", str(march[0])) == [str(march[1]), str(march[0])]
    for name in (f"{tmp_path}/none*", str(tmp_path / "march/c.warc")):
        with pytest.raises(CommandError, match="has no WARC or WACZ file"):
            found(name)


def test_a_list_names_files_below_its_folder_or_a_base_and_a_missing_one_costs_itself(tmp_path):
    file = harbour(tmp_path / "a.warc.gz")
    for list_file in (tmp_path / "paths", tmp_path / "paths.gz"):
        data = f"a.warc.gz\n# a comment\n\n{file}\nnone.warc.gz\n".encode()
        list_file.write_bytes(gzip.compress(data) if list_file.suffix else data)
        found, missing = listed_sources(str(list_file), "")
        assert (found.address, found.size) == (str(file), file.stat().st_size)
        assert (missing.address, missing.problem) == (str(tmp_path / "none.warc.gz"), "No such file or directory")
    (tmp_path / "one").write_text("a.warc.gz")
    assert listed_sources(str(tmp_path / "one"), "/nowhere")[0].address == "/nowhere/a.warc.gz"
    with pytest.raises(CommandError, match=r"say with --base"):
        listed_sources(str(tmp_path / "one"), "folder")
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8b no list")
    with pytest.raises(CommandError, match=r"^the list [^\n]* cannot be read: "):
        listed_sources(str(tmp_path / "bad.gz"), "")


@pytest.mark.slow
def test_files_are_cleaned_on_this_machine_and_the_end_adds_up(tmp_path):
    for name in ("a", "b"):
        harbour(tmp_path / f"march/{name}.warc.gz", name)
    (tmp_path / "march/bad.warc.gz").write_bytes(b"nothing")
    out = tmp_path / "out"
    code, printed, errors = clean(tmp_path / "march", "-o", out)
    assert code == 1
    assert "bad.warc.gz holds no WARC or ARC records" in errors
    assert printed.startswith("3 files, 1 could not be read; 10 records = 4 pages + 2 skipped + 4 failed\n")
    (tmp_path / "march/bad.warc.gz").unlink()
    code, printed, _ = clean(tmp_path / "march", "-o", out)
    assert (code, printed.splitlines()[0]) == (
        0, "2 files, 2 of them by an earlier run; 10 records = 4 pages + 2 skipped + 4 failed",
    )  # fmt: skip
    assert len(pd.read_parquet(out / "pages")) == 4
    assert dask.dataframe.read_parquet(str(out / "records")).compute().state.value_counts()["done"] == 4


@pytest.mark.slow
def test_options_choose_sources_and_records(tmp_path):
    for name in ("a", "b"):
        harbour(tmp_path / f"{name}.warc.gz", name)
    (tmp_path / "paths").write_text("a.warc.gz\nb.warc.gz\n")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/b.example.txt").write_text("strip: //p[contains(., 'crane')]\n")
    code, printed, _ = clean(
        "--paths-from", tmp_path / "paths", "--host", "www.b.example", "--include", "/(one|two)$", "--language", "en",
        "--site-rules", tmp_path / "rules", "--only", "articles", "-o", tmp_path / "out",
    )  # fmt: skip
    assert (code, *printed.splitlines()[:3]) == (
        0, "2 files; 2 records = 2 pages + 0 skipped + 0 failed", "2 article", "8 other records not chosen",
    )  # fmt: skip
    pages = table(tmp_path / "out", "pages")
    assert list(pages.host) == ["b.example"] * 2
    assert not pages.text.str.contains("crane").any()
    code, printed, _ = clean(tmp_path / "a.warc.gz", "--since", "2030-01-01", "--limit", 3, "-o", tmp_path / "few")
    assert (code, printed.splitlines()[0]) == (0, "1 file; 3 records = 1 pages + 0 skipped + 2 failed")


@pytest.mark.slow
def test_a_sample_is_the_same_part_each_time_and_the_parts_are_the_whole(tmp_path):
    records = [record(f"http://a.example/{number}", answer("", "404 Not Found")) for number in range(12)]
    source = write(tmp_path / "a.warc.gz", records)
    urls = []
    for number in (1, 2, 3):
        job = BulkJob(str(tmp_path / f"{number}"), CLEANER, RecordSelection(sample=RowSample(number, 3)))
        run = run_job(job, source)
        assert run.counts.total() + run.not_chosen == 12
        urls += table(tmp_path / f"{number}", "records").url.tolist()
    assert len(urls) == len(set(urls)) == 12


@pytest.mark.slow
def test_past_a_limit_no_file_is_fetched(tmp_path, monkeypatch):
    files = [harbour(tmp_path / f"{name}.warc.gz", name) for name in ("a", "b")]
    fetched, fetch = [], batch_task._fetched
    monkeypatch.setattr(
        batch_task, "_fetched", lambda source, scratch: fetched.append(source) or fetch(source, scratch)
    )
    assert run_job(BulkJob(str(tmp_path / "out"), CLEANER), *files, limit=5).counts.total() == 5
    assert fetched == [str(files[0])]


@pytest.mark.slow
def test_a_cluster_cleans_the_same_also_where_a_worker_dies(tmp_path, monkeypatch):
    for number in range(6):
        harbour(tmp_path / f"march/{number}.warc.gz", f"a{number}")
    cluster = DaskCluster(free_port(), tmp_path)
    try:
        cluster.start_scheduler()
        cluster.start_worker()
        process = start("clean", tmp_path / "march", "-o", tmp_path / "out", "--scheduler", cluster.address)
        while process.poll() is None and not (tmp_path / "out/plan").exists():
            pass
        cluster.kill_worker("machine-0")
        printed, errors = process.communicate(timeout=PATIENCE)
    finally:
        cluster.close()
    assert process.returncode == 0, errors
    assert printed.startswith("6 files; 30 records = 12 pages + 6 skipped + 12 failed\n")
    shutil.rmtree(tmp_path / "out/completed")
    assert len(pd.read_parquet(tmp_path / "out/pages")) == 12


@pytest.mark.parametrize("error", [CancelledError(), ConnectionResetError("Stream is closed")])
def test_results_that_are_lost_with_the_scheduler_are_asked_for_again(tmp_path, monkeypatch, error):
    """The marker of the batch says them then, as the worker had done it."""
    file = harbour(tmp_path / "a.warc.gz")

    class Scheduler(Mock):
        """Runs a task as it is submitted. Who asks for what the first one did finds no connection."""

        status = "running"

        def submit(self, function: Any, task: Any, **_: Any) -> Mock:
            results, is_first = bulk_run.run_task(task), len(schedulers) == 1
            future = Mock(status="finished", result=Mock(side_effect=error if is_first else [results]))
            future.add_done_callback = lambda take: take(future)
            return future

    schedulers = list[Scheduler]()
    monkeypatch.setattr(bulk_run, "connected", lambda _address: schedulers.append(Scheduler()) or schedulers[-1])
    run = BulkRun(found_sources([str(file)], print), BulkJob(str(tmp_path / "out"), CLEANER), "tcp://127.0.0.1:1")
    run.run()
    assert (len(schedulers), run.files, len(table(tmp_path / "out", "records"))) == (2, {"cleaned": 1}, 5)
    assert run.lines == ["the scheduler at tcp://127.0.0.1:1 is gone; waiting for it"]


def test_between_two_steps_a_scheduler_that_is_gone_is_waited_for(tmp_path, monkeypatch):
    none = CommandError("there is no Dask scheduler")
    answers = [none, Mock(), none, none, Mock(), none, none]
    monkeypatch.setattr(bulk_run, "connected", Mock(side_effect=answers))
    monkeypatch.setattr(
        bulk_run, "time", SimpleNamespace(monotonic=iter([0, 0, 0, 600, 600, 0, 601]).__next__, sleep=id)
    )
    run = BulkRun((), BulkJob(str(tmp_path), CLEANER), "tcp://127.0.0.1:1")
    with pytest.raises(CommandError, match="there is no Dask scheduler"):
        run._connected()
    assert [run._connected(), run._connected()] == [answers[1], answers[4]]
    assert run.lines == ["the scheduler at tcp://127.0.0.1:1 is gone; waiting for it"] * 2
    with pytest.raises(CommandError, match="is gone; the same command goes on"):
        run._connected()


def test_options_that_do_not_go_together_are_said(tmp_path, capsys):
    folder = str(tmp_path)
    (tmp_path / "x.warc").touch()
    for words in (
        ("x.warc", "-o", folder, "--explain"), ("x.html", "--scheduler", "tcp://a:1"), ("-o", folder),
        ("x.html", "--limit", "3"), ("x.html", "--site-rules", folder), ("x.warc", "-o", folder, "--base", folder),
        (f"{folder}/x.warc", "-o", folder, "--include", "("), (f"{folder}/x.warc", "-o", folder, "--since", "May"),
    ):  # fmt: skip
        assert run(["clean", *words]) == 2
        assert capsys.readouterr().err.count("\n") == 1


CLEANER = Cleaner()


def table(target: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(target / name)


def run_job(job: BulkJob, *files: Path | str, limit: int | None = None) -> BulkRun:
    found = found_sources([str(file) for file in files], print)
    run = BulkRun(found, job, limit=limit)
    run.run()
    return run


def clean_file(source: Path | str, target: Path | str, cleaner: Cleaner = CLEANER) -> BulkRun:
    return run_job(BulkJob(str(target), cleaner), source)


def test_without_pyarrow_the_command_that_installs_it_is_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command_line, "find_spec", lambda name: None)
    assert run(["clean", str(harbour(tmp_path / "a.warc")), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("broadsheet: this needs pyarrow, which is not installed: ")


@pytest.mark.slow
def test_each_record_is_a_row_and_a_page_has_its_text_whatever_it_was_judged_as(tmp_path):
    source, target = tmp_path / "a.warc.gz", tmp_path / "out"
    cards = "".join(
        f"<div><h3><a href=/a{number}>Story number {number} of the mill</a></h3><p>The teaser of story {number}.</p>"
        for number in range(12)
    )
    records = harbour(tmp_path / "march/a.warc.gz").read_bytes()
    source.write_bytes(records + gzip.compress(record("http://a.example/", answer(f"<html lang=en>{cards}"))))
    run = clean_file(source, target)
    rows = table(target, "records").sort_values("record_offset")
    outcomes = [f"{row.state}/{row.reason}" for row in rows.itertuples()]
    assert (run.lines, Counter(outcomes)) == ([], run.counts)
    assert outcomes == [
        "done/article", "failed/http_410", "failed/bad_http", "done/article", "skipped/media_type", "done/list",
    ]  # fmt: skip
    pages = table(target, "pages").sort_values("record_offset")
    assert pages.page_type.tolist() == ["article", "article", "list"]
    assert pages.title.tolist()[:2] == ["One bridge", "Two bridges"]
    assert [list(authors) for authors in pages.authors][:2] == [["Ada Wren"]] * 2
    assert pages.fetched_at.astype(str).tolist() == ["2024-03-01 10:00:00+00:00"] * 3
    assert all("The ferry of the harbour was opened again" in text for text in pages.text[:2])
    assert "teaser of story 3" in pages.text.iloc[2]
    assert (pages.certainty > 0).all()
    assert len(set(pages.text_digest)) == 2
    assert set(pages.language) == {"en"}
    removed = table(target, "removed")
    assert set(removed.article_id) == set(pages.id[:2])
    assert "All rights reserved." in set(removed.text)
    assert set(rows.source) == {str(source)}
    run_job(BulkJob(str(tmp_path / "less"), CLEANER, is_articles_only=True), source)
    assert set(table(tmp_path / "less", "pages").page_type) == {"article"}


@pytest.mark.slow
def test_a_second_run_does_what_is_missing_or_has_changed(tmp_path, monkeypatch):
    source, target = harbour(tmp_path / "a.warc.gz"), tmp_path / "out"
    first, again = clean_file(source, target), clean_file(source, target)
    assert (first.files, again.files, again.counts) == ({"cleaned": 1}, {"known": 1}, first.counts)
    (marker,) = (target / "completed").iterdir()
    assert json.loads(marker.read_text())["made_by"]["sources"][0][0] == str(source)
    changes = [
        lambda: monkeypatch.setitem(CLEANER.lineage, "version", "later"),
        lambda: marker.write_text("{"),
        lambda: write(source, [record("http://a.example/three", answer(page("Three")))]),
    ]
    for change in changes:
        change()
        assert clean_file(source, target).files == {"cleaned": 1}
        assert clean_file(source, target).files == {"known": 1}
    assert table(target, "pages").title.tolist() == ["Three"]
    assert clean_file(source, target, Cleaner(extractor="never")).files == {"cleaned": 1}
    other = harbour(tmp_path / "b.warc.gz", "b")
    both = run_job(BulkJob(str(target), CLEANER), source, other)
    assert len(table(target, "pages")) == 3
    assert run_job(BulkJob(str(target), CLEANER), source, other).files == {"known": 2}
    assert both.counts["done/article"] == 3


def test_many_small_files_are_few_batches_and_a_large_one_is_several(tmp_path, monkeypatch):
    small = [Source(f"/{number}.warc", 10) for number in range(1000)]
    assert new_batches(small, []) == [tuple(Piece(source.address) for source in small)]
    monkeypatch.setattr(batch_plan, "RANGE_BYTES", 700)
    large = new_batches([Source("/a", 2000), Source("s3://a/b", 2000), Source("https://a/b")], [])
    assert large == [
        (Piece("/a", 0, 700),), (Piece("/a", 700, 1400),), (Piece("/a", 1400),), (Piece("s3://a/b"),),
        (Piece("https://a/b"),),
    ]  # fmt: skip
    assert new_batches([Source("/a", 9000)], large) == []


def test_two_runs_that_plan_at_once_agree(tmp_path):
    class Overtaken(FolderStore):
        def replace_record(self, key, data, version):
            if not overtaken:
                overtaken.append(agreed_plan(FolderStore(tmp_path), [Source("/a"), Source("/b")]))
            return super().replace_record(key, data, version)

    overtaken: list[object] = []
    plan = agreed_plan(Overtaken(tmp_path), [Source("/b"), Source("/c")])
    assert Counter(piece.source for batch in plan.batches for piece in batch) == {"/a": 1, "/b": 1, "/c": 1}
    assert agreed_plan(FolderStore(tmp_path), [Source("/a"), Source("/c")]) == plan


@pytest.mark.slow
def test_parts_of_a_file_have_each_record_once(tmp_path, monkeypatch):
    records = [record(f"http://a.example/{number}", answer("", "404 Not Found")) for number in range(40)]
    source, target = write(tmp_path / "a.warc.gz", records), tmp_path / "out"
    monkeypatch.setattr(batch_plan, "RANGE_BYTES", source.stat().st_size // 5)
    scanned, answers = list[int](), batch_task.answers
    monkeypatch.setattr(
        batch_task, "answers", lambda file: (scanned.append(one.offset) or one for one in answers(file))
    )
    run = clean_file(source, target)
    assert len(scanned) < 130  # a part reads what is before it, and nothing behind it
    assert (run.files, run.counts) == ({"cleaned": 1}, {"failed/http_404": 40})
    assert len(list((target / "records").iterdir())) == 5
    assert sorted(table(target, "records").url) == sorted(f"http://a.example/{number}" for number in range(40))
    assert clean_file(source, target).files == {"known": 1}


@pytest.mark.slow
@pytest.mark.parametrize("by_site", [(), ("--by-site",)])
def test_kills(tmp_path, monkeypatch, by_site):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    for number in range(12):
        harbour(tmp_path / f"march/{number}.warc.gz", f"a{number}")
    monkeypatch.setattr(batch_plan, "_LEAST_BYTES", 2000)
    (tmp_path / "out").mkdir()
    found = found_sources([str(tmp_path / "march")], print)
    agreed_plan(FolderStore(tmp_path / "out"), found, is_by_site=bool(by_site))  # twelve files in several batches
    seconds = 0.5
    for _ in range(20):
        process = start("clean", tmp_path / "march", "-o", tmp_path / "out", *by_site)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            seconds *= 1.3
            continue
        break
    assert process.returncode == 0
    assert sum(1 for _ in (tmp_path / "out/pages").iterdir()) > 3
    rows = table(tmp_path / "out", "records")
    assert (len(rows), rows.duplicated(["source", "record_offset"]).any()) == (60, False)
    assert len(table(tmp_path / "out", "pages")) == 24
    assert [*scratch.glob("broadsheet-bulk-*"), *(tmp_path / "out").glob("shuffled/*")] == []


def test_scratch_of_the_dead_is_removed_and_that_of_the_living_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / "broadsheet-bulk-dead"
    dead.mkdir()
    (dead / "lock").touch()
    (dead / "source").write_bytes(b"half")
    with scratch_folder() as living:
        assert collect_scratch() == 1
        assert list(tmp_path.iterdir()) == [living]
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_is_gone_is_a_result_that_another_try_may_change(tmp_path):
    sources = (str(tmp_path / "gone.warc.gz"), str(harbour(tmp_path / "a.warc.gz")))
    task = BatchTask(tuple(map(Piece, sources)), ("1", "1"), BulkJob(str(tmp_path), CLEANER))

    async def take(piece: Piece, file: Path, one: IndexedRecord) -> str:
        return "done"

    lost, taken = asyncio.run(take_all(task, tmp_path, Course(lambda: None, lambda: False), take))
    assert (lost.source, lost.problem, lost.is_lost) == (sources[0], f"{sources[0]}: No such file or directory", True)
    assert (taken.source, taken.problem, taken.is_lost, taken.counts) == (sources[1], "", False, {"done": 5})


@pytest.mark.slow
def test_a_batch_that_is_to_stop_leaves_nothing_and_is_done_by_the_next_run(tmp_path):
    source, target = harbour(tmp_path / "a.warc.gz"), tmp_path / "out"
    target.mkdir()
    task, seen = BatchTask((Piece(str(source)),), ("1",), BulkJob(str(target), CLEANER)), []
    with pytest.raises(BatchStopped):
        clean_batch(task, lambda: seen.append(1), lambda: len(seen) > 1)
    assert list(target.iterdir()) == []
    assert clean_file(source, target).counts.total() == 5


@pytest.mark.slow
def test_sigterm(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    source = write(tmp_path / "a.warc", [record(f"http://a.example/{n}", answer(page("One") * 40)) for n in range(999)])
    cluster = DaskCluster(free_port(), tmp_path)
    try:
        cluster.start_scheduler()
        words = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.address, "--no-nanny", "--no-dashboard"]
        worker = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        process = start("clean", source, "-o", tmp_path / "out", "--scheduler", cluster.address)
        while not list(tmp_path.glob("broadsheet-bulk-*/records.parquet")):
            assert process.poll() is None
        worker.terminate()
        worker.wait(timeout=PATIENCE)
        assert list(tmp_path.glob("broadsheet-bulk-*")) == []
        assert not (tmp_path / "out/completed").exists()
    finally:
        process.kill()
        process.communicate()
        cluster.close()


@pytest.mark.slow
def test_a_page_that_kills_its_parser_costs_that_page(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_task, "record_rows", kill_at_two)
    run = clean_file(harbour(tmp_path / "a.warc.gz"), tmp_path / "out")
    assert run.counts["done/article"] == 1
    assert run.counts["failed/worker_died"] == 1
    assert run.counts.total() == 5


def kill_at_two(file: batch_task.FileRecord, source: str, packed_job: bytes) -> batch_task.RecordRows:
    """In a worker: die of one page."""
    if file.record.url.endswith("/two"):
        os._exit(9)
    return batch_task.record_rows(file, source, packed_job)


WET = record("http://a.example/one", b"The bridge was opened.", kind="conversion", Content_Type="text/plain")


@pytest.mark.slow
def test_a_file_that_cannot_be_read_is_an_outcome(tmp_path):
    """Each has a line, and costs itself alone."""
    problems = {
        "empty.warc.gz": (b"", "is empty"),
        "other.warc.gz": (b"no record", "holds no WARC or ARC records"),
        "gone.warc.gz": (None, "No such file or directory"),
        "text.warc.wet.gz": (
            gzip.compress(WET),
            "holds texts that another tool extracted (WET), and no pages: name its",
        ),
    }
    for name, (content, _) in problems.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    files = [*(tmp_path / name for name in problems), harbour(tmp_path / "a.warc.gz")]
    (tmp_path / "paths").write_text("".join(f"{file}\n" for file in files))
    run = BulkRun(listed_sources(str(tmp_path / "paths"), ""), BulkJob(str(tmp_path / "out"), CLEANER))
    run.run()
    assert run.files == {"unread": len(problems), "cleaned": 1}
    assert run.counts["done/article"] == 2
    lines = {Path(re.split("[: ]", line)[0]).name: line for line in run.lines}
    assert lines.keys() == problems.keys()
    assert len(run.lines) == len(problems)
    for name, (_, problem) in problems.items():
        assert problem in lines[name]
        assert "\n" not in lines[name]


@pytest.mark.slow
def test_a_bucket_gives_sources_and_takes_what_comes_of_them(tmp_path, monkeypatch):
    with running_s3_server(free_port()) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        store = store_at(f"s3://{BUCKET}")
        store.put_bytes("crawls/a.warc.gz", harbour(tmp_path / "a.warc.gz").read_bytes())
        source, target = f"s3://{BUCKET}/crawls", f"s3://{BUCKET}/clean/march"
        assert clean_file(source, target).counts["done/article"] == 2
        monkeypatch.setattr(batch_task, "source_store", None)  # nothing is fetched of what is known
        assert clean_file(source, target).files == {"known": 1}
        assert Counter(key.split("/")[2] for key in store.keys("clean/march/")) == {
            "pages": 1, "removed": 1, "records": 1, "completed": 1, "plan": 1,
        }  # fmt: skip
        assert split_address(target) == (f"s3://{BUCKET}", "clean/march")


@pytest.mark.slow
def test_a_web_server_gives_sources_by_a_list(tmp_path):
    harbour(tmp_path / "crawl/a b.warc.gz")
    (tmp_path / "paths.gz").write_bytes(gzip.compress(b"crawl/a%20b.warc.gz\ncrawl/none.warc.gz\n"))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        run = BulkRun(listed_sources(f"{base}/paths.gz", base), BulkJob(str(tmp_path / "out"), CLEANER))
        run.run()
        server.shutdown()
    assert run.files == {"cleaned": 1, "unread": 1}
    assert run.lines == [f"{base}/crawl/none.warc.gz: there is no such file"]
    assert set(table(tmp_path / "out", "records").source) == {f"{base}/crawl/a%20b.warc.gz"}
    with pytest.raises(StoreRefused, match="no credentials and no query"):
        web_store("http://user:secret@a.example/x", "http://a.example")
