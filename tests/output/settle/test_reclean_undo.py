"""Undoing a reclean puts texts and verdicts back as they were, and leaves what was fetched since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.output.archive.page_rows import PageRows, make_page_rows
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.settle.own_reading import read_own_reading
from broadsheet.output.settle.reclean_undo import RecleanRun, UndoResult, list_recleans, undo_after
from broadsheet.output.settle.recleaned_pages import RecleanedPage, begin_run, finish_run, pages_with_raw, store_batch
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.crawler.scripted_site import page
from tests.internal_tables import BLOCK_TEXTS, RECLEAN_BEFORE, RECLEANS, named
from tests.output.filled_rows import rows, tables

SITE = "https://a.example"
NOW = "2026-02-01T00:00:00+00:00"
KEPT_BY_UNDO = {BLOCK_TEXTS, RECLEANS, RECLEAN_BEFORE, "changes"}
"""Tables that tell of the reclean and its undoing, and texts of earlier versions. All others are as they were."""

CHANGED = set(
    named("""
        articles pages urls revisions _page_blocks _page_layout _sketches _images _page_leads _page_statements
        _statements
    """).split()
)
"""Tables of which a reclean of these pages changes something."""

HEAD = """<meta name="author" content="Ann Lee"><meta property="article:published_time" content="2026-01-01">
    <link rel="next" href="/river/2">"""
FIGURE = (
    '<figure><img src="/quay.jpg" width="800" height="600" alt="A quay"><figcaption>The quay.</figcaption></figure>'
)
LIST = "<html><body><h1>Page not found</h1><p>Nothing.</p></body></html>"


def rows_of(name: str, body: str) -> PageRows:
    return make_page_rows(clean(Page(f"{SITE}/{name}", body.encode())))


def fetched(name: str, body: str, day: int) -> Outcome:
    at, rows = f"2026-01-{day:02}T00:00:00+00:00", rows_of(name, body)
    capture = Capture(f"{SITE}/{name}", at, 200, f"{SITE}/{name}", "text/html", f"sha256:{name}{day}", 10)
    return Outcome(f"{SITE}/{name}", "done", str(rows.verdict.page_type), 200, at, capture, rows)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "a.db") as opened:
        opened.save([fetched("river", page("river", head=HEAD, extra=FIGURE), 1), fetched("mill", page("mill"), 1)])
        opened.save([fetched("gone", LIST, 1)])
        settle(opened.db)
        yield opened


@pytest.fixture
def reclean(archive: Archive) -> Callable[..., int]:
    """Store another reading of pages as one run; returns its id."""

    def run(**bodies: str) -> int:
        run_id = begin_run(archive.db, NOW, {})
        for name, body in bodies.items():
            [raw_page] = [each for each in pages_with_raw(archive.db) if each.url == f"{SITE}/{name}"]
            old_reading = read_own_reading(archive.db, raw_page.id)
            assert old_reading is not None
            store_batch(archive.db, run_id, [RecleanedPage(raw_page, old_reading, rows_of(name, body))], lambda: NOW)
        finish_run(archive.db, run_id, NOW, {"changed": len(bodies)})
        settle(archive.db)
        return run_id

    return run


def readings(archive: Archive) -> dict[str, list[Any]]:
    """What is said of the pages: all tables, whichever the schema has, but those that tell of recleans."""
    return {name: sorted(rows(archive.db, name), key=repr) for name in tables(archive.db) if name not in KEPT_BY_UNDO}


def test_all_is_as_it_was_before(archive: Archive, reclean: Callable[..., int]) -> None:
    archive.db.execute("ALTER TABLE articles ADD COLUMN note TEXT")
    archive.db.execute("UPDATE articles SET note = 'mine'")
    before = readings(archive)
    reclean(river=page("quay"), mill=LIST, gone=page("gone"))
    changed = readings(archive)
    assert {table for table in before if before[table] != changed[table]} == CHANGED
    [run] = list_recleans(archive.db)
    assert run == RecleanRun(1, NOW, NOW, "done", '{"changed": 3}')
    assert undo_after(archive.db, 2**80, lambda: NOW) == UndoResult(0, 0, 0)
    assert undo_after(archive.db, 0, lambda: NOW) == UndoResult(1, 3, 0)
    assert not archive.db.conn.in_transaction
    assert readings(archive) == before
    assert archive.db.execute("SELECT count(*) FROM changes WHERE at = ?", [NOW]).fetchone() == (6,)
    assert [run.state for run in list_recleans(archive.db)] == ["undone"]
    assert undo_after(archive.db, 0, lambda: NOW) == UndoResult(0, 0, 0)


def test_of_several_runs_those_after_the_named_one_are_undone(archive: Archive, reclean: Callable[..., int]) -> None:
    first = reclean(river=page("quay"))
    between = readings(archive)
    reclean(river=page("lock"))
    reclean(river=page("ferry"), mill=page("lock"))
    assert undo_after(archive.db, first, lambda: NOW) == UndoResult(2, 2, 0)
    assert readings(archive) == between
    assert [run.state for run in list_recleans(archive.db)] == ["done", "undone", "undone"]


def test_a_page_that_was_fetched_since_stays(archive: Archive, reclean: Callable[..., int]) -> None:
    reclean(river=page("quay"), mill=page("lock"))
    archive.save([fetched("river", page("ferry"), 9)])
    settle(archive.db)
    assert undo_after(archive.db, 0, lambda: NOW) == UndoResult(1, 1, 1)
    titles = dict(archive.db.execute("SELECT url, title FROM articles").fetchall())
    assert titles == {f"{SITE}/river": rows_of("river", page("ferry")).metadata.title,
                      f"{SITE}/mill": rows_of("mill", page("mill")).metadata.title}  # fmt: skip


def test_an_undoing_that_is_cut_off_goes_on(
    archive: Archive, reclean: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = readings(archive)
    reclean(river=page("quay"), mill=page("lock"))
    monkeypatch.setattr("broadsheet.output.settle.reclean_undo._PAGES_PER_BATCH", 1)
    calls = count()

    def cut_off() -> str:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return NOW

    with pytest.raises(KeyboardInterrupt):
        undo_after(archive.db, 0, cut_off)
    assert [run.state for run in list_recleans(archive.db)] == ["done"]
    assert undo_after(archive.db, 0, lambda: NOW) == UndoResult(1, 1, 0)
    assert readings(archive) == before


def test_an_undo_that_is_cut_off_before_it_settles_is_taken_up(archive: Archive, reclean, monkeypatch) -> None:
    before = readings(archive)
    reclean(river=page("quay"), gone=page("gone"))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("broadsheet.output.settle.reclean_undo.settle", die)
        with pytest.raises(KeyboardInterrupt):
            undo_after(archive.db, 0, lambda: NOW)
    assert [run.state for run in list_recleans(archive.db)] == ["done"]
    assert undo_after(archive.db, 0, lambda: NOW).undone_runs == 1
    assert readings(archive) == before
