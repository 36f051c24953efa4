"""What the reading room has done in worker processes, bounded in time and memory: votes on a page, a trial of rules."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence

from broadsheet.crawler.console.reasons import reason_text
from broadsheet.crawler.replay.judge_job import UnreadResponse, judge_stored_page
from broadsheet.crawler.replay.trial_job import rule_problems, try_on_page
from broadsheet.crawler.workers.pool import WorkerError, WorkerPool
from broadsheet.output.browse.arguments import NotHereError
from broadsheet.output.browse.queries.rule_trial import PageTrial, RuleDraft, RuleFindings, UntriedPage
from broadsheet.output.browse.queries.votes import StoredResponse, VotedBlock

TRIAL_PAGE_SECONDS = 10.0
"""What a page may take under rules that are tried: far more than any takes under rules that are right."""

_TRIAL_SECONDS = 60.0  # that somebody waits for a trial; what was not tried until then is named
_MOST_BROKEN = 3  # pages in a row that kill or hold up their worker, after which no other is tried


async def judge_page(pool: WorkerPool, response: StoredResponse) -> tuple[VotedBlock, ...]:
    """A stored page judged again in a worker of its own. NotHereError if it cannot be read, or takes too much."""
    try:
        outcome = await pool.run(judge_stored_page, response)
    except WorkerError as error:
        raise NotHereError(f"the page cannot be judged: {reason_text(error.reason)}") from error
    if isinstance(outcome, UnreadResponse):
        raise NotHereError(f"the record cannot be read: {reason_text(outcome.reason)}")
    return outcome


async def try_rule(pool: WorkerPool, draft: RuleDraft, responses: Sequence[StoredResponse]) -> RuleFindings:
    """Rules tried on stored pages, one after the other. NotHereError if the rules cannot be read in time."""
    try:
        problems = await pool.run(rule_problems, draft)
    except WorkerError as error:
        raise NotHereError(f"the rules cannot be read: {reason_text(error.reason)}") from error
    outcomes = [outcome async for outcome in _try_on_pages(pool, draft, responses)]
    pages = tuple(outcome for outcome in outcomes if isinstance(outcome, PageTrial))
    return RuleFindings(problems, pages, tuple(outcome for outcome in outcomes if isinstance(outcome, UntriedPage)))


async def _try_on_pages(
    pool: WorkerPool, draft: RuleDraft, responses: Sequence[StoredResponse]
) -> AsyncIterator[PageTrial | UntriedPage]:
    """What came of each page; no other is tried when the time is over, or each of the latest lost its worker."""
    until, broken_count = time.monotonic() + _TRIAL_SECONDS, 0
    for response in responses:
        if broken_count >= _MOST_BROKEN or time.monotonic() > until:
            yield UntriedPage(response.url, "left out, since the pages before it took too long")
            continue
        outcome, is_broken = await _try_on_page(pool, draft, response)
        broken_count = broken_count + 1 if is_broken else 0
        yield outcome


async def _try_on_page(
    pool: WorkerPool, draft: RuleDraft, response: StoredResponse
) -> tuple[PageTrial | UntriedPage, bool]:
    """What came of a page, and whether its worker was lost over it."""
    try:
        outcome = await pool.run(try_on_page, draft, response)
    except WorkerError as error:
        return UntriedPage(response.url, reason_text(error.reason)), True
    if isinstance(outcome, UnreadResponse):
        return UntriedPage(response.url, reason_text(outcome.reason)), False
    return outcome, False
