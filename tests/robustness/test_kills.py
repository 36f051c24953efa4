"""Kills at any moment of a crawl, and then an end: nothing lost, nothing doubled, nothing asked for twice."""

import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from broadsheet.crawler.demo.server import DemoServer
from tests.crawler import raws
from tests.crawler.crawls import Crawl, Result, kill_group, until
from tests.crawler.fetch.test_exchange_recorder import assert_rows
from tests.crawler.scenarios.test_interrupted import left

LATEST = 0.15  # seconds after a request at which a kill falls; at the end of a crawl up to twenty times as many


def distinct(server: DemoServer) -> int:
    """The number of paths that were asked for, but for robots.txt, which every run asks for."""
    return len({request.path for request in server.requests} - {"/robots.txt"})


def paths_left(db: Path, folder: Path) -> set[str]:
    """The paths that are done in a sound file, read from a copy, so that the next run finds what the kill left."""
    if not db.exists():
        return set()
    for ending in ("", "-wal"):
        (folder / f"copy.db{ending}").unlink(missing_ok=True)
        if (file := Path(f"{db}{ending}")).exists():
            shutil.copy(file, folder / f"copy.db{ending}")
    with closing(sqlite3.connect(folder / "copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
        if not copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'urls'").fetchone():
            return set()
        urls = copy.execute("SELECT url FROM urls WHERE state = 'done' AND kind <> 'robots'").fetchall()
    return {urlsplit(url)._replace(scheme="", netloc="").geturl() or "/" for (url,) in urls}


@pytest.mark.slow
@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.nightly)])
def test_the_sample_site_survives_kills(tmp_path, kills):
    chance, deaths = random.Random(kills), list[tuple[int, set[str]]]()
    for name in ("calm", "killed", "copy"):
        (tmp_path / name).mkdir()
    with DemoServer() as server:
        undisturbed = Crawl(tmp_path / "calm")(f"{server.url}/")
        paths, crawl = distinct(server), Crawl(tmp_path / "killed")
        server.requests.clear()
        while len(deaths) < kills:  # three of four as the crawl goes on, the others at its end
            goal = min(paths, 1 + len(deaths) * paths * 4 // (3 * kills))
            process = crawl.start(f"{server.url}/")
            until(lambda: process.poll() is not None or distinct(server) >= goal)  # noqa: B023
            time.sleep(chance.uniform(0, LATEST if goal < paths else 20 * LATEST))
            if process.poll() is not None:
                process.communicate()  # it was over before its moment
                continue
            kill_group(process)
            deaths.append((len(server.requests), paths_left(crawl.db, tmp_path / "copy")))
        result = crawl(f"{server.url}/")
        asked = [request.path for request in server.requests]
    assert (undisturbed.code, result.code) == (0, 0)
    places = {(len({*asked[:before]}), len(paths)) for before, paths in deaths}
    assert len(places) >= kills // 4, f"the kills fell in few places (asked, stored): {sorted(places)}"
    assert [path for before, paths in deaths for path in paths & {*asked[before:]}] == []
    assert_same(result, undisturbed)


def assert_same(result: Result, undisturbed: Result) -> None:
    wanted, kept = left(undisturbed), left(result)
    assert len(wanted["articles"]) > 10  # type: ignore[arg-type]
    for rows in (kept, wanted):  # captures of a URL that took retries may be one, where they are of one second
        retried = {url for (url,) in result.rows("SELECT url FROM urls WHERE attempts > 1")}
        rows["captures"] = [row for row in rows["captures"] if row[0] not in retried]  # type: ignore[attr-defined]
    assert kept == wanted
    assert result.rows("PRAGMA integrity_check") == [("ok",)]
    assert result.rows("SELECT count(*) FROM urls WHERE state = 'queued'") == [(0,)]
    assert sorted({path.name for path in result.db.parent.iterdir()}) == [result.db.name, f"{result.db.name}.warc"]
    raws.checked(result.db)
    assert_rows(result.db)
