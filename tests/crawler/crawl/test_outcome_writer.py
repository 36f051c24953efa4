"""Outcomes are committed by one thread, in order, and a fault comes back to who waits; what is not stored again."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from broadsheet.crawler.crawl.outcome_writer import BATCH_TARGET, KnownLinks, Writer
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from tests.crawler.crawls import until

ROW = DiscoveredUrl("https://a.example/1", "a.example", depth=2, priority=5)


class ScriptedRequeuer:
    """Rows to be queued again, in steps."""

    def __init__(self, steps: int = 0, broken: bool = False) -> None:
        self.steps, self.broken = steps, broken

    @property
    def has_more(self) -> bool:
        return self.steps > 0

    def step(self) -> int:
        if self.broken:
            raise sqlite3.OperationalError("disk full")
        self.steps -= 1
        return 1

    def drop_rest(self) -> None:
        self.steps = 0


class Recorder:
    """Stands where an archive would, to see the batches; `gate` holds the writer back."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.requeuer = ScriptedRequeuer()

    def save(self, batch: Sequence[Outcome]) -> None:
        self.gate.wait(10)
        self.batches.append(len(batch))
        self.threads.add(threading.get_ident())


def outcomes(count: int) -> list[Outcome]:
    return [Outcome(f"https://a.example/{number}", "failed", "http_404", 404) for number in range(count)]


def test_an_outcome_is_in_the_file_when_save_returns(tmp_path):
    file = tmp_path / "a.db"

    async def save(writer: Writer) -> int:
        await writer.save(outcomes(1)[0])
        with sqlite3.connect(file) as reader:
            return int(reader.execute("SELECT count(*) FROM urls WHERE reason = 'http_404'").fetchone()[0])

    with Archive.open(file) as archive:
        writer = Writer(archive)
        assert asyncio.run(save(writer)) == 1
        writer.close()


@pytest.mark.parametrize("closes", [False, True])
def test_what_piles_up_is_written_in_batches_by_one_thread(closes):
    """Also when it is closed."""
    recorder = Recorder()
    recorder.gate.clear()
    writer = Writer(recorder)  # type: ignore[arg-type]

    async def save() -> None:
        tasks = [asyncio.create_task(writer.save(outcome)) for outcome in outcomes(3 * 64)]
        await asyncio.sleep(0.05)
        threading.Timer(0.05, recorder.gate.set).start()
        if closes:
            await asyncio.to_thread(writer.close)
        await asyncio.gather(*tasks)

    asyncio.run(save())
    writer.close()
    assert sum(recorder.batches) == 3 * 64
    assert len(recorder.batches) <= 4
    assert max(recorder.batches) == 64
    assert len(recorder.threads) == 1
    assert threading.get_ident() not in recorder.threads


@pytest.mark.parametrize(
    "requeuer", [ScriptedRequeuer(10**9), ScriptedRequeuer(5, broken=True)], ids=["endless", "broken"]
)
def test_what_is_left_over_holds_no_outcome_up(requeuer):
    recorder = Recorder()
    recorder.requeuer = requeuer
    saved(Writer(recorder), 5)  # type: ignore[arg-type]
    assert sum(recorder.batches) == 5
    assert recorder.requeuer.has_more or requeuer.broken


def test_a_fault_of_the_archive_reaches_who_waits(tmp_path):
    archive = Archive.open(tmp_path / "a.db")
    archive.db.execute("DROP TABLE captures")
    archive.db.execute("DROP TABLE urls")
    writer = Writer(archive)
    with pytest.raises(sqlite3.Error):
        asyncio.run(writer.save(outcomes(1)[0]))
    writer.close()
    archive.close()


def test_links_told_once_are_not_sent_again_unless_their_transaction_failed():
    sent_urls: list[tuple[str, ...]] = []
    broken = [True, False, False]

    class Counting(Recorder):
        def save(self, batch: Sequence[Outcome]) -> None:
            sent_urls.extend(tuple(found.url for found in outcome.discovered_urls) for outcome in batch)
            if broken.pop(0):
                raise sqlite3.OperationalError("disk full")

    async def save() -> None:
        writer = Writer(Counting())  # type: ignore[arg-type]
        link = DiscoveredUrl("https://a.example/next", "a.example")
        with pytest.raises(sqlite3.OperationalError):
            await writer.save(replace(outcomes(1)[0], discovered_urls=(link,)))
        await writer.save(replace(outcomes(1)[0], discovered_urls=(link,)))
        await writer.save(replace(outcomes(1)[0], discovered_urls=(link,)))
        writer.close()

    asyncio.run(save())
    assert sent_urls == [("https://a.example/next",), ("https://a.example/next",), ()]


def test_what_is_left_over_is_taken_up_while_nothing_waits():
    recorder = Recorder()
    recorder.requeuer = ScriptedRequeuer(50)
    writer = Writer(recorder)  # type: ignore[arg-type]
    until(lambda: recorder.requeuer.steps == 0, 20)
    writer.close()


def test_a_batch_waits_for_nothing_where_all_that_is_under_way_is_in_it(monkeypatch):
    for name in ("MAX_IDLE_SECONDS", "MAX_BATCH_SECONDS"):
        monkeypatch.setattr(f"broadsheet.crawler.crawl.outcome_writer.{name}", 60.0)
    recorder = Recorder()
    saved(Writer(recorder, lambda: 2), 2)  # type: ignore[arg-type]
    assert recorder.batches == [2]


@pytest.mark.parametrize(("under_way", "batches"), [(BATCH_TARGET, [2]), (BATCH_TARGET - 1, [1, 1])])
def test_slow_pages_make_one_batch_where_many_are_under_way(monkeypatch, under_way, batches):
    """Where few are, what a batch has found may be all that there is to fetch: it waits for no slow page."""
    monkeypatch.setattr("broadsheet.crawler.crawl.outcome_writer.MAX_IDLE_SECONDS", 0.0)
    monkeypatch.setattr("broadsheet.crawler.crawl.outcome_writer.MAX_BATCH_SECONDS", 60.0)
    recorder = Recorder()
    pending_counts = iter([under_way])
    writer = Writer(recorder, lambda: next(pending_counts, 2))  # type: ignore[arg-type]

    async def save() -> None:
        first = asyncio.ensure_future(writer.save(outcomes(2)[0]))
        if len(batches) > 1:
            await first
        await asyncio.sleep(0.05)
        await asyncio.gather(first, writer.save(outcomes(2)[1]))

    asyncio.run(asyncio.wait_for(save(), 20))
    writer.close()
    assert recorder.batches == batches


SKIPPED = replace(ROW, state="skipped", reason="depth")
LATER = [replace(ROW, depth=1), replace(ROW, priority=9), replace(ROW, depth=1, priority=1)]
ANNOUNCED = [replace(ROW, lastmod="2026-05-01"), replace(ROW, found_via="redirect")]


def test_a_link_is_told_again_where_it_is_better_skipped_or_may_announce_a_change():
    known_links = KnownLinks()
    assert known_links.new_rows([ROW, ROW]) == (ROW,)
    assert known_links.new_rows([replace(ROW, found_on="https://a.example/2", depth=3, priority=1)]) == ()
    assert known_links.new_rows([SKIPPED, ROW, SKIPPED]) == (SKIPPED, SKIPPED)
    for announcing in ANNOUNCED:
        assert known_links.new_rows([announcing, ROW]) == (announcing,)
    for better in LATER:
        known_links.clear()
        assert known_links.new_rows([ROW]) == (ROW,), "what was not stored is told again"
        assert known_links.new_rows([better]) == (better,)
        assert known_links.new_rows([ROW, better]) == ()


def test_its_memory_is_bounded_and_keeps_what_comes_again():
    known_links = KnownLinks(max_urls=10)
    for number in range(1000):
        known_links.new_rows([replace(ROW, url=f"https://a.example/{number}"), ROW])
    assert known_links.new_rows([ROW]) == (), "a link of every page is never forgotten"
    assert len(known_links.new_rows([replace(ROW, url=f"https://a.example/{number}") for number in range(1000)])) >= 990


def saved(writer: Writer, count: int) -> None:
    """Save so many outcomes at once, and close."""

    async def save() -> None:
        await asyncio.wait_for(asyncio.gather(*map(writer.save, outcomes(count))), 20)

    asyncio.run(save())
    writer.close()
