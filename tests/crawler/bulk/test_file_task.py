"""A WARC file as a task: Parquet files of its articles, of what was removed, and of each record."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from broadsheet.cleaners.document import ExtractorUse
from broadsheet.crawler.bulk import file_task
from broadsheet.crawler.bulk.file_task import FileResult, clean_file, split_address
from broadsheet.crawler.fleet.store_address import store_at
from tests.crawler.bulk.warcs import harbour, page, record, write_warc
from tests.crawler.fleet.s3_server import BUCKET

USE = ExtractorUse.IN_DOUBT


def table(target: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(target / name)


def test_each_record_is_a_row_and_an_article_has_the_columns_of_an_archive(tmp_path: Path) -> None:
    source, target = harbour(tmp_path / "march/a.warc.gz"), tmp_path / "out"
    seen: list[int] = []
    result = clean_file(str(source), str(target), USE, lambda: seen.append(1))
    records = table(target, "records").sort_values("record_offset")
    outcomes = [f"{row.state}/{row.reason}" for row in records.itertuples()]
    assert (len(seen), result.problem, Counter(outcomes)) == (5, "", Counter(result.counts))
    assert outcomes == ["done/article", "failed/http_410", "failed/bad_http", "done/article", "skipped/media_type"]
    articles = table(target, "articles").sort_values("url")
    assert articles.title.tolist() == ["One bridge", "Two bridges"]
    assert [list(authors) for authors in articles.authors] == [["Ada Wren"]] * 2
    assert articles.first_seen.astype(str).tolist() == ["2026-05-01 10:00:00+00:00"] * 2
    assert all("The ferry of the harbour was opened again" in text for text in articles.text)
    removed = table(target, "removed")
    assert set(removed.article_id) == set(articles.id)
    assert "All rights reserved." in set(removed.text)
    assert set(records.source) == {str(source)}


def test_a_second_run_does_what_is_missing_or_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = harbour(tmp_path / "a.warc.gz"), tmp_path / "out"
    first = clean_file(str(source), str(target), USE)
    again = clean_file(str(source), str(target), USE)
    assert (again.is_known, again.counts) == (True, first.counts)
    (marker,) = (target / "completed").iterdir()
    assert json.loads(marker.read_text())["made_by"]["source"] == str(source)
    changes = [
        lambda: monkeypatch.setattr(file_task, "CLEANER_VERSION", "later"),
        lambda: marker.write_text("{"),
        lambda: write_warc(source, [record("http://a.example/three", page("Three"))]),
    ]
    for change in changes:
        change()
        assert not clean_file(str(source), str(target), USE).is_known
        assert clean_file(str(source), str(target), USE).is_known
    assert table(target, "articles").title.tolist() == ["Three"]
    assert not clean_file(str(source), str(target), ExtractorUse.NEVER).is_known


@pytest.mark.slow
def test_a_page_that_kills_its_parser_costs_that_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADSHEET_TEST_KILL", "/two")
    monkeypatch.setattr(file_task, "clean_record", kill_at_two)
    source, target = harbour(tmp_path / "a.warc.gz"), tmp_path / "out"
    result = clean_file(str(source), str(target), USE)
    assert result.counts["done/article"] == 1
    assert result.counts["failed/worker_died"] == 1
    assert sum(result.counts.values()) == 5


def kill_at_two(file: str, one: file_task.IndexedRecord, use: ExtractorUse) -> file_task.CleanedRecord:
    """In a worker: die of one page."""
    if one.url.endswith("/two"):
        os._exit(9)
    return file_task.clean_record(file, one, use)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"), (b"no record", "holds no WARC or ARC records"), (None, "No such file or directory"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_an_outcome(tmp_path: Path, content: bytes | None, problem: str) -> None:
    source = tmp_path / "bad.warc.gz"
    if content is not None:
        source.write_bytes(content)
    result = clean_file(str(source), str(tmp_path / "out"), USE)
    assert isinstance(result, FileResult)
    assert problem in result.problem
    assert "\n" not in result.problem


@pytest.mark.slow
def test_a_bucket_gives_sources_and_takes_what_comes_of_them(tmp_path, s3_server, monkeypatch) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    store = store_at(f"s3://{BUCKET}")
    store.put_bytes("crawls/a.warc.gz", harbour(tmp_path / "a.warc.gz").read_bytes())
    source, target = f"s3://{BUCKET}/crawls/a.warc.gz", f"s3://{BUCKET}/clean/march"
    assert clean_file(source, target, USE).counts["done/article"] == 2
    assert clean_file(source, target, USE).is_known
    assert Counter(key.split("/")[2] for key in store.keys("clean/march/")) == {
        "articles": 1, "removed": 1, "records": 1, "completed": 1,
    }  # fmt: skip
    assert split_address(target) == (f"s3://{BUCKET}", "clean/march")
