"""Process of a browser with a scripted page in place of Chromium: what it asks, answers, waits for and gives up."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import Error

from broadsheet.cleaners.package_data import read_toml
from broadsheet.crawler.rendering import browser_process
from broadsheet.crawler.rendering.browser_process import PageRenderer
from broadsheet.crawler.rendering.messages import (
    Failure,
    Message,
    Rendering,
    RenderOrder,
    RenderProblem,
    ResourceAnswer,
    ResourceRequest,
    decode,
    encode,
)

SCRIPTS = {text: name for name, text in read_toml("broadsheet.crawler.rendering", "page_scripts.toml").items()
           if name != "consent"}  # fmt: skip
ORDER = RenderOrder("https://app.example/story", {"content-type": "text/html"}, b"<p>own")
MILLION = 1024 * 1024


Trouble = Callable[[], Coroutine[Any, Any, None]]


@dataclass
class ScriptedPage:
    """A tab that notes what is done with it; looks find texts of these lengths, the last one again and again."""

    lengths: Iterator[int]
    document: str = "<p>text"
    trouble: dict[str, Trouble] = field(default_factory=dict)
    log: list[object] = field(default_factory=list)
    handlers: dict[str, Callable[[Any], object]] = field(default_factory=dict)

    def on(self, event: str, handler: Callable[[Any], object]) -> None:
        self.handlers[event] = handler

    async def route(self, pattern: str, handler: object) -> None:
        self.handlers[pattern] = handler

    async def goto(self, url: str, **options: str) -> None:
        await self._note(" ".join([url, *options.values()]))

    async def evaluate(self, script: str, *arguments: str) -> object:
        name = SCRIPTS[script]
        await self._note(" ".join([name, *(argument[:21] for argument in arguments)]))
        return next(self.lengths) if name == "length" else self.document

    async def close(self) -> None:
        await self._note("close")

    async def _note(self, act: str) -> None:
        self.log.append(act)
        if trouble := self.trouble.pop(act, None):
            await trouble()


async def hang() -> None:
    await asyncio.get_running_loop().create_future()


async def fail() -> None:
    raise Error("net::ERR_ABORTED\nCall log: more")


def lengths_of(*lengths: int) -> Iterator[int]:
    yield from lengths
    while True:
        yield lengths[-1]


class Pipe(io.BytesIO):
    """An output of which the crawl sees what was flushed."""

    seen = b""

    def flush(self) -> None:
        self.seen = self.getvalue()


@dataclass
class Desk:
    """A renderer with the tabs that it is given one after the other, and what it sends; sleeping takes no time."""

    tabs: list[ScriptedPage]
    patch: pytest.MonkeyPatch
    seconds: float = 0.0
    output: Pipe = field(default_factory=Pipe)
    renderer: Any = None

    def __post_init__(self) -> None:
        tabs = iter(self.tabs)
        sleep = asyncio.sleep

        async def new_page() -> ScriptedPage:
            return next(tabs)

        async def pass_time(seconds: float) -> None:
            self.seconds += seconds
            await sleep(0)

        async def wait_briefly(call: Any, seconds: float) -> object:
            """Wait by turns of the loop, of which a busy machine has as many."""
            assert seconds == 8.0
            task = asyncio.ensure_future(call)
            try:
                for _ in range(1_000):
                    if task.done():
                        return task.result()
                    await sleep(0)
            finally:
                task.cancel()
            raise TimeoutError

        self.patch.setattr(asyncio, "sleep", pass_time)
        self.patch.setattr(asyncio, "wait_for", wait_briefly)
        self.patch.setattr(browser_process, "time", SimpleNamespace(monotonic=lambda: 1_000 + self.seconds))
        self.renderer = PageRenderer(SimpleNamespace(new_page=new_page), self.output)

    def render(self, times: int = 1) -> list[Rendering | Failure]:
        async def run() -> list[Rendering | Failure]:
            results = [await self.renderer.render(ORDER) for _ in range(times)]
            for _ in range(3):
                await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing of a page goes on"
            return results

        return asyncio.run(run())

    def sent(self) -> list[Message]:
        return list(read_frames(self.output.seen))


def read_frames(data: bytes) -> Iterator[Message]:
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        yield decode(data[4:end])
        data = data[end:]


@pytest.mark.parametrize(
    ("lengths", "looks", "seconds"),
    [
        ([1500], "length length length", 0.75),
        ([1000, 2000], "length length length length", 1.0),
        ([100, 100, 100, 1500], "length length length scroll length length length", 1.5),
        ([1499], " scroll ".join(["length length length"] * 4), 3.0),
        ([0], " scroll ".join(["length length length"] * 4), 3.0),
        (range(2000, 3000), " ".join(["length"] * 160), 40.0),
    ],
    ids=["enough", "it grows once", "it grows by scrolling", "nearly enough", "nothing", "without end"],
)
def test_a_document_is_taken_once_its_text_stands_still(monkeypatch, lengths, looks, seconds):
    tab = ScriptedPage(lengths_of(*lengths))
    desk = Desk([tab], monkeypatch)
    assert desk.render() == [Rendering("<p>text")]
    assert " ".join(map(str, tab.log)) == (
        f"https://app.example/story commit {looks} hide #onetrust-consent-sdk document about:blank"
    )
    assert desk.seconds == seconds


def test_a_page_is_not_still_while_a_request_of_it_waits(monkeypatch):
    tab = ScriptedPage(lengths_of(5000))
    desk = Desk([tab], monkeypatch)

    async def run() -> None:
        future = asyncio.get_running_loop().create_future()
        work = asyncio.ensure_future(desk.renderer.render(ORDER))
        while not tab.log:
            await asyncio.sleep(0)
        desk.renderer._requests.waiting[7] = future
        while desk.seconds < 5:
            await asyncio.sleep(0.25)
        assert "length" not in tab.log
        desk.renderer.take_answer(ResourceAnswer(7, 200))
        desk.renderer.take_answer(ResourceAnswer(7, 500))
        desk.renderer.take_answer(ResourceAnswer(8, 200))
        assert (await work, (await future).status) == (Rendering("<p>text"), 200)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("document", "result"),
    [
        ("x" * 16 * MILLION, Rendering("x" * 16 * MILLION)),
        ("x" * (16 * MILLION + 1), Failure(RenderProblem.TOO_LARGE)),
        ("half \ud83d", Rendering("half ?")),
    ],
    ids=["large", "too large", "half a character"],
)
def test_a_document_is_bounded_and_is_text(monkeypatch, document, result):
    (rendered,) = Desk([ScriptedPage(lengths_of(5000), document)], monkeypatch).render()
    assert (rendered == result) is True  # without a difference of megabytes
    assert document[:4] not in repr(rendered)[:100]


@pytest.mark.parametrize("act", ["https://app.example/story commit", "length", "document"])
@pytest.mark.parametrize(
    ("trouble", "failure"),
    [(fail, Failure(RenderProblem.CRASHED, "net::ERR_ABORTED")), (hang, Failure(RenderProblem.HUNG))],
)
def test_what_fails_or_hangs_costs_its_page_and_not_the_next(monkeypatch, act, trouble, failure):
    tab = ScriptedPage(lengths_of(5000), trouble={act: trouble})
    assert Desk([tab], monkeypatch).render(2) == [failure, Rendering("<p>text")]
    assert tab.log.count("about:blank") == 2


@pytest.mark.parametrize("trouble", [fail, hang])
def test_a_tab_that_cannot_be_left_is_closed_and_the_next_page_has_another(monkeypatch, trouble):
    first = ScriptedPage(lengths_of(5000), trouble={"about:blank": trouble, "close": trouble})
    second = ScriptedPage(lengths_of(5000), "<p>second")
    assert Desk([first, second], monkeypatch).render(2) == [Rendering("<p>text"), Rendering("<p>second")]
    assert (first.log[-1], second.log[-1]) == ("close", "about:blank")


def test_a_tab_that_crashes_ends_its_page_at_once_and_pop_ups_are_closed(monkeypatch):
    popup, tab = ScriptedPage(lengths_of(0)), ScriptedPage(lengths_of(5000))

    async def crash() -> None:
        tab.handlers["popup"](popup)
        tab.handlers["crash"](tab)
        await hang()

    tab.trouble["hide #onetrust-consent-sdk"] = crash
    assert Desk([tab], monkeypatch).render(2) == [Failure(RenderProblem.CRASHED), Rendering("<p>text")]
    assert popup.log == ["close"]


@dataclass
class ScriptedRoute:
    """A request on its way, which notes its answer."""

    method: str = "GET"
    resource_type: str = "document"
    is_navigation: bool = False
    is_in_frame: bool = False
    answer: str = ""
    url: str = "https://app.example/data"
    headers: dict[str, str] = field(
        default_factory=lambda: {"accept": "*/*", "cookie": "secret", "origin": "o", "referer": "r",
                                 "user-agent": "u", "x-requested-with": "x"}
    )  # fmt: skip

    @property
    def frame(self) -> SimpleNamespace:
        return SimpleNamespace(parent_frame=self if self.is_in_frame else None)

    def is_navigation_request(self) -> bool:
        return self.is_navigation

    async def fulfill(self, **answer: object) -> None:
        self.answer += f"{sorted(answer.items())}"

    async def abort(self) -> None:
        self.answer += "aborted"
        raise Error("the page is gone")


OWN = "[('body', b'<p>own'), ('headers', {'content-type': 'text/html'}), ('status', 200)]"
STAYS = "[('status', 204)]"
ROUTES = [
    (ScriptedRoute(is_navigation=True, is_in_frame=True), "aborted"),
    (ScriptedRoute("POST", is_navigation=True), STAYS),
    (ScriptedRoute(resource_type="image"), "aborted"),
    (ScriptedRoute(is_navigation=True), OWN),
    (ScriptedRoute(is_navigation=True), STAYS),
    (ScriptedRoute(is_navigation=True, is_in_frame=True), "aborted"),
    (ScriptedRoute("POST", "fetch"), "aborted"),
    (ScriptedRoute(resource_type="font"), "aborted"),
]
"""Requests of a page in this order, and what becomes of them; none is the crawl's."""


def test_a_page_has_its_own_document_and_the_crawls_answers_and_nothing_else(monkeypatch):
    tab, asked = ScriptedPage(lengths_of(5000)), {}
    desk = Desk([tab], monkeypatch)
    late = ScriptedRoute(resource_type="fetch")

    async def request() -> None:
        answer: Any = tab.handlers["**/*"]
        for route, _ in ROUTES:
            await answer(route, route)
        for number, kind in enumerate(("script", "stylesheet", "xhr", "fetch"), 1):
            asked[kind] = ScriptedRoute(resource_type=kind)
            task = asyncio.ensure_future(answer(asked[kind], asked[kind]))
            await asyncio.sleep(0)
            status = 0 if kind == "xhr" else 200
            if kind != "fetch":
                desk.renderer.take_answer(ResourceAnswer(number, status, {"a": "b"}, b"data"))
                await task

    tab.trouble["https://app.example/story commit"] = request

    async def run() -> None:
        work = asyncio.ensure_future(desk.renderer.render(ORDER))
        while len(desk.sent()) < 4:
            await asyncio.sleep(0)
        desk.renderer.take_answer(ResourceAnswer(4))
        assert await work == Rendering("<p>text")
        await tab.handlers["**/*"](late, late)

    asyncio.run(run())
    assert [route.answer for route, _ in ROUTES] == [expected for _, expected in ROUTES]
    given = "[('body', b'data'), ('headers', {'a': 'b'}), ('status', 200)]"
    assert [route.answer for route in asked.values()] == [given, given, "aborted", "aborted"]
    assert late.answer == "aborted"
    sent = {"accept": "*/*", "origin": "o", "referer": "r", "x-requested-with": "x"}
    assert desk.sent() == [ResourceRequest(n, late.url, kind, sent) for n, kind in enumerate(asked, 1)]


def test_a_request_that_waits_when_its_page_is_over_is_refused(monkeypatch):
    tab, route, tasks = ScriptedPage(lengths_of(5000)), ScriptedRoute(resource_type="script"), []

    async def request() -> None:
        tasks.append(asyncio.ensure_future(tab.handlers["**/*"](route, route)))
        await asyncio.sleep(0)
        await fail()

    tab.trouble["https://app.example/story commit"] = request
    desk = Desk([tab], monkeypatch)

    async def run() -> None:
        assert (await desk.renderer.render(ORDER)).problem is RenderProblem.CRASHED
        await tasks[0]

    asyncio.run(run())
    assert route.answer == "aborted"


def test_orders_and_answers_are_taken_until_the_crawl_is_gone():
    output, answers = Pipe(), []

    async def render(order: RenderOrder) -> Rendering:
        return Rendering(order.url)

    async def run() -> None:
        renderer = PageRenderer(None, output)
        renderer.render, renderer.take_answer = render, answers.append
        reader = asyncio.StreamReader()
        reader.feed_data(encode(ORDER) + encode(Rendering("what nobody asks for")) + encode(ResourceAnswer(3)))
        reader.feed_data(encode(ORDER) + b"\0\0")
        reader.feed_eof()
        await browser_process._take_orders(reader, renderer)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(run())
    assert answers == [ResourceAnswer(3)]
    assert list(read_frames(output.getvalue())) == [Rendering(ORDER.url)] * 2


def test_chromium_has_no_way_out_and_stores_nothing():
    noted: list[object] = []

    class Noted(SimpleNamespace):
        def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Noted]]:
            async def note(*words: object, **options: object) -> Noted:
                noted.append((name, *(word if isinstance(word, str) else "…" for word in words), options))
                return Noted()

            return note

    async def run() -> None:
        for program in ("/usr/bin/chromium", ""):
            playwright = Noted(chromium=Noted())
            browser = await browser_process._start(playwright, program, has_sandbox=bool(program))
        await browser_process._new_context(browser, "Agent/1")

    asyncio.run(run())
    shared = {"proxy": {"server": "http://127.0.0.1:9", "bypass": "<-loopback>"}, "timeout": 60_000.0,
              "handle_sigint": False}  # fmt: skip
    launched = [options for name, options in noted[:2] if options.pop("args")[-1].startswith("--disable-features=")]
    assert launched == [
        {"executable_path": "/usr/bin/chromium", "chromium_sandbox": True, **shared},
        {"executable_path": None, "chromium_sandbox": False, **shared},
    ]
    assert noted[2] == (
        "new_context",
        {"user_agent": "Agent/1", "service_workers": "block", "accept_downloads": False, "timezone_id": "UTC",
         "viewport": {"width": 1280, "height": 2000}},
    )  # fmt: skip
    assert noted[3][0] == "add_init_script"
    assert noted[4:] == [("route_web_socket", "**/*", "…", {})]
