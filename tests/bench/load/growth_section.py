"""The section of docs/performance.md on what each verb costs as an archive grows."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

RESULT = pathlib.Path(__file__).parents[1] / "results/growth.json"
PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/performance.md"
TITLE = "## An archive as it grows"
_SECTION = re.compile(rf"{re.escape(TITLE)}\n.*?(?:\n\|[^\n]*)+\n", re.DOTALL)  # to the end of its table
_FACTS = ("articles", "hosts", "file_mb", "least_load", "greatest_load")
_NOTE = """Written on {date} by `python -m tests.bench.growth`, from `tests/bench/results/growth.json`: CPU seconds of
one process, and its peak memory in MB.

- Machine: {processors} processors, Python {python}, SQLite {sqlite}. Its load was {loads} while they were measured.
  Under a higher load the same work takes more CPU time.
- Pages: generated stories of real size, some 180 blocks a page: {hosts}.
- `import`, `reclean` and `merge` work on a hundred pages of other sites. All their processes count.
- Settling judges all pages together at the end of a run: the hosts in which something changed, and none otherwise.
"""


def stored_section() -> str:
    """The section for the result in the repository; empty if there is none."""
    return growth_section(json.loads(RESULT.read_text("utf-8"))) if RESULT.exists() else ""


def growth_section(result: dict[str, Any]) -> str:
    """The section, in Markdown: a row for each verb, CPU and memory for each size."""
    sizes = result["sizes"]
    hosts = ", ".join(f"{size['articles']:,} articles of {size['hosts']:,} sites" for size in sizes)
    loads = ", ".join(f"{size['least_load']} to {size['greatest_load']}" for size in sizes)
    note = _NOTE.format(**result | result["versions"], hosts=hosts, loads=loads)
    if remark := result.get("remark"):  # of rows that were measured by themselves
        note += f"{remark}\n"
    lines = [TITLE, "", note, _row("", *(f"{size['articles']:,}: s, MB" for size in sizes))]
    lines.append(_row("---", *["--:"] * len(sizes)))
    names = [name for name in sizes[0] if name not in _FACTS]
    lines += [_row(name, *(_figures(size.get(name)) for size in sizes)) for name in names]
    return "\n".join(lines)


def write_growth_section(result: dict[str, Any], page: pathlib.Path = PAGE) -> None:
    """Put the section into the page, in place of the one that is there or before the last section."""
    text = page.read_text("utf-8")
    if _SECTION.search(text):
        text = _SECTION.sub(lambda _: f"{growth_section(result)}\n", text)
    else:
        before, last_title, last = text.rpartition("\n## ")
        text = f"{before}\n{growth_section(result)}\n{last_title}{last}"
    page.write_text(text, "utf-8")


def _figures(cost: dict[str, float] | None) -> str:
    return f"{cost['cpu_s']:,.2f}, {cost['peak_mb']:,}" if cost else ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
