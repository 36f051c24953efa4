"""What reports, feeds and searches take of an archive that has more."""

import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.read.archive_facts import gather_facts
from broadsheet.output.read.article_files import export_reader_pages
from broadsheet.output.read.coverage import list_covered_urls, measure_coverage
from broadsheet.output.read.edit_history import latest_edits
from broadsheet.output.read.judgement import judge
from broadsheet.output.read.report_figures import gather_report
from broadsheet.output.read.report_text import render
from broadsheet.output.read.run_letter import read_letter
from broadsheet.output.read.search import rank_articles, search
from broadsheet.output.read.verify import verify
from broadsheet.output.read.wacz import _Package
from broadsheet.output.read.web_feeds import FeedScope, read_feed
from broadsheet.output.write.archive_writer import Archive
from tests.output.crowd import fill_crowd, put_many
from tests.output.told import expected, folded, told

FILE = Path(__file__).with_name("whole_crowd.txt")
NOW = "2026-01-20T12:00:00Z"


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    file = tmp_path_factory.mktemp("crowd") / "c.db"
    fill_crowd(file)
    db = open_database(file, read_only=True)
    yield db
    db.close()


@pytest.mark.parametrize("width", [80, 130])
def test_a_report_cuts_what_is_long_and_says_so(db, width):
    report = gather_report(db)
    looks, letter = judge(gather_facts(db, "c.db", report.coverage, NOW), NOW), read_letter(db, report.coverage)
    lines = (render(report, looks, letter) if width == 80 else render(report, looks, letter, width, 3)).splitlines()
    assert max(map(len, lines)) <= width
    text = told(folded(lines))
    assert text == expected(FILE, f"{width} columns", text)


def test_lists_have_an_end(db):
    report = gather_report(db)
    facts = gather_facts(db, "c.db", measure_coverage(db), NOW)
    assert (len(report.uncertain), len(report.layouts)) == (100, 203)
    assert (len(facts.uncertain.examples), facts.uncertain.count) == (4, 5)
    assert len(list_covered_urls(db, "sitemap", ("failed", "http_404"))) == 50
    assert len(list(search(db, "tide"))) == 20
    assert len(rank_articles(db, "tide", 7)) == 7
    assert len(read_feed(db, FeedScope()).entries) == 100
    assert len(latest_edits(db, before_seq=52)) == 50


def test_of_each_check_twenty_problems_are_told(db):
    problems = Counter(problem.check for problem in verify(db))
    assert max(problems.values()) == problems["block_texts"] == 20


def test_the_front_page_has_fifty_articles(tmp_path):
    with Archive.open(tmp_path / "a.db") as archive:
        archive.db.execute("PRAGMA foreign_keys = OFF")
        put_many(archive.db, "articles", 1, 51, id="n", url="'http://a.test/' || n", title="'Title ' || n",
                 authors="'[]'", tags="'[]'", metadata_sources="'{}'", published_day="'2026-01-01'")  # fmt: skip
        archive.db.conn.commit()
        assert export_reader_pages(archive.db, tmp_path / "pages") == 51
    pages = {name: (tmp_path / "pages" / f"{name}.html").read_text() for name in ("index", "2026-01")}
    assert {name: page.count('href="articles/') for name, page in pages.items()} == {"index": 50, "2026-01": 51}


def test_the_index_of_a_wacz_has_a_member_for_1024_lines():
    with zipfile.ZipFile(BytesIO(), "w") as file:
        _Package(file).add_index([f"key{n:04} 2026 {{}}\n" for n in range(2049)])
        lines = file.read("indexes/index.idx").decode().splitlines()
    assert [line.split(" ", 2)[:2] for line in lines[1:]] == [
        ["key0000", "2026"],
        ["key1024", "2026"],
        ["key2048", "2026"],
    ]
