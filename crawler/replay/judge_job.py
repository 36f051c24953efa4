"""The worker's job for the reading room: read a stored page, and judge it again with the votes on each block."""

from __future__ import annotations

from dataclasses import dataclass, replace

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, Verdict
from broadsheet.crawler.replay.recorded_response import ReplayError, read_full_response
from broadsheet.output.browse.queries.votes import BlockVote, StoredResponse, VotedBlock


@dataclass(frozen=True, slots=True)
class UnreadResponse:
    """A page whose raw response cannot be read, and why."""

    reason: str


def judge_stored_page(response: StoredResponse) -> tuple[VotedBlock, ...] | UnreadResponse:
    """The blocks of a stored page with verdicts and votes, as the page alone gives them."""
    try:
        recorded = read_full_response(response.record, response.body, response.folder)
    except ReplayError as error:
        return UnreadResponse(str(error.reason))
    cleaned = clean(replace(recorded, url=response.final_url).page(response.fetched_at))
    return tuple(map(_voted_block, cleaned.blocks, cleaned.verdicts))


def _voted_block(block: Block, verdict: Verdict) -> VotedBlock:
    votes = tuple(BlockVote(vote.voter, vote.keep, vote.rule, str(vote.reason)) for vote in verdict.votes)
    return VotedBlock(block.position, block.text, verdict.kept, str(verdict.reason), verdict.rule, votes)
