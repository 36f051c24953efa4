"""Front pages and the report: the newest articles, the archives of a folder, and what needs a look."""

import sqlite3
import threading
import time

from broadsheet.cleaners.document import PageType
from broadsheet.output.browse import home_page, page_routes, room
from broadsheet.output.browse.article_list import count_facets
from broadsheet.output.browse.report_page import ReportWords, count_figures, read_report
from broadsheet.output.browse.url_pages import BarPart, bar_parts
from broadsheet.output.read.archive_facts import gather_facts
from broadsheet.output.read.coverage import measure_coverage
from broadsheet.output.read.report_figures import read_removed
from broadsheet.output.write.alarms import survey
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.browse.conftest import SITE, RoomClient, article_id, linked, visible_text


def report(db):
    facts = gather_facts(db, coverage=measure_coverage(db))
    return read_report(db, count_figures(db, count_facets(db)), facts, read_removed(db), ReportWords())


def test_the_report_of_an_empty_archive_says_so(file):
    Archive.open(file).close()
    page = visible_text(RoomClient(file).page("a/report"))
    assert "0 articles from 0 hosts" in page
    assert "Nothing: the archive is empty." in page


def test_of_a_large_archive_the_coverage_comes_a_moment_later(client, filled, make, monkeypatch):
    monkeypatch.setattr(room, "_FEW_URLS", 0)
    is_answered = threading.Event()
    count = page_routes.measure_coverage
    monkeypatch.setattr(page_routes, "measure_coverage", lambda db: is_answered.wait(30) and count(db))
    assert client.json("a/report.json")["coverage"] is None
    is_answered.set()
    for _ in range(500):
        if client.json("a/report.json")["coverage"] is not None:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("it was never counted")


def test_each_look_leads_to_a_page_that_is_there(file, make):
    """Failed lists lead to one of them; pictures that all failed are told by the report itself."""
    failed = [Outcome(f"{SITE}/map.xml", "failed", "http_503", kind="sitemap"), make.failure(f"{SITE}/2", "http_403"),
              *(Outcome(f"{SITE}/{n}.png", "failed", "http_403", kind="picture") for n in range(2))]  # fmt: skip
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(f"{SITE}/1", "Words.", discovered_urls=(make.discovered(f"{SITE}/2"),)), *failed])
    client = RoomClient(file)
    looks = client.json("a/report.json")["looks"]
    pages = [(look["text"], client.page(f"a/{look['path']}")) for look in looks if look["path"]]
    assert len(pages) >= 2
    assert f"{SITE}/map.xml" in next(page for text, page in pages if "sitemap could not be read" in text)
    assert [look["path"] for look in looks if "picture" in look["text"]] == [""]


def test_the_alarms_of_a_run_are_counted_also_within_a_minute(archive, make):
    for number in range(3):
        run_id = archive.runs.start("crawl", {}, {})
        archive.save([make.outcome(f"{SITE}/{number}", f"Words of {number}.")])
        survey(archive.db, run_id, make.clock())
        archive.runs.finish(run_id, "finished", "", {"page/done/article": 1})
    archive.db["alarms"].insert({
        "run_id": run_id, "at": make.clock(), "host": "a.example", "part": "*", "what": "short", "message": "short",
    })  # fmt: skip
    assert [run.alarms for run in report(archive.db).runs] == [0, 0, 1]


def test_as_long_as_certainty_is_not_calibrated_the_pages_say_so(client, filled):
    with sqlite3.connect(filled) as db:
        db.execute("UPDATE pages SET certainty = 0.7")
    paths = ("a/report", "a/articles", f"a/article/{article_id(f'{SITE}/1')}")
    assert not [path for path in paths if "uncalibrated" in client.page(path)]
    client.room.renderer.environment.globals["is_calibrated"] = False
    client.room.renderer.environment.cache.clear()
    assert [path for path in paths if "uncalibrated" in client.page(path)] == list(paths)


def test_what_changes_without_an_article_is_judged_anew(client, filled, make):
    assert [look for look in client.json("a/report.json")["looks"] if look["kind"] == "queued"] == []
    with Archive.open(filled) as archive:
        found = (make.discovered(f"{SITE}/x"),)
        archive.save([make.outcome(f"{SITE}/list", page_type=PageType.LIST, discovered_urls=found)])
    [look] = [look for look in client.json("a/report.json")["looks"] if look["kind"] == "queued"]
    assert look["text"] == "1 URL waits to be fetched"


def test_a_withdrawal_leads_to_its_article(filled, make):
    numbers = {number: article_id(f"{SITE}/{number}") for number in (1, 2)}

    def withdraw(number):
        with Archive.open(filled, make.clock) as archive:
            archive.db.execute(
                """INSERT INTO revisions (article_id, number, seen_at, title, change, kinds, text_digest)
                SELECT article_id, 2, ?, title, 'withdrawn', '["withdrawn"]', text_digest FROM revisions
                WHERE article_id = ?""", [make.clock(), numbers[number]],
            )  # fmt: skip
            archive.save([make.failure(f"{SITE}/more-{number}")])  # so that the archive is another one

    client = RoomClient(filled)
    withdraw(1)
    [look] = [look for look in client.json("a/report.json")["looks"] if look["kind"] == "withdrawn"]
    assert (look["path"], look["examples"]) == (f"article/{numbers[1]}", [])
    withdraw(2)
    [look] = [look for look in client.json("a/report.json")["looks"] if look["kind"] == "withdrawn"]
    assert look["path"] == "changes?kind=withdrawn"
    assert {example["path"] for example in look["examples"]} == {f"article/{number}" for number in numbers.values()}
    assert f'href="/a/article/{numbers[2]}"' in client.page("a/report")


def test_the_newest_articles_stand_first_with_site_day_and_first_sentence(client, filled, monkeypatch):
    with sqlite3.connect(filled) as db:
        db.execute("UPDATE articles SET published_day = '2026-01-0' || substr(url, -1), text = text || ' More of it.'")
    page = client.json("a/index.json")
    assert [new["article"]["title"] for new in page["newest"]] == ["Three", "Two", "One"]
    text = visible_text(client.page("a/"))
    assert "2026-01-03 Three The harbour opened again. 2026-01-02 Two Water ran short." in text
    assert "More of it" not in text
    monkeypatch.setattr(home_page, "NEWEST", 2)
    page = client.page("a/")
    assert "All articles" in visible_text(page)
    assert "1 of 3" in visible_text(client.page(linked(page, "Three")))  # it opens in the list that it begins


def test_what_needs_a_look_is_one_line_that_leads_there(client, filled, make, monkeypatch):
    with Archive.open(filled) as archive:
        archive.save([make.outcome(f"{SITE}/5", "Words of it.")])
        archive.db.execute("UPDATE pages SET certainty = 0.1")
    count = sum(look["needs_look"] for look in client.json("a/report.json")["looks"])
    assert (count > 0, client.json("a/index.json")["looks"]) == (True, count)
    words = f"{count} thing{'s need' if count > 1 else ' needs'} a look"
    assert "of low certainty" in client.page(linked(client.page("a/"), words))
    monkeypatch.setattr(room, "_FEW_URLS", 0)
    with Archive.open(filled) as archive:
        archive.save([make.outcome(f"{SITE}/6", "Words of another.")])
    client = RoomClient(filled)
    assert "what needs a look is being counted" in client.page("a/")
    for _ in range(500):
        if client.json("a/index.json")["looks"] is not None:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("it was never counted")


def test_an_empty_archive_has_a_front_page(file):
    Archive.open(file).close()
    page = visible_text(RoomClient(file).page("a/"))
    assert "0 articles from 0 hosts" in page
    assert "The archive has no article." in page


def test_a_folder_lists_an_archive_without_articles_and_one_that_cannot_be_read(tmp_path):
    for name in ("empty", "newer"):
        Archive.open(tmp_path / f"{name}.db").close()
    client = RoomClient(tmp_path)
    with sqlite3.connect(tmp_path / "newer.db") as db:
        db.execute("PRAGMA user_version = 99")
    empty, newer = client.json("index.json")["archives"]
    size = (tmp_path / "empty.db").stat().st_size
    assert empty == {
        "name": "empty", "path": str(tmp_path / "empty.db"), "size": size, "articles": 0, "hosts": "", "last_run": "",
        "fault": "",
    }  # fmt: skip
    assert "newer" in newer["fault"]
    assert newer | {"fault": "", "name": "empty", "path": empty["path"], "size": size} == empty


def test_a_bar_is_divided_by_shares():
    parts = bar_parts([("a", 1), ("b", 999), ("c", 0), ("d", 250)])
    assert parts == (
        BarPart("a", 1, 0.0, 0.4), BarPart("b", 999, 0.08, 79.92), BarPart("c", 0, 80.0, 0.0),
        BarPart("d", 250, 80.0, 20.0),
    )  # fmt: skip
    assert bar_parts([("a", 0)]) == (BarPart("a", 0, 0.0, 0.0),)
