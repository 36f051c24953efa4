"""docs/performance.md, written from a result of the throughput benchmark."""

from __future__ import annotations

from typing import Any

from tests.bench import bare
from tests.bench.load.growth_section import stored_section
from tests.bench.load.paired import spread_of


def page_of(result: dict[str, Any]) -> str:
    """The page, in Markdown."""
    parts = [_head(result), _sides(result), bare.section(), _growth(result), stored_section(), _LIMITS]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(result: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    number = max(map(len, result.get("rounds", {}).values()), default=1)
    rounds = f"in {number} rounds" if number > 1 else "once"
    measured = f"{result['date']} at {result['commit']}, `python -m tests.bench.throughput`"
    return f"""# Performance

With this page you know how long a crawl of your site takes, and what it needs. A crawl of somebody else's site waits
for its host: at the usual delay of a second it fetches some 3,500 pages an hour on any machine. What your runs took:

```sh
sqlite-utils demo-out/sample.db --table \\
  "select command, (select sum(value) from json_each(counts) where key like '%/done/%') as urls, \\
  round((julianday(finished_at) - julianday(started_at)) * 86400) as seconds from runs"
```

Without a delay cleaning bounds a crawl, which runs in one worker process a processor. The figures below are of such
crawls. Compare the ratios; the absolute figures belong to the machine.

| measured on | {measured}, `tests/bench/results/throughput.json` |
|---|---|
| machine | {result["cores"]} processors |
| versions | {versions} |
| pages | {result["pages"]:,} ({result["site"]}), served on loopback by {result["server"]} |
| load | {result["at_once"]} requests at once, no delay |
| runs | the sides one after the other, {rounds} in one run; each side's median run is shown |"""


_SIDES = {
    "ours": "`broadsheet crawl`",
    "no_warc": "`broadsheet crawl --no-warc`",
    "naive": "Scrapy + trafilatura inline",
    "trafilatura": "trafilatura CLI, 2 processes",
}
_SHARED_ONCE = "of all processes; what they share counts once (proportional set size)"
_SHARED_IN_EACH = "the resident memory of all processes; each counts the memory that they share"  # until 2026-12-02
_SIDES_NOTE = """- Pages/s: the site's pages over the time from start to exit, with settling.
- Peak memory: {memory}.
- Event loop of `broadsheet crawl`: {worst:.0f} ms late at worst, {p99:.0f} ms at the 99th percentile, while
  requests were under way.
- The speed of a machine changes within a run: compare the sides of a round."""


def _sides(result: dict[str, Any]) -> str:
    sides = result["sides"]
    slowest = sides.get("naive", {}).get("pages_a_second")
    lines = ["## A crawl, side by side", ""]
    lines += _row("", "pages/s", "against naive", "CPU ms a page", "peak memory MB", "bytes a page")
    lines += _row("---", *["--:"] * 5)
    for name, side in sides.items():
        ratio = f"{side['pages_a_second'] / slowest:.2f}×" if slowest else ""
        size = f"{side['bytes_a_page']:,}" if "bytes_a_page" in side else ""
        figures = (
            f"{side['pages_a_second']:.1f}",
            ratio,
            f"{side['cpu_ms_a_page']:.1f}",
            f"{side['peak_mb']:,.0f}",
            size,
        )
        lines += _row(_SIDES[name], *figures)
    ours, naive = (result.get("rounds", {}).get(name, []) for name in ("ours", "naive"))
    if len(ours) == len(naive) > 1:
        lines += ["", f"`broadsheet crawl` against naive, round by round: {spread_of(naive, ours)}."]
    if lag := sides.get("ours", {}).get("lag_ms"):
        memory = _SHARED_ONCE if result.get("shared_memory_counts_once") else _SHARED_IN_EACH
        lines += ["", _SIDES_NOTE.format(memory=memory, **lag)]
    return "\n".join(lines)


_GROWTH_NOTE = """A light site: short pages of generated words, from the benchmark's own server on the same processors.
"Late" is the delay of the event loop at worst, and at the 99th percentile."""


def _growth(result: dict[str, Any]) -> str:
    rows = result.get("growth")
    if not rows:
        return ""
    lines = ["## Growth", "", _GROWTH_NOTE, ""]
    lines += _row("pages", "pages/s", "bytes a page", "peak memory MB", "of it the main process", "late ms")
    lines += _row(*["--:"] * 6)
    for row in rows:
        memory = (f"{row['peak_mb']:,.0f}", f"{row['own_peak_mb']:,.0f}")
        rate, size = f"{row['pages_a_second']:.1f}", f"{row['bytes_a_page']:,}"
        late = f"{row['lag_ms']['worst']:.0f}, {row['lag_ms']['p99']:.0f}"
        lines += _row(f"{row['pages']:,}", rate, size, *memory, late)
    return "\n".join(lines)


def _row(*cells: str) -> list[str]:
    return ["| " + " | ".join(cells) + " |"]


_LIMITS = """[Find and read](browse.md#figures-of-large-archives) has the CPU time of the reading room's pages."""
