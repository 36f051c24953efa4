"""The page of the report: figures that agree with the archive, and what needs a look."""

import sqlite3
import time

from broadsheet.cleaners.document import PageType
from broadsheet.output.browse import room
from broadsheet.output.browse.article_list import count_facets
from broadsheet.output.browse.report_page import count_figures, read_report
from broadsheet.output.read.archive_facts import gather_facts
from broadsheet.output.read.coverage import measure_coverage
from broadsheet.output.write.alarms import survey
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient, article_id, visible_text


def report(db):
    return read_report(db, count_figures(db, count_facets(db)), gather_facts(db, coverage=measure_coverage(db)))


def test_it_counts_articles_reasons_runs_and_coverage(archive, make):
    run_id = archive.runs.start("crawl", {}, {})
    listed = tuple(make.discovered(f"{SITE}/{number}", found_via="sitemap") for number in range(1, 5))
    archive.save([
        make.outcome(f"{SITE}/1", "Words of it.", removed=("Share",), discovered_urls=listed),
        make.outcome(f"{SITE}/2", "Words of another."),
        make.failure(f"{SITE}/3"),
        make.failure(f"{SITE}/4"),
    ])  # fmt: skip
    survey(archive.db, run_id, "2026-01-01T00:10:00+00:00")
    archive.runs.finish(run_id, "finished", "done", {})
    page = report(archive.db)
    assert (page.totals.articles, dict(page.totals.urls)) == (2, {"done": 2, "failed": 2})
    assert [(line.reason, line.blocks) for line in page.reasons] == [("share buttons", 1)]
    assert [(run.articles, run.outcome) for run in page.runs] == [(2, "finished")]
    (bar,) = page.coverage
    assert [(part.name, part.value) for part in bar.parts] == [("articles", 2), ("other pages", 0), ("failed", 2)]
    look = next(look for look in page.looks if look.kind == "gap")
    assert look.text == "2 URLs that sitemaps name were not read: HTTP 500 Internal Server Error"
    assert look.path == "coverage/urls?source=sitemap&state=failed&reason=http_500"
    assert look.hint
    assert page.has_certainty is False


def test_the_report_of_an_empty_archive_says_so(file):
    Archive.open(file).close()
    page = visible_text(RoomClient(file).page("a/report"))
    assert "0 articles from 0 hosts" in page
    assert "Nothing: the archive is empty." in page


def test_of_a_large_archive_the_coverage_comes_a_moment_later(client, filled, make, monkeypatch):
    monkeypatch.setattr(room, "_FEW_URLS", 0)
    assert client.json("a/report.json")["coverage"] is None
    for _ in range(500):
        if client.json("a/report.json")["coverage"] is not None:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("it was never counted")


def test_certainty_is_shown_where_the_archive_has_it(archive, make):
    archive.save([make.outcome(f"{SITE}/1", "Words of it."), make.outcome(f"{SITE}/2", "Words of another.")])
    archive.db.execute("UPDATE pages SET certainty = 0.5 / id")
    page = report(archive.db)
    assert page.has_certainty
    [look] = [look for look in page.looks if look.kind == "uncertain"]
    assert look.text.startswith("2 of 2 articles are of low certainty")
    assert look.path == "articles?sort=certainty"


def test_the_alarms_of_a_run_are_counted_also_within_a_minute(archive, make):
    for number in range(3):
        run_id = archive.runs.start("crawl", {}, {})
        archive.save([make.outcome(f"{SITE}/{number}", f"Words of {number}.")])
        survey(archive.db, run_id, make.clock())
        archive.runs.finish(run_id, "finished", "", {})
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


def test_articles_without_a_date_are_counted_and_listed(client):
    assert client.json("a/report.json")["totals"]["undated"] == 3
    assert "no date" in client.page("a/articles?year=")


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
