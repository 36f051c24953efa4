"""The summary of a crawl or import: counts, what went wrong, what to type next, and the exit code."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
from sqlite_utils import Database

from broadsheet.crawler.crawl.archive_access import open_read_only
from broadsheet.crawler.crawl.terminal import one_line, print_text, reason_text, terminal_width
from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.url_words import OutcomeReason, UrlState
from broadsheet.output.read.datasette import METADATA_FILE, described_databases
from broadsheet.output.read.plain_words import count_text
from broadsheet.output.read.report_figures import Totals, gather_totals
from broadsheet.output.read.report_text import alarm_line

_MAX_REASONS = 8  # reasons named in a line
_MAX_REDIRECTS = 10
_FAILED_SKIP_REASONS = (
    OutcomeReason.MEDIA_TYPE, OutcomeReason.ROBOTS_TXT, OutcomeReason.ROBOTS_UNREACHABLE,
    OutcomeReason.PRIVATE_ADDRESS, OutcomeReason.PORT, OutcomeReason.PROXY, OutcomeReason.BAD_URL,
    OutcomeReason.NOT_THERE, OutcomeReason.FORGOTTEN,
)  # fmt: skip
_NON_PAGE_REASONS = (
    OutcomeReason.ROBOTS, OutcomeReason.SITEMAP, OutcomeReason.FEED, OutcomeReason.REDIRECT, OutcomeReason.NOT_MODIFIED,
    OutcomeReason.PICTURE,
)  # fmt: skip
_LIMIT_OPTIONS = {"max_pages": "--max-pages", "max_time": "--max-time", "max_size": "--max-size"}
SIGNAL_EXIT_BASE = 128  # and the signal's number, as shells count it


@dataclass(frozen=True, slots=True)
class RunResult:
    """A crawl or import that ended. `outcome_counts` has its outcomes by `state/reason`.

    `end_reason` says what cut it short, if anything; `signal` is the number of the signal that stopped it, or 0.
    """

    db: str
    seeds: tuple[str, ...]
    seconds: float
    outcome_counts: Mapping[str, int]
    end_reason: str = ""
    signal: int = 0
    pages_verb: str = "fetched"  # what was done with its pages

    @property
    def failure(self) -> str:
        """Return what broke the crawl, an archive that cannot be written or a fault of ours, or an empty string."""
        return self.end_reason if self.end_reason.startswith(("archive", "fault")) else ""

    @property
    def page_count(self) -> int:
        """Count the pages that were fetched and judged."""
        counts = ((key.partition("/"), count) for key, count in self.outcome_counts.items())
        return sum(
            count for (state, _, reason), count in counts if state == UrlState.DONE and reason not in _NON_PAGE_REASONS
        )

    @property
    def picture_count(self) -> int:
        """Count the pictures that were fetched and kept."""
        return self.outcome_counts.get(f"{UrlState.DONE}/{OutcomeReason.PICTURE}", 0)

    @property
    def unchanged_count(self) -> int:
        """Count the URLs that were requested again and had not changed, by their server's 304."""
        return self.outcome_counts.get(f"{UrlState.DONE}/{OutcomeReason.NOT_MODIFIED}", 0)


def exit_code(run: RunResult) -> int:
    """Return 0 if the archive has articles and a start URL worked; 1 otherwise, or if the crawl broke."""
    db = open_database(run.db, read_only=True)
    try:
        articles = db.execute("SELECT count(*) FROM articles").fetchone()[0]
        failed = [seed for seed in run.seeds if seed_failure(db, seed)]
    finally:
        db.close()
    return int(bool(run.failure) or not articles or bool(run.seeds and len(failed) == len(run.seeds)))


def seed_failure(db: Database, seed: str) -> str:
    """Say why a start URL gave no page, or an empty string. Where it redirects, its target counts."""
    url = seed
    for _ in range(_MAX_REDIRECTS):
        row = db.execute("SELECT state, reason, location FROM urls WHERE url = ?", [url]).fetchone()
        if row is None:
            return ""
        state, reason, location = row
        if state == UrlState.FAILED or (state == UrlState.SKIPPED and reason in _FAILED_SKIP_REASONS):
            return reason_text(str(reason or ""))
        if not location:
            return ""
        url = str(location)
    return ""


def print_summary(run: RunResult) -> None:
    """Print the summary, and what to type next."""
    db = open_database(run.db, read_only=True)
    try:
        totals = gather_totals(db)
    finally:
        db.close()
    for line in _summary_lines(run, totals):
        print_text(line)
    if totals.articles:
        print_text(next_steps(run.db))


def failure_lines(run: RunResult) -> list[str]:
    """List what went badly wrong, a line each: start URLs that failed, a crawl that broke, no article at all."""
    db = open_database(run.db, read_only=True)
    try:
        lines = [f"{seed} failed: {failure}" for seed in run.seeds if (failure := seed_failure(db, seed))]
        if run.failure:
            lines.append(run.failure)
        elif not lines and not db.execute("SELECT count(*) FROM articles").fetchone()[0]:
            start_row = db.execute("SELECT reason FROM urls WHERE url = ?", [run.seeds[0]]).fetchone()
            start_text = f"; the start page is {reason_text(str(start_row[0]))}" if start_row and start_row[0] else ""
            lines.append(f"no article found{start_text}")
    finally:
        db.close()
    return lines


def next_steps(db: str) -> str:
    """Return the commands to type next, as they work in this shell and folder."""
    db_name = shlex.quote(db)
    broadsheet, datasette = _typed_command("broadsheet"), _typed_command("datasette")
    steps = (
        (f"{broadsheet} search {db_name} WORDS", "find articles"),
        (f"{broadsheet} report {db_name}", "what is missing and why, every rule by what it removed"),
        (f"{broadsheet} export {db_name} --format csv -o articles.csv", "or jsonl, or markdown"),
        (f"{datasette} {db_name}{_metadata_option(db)}", "ask it anything, in SQL (pip install datasette)"),
        (f"{broadsheet} browse {db_name}", "read it in a browser, see what was removed and why, mend it"),
    )
    longest = max(len(step) for step, _ in steps)
    has_room = longest + max(len(what) for _, what in steps) + 4 <= terminal_width()
    return "\nNext:\n" + "\n".join(f"  {step:<{longest}}  {what}" if has_room else f"  {step}" for step, what in steps)


def _metadata_option(db: str) -> str:
    """Return Datasette's option for the metadata file beside a database; empty if that does not describe it."""
    file = Path(db).with_name(METADATA_FILE)
    return f" -m {shlex.quote(str(file))}" if Path(db).stem in described_databases(file) else ""


def _typed_command(command: str) -> str:
    """Return a command as it has to be typed: with its folder if the shell would not find it."""
    script = Path(sys.executable).parent / command
    if shutil.which(command) or not script.exists():
        return command
    working_folder = Path.cwd()
    return shlex.quote(str(script.relative_to(working_folder) if script.is_relative_to(working_folder) else script))


def headline(run: RunResult, totals: Totals) -> str:
    """Summarise the archive's articles and this run's pages in one line."""
    shelved = "".join(f", {count:,} taken out as {why}" for why, count in totals.shelved)
    unchanged = f", {count_text(run.unchanged_count, 'URL')} unchanged" if run.unchanged_count else ""
    pictures = f", {count_text(run.picture_count, 'picture')}" if run.picture_count else ""
    pages = f"{count_text(run.page_count, 'page')} {run.pages_verb}{unchanged}{pictures} in {run.seconds:.0f} s"
    return f"{count_text(totals.articles, 'article')} in {run.db}{shelved}; {pages}"


def _summary_lines(run: RunResult, totals: Totals) -> Iterable[str]:
    if not run.outcome_counts:
        articles_text = count_text(totals.articles, "article")
        yield f"Nothing to do: every URL that was found is done. {run.db} holds {articles_text}."
        return
    yield headline(run, totals)
    for title, counts in (
        ("Removed", _removed_counts(totals)),
        ("Failed", _reason_counts(run, UrlState.FAILED)),
        ("Skipped", _reason_counts(run, UrlState.SKIPPED)),
    ):
        if counts:
            yield f"{title + ':':<9}{_counts_text(counts)}"
    if totals.alarms:
        yield alarm_line(totals.alarms)
    if run.end_reason in _LIMIT_OPTIONS:
        yield f"Stopped at {_LIMIT_OPTIONS[run.end_reason]}; the same command with more room goes on from here."


def _removed_counts(totals: Totals) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in totals.removed:
        counts[row.reason] += row.blocks
    return counts


def _reason_counts(run: RunResult, state: UrlState) -> Counter[str]:
    counts: Counter[str] = Counter()
    for key, count in run.outcome_counts.items():
        if key.startswith(f"{state}/"):
            counts[reason_text(key.partition("/")[2])] += count
    return counts


def _counts_text(counts: Counter[str]) -> str:
    reasons_text = "; ".join(f"{count:,} {reason}" for reason, count in counts.most_common(_MAX_REASONS))
    return reasons_text + (f"; {len(counts) - _MAX_REASONS} more reasons" if len(counts) > _MAX_REASONS else "")


def print_stopped(run: RunResult) -> None:
    """Say on standard error how a crawl was stopped, what was got, and that it can be continued."""
    how_text = "Stopped at once; what was under way is asked for again." if run.end_reason == "killed" else "Stopped."
    click.echo(one_line(f"{how_text} {run.db} is in order, and the same command goes on from here."), err=True)
    with suppress(ArchiveError), open_read_only(run.db) as db:
        query = "SELECT (SELECT count(*) FROM articles), (SELECT urls FROM _url_counts WHERE state = 'queued')"
        articles, waiting = db.execute(query).fetchone()
        pages = f"{count_text(run.page_count, 'page')} {run.pages_verb} in {run.seconds:.0f} s"
        click.echo(
            f"So far: {count_text(articles, 'article')}; {pages}; {count_text(waiting or 0, 'URL')} waiting.", err=True
        )
