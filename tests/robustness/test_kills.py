"""Kills at any moment of a crawl, and then an end: nothing lost, nothing doubled, nothing asked for twice."""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from broadsheet.crawler.demo.server import DemoServer
from broadsheet.output.settle.copies_and_parts import TITLED_WORDS
from tests.bench.sites import SHARED, Site
from tests.crawler import raws
from tests.crawler.crawls import Crawl, Result
from tests.crawler.fetch.test_exchange_recorder import assert_rows
from tests.crawler.scenarios.test_interrupted import left
from tests.robustness.killing import distinct, kill_often, moments, repeated

ANSWER_SECONDS = 0.03  # so that a crawl of a real site lasts long enough to be killed anywhere


def check(folder: Path, start_url: str, asked: Callable[[], Sequence[str]], seed: int, kills: int) -> None:
    """Crawl undisturbed, then with kills, and compare what both left."""
    calm, crawl = Crawl(folder / "calm"), Crawl(folder / "killed")
    for one in (calm, crawl):
        one.folder.mkdir()
    undisturbed = calm(start_url)
    assert undisturbed.code == 0
    before = len(asked())
    paths = distinct(asked()[:before])

    def since() -> Sequence[str]:
        return asked()[before:]

    deaths = kill_often(lambda: crawl.start(start_url), since, crawl.db, kills, moments(kills, paths, seed))
    result = crawl(start_url)
    assert result.code == 0
    assert [fault for death in deaths for fault in death.faults] == []
    assert repeated(deaths, since()) == [], "what was committed is not asked for again"
    places = {(distinct(since()[: death.asked]), len(death.done)) for death in deaths}
    assert len(places) >= kills // 4, f"the kills fell in few places (asked, stored): {sorted(places)}"
    assert_same(result, undisturbed)


# A short text is a copy under the same title alone: pages that only show a file have nothing but a date.
_COPIES = f"""SELECT url FROM articles GROUP BY text, CASE WHEN word_count < {TITLED_WORDS} THEN title END
    HAVING count(*) > 1"""


def assert_same(result: Result, undisturbed: Result) -> None:
    found, wanted = left(result), left(undisturbed)
    assert len(wanted["articles"]) > 10  # type: ignore[arg-type]
    for rows in (found, wanted):
        rows["captures"] = once_asked(rows["captures"], result)
    for name in wanted:
        assert found[name] == wanted[name], name
    assert result.rows("PRAGMA integrity_check") == [("ok",)]
    assert result.rows("PRAGMA foreign_key_check") == []
    assert result.rows("SELECT count(*) FROM urls WHERE state = 'queued'") == [(0,)]
    assert result.rows(_COPIES) == []
    assert sorted({path.name for path in result.db.parent.iterdir()}) == [result.db.name, f"{result.db.name}.warc"]
    raws.checked(result.db)
    assert_rows(result.db)


def once_asked(rows: object, result: Result) -> object:
    """The rows without the captures of URLs that took retries: those of one second are one capture."""
    retried = {url for (url,) in result.rows("SELECT url FROM urls WHERE attempts > 1")}
    return [row for row in rows if row[0] not in retried]  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.nightly)])
def test_the_sample_site_survives_kills(tmp_path, kills):
    with DemoServer() as server:
        check(tmp_path, f"{server.url}/", lambda: [entry.path for entry in tuple(server.requests)], 1, kills)


@pytest.mark.nightly
@pytest.mark.skipif(not (SHARED / "corpus/sites").is_dir(), reason="needs the evaluation data in ../shared")
def test_a_real_site_survives_kills(tmp_path):
    log: list[str] = []
    site = Site("mali_live", Path(tempfile.gettempdir()) / "broadsheet-sites")
    site.server.RequestHandlerClass = logged(site.server.RequestHandlerClass, log)
    with site:
        check(tmp_path, site.start, lambda: tuple(log), 2, 40)


def logged(handler: type, log: list[str]) -> type:
    """The site's handler, with a log of the paths that were asked for."""

    class Logged(handler):  # type: ignore[misc]
        def handle(self) -> None:
            with suppress(ConnectionError):  # a killed crawl hangs up
                super().handle()

        def do_GET(self, head: bool = False) -> None:  # noqa: N802 - as http.server calls it
            log.append(self.path)
            time.sleep(ANSWER_SECONDS)
            super().do_GET(head)

    return Logged
