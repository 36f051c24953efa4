"""Judgement of an archive: what needs attention, ranked, in plain words, with advice.

Report, closing lines of a crawl, notices, fleet report and reading room show this list. `gather_facts` counts; here the
counts become sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.util import find_spec
from itertools import chain
from shlex import quote

from sqlite_utils import Database

from broadsheet.cleaners.document import PageType

from ..archive.installed_extras import install_command
from ..archive.url_words import OutcomeReason, ReasonText, UrlState
from .archive_facts import ArchiveFacts, Example, SeedOutcome, gather_facts
from .coverage import Coverage, Gap, hint_for, measure_coverage
from .plain_words import count_text, edit_counts_text, joined, reason_text, shelved_text, shown_time, span_text
from .report_figures import host_scope

_MAX_NAMED = 3  # titles or reasons in a sentence
_LARGE_SHARE = 0.1  # of pages or articles, from which on a flaw of single ones is one of the archive
_FRESH_DAYS = 30  # for which a withdrawal needs a look
_SOURCES = {"sitemap": "that sitemaps name", "feed": "that feeds name", "link": "that links lead to"}


class Severity(StrEnum):
    """Severity of a finding, the worst first: the archive failed, someone should look, good to know."""

    FAULT = "fault"
    LOOK = "look"
    NOTE = "note"


class LookKind(StrEnum):
    """Kind of a finding, in the order in which equally severe ones are listed."""

    CRAWLING = "crawling"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    START = "start"
    BROWSER = "browser"
    WALL = "wall"
    ALARM = "alarm"
    GAP = "gap"
    WITHDRAWN = "withdrawn"
    EDITED = "edited"
    UNCERTAIN = "uncertain"
    PICTURES = "pictures"
    UNDATED = "undated"
    MISDATED = "misdated"
    QUEUED = "queued"
    DUE = "due"


TOLD_BY_LETTER = (LookKind.WITHDRAWN, LookKind.EDITED, LookKind.UNCERTAIN)
"""Looks that a run's letter tells article by article."""


@dataclass(frozen=True, slots=True)
class Look:
    """A finding about an archive that a person should know.

    `sentence` says what was found, `advice` what to do about it (empty: nothing). `subject` distinguishes findings of
    one kind: a failed start URL, `host/part/what` of an alarm, `source/state/reason` of a gap. `examples` are some of
    the `count`.
    """

    kind: LookKind
    severity: Severity
    count: int
    sentence: str
    advice: str = ""
    subject: str = ""
    examples: tuple[Example, ...] = ()

    @property
    def key(self) -> str:
        """Return a key of the finding that does not depend on its figures.

        Each run that raises an alarm gives it a new key.
        """
        return self.sentence if self.kind == LookKind.ALARM else f"{self.kind} {self.subject}"


def judge_archive(
    db: Database, path: str = "", *, host: str = "", coverage: Iterable[Coverage] | None = None
) -> tuple[Look, ...]:
    """Judge an archive, or one host of it; a read-only connection is enough.

    `path` is the archive's name in the commands that are advised. `coverage` is measured if it is not given.
    """
    with host_scope(db, host):
        facts = gather_facts(db, path, measure_coverage(db) if coverage is None else coverage)
    return judge(facts)


def judge(facts: ArchiveFacts, now: str = "") -> tuple[Look, ...]:
    """Derive findings from the facts of an archive, the worst first. `now` is UTC ISO 8601; if empty, the time of the
    facts.
    """
    now = now or facts.measured_at
    looks = chain(
        _run_looks(facts), _reading_looks(facts), _alarm_looks(facts), _gap_looks(facts), _failure_looks(facts),
        _history_looks(facts, now), _article_looks(facts), _visit_looks(facts, now),
    )  # fmt: skip
    severities, kinds = list(Severity), list(LookKind)
    return tuple(sorted(looks, key=lambda look: (severities.index(look.severity), kinds.index(look.kind), -look.count)))


def needs_look(looks: Iterable[Look]) -> list[Look]:
    """Return the looks that need attention."""
    return [look for look in looks if look.severity != Severity.NOTE]


def look_values(looks: Iterable[Look]) -> list[dict[str, object]]:
    """Return looks as JSON values."""
    return [
        {
            "kind": str(look.kind),
            "severity": str(look.severity),
            "count": look.count,
            "sentence": look.sentence,
            "advice": look.advice,
            "urls": [example.url for example in look.examples] or ([look.subject] if "://" in look.subject else []),
        }
        for look in looks
    ]


def verdict_sentence(articles: int, shelved: Iterable[tuple[str, int]], looks: Iterable[Look]) -> str:
    """Sum up an archive in a sentence: its articles, and how much needs a look.

    >>> verdict_sentence(2, [("duplicate", 1)], [])
    '2 articles (1 copy taken out); nothing needs a look.'
    """
    taken_out, all_looks = shelved_text(shelved), list(looks)
    count = len(needs_look(all_looks))
    state = f"{count_text(count, 'thing')} {_verb(count, 'need')} a look" if count else calm_sentence(all_looks)
    return f"{count_text(articles, 'article')}{f' ({taken_out} taken out)' if taken_out else ''}; {state}."


def calm_sentence(looks: Iterable[Look]) -> str:
    """Say that nothing needs a look, and how many URLs could still not be read.

    >>> calm_sentence([Look(LookKind.GAP, Severity.NOTE, 1, "1 URL was not read: HTTP 403 Forbidden")])
    'nothing needs a look, though 1 URL could not be read'
    """
    unread = sum(look.count for look in looks if look.kind in (LookKind.BROWSER, LookKind.WALL, LookKind.GAP))
    return "nothing needs a look" + (f", though {count_text(unread, 'URL')} could not be read" if unread else "")


def _run_looks(facts: ArchiveFacts) -> Iterator[Look]:
    if facts.is_at_work:
        sentence = f"A run has been at work on this archive since {shown_time(facts.last_run_at)}"
        yield Look(LookKind.CRAWLING, Severity.NOTE, 1, sentence, "what it finds is not all here yet")
    elif not (facts.articles or facts.outcomes or facts.queued or facts.failed_seeds):
        advice = f"broadsheet crawl https://… --db {quote(facts.path)}"
        yield Look(LookKind.EMPTY, Severity.NOTE, 0, "The archive is empty", advice)


def _reading_looks(facts: ArchiveFacts) -> Iterator[Look]:
    """Yield what kept pages from being read: start URLs, walls, scripts; or all of them."""
    if (
        not facts.articles
        and not facts.is_at_work
        and (facts.pages_read or (facts.outcomes and not facts.failed_seeds))
    ):
        yield _unreadable_look(facts)
    for seed in facts.seeds:
        if seed.failure:
            yield _failed_seed_look(facts, seed)
        elif seed.state == UrlState.DONE and seed.reason in facts.unreadable and facts.articles:
            sentence = f"The start page {seed.url} is {reason_text(seed.reason)}"
            examples = (Example(0, seed.url, seed.url),)
            yield Look(LookKind.START, Severity.LOOK, 1, sentence, _type_advice(facts, seed.reason), examples=examples)
    for kind, page_types in (
        (LookKind.BROWSER, (PageType.NEEDS_JAVASCRIPT,)),
        (LookKind.WALL, (PageType.WALL, PageType.CAPTCHA)),
    ):
        for page_type in page_types:
            sample = facts.unreadable.get(page_type)
            if sample and (facts.articles or sample.count < sum(facts.outcomes.values())):  # else reported already
                severity = _severity_of_share(sample.count, facts.pages_read)
                sentence = f"{count_text(sample.count, 'page')} could not be read: {reason_text(page_type)}"
                if facts.paywalls and page_type is PageType.WALL:
                    sentence += f" ({count_text(facts.paywalls, 'paywall')})"
                advice = _type_advice(facts, page_type)
                yield Look(kind, severity, sample.count, sentence, advice, str(page_type), sample.examples)


def _unreadable_look(facts: ArchiveFacts) -> Look:
    total = sum(facts.outcomes.values())
    reasons = sorted(facts.outcomes.items(), key=lambda item: -item[1])[:_MAX_NAMED]
    (state, reason), _ = reasons[0]
    named = "; ".join(f"{count:,} {reason_text(reason) if reason else state}" for (state, reason), count in reasons)
    sentence = f"Nothing could be read: of {total:,} pages none is an article ({named})"
    if total == 1:
        sentence = f"Nothing could be read: the only page is {named.removeprefix('1 ')}"
    advice = _type_advice(facts, reason) or hint_for(UrlState(state), ReasonText(reason)) or _NO_ARTICLE_ADVICE
    examples = facts.unreadable[reason].examples if reason in facts.unreadable else ()
    return Look(LookKind.UNREADABLE, Severity.FAULT, total, sentence, advice, examples=examples)


def _failed_seed_look(facts: ArchiveFacts, seed: SeedOutcome) -> Look:
    """Return the look of a start URL that gave no page; it is a fault where no other start URL gave one."""
    is_fault = len(facts.failed_seeds) == len(facts.seeds)
    rest = "" if facts.articles or facts.pages_read else "; nothing could be read"
    sentence = f"The start URL {seed.url} failed: {reason_text(seed.failure)}{rest}"
    advice = _seed_advice(seed)
    return Look(LookKind.START, Severity.FAULT if is_fault else Severity.LOOK, 1, sentence, advice, seed.url)


_NO_ARTICLE_ADVICE = "start nearer to the articles, or say with a site rule what an article is (docs/rules.md)"
_MISSING_REASONS = ("http_404", "http_410", OutcomeReason.NOT_THERE)


def _seed_advice(seed: SeedOutcome) -> str:
    if seed.failure in _MISSING_REASONS:
        return "check the address, and crawl the right one into the same archive"
    return hint_for(seed.state or UrlState.FAILED, ReasonText(seed.failure))


def _type_advice(facts: ArchiveFacts, page_type: str) -> str:
    """Return what to do about pages of a type that hold nothing to read; empty if nothing is known."""
    return {
        PageType.NEEDS_JAVASCRIPT: _browser_advice(quote(facts.path)),
        PageType.WALL: "--cookies with those of a browser that is let in opens them",
        PageType.CAPTCHA: "a longer --delay and a --contact may help, or ask the site's owner",
        PageType.SOFT_404: "what names them is out of date",
    }.get(PageType(page_type) if page_type in set(PageType) else PageType.OTHER, "")


_BROWSER_HINT = "(docs/browser.md; root needs --browser-no-sandbox)"


def _browser_advice(path: str) -> str:
    """Return how pages that need a browser get one: the command that installs it, or that looks again with it."""
    look_again = f"broadsheet update {path} --all"
    if find_spec("playwright") is None:
        return f"a browser reads such pages: {install_command('browser')}, then {look_again} {_BROWSER_HINT}"
    return f"{look_again} reads such pages with Chromium, where it is installed {_BROWSER_HINT}"


def _severity_of_share(count: int, total: int) -> Severity:
    return Severity.LOOK if count >= max(2, _LARGE_SHARE * total) else Severity.NOTE


def _alarm_looks(facts: ArchiveFacts) -> Iterator[Look]:
    for alarm in facts.alarms:
        sentence = f"{alarm.host}, {alarm.at[:10]}: {alarm.message}"
        advice = "the site has changed, it seems: look at some of these pages"
        subject = f"{alarm.host}/{alarm.part}/{alarm.what}"
        yield Look(LookKind.ALARM, Severity.LOOK, 1, sentence, advice, subject)


def _gap_looks(facts: ArchiveFacts) -> Iterator[Look]:
    """Yield the gaps that a person can act on, each with the source that names most of its URLs."""
    gaps: dict[tuple[UrlState, str], tuple[Gap, str]] = {}
    for coverage in facts.coverage or ():
        for gap in coverage.gaps:
            key = (gap.state, str(gap.reason))
            if (
                gap.is_worth_a_look
                and gap.state != UrlState.QUEUED
                and (key not in gaps or gap.urls > gaps[key][0].urls)
            ):
                gaps[key] = gap, coverage.source
    for gap, source in gaps.values():
        reason = reason_text(gap.reason) if gap.reason else gap.state
        was = "was" if gap.urls == 1 else "were"
        sentence = f"{count_text(gap.urls, 'URL')} {_SOURCES[source]} {was} not read: {reason}"
        severity = Severity.LOOK if gap.urls > 1 else Severity.NOTE
        examples = tuple(Example(0, url, url) for url in gap.examples)
        subject = f"{source}/{gap.state}/{gap.reason}"
        yield Look(LookKind.GAP, severity, gap.urls, sentence, gap.hint, subject, examples)


def _failure_looks(facts: ArchiveFacts) -> Iterator[Look]:
    """Yield lists that were never read, and pictures if none could be fetched."""
    for kind, failed, example in facts.failed_lists:
        sentence = (
            f"{count_text(failed, kind)} could not be read; what {'it names' if failed == 1 else 'they name'} may be"
        )
        advice = f"broadsheet update {quote(facts.path)} asks again"
        examples = (Example(0, example, example),)
        yield Look(LookKind.GAP, Severity.LOOK, failed, f"{sentence} missing", advice, f"{kind}/failed/", examples)
    if facts.failed_pictures:
        sentence = f"None of {count_text(facts.failed_pictures, 'picture')} could be fetched"
        advice = f"broadsheet update {quote(facts.path)} --pictures asks once more"
        yield Look(LookKind.GAP, Severity.LOOK, facts.failed_pictures, sentence, advice, "picture/failed/")


def _history_looks(facts: ArchiveFacts, now: str) -> Iterator[Look]:
    """Yield what publications did to their articles."""
    if facts.withdrawals:
        yield _withdrawal_look(facts, now)
    if facts.edits:
        total, fresh = sum(edit.edits for edit in facts.edits), sum(edit.of_last_run for edit in facts.edits)
        counts = edit_counts_text({edit.kind: edit.edits for edit in facts.edits})
        found = f"{fresh:,}" if fresh else "none"
        sentence = f"{count_text(total, 'edit')} to articles ({counts}), {found} found by the last run"
        severity = Severity.LOOK if fresh else Severity.NOTE
        yield Look(LookKind.EDITED, severity, total, sentence, f"broadsheet changes {quote(facts.path)} lists edits")


def _withdrawal_look(facts: ArchiveFacts, now: str) -> Look:
    latest, count = facts.withdrawals[0], len(facts.withdrawals)
    examples = tuple(Example(0, item.title or item.url, item.url) for item in facts.withdrawals[:_MAX_NAMED])
    titles = [f"“{example.title}”" for example in examples]
    titles += [f"{count - _MAX_NAMED:,} more"] if count > _MAX_NAMED else []
    when = f"withdrawn on {latest.seen_at[:10]}" if count == 1 else f"withdrawn, the latest on {latest.seen_at[:10]}"
    was = "was" if count == 1 else "were"
    sentence = f"{count_text(count, 'article')} {was} {when}: {joined(titles)}"
    is_fresh = (_moment(now) - _moment(latest.seen_at)).days < _FRESH_DAYS
    advice = f"the archive keeps the texts; broadsheet changes {quote(facts.path)} --kind withdrawn lists withdrawals"
    severity = Severity.LOOK if is_fresh else Severity.NOTE
    return Look(LookKind.WITHDRAWN, severity, count, sentence, advice, examples=examples)


def _article_looks(facts: ArchiveFacts) -> Iterator[Look]:
    """Yield what the texts and dates of single articles lack."""
    path, of_all = quote(facts.path), f"of {count_text(facts.articles, 'article')}"
    if low := facts.uncertain:
        sentence = f"{low.count:,} {of_all} {_be(low.count)} of low certainty: some text may be missing or superfluous"
        advice = f"broadsheet search {path} --sort certainty lists the least certain first"
        yield Look(LookKind.UNCERTAIN, Severity.NOTE, low.count, sentence, advice, examples=low.examples)
    if bare := facts.pictures:
        sentence = f"{bare.count:,} {of_all} {_be(bare.count)} pictures with hardly a word"
        severity = _severity_of_share(bare.count, facts.articles)
        advice = "view article_images has their addresses and captions"
        yield Look(LookKind.PICTURES, severity, bare.count, sentence, advice, examples=bare.examples)
    if undated := facts.undated:
        sentence = f"{undated.count:,} {of_all} {_be(undated.count)} without a date; --since leaves such out"
        severity = _severity_of_share(undated.count, facts.articles)
        advice = "a site rule can say where the date stands (docs/rules.md)"
        yield Look(LookKind.UNDATED, severity, undated.count, sentence, advice, examples=undated.examples)
    for wrong, what in ((facts.misdated, "have another day than their URL names"), (facts.shared_day, "share one day")):
        if wrong:
            sentence = f"{wrong.count:,} {of_all} {what.replace('have', 'has') if wrong.count == 1 else what}"
            severity = _severity_of_share(wrong.count, facts.articles)
            advice = "view article_dates has all days that the pages state, with their sources"
            yield Look(LookKind.MISDATED, severity, wrong.count, sentence, advice, what, wrong.examples)


def _visit_looks(facts: ArchiveFacts, now: str) -> Iterator[Look]:
    """Yield the number of URLs still to fetch; if there are none, when articles are due again."""
    if facts.is_at_work:
        return
    path, visits = quote(facts.path), facts.visits
    if facts.queued:
        cut = ", since the last run was cut off" if facts.last_outcome in ("", "killed") else ""
        sentence = f"{count_text(facts.queued, 'URL')} {_verb(facts.queued, 'wait')} to be fetched{cut}"
        yield Look(LookKind.QUEUED, Severity.LOOK, facts.queued, sentence, f"broadsheet crawl --db {path} goes on")
    elif visits and visits.due:
        sentence = f"{count_text(visits.due, 'article')} {_be(visits.due)} due for another look"
        yield Look(LookKind.DUE, Severity.NOTE, visits.due, sentence, f"broadsheet update {path} looks")
    elif visits and visits.articles:
        wait = span_text((_moment(visits.next_at) - _moment(now)).total_seconds())
        count = visits.articles
        sentence = f"{count_text(count, 'article')} {_be(count)} not due for another look; next in {wait}"
        advice = (
            f"broadsheet update {path} looks for new articles; with --all at these too, with a URL at that page, now"
        )
        yield Look(LookKind.DUE, Severity.NOTE, count, sentence, advice)


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _verb(count: int, plural: str) -> str:
    return f"{plural}s" if count == 1 else plural


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC)
