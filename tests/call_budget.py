"""Budget of function calls a page, by stage: counted, not timed, so that it is the same on a quiet and a busy machine.

    python -m tests.call_budget            count, and say what has changed
    python -m tests.call_budget --write    write tests/call_budget.json

Calls are those of Python and of C functions that `sys.setprofile` reports, over the pages of `tests.budget_pages`, in a
process of its own with a fixed hash seed, after other pages have filled the caches. A
stage is what its functions call, except what belongs to another stage. The count depends on the Python minor and the
versions of the libraries, which the file names: elsewhere the test skips. No page is counted twice, as in a crawl.

What calls do not show, such as a pattern that backtracks, shows in CPU time as a page grows: `over_growth` compares the
same stage at two sizes within one process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

if TYPE_CHECKING:
    from broadsheet.cleaners.document import Page

REPOSITORY = Path(__file__).resolve().parents[1]
BUDGET = REPOSITORY / "tests/call_budget.json"
MOST_GROWTH = 0.03  # of a stage: more than this fails until the file is written anew
LIBRARIES = ("lxml", "trafilatura", "numpy", "htmldate", "justext", "courlan", "charset-normalizer", "tld")
STAGES: Mapping[str, Sequence[str]] = {
    "decode, repair, parse": ("page.parsed_page:decode", "page.parsed_page:parse_page"),
    "tag index": ("page.elements:index_tags",),
    "block walk": ("page.visible_blocks:read_blocks",),
    "metadata": (
        "page.metadata_fields:metadata_context", "page.metadata_fields:read_fields",
        "page.metadata_fields:read_statements", "page.language:with_language_of_text",
    ),
    "links": ("page.links:read_outlinks", "page.robots_directives:read_robots_directives"),
    "pictures": ("page.page_images:read_images",),
    "features": ("judge.block_features:measure_page", "judge.block_features:with_chances"),
    "word hashing": ("judge.hashed_words:word_columns", "judge.hashed_words:page_words"),
    "trees": ("judge.tree_models:log_odds",),
    "network": ("judge.page_network:block_graph", "judge.page_network:network_log_odds"),
    "trafilatura": ("judge.extractor:selected_blocks", "judge.site_rules:copy_without_stripped"),
    "rules": ("judge.block_verdicts:rule_verdicts",),
    "weighing": ("judge.block_verdicts:judge_blocks",),
    "page kind": ("judge.page_features:page_features", "judge.page_type:page_verdict"),
    "layout signature": ("compare.page_layouts:layout_signature",),
    "text and Markdown": ("judge.article_text:plain_text", "judge.article_text:markdown"),
}  # fmt: skip
"""The functions of `broadsheet.cleaners` that open each stage; what none of them calls is `rest of clean`."""
ROWS = "rows to store"
REST = "rest of clean"
NAMES = (*STAGES, REST, ROWS)


def stage_functions() -> list[tuple[str, FunctionType]]:
    """Find the functions that open each stage. AttributeError for a name that is no more."""
    found = [
        (stage, getattr(import_module(f"broadsheet.cleaners.{module}"), name))
        for stage, functions in STAGES.items()
        for module, name in (function.split(":") for function in functions)
    ]
    return [
        *found,
        (REST, import_module("broadsheet.cleaners.clean").clean),
        (ROWS, import_module("broadsheet.output.archive.page_rows").make_page_rows),
    ]


def stage_codes() -> dict[CodeType, str]:
    """Find the code of each stage's functions."""
    return {function.__code__: stage for stage, function in stage_functions()}


def count_calls() -> dict[str, float]:
    """Count the calls a page by stage, the mean over the forty pages, in this process."""
    from broadsheet.cleaners.clean import clean
    from broadsheet.output.archive.page_rows import make_page_rows
    from tests.budget_pages import budget_pages, warming_pages

    pages = budget_pages()
    for page in warming_pages():
        make_page_rows(clean(page))
    meter = StageMeter()
    for page in pages:
        with meter:
            make_page_rows(clean(page))
    return {name: round(meter.calls[name] / len(pages), 1) for name in NAMES}


class StageMeter:
    """Calls and CPU seconds by stage of what runs while the meter is on. A context manager."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()
        self._codes = stage_codes()
        self._stages = [REST]
        self._since = 0.0

    def __enter__(self) -> Self:
        self._since = time.process_time()
        sys.setprofile(self._watch)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)
        self._note_seconds()

    def _watch(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            if stage := self._codes.get(frame.f_code):
                self._note_seconds()
                self._stages.append(stage)
            self.calls[self._stages[-1]] += 1
        elif event == "return":
            if frame.f_code in self._codes:
                self._note_seconds()
                self._stages.pop()
        elif event == "c_call":
            self.calls[self._stages[-1]] += 1

    def _note_seconds(self) -> None:
        now = time.process_time()
        self.seconds[self._stages[-1]] += now - self._since
        self._since = now


MOST_EXCESS = 2.0  # of a stage's seconds over those that grow as its input does
_LITTLE_SECONDS = 0.003  # at the largest size, below which growth says nothing
_ROUNDS = 3  # of which the least counts


def _grown(kilobytes: int = 0, script_kilobytes: int = 0, blocks: int = 5) -> Page:
    """Return a page with a short text, boxes without one, a script of long names, and as many paragraphs beside."""
    from broadsheet.cleaners.document import Page

    boxes = (
        f'<div class="box box-{n % 60}" id="box-{n}" style="margin:{n % 9}px" data-n="{n}"><img src="/i/{n}.png"></div>'
        for n in range(kilobytes * 10)
    )
    names = (
        f"var theVisitorsOwnRegistry{n}ForWidgets={{enabled:!0,size:[{n}]}};" for n in range(script_kilobytes * 17)
    )
    text = "".join(f"<p>Witness {n} said that bridge {n} had been seen by {n % 7} others.</p>" for n in range(blocks))
    html = f"<title>A bridge</title><script>{''.join(names)}</script><main>{text}</main>{''.join(boxes)}"
    return Page("https://growth.example/a-bridge", html.encode())


_Axis: TypeAlias = "tuple[tuple[int, int, int], Callable[[int], Page]]"
AXES: dict[str, _Axis] = {
    "100 KB of HTML": ((50, 200, 800), lambda size: _grown(kilobytes=size)),
    "100 KB of inline script": ((0, 200, 800), lambda size: _grown(script_kilobytes=size)),
    "100 blocks": ((10, 100, 1_000), lambda size: _grown(blocks=size)),
}
"""What a page has more and more of: the three sizes, and the page of a size. The last two decide."""


def _odd(head: str, part: str, end: str) -> _Axis:
    """Return an axis of a page in no known encoding that repeats a part for so many kilobytes."""
    from broadsheet.cleaners.document import Page

    html = "<title>A bridge</title><p>Été, été, été: a bridge.</p>"
    return (0, 20, 80), lambda size: Page(
        "https://growth.example/odd", f"{html}{head}{part * (1_000 * size // len(part))}{end}".encode("latin-1")
    )


_STATEMENT = '<script type="application/ld+json">{'
ODD_AXES: dict[str, _Axis] = {
    "comments that do not end": _odd("", "<!-- a ", ""),
    "scripts that do not end": _odd("", "<script a ", ""),
    "space within a tag": _odd("<p a=1", " ", '">It ends.</p>'),
    "authors that do not end": _odd(_STATEMENT, '"author":[', "</script>"),
    "space after a comment in a statement": _odd(f"{_STATEMENT} -->", " ", "x</script>"),
}
"""Sources that a pattern could read anew from each of its characters."""


def seconds_by_size(axis: str) -> list[dict[str, float]]:
    """Measure the CPU seconds of each stage at the three sizes of an axis, the least of a few rounds."""
    from broadsheet.cleaners.clean import clean
    from broadsheet.output.archive.page_rows import make_page_rows

    sizes, page_of = (AXES | ODD_AXES)[axis]
    measured = []
    for page in map(page_of, sizes):
        rounds = []
        for _ in range(_ROUNDS):
            with StageMeter() as meter:
                make_page_rows(clean(page))
            rounds.append(meter.seconds)
        measured.append({name: min(seconds[name] for seconds in rounds) for name in NAMES})
    return measured


def over_growth(axis: str, measured: Sequence[Mapping[str, float]]) -> list[str]:
    """Say of each stage by how much more its CPU time grew than the page did from the second size to the third."""
    (_, size, larger_size), _ = (AXES | ODD_AXES)[axis]
    excess = {
        name: measured[2][name] / max(measured[1][name] * larger_size / size, _LITTLE_SECONDS)
        for name in NAMES
        if measured[2][name] > _LITTLE_SECONDS
    }
    return [
        f"{name}: {times:.1f} times what {axis} more would take"
        for name, times in excess.items()
        if times > MOST_EXCESS
    ]


def count_apart() -> dict[str, float]:
    """Count in a process of its own, whose hashes and caches nothing else has touched."""
    command, environment = [sys.executable, "-m", "tests.call_budget", "--count"], os.environ | {"PYTHONHASHSEED": "0"}
    process = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    counted: dict[str, float] = json.loads(process.stdout)
    return counted


def versions() -> dict[str, str]:
    """Name what a count depends on besides our code: the Python minor, and the libraries."""
    python = ".".join(map(str, sys.version_info[:2]))
    return {"python": python, **{name: version(name) for name in LIBRARIES}}


def stored() -> dict[str, Any]:
    """Read the budget: `versions`, and `calls` a page by stage."""
    budget: dict[str, Any] = json.loads(BUDGET.read_text("utf-8"))
    return budget


def over_budget(counted: Mapping[str, float], budget: Mapping[str, float]) -> list[str]:
    """Say of each stage that calls more than it may, and of all together, by how much.

    >>> over_budget({"links": 104.0}, {"links": 100.0})
    ['links: 104 calls a page, 100 in the budget', 'in all: 104 calls a page, 100 in the budget']
    """
    both = {name: (counted[name], budget.get(name, 0.0)) for name in counted}
    both["in all"] = sum(counted.values()), sum(budget.values())
    return [
        f"{name}: {now:,.0f} calls a page, {then:,.0f} in the budget"
        for name, (now, then) in both.items()
        if now > then * (1 + MOST_GROWTH)
    ]


def table(budget: Mapping[str, float]) -> str:
    """Write the budget as a table of Markdown, the largest stage first."""
    total = sum(budget.values())
    rows = sorted(budget.items(), key=lambda item: -item[1])
    lines = [f"| {name} | {calls:,.0f} | {calls / total:.1%} |" for name, calls in rows]
    return "\n".join(
        ["| stage | calls a page | share |", "| --- | --: | --: |", *lines, f"| in all | {total:,.0f} | |"]
    )


def main(arguments: Sequence[str]) -> int:
    """Count, and write or compare. Returns 1 where a stage is over its budget."""
    if arguments == ["--count"]:
        print(json.dumps(count_calls()))
        return 0
    counted = count_apart()
    if arguments == ["--write"]:
        BUDGET.write_text(json.dumps(stored() | {"versions": versions(), "calls": counted}, indent=1) + "\n", "utf-8")
    print(table(counted))
    problems = over_budget(counted, stored()["calls"])
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
