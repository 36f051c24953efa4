"""The end of a crawl or import: the run's letter, what went wrong, what to type next, and the exit code."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.archive.url_words import OutcomeReason, UrlCount, UrlState, count_pages, counts_of_run
from broadsheet.output.read.archive_facts import find_seed_outcome
from broadsheet.output.read.coverage import measure_coverage
from broadsheet.output.read.judgement import TOLD_BY_LETTER, Look, LookKind, Severity, judge_archive
from broadsheet.output.read.plain_words import count_text, shelved_text
from broadsheet.output.read.report_figures import Totals, gather_totals
from broadsheet.output.read.report_text import look_section
from broadsheet.output.read.run_letter import RunLetter, letter_lines, read_letter

from ..cli.archive_access import open_read_only
from ..cli.terminal import one_line, print_text, terminal_width

_LIMIT_OPTIONS = {"max_pages": "--max-pages", "max_time": "--max-time", "max_size": "--max-size"}
SIGNAL_EXIT_BASE = 128  # and the signal's number, as shells count it


@dataclass(frozen=True, slots=True)
class RunResult:
    """A crawl or import that ended. `outcome_counts` has its outcomes by `kind/state/reason`.

    `end_reason` says what cut it short, if anything; `signal` is the number of the signal that stopped it, or 0.
    """

    db: str
    seeds: tuple[str, ...]
    seconds: float
    outcome_counts: Mapping[str, int]
    end_reason: str = ""
    signal: int = 0
    pages_verb: str = "fetched"  # what was done with its pages
    stats: Mapping[str, Any] = field(default_factory=dict)  # Scrapy's, of a crawl

    @property
    def failure(self) -> str:
        """Return what ended the crawl early, an unwritable archive or a bug of ours; empty otherwise."""
        return self.end_reason if self.end_reason.startswith(("archive", "fault")) else ""

    @property
    def page_count(self) -> int:
        """Count the pages that were fetched and judged."""
        return count_pages(self.urls)

    @property
    def urls(self) -> tuple[UrlCount, ...]:
        """Return its URLs by kind, state and reason."""
        return counts_of_run(self.outcome_counts)

    @property
    def picture_count(self) -> int:
        """Count the pictures that were fetched and kept."""
        return self._count_done(OutcomeReason.PICTURE)

    @property
    def sheet_count(self) -> int:
        """Count the style sheets that were fetched and kept."""
        return self._count_done(OutcomeReason.STYLE)

    @property
    def unchanged_count(self) -> int:
        """Count the URLs that were requested again and had not changed, by their server's 304."""
        return self._count_done(OutcomeReason.NOT_MODIFIED)

    def _count_done(self, reason: OutcomeReason) -> int:
        return sum(count.urls for count in self.urls if (count.state, count.reason) == (UrlState.DONE, reason))


def exit_code(run: RunResult) -> int:
    """Return 0 if the archive has articles and a start URL worked; 1 otherwise, or if the crawl broke."""
    with open_read_only(run.db) as db:
        articles = db.execute("SELECT count(*) FROM articles").fetchone()[0]
        failed = [seed for seed in run.seeds if find_seed_outcome(db, seed).failure]
    return int(bool(run.failure) or not articles or bool(run.seeds and len(failed) == len(run.seeds)))


@dataclass(frozen=True, slots=True)
class RunReview:
    """The archive of a run that ended: its totals, its judgement, and the run's letter.

    `lacks_pictures`: most articles have pictures, and none was ever asked for.
    """

    totals: Totals
    looks: tuple[Look, ...]
    letter: RunLetter
    lacks_pictures: bool


def review_run(run: RunResult) -> RunReview:
    """Review the archive of a run that ended, whose coverage is measured once."""
    with open_read_only(run.db) as db:
        coverage = measure_coverage(db)
        (lacks_pictures,) = db.execute(_LACKS_PICTURES).fetchone()
        looks, letter = judge_archive(db, run.db, coverage=coverage), read_letter(db, coverage)
        return RunReview(gather_totals(db), looks, letter, bool(lacks_pictures))


_LACKS_PICTURES = """SELECT NOT EXISTS (SELECT 1 FROM urls WHERE kind = 'picture')
    AND (SELECT 2 * count(*) FROM articles a WHERE EXISTS (SELECT 1 FROM _images i WHERE i.page_id = a.page_id))
        > (SELECT count(*) FROM articles)"""


def conclude(
    run: RunResult,
    *,
    quiet: bool = False,
    print_first: Callable[[], None] = lambda: None,
    on_failure: Callable[[str], object] = str,
) -> int:
    """Print the summary of a run, and return the exit code; if quiet, print only serious failures.

    `print_first` is called before the summary; `on_failure` gets a sentence about each serious failure.
    """
    if run.signal:
        return print_stopped(run)
    review = review_run(run)
    if not quiet:
        print_first()
        print_summary(run, review)
    print_failures(run, review.looks, on_failure)
    return exit_code(run)


def failure_looks(run: RunResult, looks: Iterable[Look]) -> list[Look]:
    """Return the serious failures: faults of the archive, and start URLs of the run that failed."""
    return [
        look for look in looks
        if look.severity == Severity.FAULT or (look.kind == LookKind.START and look.subject in run.seeds)
    ]  # fmt: skip


def print_summary(run: RunResult, review: RunReview) -> None:
    """Print the run's letter, the rest of the judgement, and the commands to type next."""
    for line in _summary_lines(run, review.totals, review.letter):
        print_text(line)
    told = failure_looks(run, review.looks)
    if section := look_section(
        [look for look in review.looks if look not in told and look.kind not in TOLD_BY_LETTER], terminal_width()
    ):
        print_text(section)
    if review.totals.articles:
        print_text(next_steps(run.db, lacks_pictures=review.lacks_pictures))


def print_failures(run: RunResult, looks: Iterable[Look], on_failure: Callable[[str], object] = str) -> None:
    """Print serious failures on standard error, a line each; `on_failure` gets each sentence."""
    for look in failure_looks(run, looks):
        on_failure(look.sentence)
        advice = f" ({look.advice})" if look.advice else ""
        click.echo(one_line(f"broadsheet: {look.sentence}{advice}"), err=True)


def next_steps(db: str, *, lacks_pictures: bool = False) -> str:
    """Return the commands to type next, as they work in this shell and folder."""
    db_name = shlex.quote(db)
    broadsheet = _typed_command()
    hint = "" if find_program("datasette") else " (pipx install datasette)"
    steps = (
        (f"{broadsheet} search {db_name} WORDS", "find articles"),
        (f"{broadsheet} report {db_name}", "what is missing and why"),
        *[(f"{broadsheet} update {db_name} --pictures", "fetch the articles' pictures")] * lacks_pictures,
        (f"{broadsheet} export {db_name} --format csv -o articles.csv", "or jsonl, or markdown"),
        (f"{broadsheet} datasette {db_name}", f"query it in SQL{hint}"),
        (f"{broadsheet} browse {db_name}", "read it in a browser, see what was removed and why, mend it"),
    )
    longest = max(len(step) for step, _ in steps)
    has_room = longest + max(len(what) for _, what in steps) + 4 <= terminal_width()
    return "\nNext:\n" + "\n".join(f"  {step:<{longest}}  {what}" if has_room else f"  {step}" for step, what in steps)


def find_program(name: str) -> str | None:
    """Find a program on the PATH or beside this Python."""
    beside = Path(sys.executable).with_name(name)
    return shutil.which(name) or (str(beside) if beside.exists() else None)


def _typed_command() -> str:
    """Return `broadsheet` as it must be typed: with its folder if it is not on the PATH."""
    script = Path(sys.executable).parent / "broadsheet"
    if shutil.which(script.name) or not script.exists():
        return script.name
    working_folder = Path.cwd()
    return shlex.quote(str(script.relative_to(working_folder) if script.is_relative_to(working_folder) else script))


def headline(run: RunResult, totals: Totals) -> str:
    """Summarise the archive's articles and this run's pages in one line."""
    taken_out = f" ({shelved_text(totals.shelved)} taken out)" if totals.shelved else ""
    unchanged = f", {count_text(run.unchanged_count, 'URL')} unchanged" if run.unchanged_count else ""
    pictures = f", {count_text(run.picture_count, 'picture')}" if run.picture_count else ""
    sheets = f", {count_text(run.sheet_count, 'style sheet')}" if run.sheet_count else ""
    pages = f"{count_text(run.page_count, 'page')} {run.pages_verb}{unchanged}{pictures}{sheets} in {run.seconds:.0f} s"
    return f"{count_text(totals.articles, 'article')} in {run.db}{taken_out}; {pages}"


def _summary_lines(run: RunResult, totals: Totals, letter: RunLetter) -> Iterable[str]:
    if not run.outcome_counts and run.end_reason not in _LIMIT_OPTIONS:
        articles_text = count_text(totals.articles, "article")
        yield f"Nothing to do: every URL that was found is done. {run.db} holds {articles_text}."
        yield f"broadsheet update {shlex.quote(run.db)} looks for news; with a URL behind it, at that page now."
        return
    yield headline(run, totals)
    yield from letter_lines(letter)
    if letter.headline:
        more = f"broadsheet changes {shlex.quote(run.db)} --since {letter.after_seq}"
        yield f"{more} lists every edit; --kind new lists new articles."
    prefix = "broadsheet/browser/"
    if rendered := {name.removeprefix(prefix): int(n) for name, n in run.stats.items() if name.startswith(prefix)}:
        gained = rendered.get("gained", 0)
        yield f"Rendered in a browser: {count_text(sum(rendered.values()), 'page')}, of which {gained:,} showed more"
    if run.end_reason in _LIMIT_OPTIONS:
        yield f"Stopped at {_LIMIT_OPTIONS[run.end_reason]}; the same command with more room goes on from here."


def print_stopped(run: RunResult) -> int:
    """Print on standard error how a run was stopped and what it got so far; return its exit code."""
    how_text = "Stopped at once; what was under way is asked for again." if run.end_reason == "killed" else "Stopped."
    click.echo(one_line(f"{how_text} {run.db} is in order, and the same command goes on from here."), err=True)
    with suppress(ArchiveError), open_read_only(run.db) as db:
        query = "SELECT (SELECT count(*) FROM articles), (SELECT urls FROM _url_counts WHERE state = 'queued')"
        articles, waiting = db.execute(query).fetchone()
        pages = f"{count_text(run.page_count, 'page')} {run.pages_verb} in {run.seconds:.0f} s"
        click.echo(
            f"So far: {count_text(articles, 'article')}; {pages}; {count_text(waiting or 0, 'URL')} waiting.", err=True
        )
    return SIGNAL_EXIT_BASE + run.signal
