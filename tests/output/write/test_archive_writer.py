import os
import sqlite3
import threading
from dataclasses import replace

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.archive.archive_errors import InUse, NotAnArchive, TextConflict
from broadsheet.output.archive.archive_file import open_database, wal_size
from broadsheet.output.raw.raw_exchange import Capture, RawExchange
from broadsheet.output.read.verify import verify
from broadsheet.output.write import archive_writer
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import PassingReason
from tests.internal_tables import BLOCK_TEXTS, OUTSIDE_HOSTS
from tests.output.crowd import put_many

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


def test_a_file_that_could_not_be_opened_is_free_again(file):
    sqlite3.connect(file).execute("CREATE TABLE other (a)").connection.close()
    with pytest.raises(NotAnArchive, match="another program") as refused:  # kept: nothing is let go of by forgetting it
        Archive.open(file)
    assert os.listdir(file.parent) == ["a.db"]
    file.unlink()
    Archive.open(file).close()
    assert refused


@pytest.mark.parametrize(("sync_commits", "level"), [(True, 2), (False, 1)], ids=["FULL", "NORMAL"])
def test_commits_wait_for_the_disk_where_that_is_asked_for(file, sync_commits, level):
    with Archive.open(file, sync_commits=sync_commits) as archive:
        assert rows(archive, "PRAGMA synchronous") == [(level,)]


def test_the_same_text_is_stored_once(archive, make):
    archive.save([make.outcome(f"http://a.test/{n}", f"own text {n}", removed=("share this",)) for n in range(5)])
    assert rows(archive, f"SELECT count(*) FROM {BLOCK_TEXTS} WHERE text = 'share this'") == [(1,)]
    assert rows(archive, "SELECT count(DISTINCT block_id), count(*) FROM removed") == [(1, 5)]


@pytest.mark.parametrize("what", ["failure", "wall", "empty"])
def test_a_later_failure_does_not_harm_an_article(archive, make, what):
    archive.save([make.outcome(URL, "one two", removed=("x",))])
    before = list(archive.db["articles"].rows), list(archive.db["blocks"].rows)
    later = {"failure": make.failure(URL), "empty": make.outcome(URL)}
    later["wall"] = make.outcome(URL, "please log in", page_type=PageType.WALL)
    archive.save([later[what]])
    assert (list(archive.db["articles"].rows), list(archive.db["blocks"].rows)) == before
    assert rows(archive, "SELECT reason FROM urls") == [(later[what].reason,)]
    assert verify(archive.db) == []


def test_a_retry_is_a_row(archive, make):
    archive.save([Outcome(URL, "queued", "http_503", 503, "2026-01-01", not_before="2026-01-02", is_retry=True)])
    row = ("queued", "http_503", 1, "2026-01-02")
    assert rows(archive, "SELECT state, reason, attempts, _not_before FROM urls") == [row]
    archive.save([make.outcome(URL, "one two")])
    assert rows(archive, "SELECT state, attempts, _not_before FROM urls") == [("done", 2, None)]


def test_a_redirect_loop_ends(archive, make):
    for a, b in ("xy", "yx"):
        archive.save([Outcome(f"http://a.test/{a}", "done", "redirect", 301, location=f"http://a.test/{b}")])
    assert rows(archive, "SELECT * FROM article_urls") == []


def test_links_outside_are_counted_once_a_page(archive, make):
    for url, links in ((URL, 2), (f"{URL}2", 1), (URL, 2)):
        archive.save([make.outcome(url, "one", outside_links={"b.test": links})])
    assert rows(archive, f"SELECT host, links FROM {OUTSIDE_HOSTS}") == [("b.test", 3)]


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
    archive.save([make.outcome(URL, "one", discovered_urls=[make.discovered(f"http://a.test/{n}") for n in "bc"])])
    assert archive.skip_queued("limit") == 2
    assert rows(archive, "SELECT state, reason FROM urls ORDER BY url")[:2] == [("skipped", "limit")] * 2
    assert archive.requeue([PassingReason("skipped", "limit")]) == 2


def test_one_crawler_owns_a_file(archive, file):
    with pytest.raises(InUse, match="in use by another command") as caught:
        Archive.open(file)
    assert "\n" not in str(caught.value)


def test_a_closed_archive_is_one_file(file, make):
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(URL, "one")])
        assert len(os.listdir(file.parent)) > 1
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


@pytest.mark.slow
def test_the_log_stays_bounded_while_one_of_two_readers_is_always_reading(file, make, monkeypatch):
    monkeypatch.setattr(archive_writer, "MOST_WAL_BYTES", 200_000)
    monkeypatch.setattr(archive_writer, "_WAL_WAIT_MS", 10_000)
    inside, stop = (threading.Event(), threading.Event()), threading.Event()

    def read(me: int) -> None:
        reader = sqlite3.connect(file, isolation_level=None, timeout=30)
        while not stop.is_set():
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM urls").fetchone()
            inside[me].set()
            inside[1 - me].wait(1)
            inside[1 - me].clear()
            reader.rollback()
        reader.close()

    threads = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    with Archive.open(file, make.clock) as archive:
        archive.db.execute("PRAGMA wal_autocheckpoint = 10")
        [thread.start() for thread in threads]
        sizes = []
        for number in range(60):
            archive.save([make.outcome(f"https://a.test/{number}", f"text {number} " * 3000)])
            sizes.append(wal_size(file))
        stop.set()
        [thread.join() for thread in threads]
        total = os.stat(file).st_size
    assert max(sizes) < 400_000 < total


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


def test_closing_again_does_nothing_and_each_batch_waits_for_the_last(file, make):
    archive = Archive.open(file, make.clock)
    archive.save([make.outcome(URL, "one")])
    archive.close()
    archive.close()
    with Archive.open(file) as again:
        assert again.raw_bytes == 0
        assert again.raw_files == ()


@pytest.mark.parametrize(("is_page", "count"), [(True, 2), (True, 1), (False, 2)])
def test_a_text_whose_number_stands_for_another_costs_its_own_page_alone(archive, make, caplog, is_page, count):
    """A conflict without a page is a fault."""
    clash = "The words that clash"
    archive.save([make.outcome(f"{URL}0", clash)])
    archive.db.execute(f"UPDATE {BLOCK_TEXTS} SET text = 'other' WHERE text = ?", [clash])
    archive.db.conn.commit()
    batch = [make.outcome(f"{URL}1", clash), make.outcome(f"{URL}2", "Other words")][:count]
    if not is_page:
        archive._save_batch = lambda batch: (_ for _ in ()).throw(TextConflict(1, "stored", "new"))
        with pytest.raises(TextConflict):
            archive.save([replace(batch[0], page=None)])
        return
    archive.save(batch)
    states = dict(rows(archive, "SELECT url, state || ' ' || reason FROM urls"))
    expected = ["done article", "failed text_conflict", "done article"][: count + 1]
    assert states == {f"{URL}{number}": state for number, state in enumerate(expected)}
    assert rows(archive, "SELECT count(*) FROM captures") == [(1 + count,)]
    assert [record.args[0] for record in caplog.records] == [f"{URL}1"]


def test_an_outcome_gives_up_five_thousand_urls_of_its_host_and_a_step_queues_as_many_again(archive, make):
    put_many(archive.db, "urls", 1, 5002, id="n", url="'http://a.test/' || n", host="'a.test'", kind="'page'",
             state="'queued'", found_via="'link'")  # fmt: skip
    archive.db.conn.commit()
    archive.save([replace(make.failure("http://a.test/1", "dns"), given_up_host="a.test")])
    assert dict(archive.take_given_up()) == {"page/failed/dns": 5000}
    archive.save([replace(make.failure("http://a.test/1", "dns"), given_up_host="a.test")])
    assert dict(archive.take_given_up()) == {"page/failed/dns": 1}
    assert archive.requeue([PassingReason("failed", "dns")]) == 5000
    assert archive.requeuer.has_more
    assert archive.requeuer.step() == 2


@pytest.mark.parametrize(
    ("values", "raw_size", "is_attempt"),
    [
        ({}, 0, True),
        ({"state": "skipped"}, 0, False),
        ({"state": "queued"}, 0, True),
        ({"capture": 3}, 3, True),
        ({"extra_captures": (3, 5)}, 8, True),
        ({"capture": 2, "extra_captures": (3, 5)}, 10, True),
    ],
)
def test_an_outcome_has_the_size_of_all_its_records(values, raw_size, is_attempt):
    def capture(size):
        return Capture(URL, "t", 200, raw=RawExchange(b"", b"h" * (size - 1), b"b"))

    made = {
        name: value if name == "state" else tuple(map(capture, value)) if name == "extra_captures" else capture(value)
        for name, value in values.items()
    }
    outcome = Outcome(**({"url": URL, "state": "done"} | made))
    assert (outcome.raw_size, outcome.is_attempt) == (raw_size, is_attempt)
    assert replace(outcome, extra_captures=(*outcome.extra_captures, Capture(URL, "t", 200))).raw_size == raw_size
