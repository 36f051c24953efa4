"""Crawls of pages that show their text only by script, with real Chromium and without."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from broadsheet.crawler.rendering.process_tree import descendants
from tests.crawler.crawls import Crawl, Result, Serve, until
from tests.crawler.hostile import HostileServer, answer
from tests.crawler.rendering.sites import chromium
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.crawler.shell import verb
from tests.internal_tables import RENDERED_LAYOUTS, RESOURCE_USERS

pytestmark = pytest.mark.slow

QUIET = {"sitemaps": 0, "feeds": 0}
BROWSER = {**QUIET, "BROADSHEET_BROWSER_NO_SANDBOX": int(os.geteuid() == 0)}
SCRIPT = {"Content-Type": "text/javascript", "Cache-Control": "max-age=600"}
JSON = {"Content-Type": "application/json"}
APP = """
const path = location.pathname;
fetch('/api' + path).then(answer => answer.json()).then(story => {
  document.getElementById('root').innerHTML = story.html;
  document.title = story.title;
});
"""
SHELL = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>App</title>'
    '<link rel="stylesheet" href="/app.css"><script src="/runtime.js"></script><script src="/vendor.js"></script>'
    '</head><body><noscript>You need to enable JavaScript to run this app.</noscript><div id="root"></div>'
    '<img src="/pixel.png"><script src="{}/app.js"></script></body></html>'
)


def body_of(html: str) -> str:
    return html.partition("<body>")[2].partition("</body>")[0]


def an_application(serve: Serve) -> tuple[ScriptedSite, ScriptedSite]:
    """A site of three pages that scripts fill, and the other host that has its script."""
    cdn = serve({"/app.js": Reply(APP, 200, SCRIPT)})
    site = serve()
    shell = SHELL.format(cdn.url)
    stories = {"/": page("front", "/harbour", "/river"), "/harbour": page("harbour"), "/river": page("river")}
    site.routes |= {path: Reply(shell, 200, {"ETag": '"shell"', "X-Robots-Tag": "noarchive"}) for path in stories}
    site.routes |= {
        f"/api{path}": Reply(json.dumps({"title": f"Story of {path}", "html": body_of(html)}), 200, JSON)
        for path, html in stories.items()
    }
    site.routes |= {name: Reply("", 200, SCRIPT) for name in ("/runtime.js", "/vendor.js")}
    site.routes["/app.css"] = Reply("body { color: black }", 200, {"Content-Type": "text/css"})
    return site, cdn


def assert_whole(db: Path) -> None:
    code, out, errors = verb("verify", db)
    assert code == 0, out + errors


def crawl_rendered(crawl: Crawl, site: ScriptedSite, cdn: ScriptedSite, **options: object) -> Result:
    chromium()  # skips where there is none
    return crawl(site.url + "/", BROADSHEET_PORTS=cdn.port, **(BROWSER | options))


def articles(result: Result, site: ScriptedSite) -> dict[str, str]:
    return {url.removeprefix(site.url): text for url, text in result.articles().items()}


def test_an_application_gains_its_articles_and_needs_no_browser_later(crawl, serve, tmp_path):
    site, cdn = an_application(serve)
    result = crawl_rendered(crawl, site, cdn)
    assert result.code == 0, result.errors
    found = articles(result, site)
    assert {"/harbour", "/river"} <= set(found), result.states(site)
    assert "harbour0word3" in found["/harbour"]

    # Each request is the crawl's own: robots.txt first, on the other host too, where nothing else is looked for.
    assert cdn.paths() == ["/robots.txt", "/app.js"], "the script is asked for once"
    assert "/pixel.png" not in site.paths()
    assert site.paths().count("/runtime.js") == 1
    assert all(seen.headers["User-Agent"].startswith("Broadsheet/") for seen in [*site.log, *cdn.log])
    assert {path for path in site.paths() if path.startswith("/api/")} == {"/api/", "/api/harbour", "/api/river"}

    rows = result.rows(
        "SELECT url, content_type, http_status, directives, etag FROM captures WHERE rendered_for = url ORDER BY url"
    )
    assert [row[0].removeprefix(site.url) for row in rows] == ["/", "/harbour", "/river"]
    assert {row[1:] for row in rows} == {("text/html; charset=utf-8", 200, '["noarchive"]', None)}
    assert_records(Path(f"{result.db}.warc"), f"{site.url}/harbour")
    query = f"SELECT decision, rendered, gained, words_before, words_after > 300, requests FROM {RENDERED_LAYOUTS}"
    assert result.rows(query) == [("all", 3, 3, 0, 1, 7)], "three scripts, a stylesheet, and data for each page"
    assert "Rendered in a browser, by layout" in verb("report", result.db, "--all")[1]

    assert_whole(result.db)
    before = len(site.paths())
    assert verb("reclean", result.db, "--all")[0] == 0
    assert articles(result, site) == found
    imported = tmp_path / "imported.db"
    files = sorted(Path(f"{result.db}.warc").glob("*.warc.gz"))
    assert verb("import", *files, "--db", imported)[0] == 0
    assert articles(Result(imported, 0, ""), site) == found
    query = "SELECT DISTINCT p.robots FROM pages p JOIN articles a ON a.page_id = p.id"
    assert Result(imported, 0, "").rows(query) == result.rows(query) == [('["noarchive"]',)]
    assert_whole(imported)
    assert len(site.paths()) == before
    assert_shared_goes_with_the_last(result, site, cdn, tmp_path)


def assert_records(folder: Path, url: str) -> None:
    """Check that the document of a page refers to the record of its response."""
    responses, documents = {}, []
    for file in folder.glob("*.warc.gz"):
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests="raise"):
                fields = record.rec_headers
                if fields.get_header("WARC-Target-URI") == url and record.rec_type in ("response", "revisit"):
                    responses[fields.get_header("WARC-Record-ID")] = record.content_stream().read()
                elif fields.get_header("WARC-Target-URI") == url and record.rec_type == "resource":
                    documents.append((fields.get_header("WARC-Refers-To"), record.content_stream().read()))
    ((response_id, document),) = documents
    assert b"harbour0word3" not in responses[response_id]
    assert b"harbour0word3" in document


def test_a_page_is_rendered_again_when_it_is_looked_at_again(crawl, serve):
    site, cdn = an_application(serve)
    crawl_rendered(crawl, site, cdn)
    html = body_of(page("harbour", extra="<p>A correction: the wall was never in danger, the council says.</p>"))
    site.routes["/api/harbour"] = Reply(json.dumps({"title": "Story of /harbour", "html": html}), 200, JSON)
    result = crawl_rendered(crawl, site, cdn, revisit="all")
    assert "the wall was never in danger" in articles(result, site)["/harbour"]
    assert_whole(result.db)


def test_a_takedown_takes_the_document_and_the_data_along(crawl, serve):
    site, cdn = an_application(serve)
    result = crawl_rendered(crawl, site, cdn)
    assert verb("forget", result.db, f"{site.url}/harbour", "--yes")[0] == 0
    assert result.rows("SELECT url FROM captures WHERE url LIKE '%harbour' OR rendered_for LIKE '%harbour'") == []
    data = data_of(result.db)
    assert b"harbour0word3" not in data
    assert b"river0word3" in data
    assert_whole(result.db)


def assert_shared_goes_with_the_last(result: Result, site: ScriptedSite, cdn: ScriptedSite, folder: Path) -> None:
    """Check that what pages share is erased with the last of them, also where one was forgotten before a merge."""
    first, *others = (f"{site.url}/{name}" for name in ("", "harbour", "river"))
    query = f"SELECT DISTINCT rendered_for FROM captures WHERE url = '{cdn.url}/app.js'"
    assert result.rows(query) == [(first,)], "it was asked for once"
    other = Result(folder / "other" / result.db.name, 0, "")
    shutil.copytree(result.db.parent, other.db.parent, ignore=shutil.ignore_patterns("other"))
    assert verb("forget", other.db, first, "--yes")[0] == verb("merge", other.db, result.db)[0] == 0
    assert verb("forget", result.db, first, "--yes")[0] == 0
    for archive in (result, other):
        for url in others:
            assert archive.rows(query) == [(url,)]
            assert archive.rows("SELECT 1 FROM captures WHERE rendered_for = ?", url)
            assert APP.encode() in data_of(archive.db)
            assert_whole(archive.db)
            assert verb("forget", archive.db, url, "--yes")[0] == 0
        assert archive.rows("SELECT url FROM captures WHERE rendered_for IS NOT NULL") == []
        assert archive.rows(f"SELECT * FROM {RESOURCE_USERS}") == []
        assert APP.encode() not in data_of(archive.db)
        assert_whole(archive.db)


def data_of(db: Path) -> bytes:
    """The content of all records, also of the copies that a merge made."""
    return b"".join(
        record.content_stream().read()
        for file in db.parent.glob(f"{db.name}*.warc/*.warc.gz")
        for record in ArchiveIterator(file.open("rb"))
    )


MORE = """
fetch('/api' + location.pathname).then(answer => answer.json()).then(story => {
  document.querySelector('article').insertAdjacentHTML('beforeend', story.html);
});
"""


def a_short_page(name: str, kind: str, script: str) -> str:
    """A page of some 60 words and a script, whose layout is that of its kind."""
    frame = "".join(f'<div class="{kind}-{part}">' for part in "abcdefgh")
    html = page(name, words=6, extra=f"<script>{script}</script>")
    return html.replace("<body>", f"<body>{frame}").replace("</body>", "</div>" * 8 + "</body>")


def test_the_first_pages_of_a_layout_decide_on_the_rest(crawl, serve):
    stories, notices = [f"story{n}" for n in range(4)], [f"notice{n}" for n in range(4)]
    site = serve({"/": page("front", *(f"/{name}" for name in (*stories, *notices)))})
    site.routes |= {f"/{name}": a_short_page(name, "story", MORE) for name in stories}
    site.routes |= {f"/{name}": a_short_page(name, "notice", "document.title += '!';") for name in notices}
    rest = {name: body_of(page(f"{name}rest")) for name in stories}
    site.routes |= {f"/api/{name}": Reply(json.dumps({"html": html}), 200, JSON) for name, html in rest.items()}
    chromium()
    result = crawl(site.url + "/", **BROWSER)
    assert result.code == 0, result.errors
    texts = articles(result, site)
    assert all(f"{name}rest0word3" in texts[f"/{name}"] for name in stories)
    assert all(f"/{name}" in texts for name in notices)
    query = f"SELECT decision, rendered, gained, passed, requests FROM {RENDERED_LAYOUTS} ORDER BY decision"
    assert result.rows(query) == [("all", 4, 4, 0, 4), ("few", 3, 0, 1, 0)]
    report = " ".join(verb("report", result.db, "--all")[1].split())
    assert "one in 50" in report.partition("Rendered in a browser, by layout")[2]


def test_what_robots_txt_forbids_no_script_gets(crawl, serve):
    site, cdn = an_application(serve)
    site.routes["/robots.txt"] = Reply("User-agent: *\nDisallow: /api/river\n", 200, {"Content-Type": "text/plain"})
    result = crawl_rendered(crawl, site, cdn)
    assert "/api/river" not in site.paths()
    assert "/river" not in articles(result, site)
    assert "/harbour" in articles(result, site)
    ((evidence,),) = result.rows("SELECT evidence FROM pages p JOIN urls u USING (id) WHERE u.url LIKE '%/river'")
    assert "browser=no_gain" in json.loads(evidence)


def test_without_a_browser_nothing_more_is_asked_and_the_report_says_how_to_get_one(crawl, serve):
    site, cdn = an_application(serve)
    result = crawl(site.url + "/", browser="never", **QUIET)
    assert articles(result, site) == {}
    assert set(site.paths()) <= {"/robots.txt", "/"}
    code, out, _ = verb("report", result.db, "--all")
    assert code == 0
    assert f"broadsheet update {result.db} --all reads such pages with Chromium" in " ".join(out.split())
    result = crawl_rendered(crawl, site, cdn, revisit="all")
    assert {"/harbour", "/river"} <= set(articles(result, site))
    assert not any("If-None-Match" in seen.headers for seen in site.log)


GREEDY = """
for (let n = 0; n < 60; n++) fetch('/big/' + n).then(answer => answer.text()).then(() => { document.title += n; });
"""


def test_a_page_that_asks_for_all_at_once_draws_no_more_than_its_bound(crawl):
    chromium()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = [head, *[b"10000\r\n" + bytes(65536) + b"\r\n"] * 160, b"0\r\n\r\n"]
    server = HostileServer({f"/big/{n}": lambda _: body for n in range(60)})
    server.behaviours["/"] = answer(SHELL.format("").replace("</body>", f"<script>{GREEDY}</script></body>").encode())
    try:
        result = crawl(server.url(), **BROWSER)
    finally:
        server.close()
    assert result.code == 0, result.errors
    assert sum(path.startswith("/big/") for path in server.paths) >= 4
    assert server.sent < 64 << 20, "32 MB, and what was on its way"
    assert result.rows("SELECT sum(payload_length) < 33 << 20 FROM captures") == [(1,)]
    assert result.states()[server.url()][0] == "done"


def test_a_killed_crawl_leaves_no_chromium(crawl, serve):
    site, cdn = an_application(serve)
    chromium()
    site.routes["/api/"] = Reply("{}", 200, JSON, wait=60)
    process = crawl.start(site.url + "/", BROADSHEET_PORTS=cdn.port, **BROWSER)
    try:
        until(lambda: "/api/" in site.paths())
        children = set(descendants(process.pid)) - {process.pid}
        assert any("chrom" in name_of(pid) for pid in children)
    finally:
        process.kill()
        process.communicate()
    until(lambda: not any(is_running(pid) for pid in children))


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
