"""What the reading room has done in workers: a page that kills its worker, and rules that never end, cost only that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.commands.browse_workers import judge_page, try_rule
from broadsheet.crawler.replay.judge_job import UnreadResponse
from broadsheet.crawler.replay.trial_job import rule_problems, try_on_page
from broadsheet.crawler.workers.pool import WorkerError, WorkerPool
from broadsheet.output.browse.arguments import NotHereError
from broadsheet.output.browse.queries.rule_trial import RuleDraft
from broadsheet.output.db.url_words import OutcomeReason
from tests.crawler.replay.test_judge_job import stored
from tests.crawler.scripted_site import page

DRAFT = RuleDraft("a.example", "strip: //aside")
ENDLESS = "strip: //*[count(//*[count(//*[count(//*[count(//*) > 0]) > 0]) > 0]) > 0]"


class PoolInPlace:
    """Runs jobs here. The pages of some URLs lose their worker."""

    def __init__(self, *fatal_urls: str) -> None:
        self.fatal_urls, self.tried_urls = fatal_urls, list[str]()

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        url = getattr(arguments[-1], "url", "")
        self.tried_urls += [url] if url else []
        if url in self.fatal_urls:
            raise WorkerError(OutcomeReason.WORKER_TIMEOUT)
        return function(*arguments)


def trial(pool: Any, folder: Path, count: int) -> Any:
    response = stored(folder, page("river", "/home").encode())
    responses = [replace(response, url=f"https://a.example/{number}") for number in range(count)]
    return asyncio.run(try_rule(pool, DRAFT, responses))


def test_a_page_that_loses_its_worker_is_named_and_the_others_are_tried(tmp_path: Path) -> None:
    findings = trial(PoolInPlace("https://a.example/0"), tmp_path, 2)
    assert [tried.url for tried in findings.pages] == ["https://a.example/1"]
    assert [(untried.url, "too long" in untried.problem) for untried in findings.untried] == [
        ("https://a.example/0", True)
    ]


def test_after_three_lost_workers_in_a_row_no_other_page_is_tried(tmp_path: Path) -> None:
    pool = PoolInPlace(*(f"https://a.example/{number}" for number in range(9)))
    findings = trial(pool, tmp_path, 9)
    assert len(pool.tried_urls) == 3
    assert (len(findings.pages), len(findings.untried)) == (0, 9)
    assert findings.untried[-1].problem.startswith("left out")


def test_what_cannot_be_done_is_said_in_a_line(tmp_path: Path) -> None:
    class Broken:
        async def run(self, function: Callable[..., Any], *_: Any) -> Any:
            if function in (rule_problems, try_on_page):
                raise WorkerError(OutcomeReason.WORKER_DIED)
            return UnreadResponse("raw_missing")

    broken: Any = Broken()
    with pytest.raises(NotHereError, match="the rules cannot be read"):
        trial(broken, tmp_path, 1)
    with pytest.raises(NotHereError, match="the record cannot be read"):
        asyncio.run(judge_page(broken, stored(tmp_path, b"x")))


@pytest.mark.slow
def test_an_expression_that_never_ends_costs_that_page_and_the_next_trial_works(tmp_path: Path) -> None:
    response = stored(tmp_path, page("river", "/home").replace("<p>", "<p><i>a</i><b>b</b>" * 40).encode())
    draft = RuleDraft("a.example", ENDLESS)

    async def both() -> tuple[Any, Any]:
        return await try_rule(pool, draft, [response]), await try_rule(pool, DRAFT, [response])

    with closing(WorkerPool(1, 12.0)) as pool:
        endless, good = asyncio.run(both())
    assert [untried.url for untried in endless.untried] == [response.url]
    assert [tried.url for tried in good.pages] == [response.url]
