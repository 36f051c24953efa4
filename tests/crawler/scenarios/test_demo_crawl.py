"""The sample site crawled whole, held against what its source files say a crawl should find."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadsheet.cleaners.clean import article_text
from broadsheet.crawler.demo.server import DemoServer, render
from broadsheet.output.archive.archive_file import open_database
from tests.crawler.crawls import Crawl, Result
from tests.crawler.demo.truth import EXPECTED_OUTCOMES, expected_stories
from tests.data_reference import references

PAGES = expected_stories()
UNMARKED: dict[str, str | None] = {"/es/2024/04/la-cooperativa-que-prestaba-a-sus-jefes/": None}
"""A standfirst that neither a class nor a description tells from a first paragraph in larger type."""
DATE_COLUMNS = ("published", "published_day", "published_stated", "modified", "modified_day", "modified_stated")


@dataclass(frozen=True)
class Crawled:
    """A crawl of the sample site from its start page, and a second one into the same file."""

    origin: str
    result: Result
    export: list[dict[str, object]]
    articles: dict[str, tuple[object, ...]]  # after the first run
    asked: list[str]  # the paths that the first run asked for
    second_requests: list[str]

    def text(self, path: str) -> str:
        return str(self.articles[path][2])


def read_articles(result: Result, origin: str) -> dict[str, tuple[object, ...]]:
    rows = result.rows("SELECT url, id, title, text, authors, language, page_type FROM articles")
    return {row[0].removeprefix(origin): row[1:] for row in rows}


def captured(result: Result) -> set[str]:
    return {url for (url,) in result.rows("SELECT url FROM captures")}


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder: Path = tmp_path_factory.mktemp("demo")
    crawl = Crawl(folder)
    with DemoServer() as server:
        export = folder / "out.jsonl"
        process = crawl.start(server.url + "/", export=export, BROADSHEET_WORKERS=0)
        _, errors = process.communicate(timeout=120)
        result = crawl.result(process, errors)
        articles, asked = read_articles(result, server.url), [entry.path for entry in server.requests]
        rows = [json.loads(line) for line in export.read_text("utf-8").splitlines()]
        crawl(server.url + "/")
        yield Crawled(
            server.url, result, rows, articles, asked, [entry.path for entry in server.requests[len(asked) :]]
        )


def test_every_address_ends_as_the_site_s_files_say(crawled):
    got = {url.removeprefix(crawled.origin): row for url, row in crawled.result.states().items()}
    wrong = {path: (got.get(path), want) for path, want in EXPECTED_OUTCOMES.items() if got.get(path) != want}
    assert wrong == {}
    media = {path for path, row in got.items() if row == ("skipped", "media_type")}
    assert got.keys() - EXPECTED_OUTCOMES.keys() - media == set()


def test_each_documented_reference_leads_to_a_row(crawled):
    with closing(open_database(crawled.result.db, read_only=True)) as db:
        found = {}
        lines = [(*line, "id") for line in references(db)]
        for table, column, target, key in [*lines, ("urls", "found_on", "urls", "url")]:
            there = f"SELECT {key} FROM {target}"
            if table in ("changes", "revisions", "versions") and target == "articles":
                there += " UNION ALL SELECT id FROM shelved"
            query = f"SELECT count({column}), count({column}) FILTER (WHERE {column} NOT IN ({there})) FROM {table}"
            found[f"{table}.{column}"] = db.execute(query).fetchone()
    assert {name: lost for name, (_, lost) in found.items() if lost} == {}
    assert [name for name, (count, _) in found.items() if not count] == ["alarms.run_id"]


def test_each_story_is_an_article_once_and_nothing_else_is(crawled):
    assert crawled.articles.keys() == {page.path for page in PAGES}


def test_a_story_has_its_standfirst_in_a_field_too(crawled):
    expected = {page.path: page.standfirst or None for page in PAGES} | UNMARKED
    rows = crawled.result.rows("SELECT url, standfirst FROM articles")
    stored = {url.removeprefix(crawled.origin): text for url, text in rows}
    assert {path: expected[path] for path in stored} == stored


def test_a_story_has_its_own_blocks_in_order_and_what_its_page_says(crawled):
    for page in PAGES:
        _, title, text, authors, language, page_type = crawled.articles[page.path]
        assert str(text).split("\n") == "\n".join(page.text_blocks).split("\n"), page.path
        kind = "teaser" if page.is_teaser else "article"
        assert (title, json.loads(str(authors)), language, page_type) == (
            page.title, list(page.authors), page.language, kind,
        ), page.path  # fmt: skip


def test_a_story_has_the_instant_the_day_and_the_words_of_its_dates(crawled):
    rows = crawled.result.rows(f"SELECT url, {', '.join(DATE_COLUMNS)} FROM articles")
    assert {url.removeprefix(crawled.origin): columns for url, *columns in rows} == {
        page.path: [*date_columns(page.published), *date_columns(page.modified)] for page in PAGES
    }


def date_columns(stated: str) -> tuple[str | None, str | None, str | None]:
    """The three columns of a date that a page of the site states: with time and zone, or a day alone."""
    instant = datetime.fromisoformat(stated).astimezone(UTC) if "T" in stated else None
    return instant and instant.strftime("%Y-%m-%dT%H:%M:%SZ"), stated[:10] or None, stated or None


def test_a_second_path_to_a_text_is_known_and_makes_no_second_article(crawled):
    for page in PAGES:
        for alias in page.aliases:
            rows = crawled.result.rows(
                "SELECT article_id FROM pages JOIN urls USING (id) WHERE url = ?", crawled.origin + alias
            )
            assert rows == [(crawled.articles[page.path][0],)], alias


def test_every_fetched_page_has_a_verdict_with_evidence_and_a_capture(crawled):
    rows = crawled.result.rows(
        "SELECT url, evidence, pages.capture_id FROM urls LEFT JOIN pages USING (id)"
        " WHERE state = 'done' AND kind = 'page' AND reason <> 'redirect'"
    )
    assert [url for url, evidence, capture in rows if not json.loads(evidence or "[]") or not capture] == []
    unheld = {entry for entry in crawled.asked if crawled.origin + entry not in captured(crawled.result)}
    assert unheld == set()


def test_every_removed_block_has_a_reason_and_a_rule(crawled):
    counts = dict(crawled.result.rows("SELECT reason, count(*) FROM removed GROUP BY reason"))
    assert {"share buttons", "donation", "newsletter", "other articles", "comments", "navigation"} <= counts.keys()
    assert crawled.result.rows("SELECT count(*) FROM removed WHERE reason = '' OR rule = ''") == [(0,)]


def test_the_export_holds_exactly_the_archive_s_articles(crawled):
    exported = {str(row["url"]).removeprefix(crawled.origin): row for row in crawled.export}
    assert len(exported) == len(crawled.export)
    assert exported.keys() == crawled.articles.keys()
    for path, row in exported.items():
        assert (row["id"], row["title"], row["text"]) == crawled.articles[path][:3]
        assert row["authors"] == json.loads(str(crawled.articles[path][3]))
    dates = {path: [row[name] for name in DATE_COLUMNS] for path, row in exported.items()}
    assert dates == {page.path: [*date_columns(page.published), *date_columns(page.modified)] for page in PAGES}


def test_a_second_run_asks_for_what_is_due_and_loses_nothing(crawled):
    assert crawled.second_requests == []
    assert read_articles(crawled.result, crawled.origin) == crawled.articles
    assert crawled.result.rows("SELECT outcome FROM runs") == [("finished",)] * 2


@pytest.mark.slow
def test_the_scoring_hook_returns_what_the_crawl_stored(crawled):
    site = render(crawled.origin)
    wrong = [
        page.path
        for page in PAGES
        if not crawled.text(page.path).startswith(article_text(site[page.path].body, crawled.origin + page.path))
    ]
    assert wrong == []
