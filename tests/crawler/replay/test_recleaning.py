"""Cleaning anew without workers: which pages are cleaned, what is counted, shown and stored, and the bounds of that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import AsyncMock

import pytest

from broadsheet.cleaners.document import ExtractorUse
from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.replay import recleaning
from broadsheet.crawler.replay.recleaning import Recleaner
from broadsheet.crawler.replay.recorded_response import UnreadResponse
from broadsheet.crawler.workers.pool import WorkerError
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.raw.raw_exchange import RecordLocation
from broadsheet.output.settle.own_reading import read_own_reading
from broadsheet.output.settle.recleaned_pages import RawPage
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.fleet.sites import store_pages
from tests.output.conftest import Maker

PLACE = RecordLocation("a.warc.gz", 0, 9)
URL = "http://a.test/1"


def page(**values: Any) -> RawPage:
    fields = {"id": 1, "url": URL, "host": "a.test", "capture_id": 1, "fetched_at": "", "final_url": URL,
              "cleaner_id": 5, "record_location": PLACE}  # fmt: skip
    return RawPage(**(fields | values))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "a.db", Maker().clock) as opened:
        opened.save([Maker().outcome(URL, "one two")])
        yield opened


def recleaner(archive: Archive, lines: list[str] | None = None, **options: Any) -> Recleaner:
    return Recleaner(archive.db, archive.path, CrawlOptions((), **options), ([] if lines is None else lines).append)


@pytest.mark.parametrize(
    ("values", "include_current", "is_cleaned", "reason"),
    [
        ({}, False, True, None),
        ({"cleaner_id": None}, False, True, None),
        ({"cleaner_id": "current"}, False, False, "current"),
        ({"cleaner_id": "current"}, True, True, None),
        ({"record_location": None}, False, False, "no_raw"),
        ({"record_location": None, "cleaner_id": "current"}, False, False, "current"),
    ],
)
def test_pages_of_another_cleaner_with_their_response_are_cleaned(archive, values, include_current, is_cleaned, reason):
    made = recleaner(archive)
    if values.get("cleaner_id") == "current":
        values = values | {"cleaner_id": made._find_current_lineage("a.test")}
    assert made._is_to_clean(page(**values), include_current) is is_cleaned
    assert made.findings.unchanged_counts == ({reason: 1} if reason else {})


def test_what_another_use_of_the_extractor_made_is_cleaned_again(archive):
    lineages = {recleaner(archive, extractor=use)._find_current_lineage("a.test") for use in (None, *ExtractorUse)}
    assert len(lineages) == len(ExtractorUse)


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (UnreadResponse(OutcomeReason.RAW_MISSING, "no"), "no"),
        (WorkerError(OutcomeReason.WORKER_TIMEOUT, "60 s"), "worker_timeout: 60 s"),
    ],
)
def test_ten_pages_that_cannot_be_cleaned_are_named_for_a_reason(archive, result, line):
    lines: list[str] = []
    made = recleaner(archive, lines)
    for _ in range(11):
        asyncio.run(made._reclean_one_page(page(), workers_that_give(result)))
    assert lines == [f"{URL}: {line}; left as it is"] * 10
    assert made.findings.unchanged_counts == {result.reason: 11}


def workers_that_give(result: Any) -> Any:
    """A pool whose jobs all end in this."""
    return SimpleNamespace(
        run=AsyncMock(side_effect=[result] if isinstance(result, Exception) else lambda *job: result)
    )


@pytest.mark.parametrize(("distance", "is_counted"), [(0, True), (1, False)])
def test_a_page_that_was_fetched_meanwhile_is_left_as_it_is(archive, distance, is_counted):
    stored = archive.db.execute("SELECT capture_id FROM pages").fetchone()[0]
    reading = read_own_reading(archive.db, 1)
    assert reading is not None
    made, workers = recleaner(archive), workers_that_give(reading.rows)
    for given in (page(capture_id=stored + distance), page(id=99)):
        asyncio.run(made._reclean_one_page(given, workers))
        assert made.findings.pages == is_counted


class InlinePool:
    """A pool that does its jobs here."""

    made: ClassVar[list[str]] = []

    def __init__(self, count: int) -> None:
        self.made.append(f"{count} workers")

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    def close(self) -> None:
        self.made.append("closed")


_SET_CLEANER = """UPDATE pages SET cleaner_id = NULL WHERE capture_id IN
    (SELECT id FROM captures WHERE url NOT LIKE '%/three')"""
_TYPES = """SELECT replace(url, 'http://lamp.example/', ''), page_type, cleaner_id IS NULL
    FROM captures c JOIN pages p ON p.capture_id = c.id ORDER BY p.id"""


def test_pages_are_read_cleaned_and_compared_and_stored_if_they_are_to_be(tmp_path, monkeypatch):
    """Of four pages one has a broken record, one has none, and one is the current cleaner's."""
    monkeypatch.setattr(InlinePool, "made", made := [])
    monkeypatch.setattr(recleaning, "WorkerPool", InlinePool)
    store_pages(tmp_path / "a.db", ["one", "two", "three", "four"])
    lines: list[str] = []
    with Archive.open(tmp_path / "a.db") as opened:
        with opened.db.conn:
            opened.db.execute(_SET_CLEANER)
            opened.db.execute("UPDATE captures SET warc_offset = warc_offset + 5 WHERE url LIKE '%/two'")
            opened.db.execute("UPDATE captures SET warc_file = NULL, warc_offset = NULL WHERE url LIKE '%/four'")
        before = [("one", "article", 1), ("two", "article", 1), ("three", "article", 0), ("four", "article", 1)]
        run = recleaner(opened, lines)
        asyncio.run(run.dry_run(include_current=False, worker_count=3))
        unchanged = {"broken_record": 1, "current": 1, "no_raw": 1}
        assert (run.findings.tally.pages_by_kind, run.findings.unchanged_counts) == ({"lost": 1}, unchanged)
        assert lines == ["http://lamp.example/two: broken_record: no record begins here; left as it is"]
        assert opened.db.execute(_TYPES).fetchall() == before
        assert made == ["3 workers", "closed"]

        run = recleaner(opened)
        started = opened.runs.start("reclean", {}, {})
        asyncio.run(run.write(started, include_current=True, worker_count=2))
        opened.runs.finish(started, "finished", "", {})
        assert (run.findings.pages, run.findings.unchanged_counts) == (2, {"broken_record": 1, "no_raw": 1})
        (change, _) = run.findings.examples
        assert (change.kind, change.url, change.new_texts) == ("lost", "http://lamp.example/one", ())
        after = [("one", "list", 0), ("two", "article", 1), ("three", "list", 0), ("four", "article", 1)]
        assert opened.db.execute(_TYPES).fetchall() == after
        run = recleaner(opened)
        run.is_stopping = True
        asyncio.run(run.write(opened.runs.start("reclean", {}, {}), include_current=True))
        assert opened.db.execute("SELECT _reclean FROM runs WHERE _reclean ORDER BY started_at, rowid").fetchall() == [
            (1,), (2,),
        ]  # fmt: skip
        assert made[-1] == "closed"
