from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.archive.archive_errors import InUse, NotAnArchive
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.read.verify import verify
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.url_queue import PassingReason
from tests.output.cleaned_pages import with_page

ROOT = Path(__file__).resolve().parents[3]
URL = "http://a.test/story"


def rows(archive, sql):
    return archive.db.execute(sql).fetchall()


def test_a_sitemap_dates_a_page_that_was_fetched_before_it_was_read(archive, make):
    story = "http://a.test/1"
    archive.save([make.outcome(story, "Words of it.")])
    for day in ("2026-05-01", "2026-06-01"):
        sitemap = [make.discovered(story, found_via="sitemap", lastmod=day)]
        archive.save([make.outcome("http://a.test/sitemap.xml", discovered_urls=sitemap)])
    assert archive.db.execute("SELECT lastmod FROM urls WHERE url = ?", [story]).fetchall() == [("2026-05-01",)]


def test_which_pages_a_sitemap_names_is_noted(archive, make):
    found = (make.discovered("http://a.test/1", found_via="sitemap"), make.discovered("http://a.test/2"))
    archive.save([make.outcome("http://a.test/map", page_type=PageType.LIST, discovered_urls=found)])
    query = "SELECT u.url, l.kind FROM _listed l JOIN urls u ON u.id = l.url_id"
    assert rows(archive, query) == [("http://a.test/1", "sitemap")]


def test_a_file_that_could_not_be_opened_is_free_again(file):
    sqlite3.connect(file).execute("CREATE TABLE other (a)").connection.close()
    with pytest.raises(NotAnArchive) as refused:  # kept, so that nothing is let go of by being forgotten
        Archive.open(file)
    file.unlink()
    Archive.open(file).close()
    assert "another program" in str(refused.value)


def test_a_page_is_stored_whole(archive, make):
    archive.save([make.outcome(URL, "one two", "three four", removed=("share this",), outside_links={"b.test": 2})])
    [article] = archive.db["articles"].rows
    assert (article["url"], article["host"], article["text"]) == (URL, "a.test", "one two\nthree four")
    assert rows(archive, "SELECT state, reason, attempts, http_status FROM urls") == [("done", "article", 1, 200)]
    assert rows(archive, "SELECT url, text, reason, rule, position FROM removed") == [
        (URL, "share this", "share buttons", "share.icons", 2)
    ]
    assert rows(archive, "SELECT blocks, kept, removed, article_id FROM pages") == [(3, 2, 1, article["id"])]
    assert rows(archive, "SELECT change, capture_id FROM revisions") == [("first", article["capture_id"])]
    assert rows(archive, "SELECT seq, article_id, change FROM changes") == [(1, article["id"], "added")]
    assert rows(archive, "SELECT host, links FROM _outside_hosts") == [("b.test", 2)]
    assert verify(archive.db) == []


def test_a_page_that_is_no_article_has_a_verdict_and_counts_but_no_ledger(archive, make):
    archive.save([make.outcome(URL, "one two", page_type=PageType.LIST)])
    assert rows(archive, "SELECT page_type, evidence, blocks, kept FROM pages") == [("list", '["words=9"]', 1, 1)]
    assert rows(archive, "SELECT count(*) FROM _page_blocks UNION ALL SELECT count(*) FROM articles") == [(0,), (0,)]


@pytest.mark.parametrize(("sync_commits", "level"), [(True, 2), (False, 1)], ids=["FULL", "NORMAL"])
def test_commits_wait_for_the_disk_where_that_is_asked_for(file, sync_commits, level):
    with Archive.open(file, sync_commits=sync_commits) as archive:
        assert rows(archive, "PRAGMA synchronous") == [(level,)]


def test_the_same_text_is_stored_once(archive, make):
    archive.save([make.outcome(f"http://a.test/{n}", f"own text {n}", removed=("share this",)) for n in range(5)])
    assert rows(archive, "SELECT count(*) FROM _block_texts WHERE text = 'share this'") == [(1,)]
    assert rows(archive, "SELECT count(DISTINCT block_id), count(*) FROM removed") == [(1, 5)]


def test_a_second_capture_with_the_same_text_is_no_revision(archive, make):
    archive.save([make.outcome(URL, "one two")])
    [first] = archive.db["articles"].rows
    archive.save([make.outcome(URL, "one two", removed=("a new box",))])
    [second] = archive.db["articles"].rows
    assert (second["id"], second["first_seen"]) == (first["id"], first["first_seen"])
    assert second["last_seen"] > first["last_seen"]
    assert rows(archive, "SELECT change FROM revisions UNION ALL SELECT change FROM changes") == [
        ("first",),
        ("added",),
    ]
    assert rows(archive, "SELECT text FROM removed") == [("a new box",)]
    assert rows(archive, "SELECT attempts FROM urls") == [(2,)]


def test_a_second_capture_with_another_text_is_a_revision_that_waits_to_be_decided(archive, make):
    archive.save([make.outcome(URL, "one two")])
    archive.save([make.outcome(URL, "one two three")])
    assert rows(archive, "SELECT number, change FROM revisions ORDER BY number") == [(1, "first"), (2, "pending")]
    assert rows(archive, "SELECT change, kind FROM changes ORDER BY seq") == [("added", ""), ("changed", "")]
    assert rows(archive, "SELECT text FROM _blocks") == [("one two three",)]
    assert verify(archive.db) == []


def test_the_same_capture_judged_again_corrects_its_revision(archive, make):
    first = make.outcome(URL, "one two", "three")
    archive.save([first])
    archive.save([with_page(first, make.cleaned(URL, "one two", removed=("three",)))])
    assert rows(archive, "SELECT change FROM revisions") == [("first",)]
    assert rows(archive, "SELECT text FROM articles") == [("one two",)]
    archive.save([with_page(first, make.cleaned(URL, "one two", page_type=PageType.LIST))])
    assert rows(archive, "SELECT count(*) FROM articles") == [(0,)]
    assert verify(archive.db) == []


@pytest.mark.parametrize("what", ["failure", "wall", "empty"])
def test_a_later_failure_does_not_harm_an_article(archive, make, what):
    archive.save([make.outcome(URL, "one two", removed=("x",))])
    before = list(archive.db["articles"].rows), list(archive.db["_blocks"].rows)
    later = {"failure": make.failure(URL), "empty": make.outcome(URL)}
    later["wall"] = make.outcome(URL, "please log in", page_type=PageType.WALL)
    archive.save([later[what]])
    assert (list(archive.db["articles"].rows), list(archive.db["_blocks"].rows)) == before
    assert rows(archive, "SELECT reason FROM urls") == [(later[what].reason,)]
    assert verify(archive.db) == []


def test_a_retry_is_a_row(archive, make):
    archive.save([Outcome(URL, "queued", "http_503", 503, "2026-01-01", not_before="2026-01-02", is_retry=True)])
    assert rows(archive, "SELECT state, reason, attempts, not_before FROM urls") == [
        ("queued", "http_503", 1, "2026-01-02")
    ]
    archive.save([make.outcome(URL, "one two")])
    assert rows(archive, "SELECT state, attempts, not_before FROM urls") == [("done", 2, None)]


def test_a_redirect_leads_to_the_article(archive, make):
    archive.save(
        [
            Outcome("http://a.test/old", "done", "redirect", 301, location="http://a.test/r"),
            Outcome("http://a.test/r", "done", "redirect", 301, location=URL),
            make.outcome(URL, "one two"),
        ]
    )
    assert sorted(rows(archive, "SELECT url FROM _article_urls")) == [
        ("http://a.test/old",),
        ("http://a.test/r",),
        (URL,),
    ]


def test_a_redirect_loop_ends(archive, make):
    archive.save(
        [Outcome(f"http://a.test/{a}", "done", "redirect", 301, location=f"http://a.test/{b}") for a, b in ("xy", "yx")]
    )
    assert rows(archive, "SELECT * FROM _article_urls") == []


def test_links_outside_are_counted_once_a_page(archive, make):
    archive.save(
        [
            make.outcome(URL, "one", outside_links={"b.test": 2}),
            make.outcome(f"{URL}2", "two", outside_links={"b.test": 1}),
        ]
    )
    archive.save([make.outcome(URL, "one", outside_links={"b.test": 2})])
    assert rows(archive, "SELECT host, links FROM _outside_hosts") == [("b.test", 3)]


def test_a_batch_is_all_or_nothing(archive, make):
    bad = replace(make.outcome(f"{URL}2", "two"), state="lost")
    with pytest.raises(sqlite3.IntegrityError):
        archive.save([make.outcome(URL, "one"), bad])
    assert rows(archive, "SELECT count(*) FROM urls UNION ALL SELECT count(*) FROM captures") == [(0,), (0,)]
    archive.save([make.outcome(URL, "one")])


def test_text_that_sqlite_cannot_hold_is_mended(archive, make):
    archive.save([make.outcome(URL, "one\0two \ud800 three", removed=("x\ud83d",), title="T\udfff")])
    assert rows(archive, "SELECT text, title FROM articles") == [("onetwo ? three", "T?")]
    assert verify(archive.db) == []


def test_skipping_and_queueing_again(archive, make):
    archive.save(
        [
            make.outcome(
                URL, "one", discovered_urls=(make.discovered("http://a.test/b"), make.discovered("http://a.test/c"))
            )
        ]
    )
    assert archive.skip_queued("limit") == 2
    assert (
        rows(archive, "SELECT state, reason FROM urls WHERE url <> ? ".replace("?", f"'{URL}'"))
        == [("skipped", "limit")] * 2
    )
    assert archive.requeue([PassingReason("skipped", "limit")]) == 2


def test_one_crawler_owns_a_file(archive, file):
    with pytest.raises(InUse, match="in use by another crawl") as caught:
        Archive.open(file)
    assert "\n" not in str(caught.value)


def test_a_closed_archive_is_one_file(file, make):
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(URL, "one")])
        assert len(os.listdir(file.parent)) > 1
    assert os.listdir(file.parent) == ["a.db"]


def test_a_refused_file_leaves_no_lock(file):
    file.write_text("no database")
    with pytest.raises(NotAnArchive):
        Archive.open(file)
    assert os.listdir(file.parent) == ["a.db"]


def test_readers_read_while_the_writer_writes(archive, file, make):
    archive.save([make.outcome(URL, "one two")])
    plain = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=0)
    archive.db.conn.execute("BEGIN IMMEDIATE")
    archive.db.conn.execute("DELETE FROM articles")
    assert plain.execute("SELECT count(*) FROM articles").fetchone() == (1,)
    archive.db.conn.execute("ROLLBACK")
    archive.save([make.outcome(f"{URL}2", "three")])
    assert plain.execute("SELECT count(*) FROM articles").fetchone() == (2,)
    plain.close()


def test_closing_under_a_reader_loses_nothing(file, make):
    archive = Archive.open(file, make.clock)
    archive.save([make.outcome(URL, "one two")])
    reader = open_database(file, read_only=True)
    transaction = reader.conn.execute("SELECT url FROM urls")
    transaction.fetchone()
    archive.close()
    reader.close()
    with Archive.open(file, make.clock) as reopened:
        assert reopened.db["articles"].count == 1


_WRITER = """
import sys
sys.path[:0] = [sys.argv[2]]
from tests.output.conftest import Maker
from broadsheet.output.write.archive_writer import Archive
from tests.output.cleaned_pages import with_page
make = Maker()
archive = Archive.open(sys.argv[1], make.clock)
for n in range(100_000):
    found = tuple(make.discovered(f"http://a.test/{n}/{k}") for k in range(200))
    archive.save([make.outcome(f"http://a.test/{n}", *(f"text {n} {k}" for k in range(50)), discovered_urls=found)])
    if n == 0:
        print("ready", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.35])
def test_a_killed_save_leaves_nothing_half(file, seconds):
    command = [sys.executable, "-c", _WRITER, file, ROOT]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
    with Archive.open(file) as archive:
        assert verify(archive.db) == []
        [(done, articles, captures)] = rows(
            archive,
            """SELECT (SELECT count(*) FROM urls WHERE state = 'done'), (SELECT count(*) FROM articles),
                (SELECT count(*) FROM captures)""",
        )
        assert done == articles == captures
        assert captures or seconds < 0.1, "a busy machine may be slow to begin, not that slow"
        [(queued_count,)] = rows(archive, "SELECT count(*) FROM urls WHERE state = 'queued'")
        assert queued_count == 200 * done


def test_found_defaults():
    assert DiscoveredUrl("http://a.test/", "a.test").state == "queued"


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_database_that_is_deleted_or_replaced_takes_no_more(file, make, is_replaced):
    with Archive.open(file) as archive:
        archive.save([make.outcome("http://a.test/1", "some words of a page")])
        file.rename(f"{file}.gone")
        if is_replaced:
            file.touch()
        with pytest.raises(OSError, match="is gone"):
            archive.save([make.outcome("http://a.test/2", "other words of a page")])


def test_an_outcome_stores_an_article_anew_unless_it_is_older_or_no_article(make):
    article = make.outcome("http://a.test/1", "One.")
    assert article.has_new_article
    assert not replace(article, is_older=True).has_new_article
    assert not replace(article, page=None).has_new_article
    assert not make.outcome("http://a.test/2", page_type=PageType.LIST).has_new_article
