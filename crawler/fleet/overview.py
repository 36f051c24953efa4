"""What a fleet came to, as a person reads it: a line a site, the worst first, and one line over all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple

from broadsheet.crawler.console.terminal import format_table
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult

_WORST_FIRST = (
    SiteEnd.KILLED, SiteEnd.FAILED, SiteEnd.BAD_OPTIONS, SiteEnd.UNSUITABLE_DISK, SiteEnd.IN_USE, SiteEnd.STOPPED,
    SiteEnd.NOT_STARTED, SiteEnd.DONE,
)  # fmt: skip
_HEAD = ("site", "ended", "new", "changed", "withdrawn", "alarms", "failed", "pages", "time", "")
_NUMBERS = frozenset(range(2, 9))


def worst_first(results: Iterable[SiteResult]) -> list[SiteResult]:
    """Results in the order in which a person should look at them."""

    def key(result: SiteResult) -> tuple[object, ...]:
        counts = result.counts
        return (
            _WORST_FIRST.index(result.end), -counts.alarms, -counts.withdrawn, -counts.failed, -counts.changed,
            -counts.new, result.name,
        )  # fmt: skip

    return sorted(results, key=key)


def total_counts(results: Iterable[SiteResult]) -> SiteCounts:
    """The counts of all results together."""
    columns = [astuple(result.counts) for result in results]
    return SiteCounts(*map(sum, zip(*columns, strict=True))) if columns else SiteCounts()


def summary_line(results: Sequence[SiteResult]) -> str:
    """One line over all sites: how they ended, and what they came to."""
    ends = Counter(result.end for result in results)
    ends_text = ", ".join(f"{ends[end]:,} {_words(end)}" for end in reversed(_WORST_FIRST) if ends[end])
    counts = total_counts(results)
    sums = ", ".join(
        f"{getattr(counts, name):,} {name}" for name in ("new", "changed", "withdrawn", "alarms", "failed")
    )
    return f"{len(results):,} {'site' if len(results) == 1 else 'sites'}: {ends_text}; {sums}"


def results_table(results: Sequence[SiteResult], columns: int, most_lines: int) -> str:
    """A line a site, the worst first, at most so many lines, and how many more there are."""
    shown = worst_first(results)[:most_lines]
    table = format_table([_HEAD, *map(_row, shown)], columns, right_aligned=_NUMBERS)
    rest_count = len(results) - len(shown)
    return table + (f"\n… and {rest_count:,} more: broadsheet fleet status shows all" if rest_count else "")


def time_text(seconds: float) -> str:
    """A duration as a person reads it: 40s, 12m, 3h10m."""
    minutes, whole_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m" if minutes else f"{whole_seconds}s"


def _row(result: SiteResult) -> tuple[str, ...]:
    counts = result.counts
    numbers = (counts.new, counts.changed, counts.withdrawn, counts.alarms, counts.failed, counts.pages)
    return (
        result.name, _words(result.end), *(f"{number:,}" for number in numbers), time_text(result.seconds),
        result.message,
    )  # fmt: skip


def _words(end: SiteEnd) -> str:
    return end.replace("_", " ")
