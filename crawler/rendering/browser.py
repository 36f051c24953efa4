"""Browser of a crawl: a process that starts when a page first needs it. Its time and memory are limited, and it is
killed with all its children.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from .chromium import Chromium
from .messages import (
    MAX_FRAME,
    Failure,
    MessageError,
    Rendering,
    RenderOrder,
    RenderProblem,
    ResourceAnswer,
    ResourceRequest,
    encode,
    receive,
)
from .process_tree import descendants, kill_all, private_bytes

FetchResource = Callable[[ResourceRequest], Awaitable[ResourceAnswer]]

_WATCH_SECONDS = 0.5
_MODULE = "broadsheet.crawler.rendering.browser_process"


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """Limits of rendering: seconds and requests per page, memory of the whole browser in bytes, and pages per
    process.
    """

    seconds: float = 90.0
    memory_bytes: int = 1_500_000_000
    requests: int = 100
    pages: int = 200


class BrowserProcess:
    """Running process of a browser. `problem` says why it was killed, if it was."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self._output = process.stdout
        self.page_count = 0
        self.problem: RenderProblem | None = None

    @classmethod
    async def start(cls, chromium: Chromium, user_agent: str) -> BrowserProcess:
        """Start the process, which starts Chromium and reports only a failure to do so."""
        sandbox = "sandbox" if chromium.has_sandbox else "no-sandbox"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            _MODULE,
            chromium.program,
            user_agent,
            sandbox,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=MAX_FRAME,
            start_new_session=True,
        )
        return cls(process)

    @property
    def is_alive(self) -> bool:
        """Return whether the process runs, and was not killed."""
        return self._process.returncode is None and self.problem is None

    async def render(self, order: RenderOrder, fetch: FetchResource, limits: RenderLimits) -> Rendering | Failure:
        """Render a page whose requests `fetch` answers.

        Requests still waiting at the end are cancelled: they may be waiting for a slow host's pace.
        """
        self.page_count += 1
        watch = asyncio.ensure_future(self._watch(limits))
        answers: set[asyncio.Task[None]] = set()
        try:
            return await self._converse(order, fetch, answers, limits)
        except (asyncio.IncompleteReadError, MessageError, OSError):
            return Failure(self.problem or RenderProblem.CRASHED)
        finally:
            watch.cancel()
            for answer in answers:
                answer.cancel()
            await asyncio.gather(*answers, return_exceptions=True)

    async def _converse(
        self, order: RenderOrder, fetch: FetchResource, answers: set[asyncio.Task[None]], limits: RenderLimits
    ) -> Rendering | Failure:
        self._input.write(encode(order))
        await self._input.drain()
        while True:
            message = await receive(self._output)
            if isinstance(message, Rendering | Failure):
                return message
            if not isinstance(message, ResourceRequest):
                raise MessageError("an answer in place of a request")
            answer = self._answer(message, fetch if len(answers) < limits.requests else _refuse)
            answers.add(asyncio.ensure_future(answer))

    async def _answer(self, request: ResourceRequest, fetch: FetchResource) -> None:
        answer = await fetch(request)
        with suppress(OSError):
            self._input.write(encode(answer))
            await self._input.drain()

    async def _watch(self, limits: RenderLimits) -> None:
        """Kill the process when it exceeds a limit."""
        deadline = asyncio.get_running_loop().time() + limits.seconds
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if asyncio.get_running_loop().time() > deadline:
                self.kill(RenderProblem.TOO_LONG)
            elif private_bytes(descendants(self._process.pid)) > limits.memory_bytes:
                self.kill(RenderProblem.TOO_MUCH_MEMORY)

    def kill(self, problem: RenderProblem) -> None:
        """Kill the process and everything it started, with SIGKILL."""
        self.problem = self.problem or problem
        if self._process.returncode is None:
            kill_all(descendants(self._process.pid))

    async def close(self) -> None:
        """Stop the process and everything it started."""
        self.kill(RenderProblem.CRASHED)
        await self._process.wait()


async def _refuse(request: ResourceRequest) -> ResourceAnswer:
    return ResourceAnswer(request.number)


class Browser:
    """Browser of a crawl, which renders one page at a time. `failure` is set if Chromium cannot start; no page is tried
    then.
    """

    def __init__(self, chromium: Chromium, user_agent: str, limits: RenderLimits | None = None) -> None:
        self._chromium = chromium
        self._user_agent = user_agent
        self._limits = limits or RenderLimits()
        self._process: BrowserProcess | None = None
        self._turn = asyncio.Lock()
        self.failure: Failure | None = None

    async def render(self, order: RenderOrder, fetch: FetchResource) -> Rendering | Failure:
        """Render a page. After a failure, the next page has a new process."""
        async with self._turn:
            if self.failure is not None:
                return self.failure
            process = await self._running_process()
            result = await process.render(order, fetch, self._limits)
            if isinstance(result, Failure):
                await self._drop_process()
                if result.problem is RenderProblem.NOT_STARTED:
                    self.failure = result
            return result

    async def close(self) -> None:
        """End the browser."""
        async with self._turn:
            await self._drop_process()

    async def _running_process(self) -> BrowserProcess:
        if self._process is not None and (not self._process.is_alive or self._process.page_count >= self._limits.pages):
            await self._drop_process()
        if self._process is None:
            self._process = await BrowserProcess.start(self._chromium, self._user_agent)
        return self._process

    async def _drop_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.close()
