"""What the web and people get wrong costs its own URL only, with the reason in its row."""

from __future__ import annotations

import gzip
import random
import socket
from collections.abc import Iterator

import pytest

from tests.crawler.crawls import Crawl, Result
from tests.crawler.scripted_site import Reply, Route, ScriptedSite, page

PDF = b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
GZIPPED = gzip.compress(page("gzip", words=300).encode())
HTML = {"Content-Type": "text/html"}
GZIP = HTML | {"Content-Encoding": "gzip"}


def nested(name: str) -> bytes:
    """An article inside a hundred thousand elements."""
    return page(name).replace("<article>", "<div>" * 100_000 + "<article>").encode()


ODD: dict[str, tuple[Route, tuple[str, str]]] = {
    "/report": (Reply(PDF, headers={"Content-Type": "application/pdf"}), ("skipped", "media_type")),
    "/report-as-html": (Reply(PDF), ("skipped", "media_type")),
    "/picture": (Reply(PNG, headers={"Content-Type": "image/png"}), ("skipped", "media_type")),
    "/picture-as-html": (Reply(PNG), ("skipped", "media_type")),
    "/film.mp4": (Reply(b"never asked for"), ("skipped", "media_type")),
    "/forbidden": (Reply(page("forbidden"), 403), ("failed", "http_403")),
    "/missing": (Reply(page("missing"), 404), ("failed", "http_404")),
    "/gone": (Reply(page("gone"), 410), ("failed", "http_410")),
    "/teapot": (Reply(page("teapot"), 418), ("failed", "http_418")),
    "/broken": (Reply(page("broken"), 500), ("failed", "http_500")),
    "/no-content": (Reply(b"", 204), ("done", "empty")),
    "/empty": (Reply(b""), ("done", "empty")),
    "/blank": (Reply(b" \n \n"), ("done", "empty")),
    "/not-gzip": (Reply(page("plain"), headers=GZIP), ("failed", "bad_encoding")),
    "/cut-gzip": (Reply(GZIPPED[: len(GZIPPED) // 2], headers=GZIP), ("failed", "cut_off")),  # half a page is none
    "/good-gzip": (Reply(GZIPPED, headers=GZIP), ("done", "article")),
    "/truncated": (Reply(page("truncated"), length=90_000), ("failed", "cut_off")),
    "/reset": (Reply(broken="reset"), ("failed", "connection")),
    "/wrong-charset": (
        Reply(
            page("charset", extra="<p>Málaga y Cádiz, señoría</p>"),
            headers={"Content-Type": "text/html; charset=utf-99"},
        ),
        ("done", "article"),
    ),
    "/nul": (page("nul").encode().replace(b"which", b"wh\0ich"), ("done", "article")),
    "/nested": (nested("nested"), ("done", "article")),
    "/unclosed": (page("unclosed").replace("</p>", "").replace("</html>", "").encode(), ("done", "article")),
    "/redirect-nowhere": (
        Reply(status=302, headers={"Location": "mailto:a@example.org"}),
        ("failed", "bad_redirect"),
    ),
    "/redirect-itself": (Reply(status=301, headers={"Location": "/redirect-itself"}), ("failed", "redirect_loop")),
    "/redirect-without": (Reply(status=302), ("failed", "http_302")),
    "/odd-status": (Reply(page("odd"), 299), ("done", "article")),
    "/binary": (Reply(random.Random(7).randbytes(5_000)), ("skipped", "media_type")),
    "/last": (page("last"), ("done", "article")),
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Result, ScriptedSite]]:
    site = ScriptedSite({path: reply for path, (reply, _) in ODD.items()})
    site.routes["/"] = page("home", *ODD, "mailto:someone@example.org", "javascript:void(0)", "http://[broken/")
    crawl = Crawl(tmp_path_factory.mktemp("odd"))
    yield crawl(site.url + "/", BROADSHEET_RETRY_TIMES=0, sitemaps=0, feeds=0), site
    site.close()


@pytest.mark.slow
def test_odd_answers_are_recorded_with_their_reasons_and_the_run_ends_well(odd):
    result, site = odd
    states = result.states(site)
    assert {path: states[path] for path in ODD} == {path: state for path, (_, state) in ODD.items()}
    assert (result.code, result.run(), "Traceback" in result.errors) == (0, ("finished", "finished"), False)
    assert result.rows("SELECT url FROM urls WHERE state = 'queued'") == []
    assert (site.paths().count("/film.mp4"), site.paths().count("/report")) == (0, 1), (
        "media by its name is not asked for"
    )
    texts = {url.removeprefix(site.url): text for url, text in result.articles().items()}
    for path, words in (
        ("/wrong-charset", "Málaga y Cádiz"),
        ("/nested", "nested2word3"),
        ("/unclosed", "unclosed2word3"),
    ):
        assert words in texts[path]
    assert "which" in texts["/nul"].replace("�", "")
    assert not any("\0" in text for text in texts.values())


@pytest.mark.slow
def test_a_name_that_does_not_resolve_fails_with_its_reason_and_the_rest_goes_on(crawl, serve, tmp_path):
    site = serve({"/": page("home"), "/slow": lambda _: Reply(page("slow"), wait=30)})
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        silent = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        result = crawl(
            "http://name.invalid/", silent, site.url + "/", site.url + "/slow",
            DOWNLOAD_TIMEOUT="1", BROADSHEET_RETRY_TIMES="0", sitemaps=0, feeds=0,
        )  # fmt: skip
    states = result.states()
    assert states["http://name.invalid/"] == ("failed", "dns")
    assert states[silent] == ("failed", "connection_refused")
    assert states[site.url + "/slow"] == ("failed", "timeout")
    assert states[site.url + "/"] == ("done", "list")
    assert result.code == 0


@pytest.mark.slow
def test_a_body_over_the_bound_is_given_up_also_when_it_unpacks_to_it(crawl, serve):
    big = page("big", words=60_000).encode()
    site = serve({"/": page("home", "/big", "/bomb", "/small"), "/big": big, "/small": page("small")})
    site.routes["/bomb"] = Reply(gzip.compress(big), headers=GZIP)
    result = crawl(site.url + "/", DOWNLOAD_MAXSIZE=200_000, sitemaps=0, feeds=0)
    states = result.states(site)
    assert [states[path] for path in ("/big", "/bomb", "/small")] == [
        ("failed", "too_large"),
        ("failed", "too_large"),
        ("done", "article"),
    ]


@pytest.mark.slow
def test_a_page_of_thirty_megabytes_does_not_stop_the_crawl(crawl, serve):
    heavy = page("heavy", words=3_000_000).encode()
    assert len(heavy) > 30_000_000
    site = serve({"/": page("home", "/heavy", "/light"), "/heavy": heavy, "/light": page("light")})
    result = crawl(site.url + "/", BROADSHEET_PAGE_SECONDS=40, sitemaps=0, feeds=0)
    states = result.states(site)
    assert states["/light"] == ("done", "article")
    assert states["/heavy"] in (("done", "article"), ("failed", "worker_timeout"), ("failed", "too_large"))
    assert result.run() == ("finished", "finished")
