"""Jobs of workers for the reading room: a stored page's votes, site rules read and tried on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, CleanedPage, Page, Verdict
from broadsheet.cleaners.judge.site_rule_files import IGNORED_DIRECTIVES, SiteRuleFile, SiteRuleProblem, parse_rule_file
from broadsheet.cleaners.judge.site_rule_values import DirectiveMatch
from broadsheet.cleaners.judge.site_rules import directive_matches
from broadsheet.cleaners.page.parsed_page import decode
from broadsheet.output.browse.page_trials import (
    BlockVote,
    FieldChange,
    LineMatch,
    PageTrial,
    RuleDraft,
    StoredResponse,
    TrialBlock,
    VotedBlock,
)

from ..fetch.request_headers import refused_headers
from .recorded_response import UnreadResponse, try_read_response


def judge_stored_page(response: StoredResponse) -> tuple[VotedBlock, ...] | UnreadResponse:
    """Judge the blocks of a stored page by the page alone, with the votes on each block."""
    page = _stored_page(response)
    if isinstance(page, UnreadResponse):
        return page
    cleaned = clean(page)
    return tuple(map(_voted_block, cleaned.blocks, cleaned.verdicts))


def _stored_page(response: StoredResponse) -> Page | UnreadResponse:
    recorded = try_read_response(response.record, response.body, response.folder)
    if isinstance(recorded, UnreadResponse):
        return recorded
    return replace(recorded, url=response.final_url).page(response.fetched_at)


def _voted_block(block: Block, verdict: Verdict) -> VotedBlock:
    votes = tuple(BlockVote(vote.voter, vote.keep, vote.rule, str(vote.reason)) for vote in verdict.votes)
    return VotedBlock(block.position, block.text, verdict.kept, str(verdict.reason), verdict.rule, votes)


_MOST_BLOCKS = 40  # of a page, of each kind of change
_MOST_CHARACTERS = 400  # of a block's text
_METADATA = ("title", "authors", "published")


def rule_problems(draft: RuleDraft) -> tuple[str, ...]:
    """Return the lines of the rules that are wrong, or have no effect, in their order."""
    rule = _parsed(draft)
    headers = (SiteRuleProblem(rule.file, line, message) for line, message in refused_headers(rule))
    ignored = (
        SiteRuleProblem(rule.file, directive.line, f"{directive.name} has no effect: {reason}")
        for directive in rule.directives if (reason := IGNORED_DIRECTIVES.get(directive.name))
    )  # fmt: skip
    return tuple(map(str, sorted((*rule.problems, *headers, *ignored), key=lambda problem: problem.line)))


def try_on_page(draft: RuleDraft, response: StoredResponse) -> PageTrial | UnreadResponse:
    """Clean a stored page by itself, without the rules and with them."""
    page = _stored_page(response)
    if isinstance(page, UnreadResponse):
        return page
    rule = _parsed(draft)
    old_page, new_page = clean(page), clean(page, (rule,))
    source = decode(page.body, page.content_type).text
    old_texts, new_texts = _kept_texts(old_page), _kept_texts(new_page)
    return PageTrial(
        response.article_id, response.url, response.title or new_page.metadata.title,
        _change_kind(old_page, new_page), _word_count(old_page), _word_count(new_page),
        tuple(_trial_blocks(new_texts - old_texts, old_page)), tuple(_trial_blocks(old_texts - new_texts, new_page)),
        tuple(_field_changes(old_page, new_page)),
        tuple(_line_matches(rule, directive_matches(rule, source, page.url))),
    )  # fmt: skip


@lru_cache(maxsize=4)
def _parsed(draft: RuleDraft) -> SiteRuleFile:
    return parse_rule_file(draft.text, draft.file)


def _kept_texts(page: CleanedPage) -> Counter[str]:
    """Return the texts of the kept blocks; a page that is no article has none."""
    return Counter(block.text for block in _kept_blocks(page))


def _word_count(page: CleanedPage) -> int:
    return sum(block.words for block in _kept_blocks(page))


def _kept_blocks(page: CleanedPage) -> Iterator[Block]:
    pairs = zip(page.blocks, page.verdicts, strict=True) if page.is_article else ()
    return (block for block, verdict in pairs if verdict.kept)


def _change_kind(old_page: CleanedPage, new_page: CleanedPage) -> str:
    if old_page.is_article != new_page.is_article:
        return "gained" if new_page.is_article else "lost"
    return "changed" if old_page.is_article and old_page.text != new_page.text else "same"


def _trial_blocks(texts: Counter[str], page: CleanedPage) -> Iterator[TrialBlock]:
    """Return texts with the reason and the rule that remove them from a page, in its order.

    Texts that are no block of it, or are kept there, have none.
    """
    removals = {
        block.text: (str(verdict.reason), verdict.rule)
        for block, verdict in zip(page.blocks, page.verdicts, strict=True) if not verdict.kept
    }  # fmt: skip
    order = {text: place for place, text in enumerate(removals)}
    for text in sorted(texts, key=lambda text: order.get(text, -1))[:_MOST_BLOCKS]:
        yield TrialBlock(text[:_MOST_CHARACTERS], *removals.get(text, ("", "")))


def _field_changes(old_page: CleanedPage, new_page: CleanedPage) -> Iterator[FieldChange]:
    """Return the changes of an article's metadata; no other page's is stored."""
    for name in _METADATA if old_page.is_article and new_page.is_article else ():
        old_text, new_text = (_field_text(page, name) for page in (old_page, new_page))
        if old_text != new_text:
            yield FieldChange(name, old_text, new_text)


def _field_text(page: CleanedPage, name: str) -> str:
    value = getattr(page.metadata, name)
    return value if isinstance(value, str) else ", ".join(value)


def _line_matches(rule: SiteRuleFile, matches: Iterable[DirectiveMatch]) -> Iterator[LineMatch]:
    """Return the matches of each line on the page; a line that matched nothing is there too."""
    lines = {rule.label(directive): directive for directive in rule.directives}
    for match in matches:
        if directive := lines.get(match.label):
            yield LineMatch(
                directive.line, directive.name, int(match.count > 0), match.count, match.sample, match.problem
            )
