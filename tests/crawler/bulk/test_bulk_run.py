"""`broadsheet clean … -o`: many WARC files, each a task, on the cores of this machine and on a Dask cluster.

A task gives Parquet files of its articles, of what was removed, and of each record.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import dask.dataframe
import pandas as pd
import pytest

from broadsheet.crawler.bulk import file_task
from broadsheet.crawler.bulk.bulk_run import bulk_names
from broadsheet.crawler.bulk.cleaner import Cleaner
from broadsheet.crawler.bulk.file_task import FileResult, clean_file, split_address
from broadsheet.crawler.cli import command_line, run
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.fleet.store_address import store_at
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
    assert bulk_names([str(tmp_path)], lines.append) == [str(file) for file in march]
    assert lines == [f"{tmp_path}: 1 saved page left out: -o takes WARC and WACZ files"]
    assert bulk_names([f"{tmp_path}/*/b*.gz", str(march[0])], print) == [str(march[1]), str(march[0])]
    for name in (f"{tmp_path}/none*", str(tmp_path / "march/c.warc")):
        with pytest.raises(CommandError, match="has no WARC or WACZ file"):
            bulk_names([name], print)


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
    assert len(pd.read_parquet(out / "articles")) == 4
    assert dask.dataframe.read_parquet(str(out / "records")).compute().state.value_counts()["done"] == 4


@pytest.mark.slow
def test_a_cluster_cleans_the_same_also_where_a_worker_dies(tmp_path):
    for number in range(6):
        harbour(tmp_path / f"march/{number}.warc.gz", f"a{number}")
    cluster = DaskCluster(free_port(), tmp_path)
    try:
        cluster.start_scheduler()
        cluster.start_worker()
        process = start("clean", tmp_path / "march", "-o", tmp_path / "out", "--scheduler", cluster.address)
        while process.poll() is None and not (tmp_path / "out/completed").exists():
            pass
        cluster.kill_worker("machine-0")
        printed, errors = process.communicate(timeout=PATIENCE)
    finally:
        cluster.close()
    assert process.returncode == 0, errors
    assert printed.startswith("6 files")
    assert "; 30 records = 12 pages + 6 skipped + 12 failed\n" in printed
    shutil.rmtree(tmp_path / "out/completed")
    assert len(pd.read_parquet(tmp_path / "out/articles")) == 12


def test_options_that_do_not_go_together_are_said(tmp_path, capsys):
    folder = str(tmp_path)
    for words in (("x.warc", "-o", folder, "--explain"), ("x.html", "--scheduler", "tcp://a:1"), ("-o", folder)):
        assert run(["clean", *words]) == 2
        assert capsys.readouterr().err.count("\n") == 1


CLEANER = Cleaner()


def table(target: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(target / name)


def test_without_pyarrow_the_command_that_installs_it_is_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command_line, "find_spec", lambda name: None)
    assert run(["clean", str(harbour(tmp_path / "a.warc")), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("broadsheet: this needs pyarrow, which is not installed: ")


def test_each_record_is_a_row_and_an_article_has_the_columns_of_an_archive(tmp_path):
    source, target = harbour(tmp_path / "march/a.warc.gz"), tmp_path / "out"
    seen: list[int] = []
    result = clean_file(str(source), str(target), CLEANER, lambda: seen.append(1))
    records = table(target, "records").sort_values("record_offset")
    outcomes = [f"{row.state}/{row.reason}" for row in records.itertuples()]
    assert (len(seen), result.problem, Counter(outcomes)) == (5, "", Counter(result.counts))
    assert outcomes == ["done/article", "failed/http_410", "failed/bad_http", "done/article", "skipped/media_type"]
    articles = table(target, "articles").sort_values("url")
    assert articles.title.tolist() == ["One bridge", "Two bridges"]
    assert [list(authors) for authors in articles.authors] == [["Ada Wren"]] * 2
    assert articles.first_seen.astype(str).tolist() == ["2024-03-01 10:00:00+00:00"] * 2
    assert all("The ferry of the harbour was opened again" in text for text in articles.text)
    removed = table(target, "removed")
    assert set(removed.article_id) == set(articles.id)
    assert "All rights reserved." in set(removed.text)
    assert set(records.source) == {str(source)}


@pytest.mark.slow
def test_a_second_run_does_what_is_missing_or_has_changed(tmp_path, monkeypatch):
    source, target = harbour(tmp_path / "a.warc.gz"), tmp_path / "out"
    first = clean_file(str(source), str(target), CLEANER)
    again = clean_file(str(source), str(target), CLEANER)
    assert (again.is_known, again.counts) == (True, first.counts)
    (marker,) = (target / "completed").iterdir()
    assert json.loads(marker.read_text())["made_by"]["source"] == str(source)
    changes = [
        lambda: monkeypatch.setitem(CLEANER.lineage, "version", "later"),
        lambda: marker.write_text("{"),
        lambda: write(source, [record("http://a.example/three", answer(page("Three")))]),
    ]
    for change in changes:
        change()
        assert not clean_file(str(source), str(target), CLEANER).is_known
        assert clean_file(str(source), str(target), CLEANER).is_known
    assert table(target, "articles").title.tolist() == ["Three"]
    assert not clean_file(str(source), str(target), Cleaner(extractor="never")).is_known


@pytest.mark.slow
def test_a_page_that_kills_its_parser_costs_that_page(tmp_path, monkeypatch):
    monkeypatch.setenv("BROADSHEET_TEST_KILL", "/two")
    monkeypatch.setattr(file_task, "record_rows", kill_at_two)
    source, target = harbour(tmp_path / "a.warc.gz"), tmp_path / "out"
    result = clean_file(str(source), str(target), CLEANER)
    assert result.counts["done/article"] == 1
    assert result.counts["failed/worker_died"] == 1
    assert sum(result.counts.values()) == 5


def kill_at_two(file: str, one: file_task.IndexedRecord, packed_cleaner: bytes) -> file_task.RecordRows:
    """In a worker: die of one page."""
    if one.url.endswith("/two"):
        os._exit(9)
    return file_task.record_rows(file, one, packed_cleaner)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"), (b"no record", "holds no WARC or ARC records"), (None, "No such file or directory"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_an_outcome(tmp_path, content, problem):
    source = tmp_path / "bad.warc.gz"
    if content is not None:
        source.write_bytes(content)
    result = clean_file(str(source), str(tmp_path / "out"), CLEANER)
    assert isinstance(result, FileResult)
    assert problem in result.problem
    assert "\n" not in result.problem


@pytest.mark.slow
def test_a_bucket_gives_sources_and_takes_what_comes_of_them(tmp_path, monkeypatch):
    with running_s3_server(free_port()) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        store = store_at(f"s3://{BUCKET}")
        store.put_bytes("crawls/a.warc.gz", harbour(tmp_path / "a.warc.gz").read_bytes())
        source, target = f"s3://{BUCKET}/crawls/a.warc.gz", f"s3://{BUCKET}/clean/march"
        assert clean_file(source, target, CLEANER).counts["done/article"] == 2
        assert clean_file(source, target, CLEANER).is_known
        assert Counter(key.split("/")[2] for key in store.keys("clean/march/")) == {
            "articles": 1, "removed": 1, "records": 1, "completed": 1,
        }  # fmt: skip
        assert split_address(target) == (f"s3://{BUCKET}", "clean/march")
