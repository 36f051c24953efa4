"""docs/performance.md, written from a result of the throughput benchmark."""

from __future__ import annotations

from typing import Any

from tests.bench.load.growth_section import stored_section
from tests.call_budget import section, stored

_STAGE_WORDS = {
    "fetch": "fetch: Scrapy, the frontier, pipes", "parse": "parse: decode, one tree", "links": "links",
    "metadata": "metadata", "look": "first look", "trafilatura": "trafilatura, where the first look is in doubt",
    "blocks": "blocks", "judge": "judge, assemble, page type",
    "rows": "rows: digests, packed ledger, URLs in scope", "pipe": "pipe: pack and unpack what a worker made",
    "store": "store: ledger, article, full text, links",
    "settle": "settle: the whole archive at the end",
}  # fmt: skip


def page_of(result: dict[str, Any]) -> str:
    """The page, in Markdown."""
    parts = [
        _head(result),
        _EXAMPLE,
        _sides(result),
        _budget(result),
        section(stored()["calls"]),
        _growth(result),
        stored_section(),
        _LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(result: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    number = max(map(len, result.get("rounds", {}).values()), default=1)
    rounds = f"in {number} rounds" if number > 1 else "once"
    return f"""# Performance

Written on {result["date"]} by `python -m tests.bench.throughput`, from `tests/bench/results/throughput.json`.
{result["cores"]} processors, {versions}. {result["pages"]:,} pages ({result["site"]}), served on loopback by
{result["server"]}; {result["at_once"]} requests at once, no delay. The sides ran one after the other, {rounds} in one
run, and of each its median run is shown: ratios mean something, the absolute figures belong to the machine."""


_EXAMPLE = """## Your own crawls

An archive knows how long each of its runs took, and what came of it; here the bundled sample site, whose server is on
the same machine and is not waited for:

```sh
sqlite-utils demo-out/sample.db --table \\
  "select command, (select sum(value) from json_each(counts) where key like 'done/%') as urls, \\
  round((julianday(finished_at) - julianday(started_at)) * 86400) as seconds from runs"
```

    command                          urls    seconds
    -----------------------------  ------  ---------
    crawl http://127.0.0.1:33951/      90          7

A crawl of somebody else's site waits for its host: at the usual delay of a second it asks for some 3,500 pages an hour,
whatever the machine."""


_SIDES = {
    "ours": "`broadsheet crawl`",
    "no_warc": "`broadsheet crawl --no-warc`",
    "naive": "Scrapy + trafilatura inline",
    "trafilatura": "trafilatura CLI, 2 processes",
}
_SIDES_NOTE = """Pages/s count the pages of the site over the time from start to exit, settling included. The event loop
of `broadsheet crawl` came {worst:.0f} ms late at worst and {p99:.0f} ms at the 99th percentile while anything was under
way. Peak memory adds up the resident memory of all processes; what they share counts once for each. A machine shared
with others changes its speed by a tenth within a run: sides that differ by less than that are level."""


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
    if len(ratios := _ratios(result.get("rounds", {}))) > 1:
        told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        lines += ["", f"`broadsheet crawl` against naive, round by round: {told}."]
    if lag := sides.get("ours", {}).get("lag_ms"):
        lines += ["", _SIDES_NOTE.format(**lag)]
    return "\n".join(lines)


def _ratios(rounds: dict[str, list[float]]) -> list[float]:
    """How many times as quick we were, round by round."""
    return [slow / quick for slow, quick in zip(rounds.get("naive", []), rounds.get("ours", []), strict=False)]


_BUDGET_NOTE = """The stages were timed over a sample of the same pages in one process. Fetch is what the crawl's main
process spent a page, its start included, less store, settle and half of pipe."""


def _budget(result: dict[str, Any]) -> str:
    stages = result.get("budget")
    if not stages:
        return ""
    lines = ["## Where a page's CPU goes", "", *_row("stage", "ms"), *_row("---", "--:")]
    for stage, words in _STAGE_WORDS.items():
        lines += _row(words, f"{stages[stage]:.2f}") if stage in stages else []
    return "\n".join([*lines, "", _BUDGET_NOTE])


_GROWTH_NOTE = """A light site: short pages of made-up words, written on the fly by a server of the benchmark's own on
the same processors. Settle is the time to settle the finished archive once more; late is how late the event loop came
at worst, and at the 99th percentile."""


def _growth(result: dict[str, Any]) -> str:
    rows = result.get("growth")
    if not rows:
        return ""
    lines = ["## Growth", "", _GROWTH_NOTE, ""]
    lines += _row("pages", "pages/s", "bytes a page", "peak memory MB", "of it the main process", "settle s", "late ms")
    lines += _row(*["--:"] * 7)
    for row in rows:
        memory = (f"{row['peak_mb']:,.0f}", f"{row['own_peak_mb']:,.0f}")
        rate, size = f"{row['pages_a_second']:.1f}", f"{row['bytes_a_page']:,}"
        late = f"{row['lag_ms']['worst']:.0f}, {row['lag_ms']['p99']:.0f}"
        lines += _row(f"{row['pages']:,}", rate, size, *memory, f"{row['settle_s']:.2f}", late)
    return "\n".join(lines)


def _row(*cells: str) -> list[str]:
    return ["| " + " | ".join(cells) + " |"]


_LIMITS = """The pages of the reading room over archives of 1,000 and of 100,000 articles, in milliseconds of CPU, are
in [browse.md](browse.md#figures-of-large-archives).

## What bounds it

Cleaning is most of it, and runs in one worker process a processor, bounded in time and memory; no stage is most of
cleaning. trafilatura alone, its metadata left out, takes more than half of what `bare_extraction` takes, so it is
asked where the first look is in doubt ([cleaning.md](cleaning.md)). The main process fetches and schedules, most of it
in Scrapy and Twisted; a thread of it writes. What a worker returns is ready to store: numbers of texts, digests, the
packed ledger, links in scope. A real crawl waits for its host long before it waits for any of this: with the usual
delay of one second a host gives one page a second.

On whole sites the rest is no small part. Of a crawl's CPU the workers had 66 % on codefor_de, 73 % on
izquierda_hispanica and 56 % on linuxgazette, the thread that fetches 17, 14 and 18 %, those that write and settle 17,
13 and 26 % (read from the threads, 27 November 2026). With the ratios below, a crawl that cleaned for nothing would
take .30, .20 and .40 of what the naive spider takes: .4 of it with cleaning is out of reach on linuxgazette, and on the
other two cleaning would have to become six and two and a half times as quick. Its time is spread: in workers of
izquierda_hispanica and linuxgazette no function of ours has more than 5 % of it by itself, reading the blocks has 22
and 13 %, judging them 17 and 29 % with trafilatura's 8 and 14, metadata 13 and 10, what kind of page it is 9 and 7."""
