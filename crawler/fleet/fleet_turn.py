"""The parts of a run of a list: the task of a site that is due, notices of results, and a table of them.

A list of sites may name commands that tell a person of a result: failures, withdrawn articles, alarms. A command is run
without a shell. It gets the text on standard input, and the result as JSON in `BROADSHEET_RESULT`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import datetime

from broadsheet.output.archive.stored_values import utc_text
from broadsheet.output.read.plain_words import count_text

from ..cli.terminal import format_table
from .site_records import UNFINISHED, SiteRecord, next_due
from .site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from .sites_file import Site, SiteList


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a fleet, one of `count`, chosen by the sites' names: the same one wherever and whenever it is asked."""

    number: int = 1
    count: int = 1

    def holds(self, site_name: str) -> bool:
        """Tell whether a site is in this part."""
        digest = hashlib.sha256(site_name.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1


def site_task(fleet: SiteList, site: Site, record: SiteRecord | None, now: datetime) -> SiteTask:
    """Make the task of a site: an update once a crawl with the same words was finished."""
    due = next_due(site, record)
    return SiteTask(
        name=site.name,
        archive=fleet.archive(site.name),
        crawl_words=site.crawl_words,
        update_words=site.update_words,
        is_update=record is not None and record.is_crawled and record.words_digest == site.words_digest,
        due_at=utc_text(due) if due else "",
        notify=site.notify,
        hosts=site.hosts,
        every=site.every,
        words_digest=site.words_digest,
        turn_at=utc_text(now),
        after=record.finished_at if record else "",
    )


_NAMED_SITES = 3  # in a progress line


def running_text(running: Sequence[SiteTask], count_pages: Callable[[SiteTask], int]) -> str:
    """Name the sites that are running, each with the pages that its archive knows."""
    sites = ", ".join(f"{task.name} {count_text(count_pages(task), 'page')}" for task in running[:_NAMED_SITES])
    rest_count = len(running) - _NAMED_SITES
    return (sites or "none") + (f" and {rest_count} more" if rest_count > 0 else "")


def exit_code_of(ends: Iterable[SiteEnd]) -> int:
    """Return 0 if every site ended well, 75 if some are only in other hands or unfinished, 1 if one failed."""
    other_ends = set(ends) - {SiteEnd.DONE}
    return 0 if not other_ends else 75 if other_ends <= set(UNFINISHED) else 1


RESULT_VARIABLE = "BROADSHEET_RESULT"
_NOTIFY_SECONDS = 60.0  # seconds for a command
QUIET_ENDS = (SiteEnd.DONE, SiteEnd.STOPPED, SiteEnd.IN_USE, SiteEnd.OVERTAKEN, SiteEnd.NOT_STARTED)
"""Ends of which nobody has to be told."""


def is_worth_telling(result: SiteResult) -> bool:
    """Tell whether a person should look at a result: the site failed, articles were withdrawn, or there is an alarm."""
    return result.end not in QUIET_ENDS or result.counts.alarms > 0 or result.counts.withdrawn > 0


def notice_text(result: SiteResult) -> str:
    """Tell a result in a few lines, the site and how it ended first."""
    counts = [f"{name}: {count:,}" for name, count in asdict(result.counts).items() if count]
    lines = (f"{result.name}: {result.end.words}", result.message, *counts, f"archive: {result.archive}")
    return "\n".join(filter(None, lines)) + "\n"


def tell(task: SiteTask, result: SiteResult) -> list[str]:
    """Run the commands of a site if its result is worth it. Returns a line for each that failed."""
    return notify(task.notify_commands, result) if is_worth_telling(result) else []


def notify(commands: Sequence[str], result: SiteResult) -> list[str]:
    """Run each command for a result. Returns a line for each that could not be run, or failed."""
    return [f"{result.name}: notify {problem}" for command in commands if (problem := _run_command(command, result))]


def _run_command(command: str, result: SiteResult) -> str:
    """Run a command; return why it failed, or an empty string."""
    try:
        completed = subprocess.run(
            shlex.split(command),
            input=notice_text(result).encode(),
            env={**os.environ, RESULT_VARIABLE: json.dumps(asdict(result), default=str)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_NOTIFY_SECONDS,
            check=False,
        )
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        return f"failed: {error}"
    return f"ended with {completed.returncode}: {command}" if completed.returncode else ""


_WORST_FIRST = (
    SiteEnd.KILLED, SiteEnd.FAILED, SiteEnd.BAD_OPTIONS, SiteEnd.UNSUITABLE_DISK, SiteEnd.IN_USE, SiteEnd.OVERTAKEN,
    SiteEnd.STOPPED, SiteEnd.NOT_STARTED, SiteEnd.DONE,
)  # fmt: skip
_TABLE_HEAD = ("site", "ended", "new", "changed", "withdrawn", "alarms", "failed", "pages", "time", "")
_NUMBERS = frozenset(range(2, 9))


def worst_first(results: Iterable[SiteResult]) -> list[SiteResult]:
    """Sort results in the order in which a person should look at them."""

    def key(result: SiteResult) -> tuple[object, ...]:
        counts = result.counts
        return (
            _WORST_FIRST.index(result.end), -counts.alarms, -counts.withdrawn, -counts.failed, -counts.changed,
            -counts.new, result.name,
        )  # fmt: skip

    return sorted(results, key=key)


def total_counts(results: Iterable[SiteResult]) -> SiteCounts:
    """Add up the counts of all results."""
    columns = [astuple(result.counts) for result in results]
    return SiteCounts(*map(sum, zip(*columns, strict=True))) if columns else SiteCounts()


def summary_line(results: Sequence[SiteResult]) -> str:
    """Sum up all sites in one line: how they ended, and their counts."""
    ends = Counter(result.end for result in results)
    ends_text = ", ".join(f"{ends[end]:,} {end.words}" for end in reversed(_WORST_FIRST) if ends[end])
    counts = total_counts(results)
    sums = ", ".join(
        f"{getattr(counts, name):,} {name}" for name in ("new", "changed", "withdrawn", "alarms", "failed")
    )
    return f"{count_text(len(results), 'site')}: {ends_text}; {sums}"


def result_line(result: SiteResult) -> str:
    """Tell a result in one line: how it ended, why, and its counts."""
    counts = asdict(result.counts)
    words = [f"{counts[name]:,} {name}" for name in ("new", "changed", "withdrawn", "failed") if counts[name]]
    words += [count_text(counts[f"{noun}s"], noun) for noun in ("alarm", "page") if counts[f"{noun}s"]]
    why = f" ({result.message})" if result.message else ""
    return f"{result.name}: {result.end.words}{why}; {', '.join([*words, time_text(result.seconds)])}"


def results_table(results: Sequence[SiteResult], columns: int, most_lines: int) -> str:
    """Return a line a site, the worst first, at most so many lines, and how many more there are."""
    shown = worst_first(results)[:most_lines]
    table = format_table([_TABLE_HEAD, *map(_result_row, shown)], columns, right_aligned=_NUMBERS)
    rest_count = len(results) - len(shown)
    return table + (f"\n… and {rest_count:,} more: broadsheet fleet status shows all" if rest_count else "")


def time_text(seconds: float) -> str:
    """Format a duration as a person reads it: 40s, 12m, 3h10m.

    >>> time_text(11400)
    '3h10m'
    """
    minutes, whole_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m" if minutes else f"{whole_seconds}s"


def _result_row(result: SiteResult) -> tuple[str, ...]:
    counts = result.counts
    numbers = (counts.new, counts.changed, counts.withdrawn, counts.alarms, counts.failed, counts.pages)
    return (
        result.name, result.end.words, *(f"{number:,}" for number in numbers), time_text(result.seconds),
        result.message,
    )  # fmt: skip
