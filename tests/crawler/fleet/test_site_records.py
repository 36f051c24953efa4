"""When a site is due, and what a result makes of its record; records in a store."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadsheet.crawler.fleet import site_records
from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.site_head import SiteAttempt, SiteHead, head_key
from broadsheet.crawler.fleet.site_records import (
    SiteRecord,
    next_due,
    next_record,
    parse_record,
    read_states,
    record_values,
    result_since,
    stored_site_names,
)
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask

TURN = datetime(2026, 1, 1, 3, tzinfo=UTC)
TASK = SiteTask("news", Path("a/news.db"), ("u",), every=86400.0, words_digest="words", turn_at=TURN.isoformat())


def result(end: SiteEnd) -> SiteResult:
    return SiteResult("news", end, 0, Path("a/news.db"), SiteCounts(new=3), 12.5, "its words")


def record(end: SiteEnd, earlier: SiteRecord | None = None) -> SiteRecord:
    made = next_record(TASK, result(end), earlier, "a host, process 1")
    return replace(made, finished_at="2026-01-01T04:00:00+00:00")


@pytest.mark.parametrize(
    "earlier",
    [
        None, record(SiteEnd.STOPPED), record(SiteEnd.KILLED), replace(record(SiteEnd.DONE), words_digest="other"),
        replace(record(SiteEnd.DONE), turn_at="yesterday"),
    ],
)  # fmt: skip
def test_what_is_new_unfinished_or_changed_is_due_at_once(earlier: SiteRecord | None) -> None:
    assert next_due(TASK, earlier) is None


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 54), (2, 108), (3, 216), (5, 15 * 60), (6, 23 * 60), (5000, 23 * 60)]
)
def test_what_failed_is_tried_again_sooner_and_less_and_less_often(failures: int, minutes: int) -> None:
    failed = replace(record(SiteEnd.FAILED), failures=failures)
    assert next_due(TASK, failed) == TURN + timedelta(minutes=minutes)
    assert next_due(replace(TASK, every=60.0), failed) == TURN + timedelta(seconds=54)


def test_what_is_killed_again_and_again_waits_as_what_failed() -> None:
    killed: SiteRecord | None = None
    for _ in range(2):
        killed = record(SiteEnd.KILLED, killed)
        assert next_due(TASK, killed) is None
    killed = record(SiteEnd.KILLED, killed)
    assert next_due(TASK, killed) == TURN + timedelta(minutes=216)


def test_a_record_says_when_its_site_is_due_and_counts_failures_in_a_row() -> None:
    first, second = record(SiteEnd.FAILED), record(SiteEnd.FAILED, record(SiteEnd.FAILED))
    assert (first.failures, second.failures, record(SiteEnd.DONE, second).failures) == (1, 2, 0)
    assert first.due_at == (TURN + timedelta(minutes=54)).isoformat()
    assert record(SiteEnd.STOPPED).due_at == ""


def test_a_task_without_a_turn_has_it_now_in_universal_time() -> None:
    made = next_record(replace(TASK, turn_at=""), result(SiteEnd.DONE), None)
    turn = datetime.fromisoformat(made.turn_at)
    assert (turn.utcoffset(), turn.microsecond) == (timedelta(0), 0)
    assert abs(datetime.now(UTC) - turn) < timedelta(minutes=10)


@pytest.mark.parametrize("is_update", [True, False])
def test_a_killed_update_is_an_update_again(is_update: bool) -> None:
    task = replace(TASK, is_update=is_update)
    assert next_record(task, result(SiteEnd.KILLED), None).is_crawled is is_update
    assert next_record(task, result(SiteEnd.DONE), None).is_crawled


def test_a_task_has_its_result_where_its_word_was_lost_and_the_site_is_not_due_again() -> None:
    done, failed = record(SiteEnd.DONE), record(SiteEnd.FAILED)
    assert result_since(replace(TASK, after="earlier"), done) == done.result
    assert result_since(replace(TASK, after="earlier"), failed) == failed.result
    assert result_since(replace(TASK, after=done.finished_at), done) is None
    assert result_since(TASK, record(SiteEnd.STOPPED)) is None
    assert result_since(replace(TASK, words_digest="other"), done) is None
    assert result_since(TASK, None) is None


def test_a_record_comes_back_as_it_was() -> None:
    values = json.loads(json.dumps(record_values(record(SiteEnd.FAILED))))
    assert parse_record(values) == record(SiteEnd.FAILED)
    first = {name: values[name] for name in ("result", "turn_at", "finished_at", "words_digest", "is_crawled")}
    assert parse_record(first) == replace(record(SiteEnd.FAILED), failures=0, due_at="", worker="")
    for wrong in ({}, {"result": None}, {**values, "more": 1}, {**values, "result": {}}):
        assert parse_record(wrong) is None


def test_a_store_says_of_each_site_what_its_last_turn_came_to(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight at once are asked for."""
    pools, pool = list[object](), site_records.ThreadPoolExecutor
    monkeypatch.setattr(site_records, "ThreadPoolExecutor", lambda *words: pools.append(words) or pool(*words))
    attempt = SiteAttempt(store, "news")
    attempt.publish(turn=record_values(record(SiteEnd.DONE)), pages=5)
    store.replace_record(head_key("bad"), b"{}", "")
    states = read_states(store, ["news", "none", "bad"])
    assert states["news"].head == attempt.head
    assert states["news"].record == record(SiteEnd.DONE)
    assert [(states[name].record, states[name].head) for name in ("none", "bad")] == [(None, SiteHead())] * 2
    assert pools == [(8, "site-records")]
    assert states["bad"].problem == "what the store says of bad makes no sense"
    assert stored_site_names(store) == ["bad", "news"]
