"""The closing words of a crawl: what it came to, what went wrong, what to type next, and the exit code."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from crawler.console.reasons import meaning
from crawler.console.terminal import say, width
from output.db.open import open_database
from output.outcome import NOT_MODIFIED
from output.report.figures import Totals, totals
from output.report.report_text import alarm_line

_MOST = 8  # reasons named in a line
_MOST_REDIRECTS = 10
_NO_PAGE = (
    "media_type", "robots.txt", "robots_unreachable", "private_address", "port", "proxy", "bad_url", "not_there",
)  # fmt: skip
_FILES = ("robots", "sitemap", "feed", "redirect")
_LIMITS = {"max_pages": "--max-pages", "max_time": "--max-time", "max_size": "--max-size"}


@dataclass(frozen=True, slots=True)
class Run:
    """A crawl that ended. `stored` counts its outcomes by `state/reason`; `ended` says what cut it short, if anything.

    `seconds` is what it took; `signal` is the number of the signal that stopped it, or 0.
    """

    db: str
    seeds: tuple[str, ...]
    seconds: float
    stored: Mapping[str, int]
    ended: str = ""
    signal: int = 0
    how: str = "fetched"  # what was done with its pages

    @property
    def broke(self) -> str:
        """What broke the crawl, an archive that cannot be written or a fault of ours, or an empty string."""
        return self.ended if self.ended.startswith(("archive", "fault")) else ""

    @property
    def pages(self) -> int:
        """How many pages were fetched and judged."""
        others = (*_FILES, NOT_MODIFIED)
        return sum(n for key, n in self.stored.items() if key.startswith("done/") and key[5:] not in others)

    @property
    def unchanged(self) -> int:
        """How many URLs were asked for again and had not changed, as their server said."""
        return self.stored.get(f"done/{NOT_MODIFIED}", 0)


def exit_code(run: Run) -> int:
    """0 if the archive holds articles and a start URL worked; 1 otherwise, or if the crawl broke."""
    db = open_database(run.db, read_only=True)
    try:
        articles = db.execute("SELECT count(*) FROM articles").fetchone()[0]
        failed = [seed for seed in run.seeds if seed_trouble(db, seed)]
    finally:
        db.close()
    return int(bool(run.broke) or not articles or bool(run.seeds and len(failed) == len(run.seeds)))


def seed_trouble(db: Database, seed: str) -> str:
    """Why a start URL gave no page, or an empty string. Where it redirects, its target counts."""
    url = seed
    for _ in range(_MOST_REDIRECTS):
        row = db.execute("SELECT state, reason, location FROM urls WHERE url = ?", [url]).fetchone()
        if row is None:
            return ""
        state, reason, location = row
        if state == "failed" or (state == "skipped" and reason in _NO_PAGE):
            return meaning(str(reason or ""))
        if not location:
            return ""
        url = str(location)
    return ""


def show_summary(run: Run) -> None:
    """Print what the crawl came to, and what to type next."""
    db = open_database(run.db, read_only=True)
    try:
        found = totals(db)
    finally:
        db.close()
    for line in _lines(run, found):
        say(line)
    if found.articles:
        say(next_steps(run.db))


def complaints(run: Run) -> list[str]:
    """What went badly wrong, a line each: start URLs that failed, a crawl that broke, no article at all."""
    db = open_database(run.db, read_only=True)
    try:
        lines = [f"{seed} failed: {why}" for seed in run.seeds if (why := seed_trouble(db, seed))]
        if run.broke:
            lines.append(run.broke)
        elif not lines and not db.execute("SELECT count(*) FROM articles").fetchone()[0]:
            start = db.execute("SELECT reason FROM urls WHERE url = ?", [run.seeds[0]]).fetchone()
            what = f"; the start page is {meaning(str(start[0]))}" if start and start[0] else ""
            lines.append(f"no article found{what}")
    finally:
        db.close()
    return lines


def next_steps(db: str) -> str:
    """What to type next, so that it works as it is printed here."""
    name = shlex.quote(db)
    ours, datasette = _typed("broadsheet"), _typed("datasette")
    steps = (
        (f"{ours} search {name} WORDS", "find articles"),
        (f"{ours} report {name}", "what is missing and why, every rule by what it removed"),
        (f"{ours} export {name} --format csv -o articles.csv", "or jsonl, or markdown"),
        (f"{datasette} {name}", "look around in a browser (pip install datasette)"),
    )
    longest = max(len(step) for step, _ in steps)
    fits = longest + max(len(what) for _, what in steps) + 4 <= width()
    return "\nNext:\n" + "\n".join(f"  {step:<{longest}}  {what}" if fits else f"  {step}" for step, what in steps)


def _typed(command: str) -> str:
    """A command as a person has to type it: with its folder if the shell would not find it."""
    beside = Path(sys.executable).parent / command
    if shutil.which(command) or not beside.exists():
        return command
    here = Path.cwd()
    return shlex.quote(str(beside.relative_to(here) if beside.is_relative_to(here) else beside))


def headline(run: Run, found: Totals) -> str:
    """The archive's articles and this run's pages in one line."""
    taken = "".join(f", {count:,} taken out as {why}" for why, count in found.shelved)
    same = f", {run.unchanged:,} URLs unchanged" if run.unchanged else ""
    return f"{found.articles:,} articles in {run.db}{taken}; {run.pages:,} pages {run.how}{same} in {run.seconds:.0f} s"


def _lines(run: Run, found: Totals) -> Iterable[str]:
    if not run.stored:
        yield f"Nothing to do: every URL that was found is done. {run.db} holds {found.articles:,} articles."
        return
    yield headline(run, found)
    for title, counts in (
        ("Removed", _by_reason(found)),
        ("Failed", _of(run, "failed")),
        ("Skipped", _of(run, "skipped")),
    ):
        if counts:
            yield f"{title + ':':<9}{_listed(counts)}"
    if found.alarms:
        yield alarm_line(found.alarms)
    if run.ended in _LIMITS:
        yield f"Stopped at {_LIMITS[run.ended]}; the same command with more room goes on from here."


def _by_reason(found: Totals) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in found.removed:
        counts[row.reason] += row.blocks
    return counts


def _of(run: Run, state: str) -> Counter[str]:
    return Counter({key.partition("/")[2]: n for key, n in run.stored.items() if key.startswith(state + "/")})


def _listed(counts: Counter[str]) -> str:
    named = ", ".join(f"{reason} {count:,}" for reason, count in counts.most_common(_MOST))
    return named + (f", {len(counts) - _MOST} more reasons" if len(counts) > _MOST else "")
