"""The sample site as other tools keep it, imported, gives what a live crawl of it gives."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from broadsheet.crawler.demo.server import DemoServer
from tests.crawler.crawls import Crawl, Result
from tests.crawler.shell import command, rows

pytestmark = pytest.mark.slow

_ARTICLES = """SELECT id, url, canonical_url, host, title, authors, published, published_day, published_stated,
    modified, modified_day, modified_stated, language, description, section, tags, licence, sitename, image, text,
    markdown, word_count, page_type FROM articles ORDER BY id"""
_PAGES = """SELECT u.url, u.state, u.reason, p.page_type, p.own_type, p.text_digest, p.article_id, u.lastmod IS NULL
    FROM urls u JOIN pages p USING (id) ORDER BY u.url"""
_WARCIO = """
import sys
import tarfile
from warcio.capture_http import capture_http
import http.client
from urllib.parse import urlsplit
with capture_http(sys.argv[1]):
    for url in open(sys.argv[2]).read().split():
        parts = urlsplit(url)
        asked = http.client.HTTPConnection(parts.netloc)
        asked.request("GET", (parts.path or "/") + ("?" + parts.query if parts.query else ""))
        asked.getresponse().read()
        asked.close()
"""


@dataclass(frozen=True)
class Live:
    """A live crawl of the sample site, and the addresses that it asked for."""

    origin: str
    result: Result
    asked: Path


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    crawl = Crawl(tmp_path_factory.mktemp("live"))
    with DemoServer() as server:
        result = crawl(server.url + "/", BROADSHEET_WORKERS=0)
        asked = crawl.folder / "asked.txt"
        asked.write_text("\n".join(dict.fromkeys(server.url + entry.path for entry in server.requests)))
        yield Live(server.url, result, asked)


def same(live: Live, db: Path) -> None:
    articles = rows(db, _ARTICLES)
    assert len(articles) == 27
    assert articles == rows(live.result.db, _ARTICLES)
    assert rows(db, _PAGES) == rows(live.result.db, _PAGES)
    left = "SELECT position, reason, rule, text FROM removed ORDER BY url, position"
    assert rows(db, left) == rows(live.result.db, left)
    assert command("verify", db)[0] == 0


def imported(folder: Path, *files: Path) -> Path:
    db = folder / "imported.db"
    code, _, errors = command("import", *files, "--db", db)
    assert (code, errors) == (0, "")
    return db


def test_what_wget_wrote_gives_the_articles_of_the_live_crawl(live, tmp_path):
    if shutil.which("wget") is None:
        pytest.skip("wget is not installed: apt install wget")
    fetch = ["wget", "--quiet", "--recursive", "--level=inf", "--tries=1", "--no-verbose", "-i", str(live.asked)]
    subprocess.run(
        [*fetch, f"--warc-file={tmp_path / 'site'}", "-P", str(tmp_path / "files")], check=False, timeout=300
    )
    same(live, imported(tmp_path, tmp_path / "site.warc.gz"))


def test_what_warcio_captured_gives_the_articles_of_the_live_crawl_and_so_it_is_cleaned_again(live, tmp_path):
    pytest.importorskip("warcio", reason="warcio is not installed")
    file = tmp_path / "site.warc.gz"
    subprocess.run([sys.executable, "-c", _WARCIO, str(file), str(live.asked)], check=True, timeout=300)
    db = imported(tmp_path, file)
    same(live, db)
    _, out, _ = command("reclean", db, "--all")
    assert "texts changed 0, gained 0, lost 0; only metadata 0" in out
    same(live, db)
    assert rows(db, "SELECT count(DISTINCT cleaner_id) FROM pages") == [(1,)]


def test_our_own_records_give_the_articles_of_the_crawl_that_wrote_them(live, tmp_path):
    files = sorted(live.result.db.parent.rglob("*.warc.gz"))
    assert files
    db = imported(tmp_path, *files)
    same(live, db)
    captures = """SELECT id, url, fetched_at, http_status, content_type, payload_digest, payload_length, directives
        FROM captures ORDER BY id"""
    assert rows(db, captures) == rows(live.result.db, captures)


def test_cleaning_a_crawl_again_from_its_own_records_changes_nothing(live):
    before = rows(live.result.db, _ARTICLES)
    _, out, errors = command("reclean", live.result.db, "--all")
    assert errors == ""
    assert "texts changed 0, gained 0, lost 0; only metadata 0" in out
    assert "Left as they are" not in out
    assert rows(live.result.db, _ARTICLES) == before


_STORED = Path(__file__).parents[2] / "output/archive/versions/1-responses.tar.xz"
_BY_ARTICLE = ("blocks", "removed", "links", "versions", "article_urls", "article_images", "article_dates")


def test_an_upgraded_archive_that_is_cleaned_again_equals_an_import_of_its_responses(tmp_path):
    """All public rows of articles and blocks, but the number that a page has in a file. The archive is of schema 1."""
    with tarfile.open(_STORED) as stored:
        stored.extractall(tmp_path, filter="data")
    old = tmp_path / "sample.db"
    assert command("reclean", old, "--all")[0] == 0
    new = imported(tmp_path, *sorted(tmp_path.glob("sample.db.warc/*.warc.gz")))
    for table in ("articles", "shelved", *_BY_ARTICLE):
        names = [
            name for (name,) in rows(old, f"SELECT name FROM pragma_table_info('{table}') WHERE name <> 'page_id'")
        ]
        query = f"SELECT {', '.join(names)} FROM {table}"
        assert (table, sorted(rows(old, query), key=repr)) == (table, sorted(rows(new, query), key=repr))
    assert rows(old, "SELECT count(*), sum(word_count) FROM articles") == [(27, 6479)]
    assert [command("verify", db)[0] for db in (old, new)] == [0, 0]
