"""Browser of a crawl with a scripted process at the other end: the talk with it, its bounds, and its end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from broadsheet.crawler.rendering import browser
from broadsheet.crawler.rendering.browser import Browser, BrowserProcess, RenderLimits
from broadsheet.crawler.rendering.chromium import Chromium
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

ORDER = RenderOrder("https://app.example/", {}, b"<p>own")
PAGE = Rendering("<p>text")


def request(number: int) -> ResourceRequest:
    return ResourceRequest(number, f"https://app.example/{number}", "script", {})


@dataclass
class ScriptedProcess:
    """A process that says these things at each order, and notes what it is told; None is its end."""

    says: Iterable[Message | None]
    pid: int = 4_000
    returncode: int | None = None
    told: list[Message] = field(default_factory=list)

    drained: int = 0
    """How much of what it was told was awaited."""
    says_once_answered: Message | None = None

    def __post_init__(self) -> None:
        self.stdin = self
        self.stdout = asyncio.StreamReader()

    def write(self, frame: bytes) -> None:
        self.told.append(decode(frame[4:]))
        if isinstance(self.told[-1], RenderOrder):
            for message in self.says:
                self.end() if message is None else self.stdout.feed_data(encode(message))
        elif len(self.told) > sum(isinstance(said, ResourceRequest) for said in self.says) and self.says_once_answered:
            self.stdout.feed_data(encode(self.says_once_answered))

    async def drain(self) -> None:
        self.drained = len(self.told)
        if self.returncode is not None:
            raise BrokenPipeError

    def end(self) -> None:
        self.returncode = -9
        self.stdout.feed_eof()

    async def wait(self) -> int | None:
        return self.returncode


@dataclass
class Machine:
    """Scripted processes that are started one after the other, what is killed, and what they weigh."""

    scripts: list[Iterable[Message | None]]
    bytes_of_memory: int = 0
    says_once_answered: Message | None = None
    started: list[ScriptedProcess] = field(default_factory=list)
    killed: list[list[int]] = field(default_factory=list)

    def process(self) -> BrowserProcess:
        self.started.append(ScriptedProcess(self.scripts.pop(0), pid=4_000 + len(self.started)))
        self.started[-1].says_once_answered = self.says_once_answered
        return BrowserProcess(self.started[-1])

    async def start(self, chromium: Chromium, user_agent: str) -> BrowserProcess:
        return self.process()

    def kill_all(self, pids: list[int]) -> None:
        self.killed.append(pids)
        for process in self.started:
            if process.pid in pids:
                process.end()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    assert RenderLimits() == RenderLimits(seconds=90.0, memory_bytes=1_500_000_000, requests=100, pages=200)
    made = Machine([])
    monkeypatch.setattr(BrowserProcess, "start", made.start)
    monkeypatch.setattr(browser, "descendants", lambda pid: [pid, pid + 100])
    monkeypatch.setattr(browser, "private_bytes", lambda pids: made.bytes_of_memory if len(pids) == 2 else 0)
    monkeypatch.setattr(browser, "kill_all", made.kill_all)
    return made


async def fetch(asked: ResourceRequest) -> ResourceAnswer:
    return ResourceAnswer(asked.number, 200, {}, asked.url.encode())


def test_each_request_is_answered_by_the_crawl_up_to_a_bound(machine):
    machine.scripts = [[request(1), request(2), request(3)]]

    async def run() -> None:
        process = machine.process()
        machine.started[0].says_once_answered = PAGE
        assert await process.render(ORDER, fetch, RenderLimits(requests=2)) == PAGE
        assert (process.page_count, process.is_alive, process.problem) == (1, True, None)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "nobody watches it any more"

    asyncio.run(run())
    assert machine.started[0].drained == 4
    assert machine.started[0].told == [
        ORDER,
        ResourceAnswer(1, 200, {}, b"https://app.example/1"),
        ResourceAnswer(2, 200, {}, b"https://app.example/2"),
        ResourceAnswer(3, 0),
    ]
    assert machine.killed == []


def test_a_page_that_is_over_waits_for_no_request_of_it(machine):
    """Nor does the end of a crawl: a request may wait an hour, as its host asked."""
    machine.scripts = [[request(1), PAGE]]

    async def wait_for_the_host(asked: ResourceRequest) -> ResourceAnswer:
        await asyncio.Event().wait()
        return ResourceAnswer(asked.number)

    async def run() -> None:
        process = machine.process()
        render = asyncio.ensure_future(process.render(ORDER, wait_for_the_host, RenderLimits()))
        assert await asyncio.wait_for(render, 60) == PAGE

    asyncio.run(run())
    assert machine.started[0].told == [ORDER]


@pytest.mark.parametrize("says", [[None], [request(1), None], [ResourceAnswer(1), PAGE]])
def test_a_process_that_ends_or_says_what_makes_no_sense_has_crashed(machine, says):
    machine.scripts = [says]

    async def run() -> Rendering | Failure:
        return await machine.process().render(ORDER, fetch, RenderLimits())

    assert asyncio.run(run()) == Failure(RenderProblem.CRASHED)


@pytest.mark.parametrize(
    ("memory_bytes", "seconds", "problem"),
    [(10, 5.0, RenderProblem.TOO_LONG), (11, 0.5, RenderProblem.TOO_MUCH_MEMORY)],
)
def test_a_process_is_killed_at_a_bound_with_all_that_it_has_started(
    machine, monkeypatch, memory_bytes, seconds, problem
):
    """A watch looks twice a second. At a bound itself nothing is killed, so the time is over a look after it."""
    machine.scripts, machine.bytes_of_memory = [[]], memory_bytes
    sleep, slept, killed_at = asyncio.sleep, [0.0], list[float]()
    monkeypatch.setattr(browser, "kill_all", lambda pids: (killed_at.append(slept[0]), machine.kill_all(pids)))

    async def pass_time(pause: float) -> None:
        slept[0] += pause
        await sleep(0)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(asyncio, "sleep", pass_time)
        monkeypatch.setattr(loop, "time", lambda: 70.0 + slept[0])
        process = machine.process()
        limits = RenderLimits(seconds=4.5, memory_bytes=10)
        assert await process.render(ORDER, fetch, limits) == Failure(problem)
        assert (process.is_alive, process.problem, killed_at) == (False, problem, [seconds])
        await process.close()
        assert process.problem is problem

    asyncio.run(run())
    assert machine.killed == [[4_000, 4_100]]


def test_pages_share_a_process_up_to_a_bound_and_a_failure_has_the_next_one_started(machine):
    machine.scripts = [[PAGE], [PAGE], [None], [Failure(RenderProblem.HUNG)], [PAGE]]

    async def run() -> tuple[list[object], list[object]]:
        crawl = Browser(Chromium(""), "Agent/1", RenderLimits(pages=2))
        first = [await crawl.render(ORDER, fetch) for _ in range(3)]
        machine.started[1].end()  # between two pages
        first += [await crawl.render(ORDER, fetch) for _ in range(3)]
        await crawl.close()
        await crawl.close()
        return first, [process.returncode for process in machine.started]

    results, ends = asyncio.run(run())
    assert results == [
        PAGE, PAGE, PAGE, Failure(RenderProblem.CRASHED), Failure(RenderProblem.HUNG), PAGE,
    ]  # fmt: skip
    assert ends == [-9] * 5
    assert machine.killed == [[4_000, 4_100], [4_003, 4_103], [4_004, 4_104]]


def test_one_page_is_rendered_at_a_time_and_the_end_waits_for_it(machine):
    machine.scripts, machine.says_once_answered = [[request(1)]], PAGE
    under_way, most = [0], [0]

    async def slowly(asked: ResourceRequest) -> ResourceAnswer:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        for _ in range(5):
            await asyncio.sleep(0)
        under_way[0] -= 1
        return ResourceAnswer(asked.number)

    async def run() -> list[object]:
        crawl = Browser(Chromium(""), "Agent/1")
        return await asyncio.gather(*(crawl.render(ORDER, slowly) for _ in range(3)), crawl.close())

    assert asyncio.run(run()) == [PAGE, PAGE, PAGE, None]
    assert (most, len(machine.started)) == ([1], 1)


def test_a_chromium_that_does_not_start_is_not_tried_again(machine):
    failure = Failure(RenderProblem.NOT_STARTED, "no such file")
    machine.scripts = [[failure]]

    async def run() -> None:
        crawl = Browser(Chromium("/nowhere"), "Agent/1")
        assert [await crawl.render(ORDER, fetch) for _ in range(2)] == [failure, failure]
        assert crawl.failure == failure

    asyncio.run(run())
    assert len(machine.started) == 1


@pytest.mark.parametrize(("has_sandbox", "word"), [(True, "sandbox"), (False, "no-sandbox")])
def test_the_process_is_a_module_of_its_own_away_from_the_current_folder(monkeypatch, has_sandbox, word):
    commands: list[tuple[Any, ...]] = []

    async def execute(*command: str, **options: object) -> ScriptedProcess:
        commands.append((command, options))
        return ScriptedProcess([])

    async def run() -> None:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", execute)
        assert (await BrowserProcess.start(Chromium("/usr/bin/chromium", has_sandbox), "Agent/1")).is_alive

    asyncio.run(run())
    module = "broadsheet.crawler.rendering.browser_process"
    assert commands == [(
        (sys.executable, "-P", "-m", module, "/usr/bin/chromium", "Agent/1", word),
        {"stdin": -1, "stdout": -1, "stderr": -3, "limit": 67_108_864, "start_new_session": True},
    )]  # fmt: skip


def test_an_answer_that_fails_costs_its_request_and_not_the_page(machine):
    machine.scripts = [[request(1), PAGE]]

    async def fail(_asked: ResourceRequest) -> ResourceAnswer:
        await asyncio.sleep(0)
        raise ValueError("no answer")

    async def run() -> Rendering | Failure:
        return await machine.process().render(ORDER, fail, RenderLimits())

    assert asyncio.run(run()) == PAGE
