"""No statement reads a whole table again and again: what a verb costs grows with the archive, not with its square.

All statements of the verbs run over one archive of generated articles, and the plan of each is read.
"""

import io
import shutil
import sqlite3
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.article_filter import find_known_url, find_titled
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.read.article_rows import export_csv
from broadsheet.output.read.edit_history import find_revised_article, revisions_of
from broadsheet.output.read.judgement import judge_archive
from broadsheet.output.read.page_lookup import find_page, find_url_result, find_url_state
from broadsheet.output.read.report_figures import gather_report, gather_totals
from broadsheet.output.read.search import SearchSort, list_articles, missing_words, search
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.alarms import survey
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.person_verdicts import Ruling, list_rulings
from broadsheet.output.write.revisit_schedule import RevisitPolicy, UpdateRun, conditional_headers
from broadsheet.output.write.run_records import moved_seeds, queue_unfetched, redirect_chains
from broadsheet.output.write.takedowns import plan_takedown, take_down
from broadsheet.output.write.url_queue import UNREACHED_HOSTS, PassingReason, Queue, queue_left_out
from tests.bench.load.generated_site import GeneratedSite
from tests.internal_tables import CLEANERS, PAGE_BLOCKS, REASONS
from tests.output.query_plans import IndexStatistics, WatchedConnection, growing_steps

pytestmark = pytest.mark.slow

SITE = GeneratedSite(700, hosts=2, scale=0.1)
OFTEN = 30
"""A statement that runs as often while so few pages change runs for each page."""


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """An archive of a few thousand URLs that was settled, with a second version of some pages that is not."""
    file = tmp_path_factory.mktemp("grown") / "a.db"
    with Archive.open(file) as archive:
        SITE.store(archive)
        settle(archive.db)
        archive.save([SITE.page(number, version=1) for number in range(0, 700, 7)])
    return file


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=WatchedConnection))


def assert_nothing_grows(db: Database, file: Path) -> None:
    assert isinstance(db.conn, WatchedConnection)
    assert db.conn.plans
    assert list(growing_steps(db.conn, IndexStatistics.of(file), OFTEN)) == []


@pytest.fixture
def reader(grown, watched):
    db = open_database(grown, read_only=True)
    yield db
    assert_nothing_grows(db, grown)
    db.close()


@pytest.fixture
def writer(grown, tmp_path, watched):
    file = tmp_path / "a.db"
    shutil.copy(grown, file)
    with Archive.open(file) as archive:
        yield archive
        assert_nothing_grows(archive.db, grown)


def test_report(reader):
    gather_report(reader)
    gather_totals(reader)
    judge_archive(reader)


def test_search_and_explain(reader):
    for sort in SearchSort:
        list(search(reader, "ba ce", sort=sort))
        list(list_articles(reader, 20, sort=sort))
    assert missing_words(reader, "ba xylophone") == ("xylophone",)
    assert find_titled(reader, "xylophone") == []
    assert find_known_url(reader, "/nowhere/") is None
    for url in (SITE.url(5), SITE.url(8), "https://news0.example/?p=8"):
        assert find_page(reader, url)
        assert find_url_state(reader, url)
        assert find_url_result(reader, url).state
        article = find_revised_article(reader, url)
        assert article
        revisions_of(reader, article.id)
    list_rulings(reader)


def test_verify(reader):
    assert verify(reader) == []


def test_export(reader):
    assert export_csv(reader, io.StringIO()) > 600
    assert export_csv(reader, io.StringIO(), one_per_cluster=True) > 500


def test_queue(writer):
    queue = Queue(writer.db)
    for host, is_due in queue.next_hosts("", 5):
        assert is_due
        for _ in range(OFTEN):
            queue.take(host, 4)
            queue.any_queued(host, {1})
    queue.is_empty()
    queue.counts()
    redirect_chains(writer.db, 9)
    moved_seeds(writer.db, ["https://news0.example/?p=8"] * OFTEN, 9)
    writer.requeue([*UNREACHED_HOSTS, PassingReason("skipped", "limit")])
    queue_unfetched(writer.db, lambda *_: True)
    queue_left_out(writer.db, ["depth", "pattern"], lambda _: True)


def test_update(writer):
    run_id = writer.runs.start("bench", {}, {})
    assert writer.queue_revisits(UpdateRun(RevisitPolicy(revisit_all=True), "2030-01-01T00:00:00", lambda *_: True)) > 9
    for number in range(OFTEN, 4 * OFTEN):
        url = SITE.url(number)
        announced = DiscoveredUrl(url, url.split("/")[2], found_via="sitemap", lastmod="2029-12-31")
        writer.save([replace(SITE.page(number, version=2), discovered_urls=(announced,))])
        conditional_headers(writer.db, number, url)
    for number in range(4 * OFTEN, 6 * OFTEN):
        writer.save([Outcome(SITE.url(number), "done", OutcomeReason.NOT_MODIFIED, 304, "2030-01-01T00:00:00")])
        writer.save([Outcome(SITE.url(number + 200), "failed", "http_404", 404, "2030-01-01T00:00:00")])
    writer.skip_queued("limit")
    settle(writer.db)
    survey(writer.db, run_id, "2030-01-02T00:00:00")


def test_settle_again(writer):
    settle(writer.db)
    settle(writer.db)


def test_takedown(writer):
    plan_takedown(writer.db, "https://news0.example/*-77*")
    take_down(writer.db, "https://news0.example/*-77*")


def test_ruling(writer):
    [(block_id,)] = writer.db.execute(f"SELECT block_id FROM {PAGE_BLOCKS} WHERE kept = 0 LIMIT 1").fetchall()
    ruling = Ruling(block_id, True, ruled_at="2030-01-01T00:00:00")
    carry_out_ruling(writer.db, ruling)
    carry_out_ruling(writer.db, ruling, undo=True)


SELDOM_DELETED = {REASONS, "runs", "robots_files", CLEANERS}
"""Tables to which others refer, and whose rows stay; a run of `reclean` that changed nothing deletes its own one."""


def test_what_refers_to_rows_that_may_be_deleted_is_found_by_an_index(archive):
    tables = [name for (name,) in archive.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        references = archive.db.execute(f"PRAGMA foreign_key_list({table})").fetchall()
        for parent, column in [reference[2:4] for reference in references if reference[1] == 0]:
            plan = archive.db.execute(f"EXPLAIN QUERY PLAN SELECT 1 FROM {table} WHERE {column} = 1").fetchall()
            assert parent in SELDOM_DELETED or plan[0][3].startswith("SEARCH"), f"{table}.{column}"
