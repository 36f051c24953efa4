"""Pages that a crawl renders, what it fetches for them, and layouts of a host, without a browser."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pytest
from scrapy.http import Request, Response

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import Page, UrlSource
from broadsheet.crawler.crawl import page_rendering
from broadsheet.crawler.crawl.frontier import Frontier, PolitenessSettings
from broadsheet.crawler.crawl.outcomes import Answer
from broadsheet.crawler.crawl.page_rendering import (
    CrawlFetch,
    LayoutSampling,
    PageRendering,
    PageResources,
    ResourceCache,
    browser_headers,
)
from broadsheet.crawler.crawl.robots_rules import RobotsRules
from broadsheet.crawler.fetch.faults import Fault
from broadsheet.crawler.fetch.identity import Identity
from broadsheet.crawler.fetch.requests import RequestBuilder
from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.rendering.chromium import Chromium
from broadsheet.crawler.rendering.messages import Failure, Rendering, RenderProblem, ResourceAnswer, ResourceRequest
from broadsheet.output.archive.page_rows import PageRows, make_page_rows
from broadsheet.output.archive.rendered_layouts import RenderDecision, RenderedLayout
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind, UrlState
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import QueuedUrl
from tests.crawler.scripted_site import page
from tests.output.wires import make_exchange

PAGE_URL = "https://app.example/story"
WHEN = datetime(2026, 6, 1, tzinfo=UTC)
SHELL = b"<html><head><title>App</title></head><body><div id=root></div><script src=a.js></script></body></html>"


class Web:
    """Responses by URL, and what was asked for. A `Fault` is one; robots.txt are known where they were fetched."""

    def __init__(self, responses: dict[str, Any] | None = None) -> None:
        self.responses = responses or {}
        self.asked: list[str] = []
        self.robots_asked: list[str] = []
        self.is_running = True
        politeness = PolitenessSettings(delay=0.0, user_agent="Broadsheet")
        self.frontier = Frontier(Mock(), politeness)  # of a queue that is never asked

    async def download(self, request: Request) -> Any:
        self.asked.append(request.url)
        return self.responses.get(request.url) or Response(request.url, status=404)

    async def fetch_robots(self, queued_url: QueuedUrl) -> None:
        self.robots_asked.append(queued_url.url)
        text = self.responses.get(queued_url.url, b"")
        self.frontier.set_robots(queued_url.host, RobotsRules.from_response(200, text, queued_url.url))

    async def build_outcome(self, answer: Answer) -> Outcome:
        rows = make_page_rows(clean(Page(answer.queued_url.url, answer.response.body, "text/html; charset=utf-8")))
        capture = Capture(answer.queued_url.url, answer.timestamp, 200)
        return Outcome(answer.queued_url.url, "done", rows.verdict.page_type, page=rows, capture=capture)

    def crawl(self) -> CrawlFetch:
        return CrawlFetch(self.download, self.fetch_robots, self.build_outcome, lambda: self.is_running)

    def resources(self, cache: ResourceCache | None = None) -> PageResources:
        return PageResources(PAGE_URL, self.frontier, builder(), self.crawl(), cache or ResourceCache())


APP = "https://app.example/"


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("file:///etc/passwd", 0), ("data:text/plain,x", 0), (f"blob:{APP}1", 0), ("ws://a.example/", 0),
        (f"{APP}private/x", 0), (f"{APP}gone", 1), (f"{APP}loop", 11),
    ],
)  # fmt: skip
def test_what_is_not_http_forbidden_gone_or_moves_without_end_is_refused(url, count):
    web = Web({
        f"{APP}robots.txt": b"User-agent: *\nDisallow: /private\n",
        f"{APP}gone": Fault(OutcomeReason.TIMEOUT, retry=True),
        f"{APP}loop": response(f"{APP}loop", status=301, Location=f"{APP}loop"),
    })  # fmt: skip
    assert fetch(web.resources(), asked(url)) == [ResourceAnswer(3)]
    assert web.asked == [url] * count
    web.frontier.stop()
    assert fetch(web.resources(), asked(f"{APP}x")) == [ResourceAnswer(3)]
    assert len(web.asked) == count


def builder() -> RequestBuilder:
    return RequestBuilder(Identity("Broadsheet"), lambda _: {})


def asked(url: str, kind: str = "fetch", **headers: str) -> ResourceRequest:
    return ResourceRequest(3, url, kind, headers)


def fetch(resources: PageResources, *requests: ResourceRequest) -> list[ResourceAnswer]:
    async def run() -> list[ResourceAnswer]:
        return [await resources.fetch(request) for request in requests]

    return asyncio.run(run())


def response(url: str, body: bytes = b"x", status: int = 200, **headers: str) -> Response:
    return Response(url, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=body)


def test_a_redirect_is_followed_and_each_response_is_a_capture_of_the_page(monkeypatch):
    """What came of one that broke off, too."""
    first, second, half = f"{APP}a", "https://cdn.example/b", f"{APP}half"
    web = Web({
        first: response(first, status=302, Location=second), second: response(second, b"data", X_Own="1"),
        half: Fault(OutcomeReason.TIMEOUT),
    })  # fmt: skip
    monkeypatch.setattr(page_rendering, "raw_exchange_of_fault", lambda request, fault: make_exchange(b"half"))
    resources = web.resources()
    expected = [ResourceAnswer(3, 200, {"x-own": "1"}, b"data"), ResourceAnswer(3)]
    assert fetch(resources, asked(first), asked(half)) == expected
    assert web.asked == [first, second, half]
    assert web.robots_asked == [f"{APP}robots.txt", "https://cdn.example/robots.txt"]
    captures = [(capture.url, capture.http_status, capture.rendered_for) for capture in resources.captures]
    assert captures == [(first, 302, PAGE_URL), (second, 200, PAGE_URL), (half, 200, PAGE_URL)]


def test_a_script_is_fetched_once_and_data_each_time():
    script, data, private = (f"https://app.example/{name}" for name in ("a.js", "data", "b.js"))
    web = Web({url: response(url) for url in (script, data)} | {private: response(private, Cache_Control="No-Store")})
    cache = ResourceCache()
    for _ in range(2):
        fetch(web.resources(cache), asked(script, "script"), asked(data), asked(private, "script"))
    assert web.asked == [script, data, private, data, private]


def test_the_cache_is_bounded():
    cache = ResourceCache(max_bytes=10)
    for name in "abc":
        cache.put(asked(name, "script"), ResourceAnswer(1, 200, {}, b"12345"))
    cache.put(asked("d", "script"), ResourceAnswer(1, 201, {}, b"12345"))
    kept = [name for name in "abcd" if cache.get(asked(name, "script")) == ResourceAnswer(3, 200, {}, b"12345")]
    assert kept == ["b", "c"]


@pytest.mark.parametrize(
    ("result", "call"),
    [
        (response(PAGE_URL, status=404), ("record_answer", 0.0)),
        (response(PAGE_URL, status=499), ("record_answer", 0.0)),
        (response(PAGE_URL, status=500), None),
        (response(PAGE_URL, status=502), None),
        (response(PAGE_URL, status=503, Retry_After="7"), ("record_refusal", 7.0, "http_503")),
        (response(PAGE_URL, status=429, Retry_After="9"), ("record_refusal", 9.0, "challenged")),
        (Fault(OutcomeReason.TIMEOUT, retry=True), ("record_failure", "timeout")),
        (Fault(OutcomeReason.DNS, host_gone=True), ("record_failure", "dns")),
        (Fault(OutcomeReason.TOO_LARGE), None),
    ],
    ids=lambda value: str(value) if isinstance(value, Response) else "",
)
def test_what_a_resource_came_to_is_told_to_the_frontier_as_a_page_s_is(monkeypatch, result, call):
    url, calls = f"{APP}x", list[tuple[object, ...]]()
    web = Web({url: result})
    for name in ("record_answer", "record_refusal", "record_failure"):
        monkeypatch.setattr(web.frontier, name, lambda queued, *words, name=name: calls.append((name, *words)))
    fetch(web.resources(), asked(f"{url}#part"))
    assert (calls, web.asked) == ([call] if call else [], [url])


def test_a_page_gets_thirty_two_megabytes_of_resources_and_what_is_begun_before():
    web = Web({url: response(url, bytes(16 << 20)) for url in (f"https://app.example/{name}" for name in "abc")})
    answers = fetch(web.resources(), *(asked(f"https://app.example/{name}") for name in "abc"))
    assert [answer.status for answer in answers] == [200, 200, 0]
    web.responses["https://app.example/b"] = response("https://app.example/b", bytes((16 << 20) - 1))
    answers = fetch(web.resources(), *(asked(f"https://app.example/{name}") for name in "abc"))
    assert [answer.status for answer in answers] == [200, 200, 200]


def test_a_browser_gets_no_cookie_and_no_encoding():
    headers = {"Set-Cookie": "a=1", "Content-Encoding": "gzip", "Content-Type": "text/html", "Link": "<x>; rel=preload"}
    assert browser_headers(Response(PAGE_URL, headers=headers)) == {"content-type": "text/html"}


class FakeBrowser:
    def __init__(self, result: Rendering | Failure) -> None:
        self.result = result
        self.failure = None
        self.urls: list[str] = []

    async def render(self, order: Any, fetch: Any) -> Rendering | Failure:
        self.urls.append(order.url)
        return self.result


def rendering(web: Web, result: Rendering | Failure, mode: str = "auto") -> tuple[PageRendering, FakeBrowser]:
    made = PageRendering(CrawlOptions((PAGE_URL,), browser=mode), Chromium("none"), web.frontier, builder())
    made._browser = browser = FakeBrowser(result)  # type: ignore[assignment]
    return made, browser


def extended(made: PageRendering, web: Web, body: bytes, url: str = PAGE_URL) -> tuple[Outcome, Outcome]:
    """The outcome of a page as it was received, and as it is with a browser."""

    async def run() -> tuple[Outcome, Outcome]:
        return await web.build_outcome(answer_of(url, body)), await extend(made, web, body, url)

    return asyncio.run(run())


def answer_of(url: str, body: bytes) -> Answer:
    queued_url = QueuedUrl(1, url, "app.example", UrlKind.PAGE, 0, 0, 0, UrlSource.LINK, "", "")
    return Answer(queued_url, Response(url, body=body, headers={"ETag": "1"}), WHEN)


async def extend(made: PageRendering, web: Web, body: bytes, url: str) -> Outcome:
    answer = answer_of(url, body)
    return await made.extend(answer, await web.build_outcome(answer), web.crawl())


def test_a_shell_has_the_outcome_of_its_document():
    web = Web({})
    made, browser = rendering(web, Rendering(page("harbour")))
    before, after = extended(made, web, SHELL)
    assert browser.urls == [PAGE_URL]
    assert (before.reason, after.reason) == ("empty", "article")
    assert after.capture is not None
    assert after.capture.rendered_for == PAGE_URL
    assert after.extra_captures == (before.capture,)


def test_a_page_with_text_is_rendered_only_if_all_are():
    for mode, urls in (("auto", []), ("always", [PAGE_URL])):
        web = Web({})
        made, browser = rendering(web, Rendering(page("harbour")), mode)
        before, after = extended(made, web, page("harbour").encode())
        assert browser.urls == urls
        assert after == before if mode == "auto" else after.capture == before.capture


@pytest.mark.parametrize(
    ("result", "fact"),
    [(Failure(RenderProblem.HUNG), "browser=hung"), (Rendering(SHELL.decode()), "browser=no_gain")],
)
def test_a_page_that_gains_nothing_says_so(result, fact):
    web = Web({})
    before, after = extended(rendering(web, result)[0], web, SHELL)
    assert before.page is not None
    assert after.page is not None
    assert after.page.verdict.evidence == (*before.page.verdict.evidence, fact)
    assert after.rendered_layout is not None
    assert (after.rendered_layout.rendered, after.rendered_layout.gained) == (1, 0)
    assert replace(after, page=before.page, rendered_layout=None) == before


@pytest.mark.slow
def test_a_layout_whose_pages_gain_nothing_is_sampled():
    web = Web({})
    made, browser = rendering(web, Rendering(SHELL.decode()))
    for number in range(110):
        extended(made, web, SHELL, f"{PAGE_URL}/{number}")
    assert len(browser.urls) == 3 + 2
    browser.result = Rendering(page("harbour"))
    for number in range(60):
        extended(made, web, SHELL, f"{PAGE_URL}/later/{number}")
    assert len(browser.urls) > 5 + 10, "one that gains has all of them rendered again"


def test_pages_with_scripts_and_little_text_are_tried_and_the_gain_of_their_layout_decides():
    teaser = page("harbour", words=6)
    shown, full = page("harbour"), page("river", words=120)
    for result, decision, count in ((Rendering(shown), "all", 6), (Rendering(teaser), "few", 3)):
        web = Web({})
        made, browser = rendering(web, result)
        layouts = []
        for number in range(5):
            _, after = extended(made, web, with_script(teaser), f"{PAGE_URL}/{number}")
            layouts.append(after.rendered_layout)
        _, after = extended(made, web, with_script(full), f"{PAGE_URL}/full")
        assert len(browser.urls) == count, decision
        assert [layout.decision for layout in layouts if layout] == ["trying", "trying", *[decision] * 3]
        last = layouts[-1]
        assert last is not None
        assert last.rendered == len(browser.urls) - (decision == "all")
        assert (last.words_after > last.words_before) == (decision == "all")
        assert last.passed == (2 if decision == "few" else 0)


def test_pages_that_wait_while_their_layout_is_given_up_are_passed():
    web = Web({})
    made, browser = rendering(web, Rendering(SHELL.decode()))

    async def run() -> list[Outcome]:
        return await asyncio.gather(*(extend(made, web, SHELL, f"{PAGE_URL}/{number}") for number in range(6)))

    layouts = [outcome.rendered_layout for outcome in asyncio.run(run())]
    assert len(browser.urls) == 3
    assert [(layout.rendered, layout.passed) for layout in layouts if layout] == [
        (1, 0), (2, 0), (3, 0), (3, 1), (3, 2), (3, 3),
    ]  # fmt: skip


def test_pages_without_scripts_lists_and_walls_are_not_tried():
    teaser, links = page("harbour", words=6), page("front", *[f"/story/{number}" for number in range(30)])
    for body in (teaser.encode(), with_script(links), with_script(page("harbour", words=120))):
        web = Web({})
        made, browser = rendering(web, Rendering(page("harbour")))
        before, after = extended(made, web, body)
        assert (before, browser.urls) == (after, [])


def with_script(html: str) -> bytes:
    return html.replace("</body>", "<script src=/a.js></script></body>").encode()


def test_a_page_in_flight_is_rendered_at_a_limit_and_not_once_the_crawl_is_stopped():
    web = Web({})
    made, browser = rendering(web, Rendering(page("harbour")))
    web.frontier.drain()
    assert extended(made, web, SHELL)[1].reason == "article"
    web.is_running = False
    before, after = extended(made, web, SHELL)
    assert after == before
    web.is_running = True
    made.stop()
    before, after = extended(made, web, SHELL)
    assert after == before
    assert len(browser.urls) == 1


def test_what_failed_or_has_no_page_is_not_rendered_and_a_browser_is_ended():
    web = Web({})
    made, browser = rendering(web, Rendering(page("harbour")), "always")
    answer = answer_of(PAGE_URL, SHELL)
    closed: list[bool] = []

    async def close() -> None:
        closed.append(True)

    async def run() -> None:
        built = await web.build_outcome(answer)
        for outcome in (replace(built, page=None), replace(built, state=UrlState.SKIPPED)):
            assert await made.extend(answer, outcome, web.crawl()) == outcome
        browser.close = close  # type: ignore[attr-defined]
        await made.close()
        await PageRendering(CrawlOptions((PAGE_URL,)), "none", web.frontier, builder()).close()

    asyncio.run(run())
    assert (browser.urls, closed) == ([], [True])


HOST = "a.test"
ROWS = make_page_rows(clean(Page("https://a.test/1", page("harbour").encode(), "text/html; charset=utf-8")))


def of_names(*names: int) -> PageRows:
    return replace(ROWS, layout_signature=pack_signature(list(names)))


def test_pages_of_one_layout_share_eighty_five_of_a_hundred_names():
    layouts = LayoutSampling()
    first = layouts.find(HOST, of_names(*range(100)))
    assert first == RenderedLayout(HOST, pack_signature(list(range(100))))
    layouts.note(first.with_passed())
    alike = {range(100): 1, range(85): 1, range(84): 0, range(8, 108): 1, range(9, 109): 0, range(50, 150): 0}
    assert {names: layouts.find(HOST, of_names(*names)).passed for names in alike} == alike
    assert layouts.find("b.test", of_names(*range(100))).passed == 0
    assert layouts.find(HOST, replace(ROWS, layout_signature=None)) == RenderedLayout(HOST, b"")


def test_what_an_earlier_run_decided_holds():
    known = RenderedLayout(HOST, pack_signature(list(range(100))), RenderDecision.ALL, rendered=3, gained=3)
    layouts = LayoutSampling([known])
    assert layouts.is_candidate(HOST, of_names(*range(3, 100)), has_scripts=True)
    assert not layouts.is_candidate(HOST, of_names(*range(3, 100)), has_scripts=False)
    assert not layouts.is_candidate(HOST, of_names(*range(200, 300)), has_scripts=True)
    assert not layouts.is_candidate("b.test", of_names(*range(100)), has_scripts=True)


def test_the_layouts_of_a_host_are_bounded(monkeypatch):
    monkeypatch.setattr(page_rendering, "_MAX_LAYOUTS", 2)
    layouts = LayoutSampling()
    signatures = []
    for number in range(4):
        layout = layouts.find(HOST, of_names(*range(100 * number, 100 * number + 100)))
        layouts.note(layout)
        signatures.append(layout.signature)
    assert signatures[2:] == [b"", b""]


def test_a_browser_that_is_not_there_or_does_not_start_is_said_once_and_pages_stay(caplog):
    for detail, line in (("no display", "no display"), ("", "hung")):
        caplog.clear()
        web = Web()
        made, browser = rendering(web, Failure(RenderProblem.HUNG, detail))
        browser.failure = "it ended"  # type: ignore[assignment]
        for number in range(2):
            before, after = extended(made, web, SHELL, f"{PAGE_URL}/{number}")
            assert after == before
        assert (caplog.messages, made.counts) == ([f"{LEFT}: Chromium does not start: {line}"], {})
        assert len(browser.urls) == 1
    caplog.clear()
    made = PageRendering(CrawlOptions((PAGE_URL,)), "Chromium has no sandbox as root", web.frontier, builder())
    before, after = extended(made, web, with_script(page("harbour", words=6)))
    assert after == before
    assert caplog.records == [], "a page that can be read is no reason to ask for a browser"
    for _ in range(2):
        before, after = extended(made, web, SHELL)
        assert after == before
    assert caplog.messages == [f"{LEFT}: Chromium has no sandbox as root"]


LEFT = "Pages that need a browser are not rendered"
