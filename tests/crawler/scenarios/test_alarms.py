"""A site whose template changes between two looks at it: the crawl's closing words say so, and are silent on noise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.crawler.demo.server import DemoServer
from broadsheet.crawler.demo.server import _RequestHandler as DemoHandler
from tests.crawler.scenarios.test_watch_sites import AUTUMN, SPRING
from tests.crawler.shell import command, rows
from tests.crawler.watched import Edits, edited, restyled

QUICK = ("--delay", 0, "--allow-private")
SHELL = '<!DOCTYPE html><title>The Lantern</title><div id="app"></div><script src="/app.js"></script>'
pytestmark = pytest.mark.slow


@pytest.fixture
def served() -> Iterator[tuple[str, Edits]]:
    edits = Edits(everywhere=[SPRING])
    with DemoServer() as server:
        server._server.RequestHandlerClass = edited(DemoHandler, edits)
        yield server.url, edits


def update(db: Path) -> list[str]:
    """What the closing words of a look at everything again say of pages that were articles."""
    code, shown, errors = command("update", db, "--all", *QUICK)
    assert code == 0, errors
    return [line for line in shown.splitlines() if "pages known as articles" in line]


def test_a_changed_template_is_told_and_noise_is_not(served: tuple[str, Edits], tmp_path: Path) -> None:
    url, edits = served
    db = tmp_path / "a.db"
    assert command("crawl", url, "--db", db, *QUICK)[0] == 0
    edits.everywhere = [AUTUMN]
    assert update(db) == []
    edits.everywhere = [lambda _: SHELL]
    [line] = update(db)
    assert "pages known as articles have nothing to read" in line
    before = rows(db, "SELECT count(*) FROM articles")[0]
    edits.everywhere = [AUTUMN]
    assert update(db) == []
    assert rows(db, "SELECT count(*) FROM articles")[0] == before
    assert [what for (what,) in rows(db, "SELECT DISTINCT what FROM alarms")] == ["barren"]
    report = command("report", db)[1]
    assert "Out of line with the past" in report


def test_a_redesigned_site_is_told_and_an_undisturbed_one_is_not(served: tuple[str, Edits], tmp_path: Path) -> None:
    url, edits = served
    db = tmp_path / "a.db"
    assert command("crawl", url, "--db", db, "--max-pages", 30, *QUICK)[0] == 0
    assert command("crawl", url, "--db", db, *QUICK)[0] == 0  # the rest of the site
    assert update(db) == []
    edits.everywhere = [SPRING, restyled]
    [line] = update(db)
    assert "pages known as articles have left their layout" in line
    assert rows(db, "SELECT DISTINCT part, what FROM alarms") == [("again", "layout_new")]
    assert update(db) == [line]  # until somebody has had the time to look
    assert "for one that no page had before" in command("report", db)[1]
