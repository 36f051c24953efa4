"""Process of a browser without network access: it renders the pages that standard input asks for, one after another.

Every request of a page is intercepted and answered by the crawl, through standard output and input. However the crawl
ends, standard input is then closed, and this process kills Chromium and exits.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from playwright.async_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Playwright,
    ProxySettings,
    Request,
    Route,
    async_playwright,
)

from broadsheet.cleaners.package_data import read_toml

from .chromium import DEAD_PROXY, FLAGS
from .messages import (
    MAX_FRAME,
    Failure,
    Message,
    MessageError,
    Rendering,
    RenderOrder,
    RenderProblem,
    ResourceAnswer,
    ResourceRequest,
    encode,
    receive,
)
from .process_tree import descendants, kill_all

_SCRIPTS = read_toml(__package__, "page_scripts.toml")
_CONSENT = ", ".join(_SCRIPTS["consent"])
_ANSWERED_KINDS = ("script", "stylesheet", "xhr", "fetch")
_SENT_HEADERS = ("accept", "origin", "referer", "x-requested-with")
_LOOK_SECONDS = 0.25
_STILL_LOOKS = 3  # looks in a row that find the same text, and no request under way
_PAGE_SECONDS = 40.0  # after which the document is taken as it stands
_CALL_SECONDS = 8.0  # after which a page that does not respond is given up: a script that runs on and on
_START_SECONDS = 60.0
_MAX_SCROLLS = 3
_ENOUGH_CHARACTERS = 1500  # in sight, from which on nothing is scrolled for
_MAX_DOCUMENT = 16 * 1024 * 1024  # characters
_VIEWPORT = {"width": 1280, "height": 2000}


@dataclass(slots=True)
class PageRequests:
    """Requests of one page: whether it has its own document, and the futures of the answers that it waits for."""

    has_document: bool = False
    is_over: bool = False
    waiting: dict[int, asyncio.Future[ResourceAnswer]] = field(default_factory=dict)


class PageRenderer:
    """Renderer of pages in one browser context. A page's requests go to the crawl through `output`."""

    def __init__(self, context: BrowserContext, output: BinaryIO) -> None:
        self._context = context
        self._output = output
        self._requests = PageRequests()
        self._order = RenderOrder("", {}, b"")
        self._last_number = 0
        self._page: Page | None = None
        self._crash = asyncio.Event()

    def send(self, message: Message) -> None:
        """Send a message to the crawl."""
        self._output.write(encode(message))
        self._output.flush()

    def take_answer(self, answer: ResourceAnswer) -> None:
        """Hand the crawl's answer to the request that waits for it."""
        waiting = self._requests.waiting.pop(answer.number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def render(self, order: RenderOrder) -> Rendering | Failure:
        """Render a page, and return its document once its text no longer changes."""
        self._order, self._requests = order, PageRequests()
        self._crash.clear()
        work, crashed = asyncio.ensure_future(self._render()), asyncio.ensure_future(self._crash.wait())
        try:
            await asyncio.wait((work, crashed), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                return Failure(RenderProblem.CRASHED)
            return work.result()
        except TimeoutError:
            return Failure(RenderProblem.HUNG)
        except Error as error:
            return Failure(RenderProblem.CRASHED, str(error).partition("\n")[0])
        finally:
            work.cancel()
            crashed.cancel()
            self._requests.is_over = True
            for number in list(self._requests.waiting):
                self.take_answer(ResourceAnswer(number))
            await self._leave_page()

    async def _open_page(self) -> Page:
        """Return the tab that all pages share, and open it first if needed. A new one costs half a second of CPU."""
        if self._page is None:
            self._page = await _within(self._context.new_page())
            self._page.on("crash", lambda _: self._crash.set())
            self._page.on("popup", lambda popup: asyncio.ensure_future(_close(popup)))
            await _within(self._page.route("**/*", self._answer))
        return self._page

    async def _leave_page(self) -> None:
        """Leave a page, so that its scripts stop before the next one. Close a tab that does not respond."""
        if self._page is None:
            return
        try:
            await _within(self._page.goto("about:blank"))
        except (TimeoutError, Error):
            page, self._page = self._page, None
            with suppress(TimeoutError):
                await _within(_close(page))

    async def _render(self) -> Rendering | Failure:
        page = await self._open_page()
        await _within(page.goto(self._order.url, wait_until="commit"))
        await self._wait_until_still(page)
        await _within(page.evaluate(_SCRIPTS["hide"], _CONSENT))
        html = await _within(page.evaluate(_SCRIPTS["document"]))
        if len(html) > _MAX_DOCUMENT:
            return Failure(RenderProblem.TOO_LARGE)
        return Rendering(html.encode("utf-8", "replace").decode())

    async def _wait_until_still(self, page: Page) -> None:
        """Wait until the text no longer changes, or time runs out.

        A page with little text is scrolled to its end a few times: it may load more.
        """
        deadline, lengths, scroll_count = time.monotonic() + _PAGE_SECONDS, [-1], 0
        while time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)
            lengths.append(-1 if self._requests.waiting else await _within(page.evaluate(_SCRIPTS["length"])))
            if lengths[-1] < 0 or len(set(lengths[-_STILL_LOOKS:])) > 1:
                continue
            if lengths[-1] >= _ENOUGH_CHARACTERS or scroll_count >= _MAX_SCROLLS:
                return
            await _within(page.evaluate(_SCRIPTS["scroll"]))
            scroll_count += 1
            lengths.append(-1)

    async def _answer(self, route: Route, request: Request) -> None:
        """Answer a request of the page: with its own document, by the crawl, or not at all."""
        with suppress(Error):
            is_first = not self._requests.has_document and request.is_navigation_request()
            if is_first and request.frame.parent_frame is None and request.method == "GET":
                self._requests.has_document = True
                await route.fulfill(status=200, headers=dict(self._order.headers), body=self._order.body)
            elif request.is_navigation_request():
                # Without content, the page stays where it is.
                await (route.fulfill(status=204) if request.frame.parent_frame is None else route.abort())
            elif self._requests.is_over or request.method != "GET" or request.resource_type not in _ANSWERED_KINDS:
                await route.abort()
            else:
                await self._answer_by_crawl(route, request)

    async def _answer_by_crawl(self, route: Route, request: Request) -> None:
        self._last_number += 1
        number = self._last_number
        waiting = self._requests.waiting[number] = asyncio.get_running_loop().create_future()
        headers = {name: value for name, value in request.headers.items() if name in _SENT_HEADERS}
        self.send(ResourceRequest(number, request.url, request.resource_type, headers))
        answer = await waiting
        if answer.status:
            await route.fulfill(status=answer.status, headers=dict(answer.headers), body=answer.body)
        else:
            await route.abort()


async def _close(page: Page) -> None:
    with suppress(Error):
        await page.close()


async def _within(call: Any) -> Any:
    """Wait for a call to the browser. Raises TimeoutError if the page does not respond."""
    return await asyncio.wait_for(call, _CALL_SECONDS)


async def _start(playwright: Playwright, program: str, *, has_sandbox: bool) -> Browser:
    return await playwright.chromium.launch(
        executable_path=program or None,
        args=list(FLAGS),
        chromium_sandbox=has_sandbox,
        proxy=ProxySettings(server=DEAD_PROXY, bypass="<-loopback>"),
        timeout=_START_SECONDS * 1000,
        handle_sigint=False,  # a Ctrl-C is for the crawl
    )


async def _new_context(browser: Browser, user_agent: str) -> BrowserContext:
    context = await browser.new_context(
        user_agent=user_agent,
        service_workers="block",
        accept_downloads=False,
        timezone_id="UTC",
        viewport=_VIEWPORT,  # type: ignore[arg-type]
    )
    await context.add_init_script(_SCRIPTS["before"])
    await context.route_web_socket("**/*", lambda socket: socket.close())
    return context


async def _serve(program: str, user_agent: str, *, has_sandbox: bool) -> None:
    """Render what standard input asks for until it is closed; then kill everything this process started."""
    reader = asyncio.StreamReader(limit=MAX_FRAME)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(0), "rb")
    )
    output = os.fdopen(os.dup(1), "wb")
    sys.stdout = sys.stderr
    playwright = await async_playwright().start()
    try:
        browser = await _start(playwright, program, has_sandbox=has_sandbox)
        renderer = PageRenderer(await _new_context(browser, user_agent), output)
    except Error as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        output.write(encode(Failure(RenderProblem.NOT_STARTED, lines[0] if lines else "")))
        output.flush()
        return
    browser.on("disconnected", lambda _: _end())
    await _take_orders(reader, renderer)


async def _take_orders(reader: asyncio.StreamReader, renderer: PageRenderer) -> None:
    tasks: set[asyncio.Task[None]] = set()

    async def render(order: RenderOrder) -> None:
        renderer.send(await renderer.render(order))

    with suppress(asyncio.IncompleteReadError, MessageError, ConnectionError):
        while True:
            message = await receive(reader)
            if isinstance(message, ResourceAnswer):
                renderer.take_answer(message)
            elif isinstance(message, RenderOrder):
                task = asyncio.ensure_future(render(message))
                tasks.add(task)
                task.add_done_callback(tasks.discard)


def _end() -> None:
    kill_all(descendants(os.getpid())[:0:-1])
    os._exit(0)


def main() -> None:
    """Serve one crawl: the program of Chromium, the user agent, and `sandbox` or `no-sandbox` are the arguments."""
    program, user_agent, sandbox = sys.argv[1:4]
    asyncio.run(_serve_and_end(program, user_agent, sandbox == "sandbox"))


async def _serve_and_end(program: str, user_agent: str, has_sandbox: bool) -> None:
    try:  # ends within the loop, whose own end would wait for tasks that hang in the browser
        await _serve(program, user_agent, has_sandbox=has_sandbox)
    finally:
        _end()


if __name__ == "__main__":
    main()
