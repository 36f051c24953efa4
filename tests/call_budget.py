"""Budget of function calls a page, by stage: counted, not timed, so that it is the same on a quiet and a busy machine.

    python -m tests.call_budget            count, and say what has changed
    python -m tests.call_budget --write    write tests/call_budget.json and the table of docs/performance.md

Calls are those of Python and of C functions that `sys.setprofile` reports, over the pages of `tests.budget_pages`, in a
process of its own with a fixed hash seed, after other pages have filled the caches. A
stage is what its functions call, except what belongs to another stage. The count depends on the Python minor and the
versions of the libraries, which the file names: elsewhere the test skips. No page is counted twice, as in a crawl.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
BUDGET = REPOSITORY / "tests/call_budget.json"
DOCUMENT = REPOSITORY / "docs/performance.md"
MOST_GROWTH = 0.03  # of a stage: more than this fails until the file is written anew
LIBRARIES = ("lxml", "trafilatura", "numpy", "htmldate", "justext", "courlan", "charset-normalizer", "tld")
_NOTE = """## Calls a page

All function calls of a page are counted by stage, over forty fixed pages (`tests/budget_pages.py`): twenty of the
sample site, and twenty generated in shapes of real sites. The same Python and libraries give the same count on
every machine. If a change raises a stage by 3 %, `make test` fails until `tests/call_budget.json` is written anew,
in a commit that says what the calls buy.
"""
_BEGIN, _END = "<!-- calls a page: made by python -m tests.call_budget --write -->", "<!-- end of calls a page -->"

STAGES: Mapping[str, Sequence[str]] = {
    "decode, repair, parse": ("page.parsed_page:decode", "page.parsed_page:parse_page"),
    "tag index": ("page.elements:index_tags",),
    "block walk": ("page.visible_blocks:read_blocks",),
    "metadata": (
        "page.metadata_fields:metadata_context",
        "page.metadata_fields:read_fields",
        "page.metadata_fields:read_statements",
        "page.language:with_language_of_text",
    ),
    "links": ("page.links:read_outlinks", "page.robots_directives:read_robots_directives"),
    "pictures": ("page.page_images:read_images",),
    "features": (
        "judge.block_features:measure_page",
        "judge.block_features:first_look_features",
        "judge.block_features:block_features",
    ),
    "word hashing": ("judge.hashed_words:word_columns", "judge.hashed_words:page_words"),
    "trees": ("judge.tree_models:predict",),
    "trafilatura": ("judge.extractor:selected_blocks", "judge.site_rules:copy_without_stripped"),
    "rules": ("judge.block_verdicts:rule_verdicts",),
    "weighing": ("judge.block_verdicts:judge_blocks",),
    "page kind": ("judge.page_features:page_features", "judge.page_type:page_verdict"),
    "layout signature": ("compare.page_layouts:layout_signature",),
    "text and Markdown": ("judge.article_text:assemble",),
}
"""The functions of `broadsheet.cleaners` that open each stage; what none of them calls is `rest of clean`."""
ROWS = "rows to store"
REST = "rest of clean"


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
    codes = stage_codes()
    counts: Counter[str] = Counter()
    stages = [REST]

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            if stage := codes.get(frame.f_code):
                stages.append(stage)
            counts[stages[-1]] += 1
        elif event == "return":
            if frame.f_code in codes:
                stages.pop()
        elif event == "c_call":
            counts[stages[-1]] += 1

    for page in pages:
        sys.setprofile(watch)
        make_page_rows(clean(page))
        sys.setprofile(None)
    names = [*STAGES, REST, ROWS]
    return {name: round(counts[name] / len(pages), 1) for name in names}


def count_apart() -> dict[str, float]:
    """Count in a process of its own, whose hashes and caches nothing else has touched."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.call_budget", "--count"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
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


def section(budget: Mapping[str, float]) -> str:
    """Write the section of docs/performance.md, with the table between its marks."""
    return f"{_NOTE}\n{_BEGIN}\n{table(budget)}\n{_END}"


def with_table(document: str, budget: Mapping[str, float]) -> str:
    """Put the table between its marks in the document."""
    before, _, rest = document.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f"{before}{_BEGIN}\n{table(budget)}\n{_END}{after}"


def main(arguments: Sequence[str]) -> int:
    """Count, and write or compare. Returns 1 where a stage is over its budget."""
    if arguments == ["--count"]:
        print(json.dumps(count_calls()))
        return 0
    counted = count_apart()
    if arguments == ["--write"]:
        BUDGET.write_text(json.dumps({"versions": versions(), "calls": counted}, indent=1) + "\n", "utf-8")
        DOCUMENT.write_text(with_table(DOCUMENT.read_text("utf-8"), counted), "utf-8")
    print(table(counted))
    problems = over_budget(counted, stored()["calls"])
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
