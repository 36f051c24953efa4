"""One count has one meaning and one name: what crawl, report, JSON, room and file say of two archives."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from broadsheet.output.browse.application import make_app
from broadsheet.output.browse.library import Library
from broadsheet.output.browse.room import Room, RoomWording
from broadsheet.output.browse.strict_requests import loopback_authorities
from tests.crawler.scripted_site import Reply, page, stories
from tests.crawler.shell import command, verb

pytestmark = pytest.mark.slow

NAMES = ("lock", "quay", "weir")


def report_page_of(db: Path) -> str:
    """The words of the room's report, once all is counted."""
    room = Room(Library.at(db), RoomWording(str, lambda edit: edit.kind), may_write=False)
    http = TestClient(make_app(room, loopback_authorities(8383)), base_url="http://127.0.0.1:8383")
    for _ in range(2):  # the first look begins to count
        text = re.sub(r"<[^>]*>", " ", http.get(f"/{db.stem}/report").text)
    return " ".join(text.split())


def hold_numbers_together(db: Path, told: str) -> None:
    """Compare the closing line of a crawl with everything else that says how many there are."""
    with closing(sqlite3.connect(db)) as connection:
        articles = connection.execute("SELECT count(*) FROM articles").fetchone()[0]
        states = dict(connection.execute("SELECT state, count(*) FROM urls GROUP BY state"))
    figures = json.loads(verb("report", db, "--json")[1])
    shelved = sum(count for _, count in figures["shelved"])
    found = re.search(r"(\d+) articles? in \S+ \((.*) taken out\); ", told)
    assert found is not None, told
    sentence = f"{found[1]} articles ({found[2]} taken out); "
    assert (int(found[1]), sum(map(int, re.findall(r"\d+", found[2])))) == (articles, shelved)
    assert figures["articles"] == articles
    assert figures["verdict"].startswith(sentence)
    assert verb("report", db)[1].startswith(sentence)
    (whole,) = [row for row in figures["yields"] if row["part"] == "*"]
    assert whole["article_pages"] == articles + shelved
    text = report_page_of(db)
    assert f"{articles} articles from 1 host" in text
    assert f"all {sum(states.values())} URLs: " in text
    assert all(f"{count} {state}" in text for state, count in states.items())
    assert f"finished {whole['pages']} {articles + shelved} none" in text  # pages, article pages, alarms of the run
    is_calm = not any(look["severity"] == "look" for look in figures["looks"])
    assert is_calm == ("nothing needs a look" in figures["verdict"]) == ("nothing needs a look" in text)
    for coverage in figures["coverage"]:
        counts = [coverage["articles"], *(gap["urls"] for gap in (*coverage["pages"], *coverage["gaps"]))]
        assert sum(counts) == coverage["named"]


def test_the_sample_has_the_same_numbers_everywhere(tmp_path):
    code, told, errors = command("demo", cwd=tmp_path)
    assert code == 0, errors
    hold_numbers_together(tmp_path / "demo-out/sample.db", told)


def test_a_site_of_copies_and_faults_has_the_same_numbers_everywhere(crawl, serve):
    paths = [*(f"/{name}" for name in NAMES), "/copy", "/shut", "/broken"]
    site = serve({"/": page("home", *paths), **stories(*NAMES), "/copy": page(NAMES[0])})
    site.routes |= {"/shut": Reply("no", 403), "/broken": Reply("no", 500)}
    options = ("--allow-private", "--delay", "0", "--no-sitemaps", "--no-feeds")
    code, told, errors = command("crawl", f"{site.url}/", "--db", crawl.db, *options)
    assert code == 0, errors
    hold_numbers_together(crawl.db, told)
