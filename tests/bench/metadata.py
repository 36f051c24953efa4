"""Score titles, authors and dates of publication against annotated pages, side by side with trafilatura.

Run from the repository: `python -m tests.bench.metadata [--half 0|1]`. The corpora are looked for in
`$BROADSHEET_SHARED`, else in `../shared` beside the repository.

Titles count as equal when their words are. Authors are scored by the F1 of their sets, on pages whose truth names
any. Dates are equal by day. Both tools get a tree that is parsed already; its parse is not timed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleaners.authors import key_of, split_names
from cleaners.decode import decode, parse
from cleaners.metadata import read_metadata

Read = Callable[[Any, str], "Answer"]
FIELDS = ("title", "authors", "published")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool, or the truth, says about a page."""

    title: str
    authors: tuple[str, ...]
    published: str


@dataclass(frozen=True, slots=True)
class Sample:
    """An annotated page."""

    corpus: str
    url: str
    body: bytes
    truth: Answer


def shared() -> Path:
    """Return the folder with the corpora; it may not exist."""
    return Path(os.environ.get("BROADSHEET_SHARED") or Path(__file__).resolve().parents[3] / "shared")


def samples(corpus: str, half: int | None = None) -> Iterator[Sample]:
    """Yield a corpus's article pages; of every two, only the `half`-th (0 or 1) if given."""
    folder = shared() / "corpus" / corpus
    with gzip.open(folder / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rows = sorted((row for row in rows if row.get("page_type", "article") == "article"), key=lambda row: str(row["id"]))
    for row in rows if half is None else rows[half::2]:
        body = gzip.decompress((folder / "html" / f"{row['id']}.html.gz").read_bytes())
        yield Sample(corpus, row["url"] or "", body, _truth(row))


def _truth(row: dict[str, Any]) -> Answer:
    authors = row.get("authors") or (list(split_names(row["author"])) if row.get("author") else [])
    return Answer(row["title"], tuple(authors), (row["published"] or "")[:10])


def ours(tree: Any, url: str) -> Answer:
    """Read the tree with Broadsheet."""
    found = read_metadata(tree, url)
    return Answer(found.title, found.authors, found.published[:10])


def theirs(tree: Any, url: str) -> Answer:
    """Read the tree with trafilatura; its `A; B` authors are split."""
    from trafilatura.metadata import extract_metadata

    found = extract_metadata(tree, default_url=url)
    names = tuple(filter(None, (found.author or "").split("; ")))
    return Answer(found.title or "", names, (found.date or "")[:10])


def score(answer: Answer, truth: Answer) -> dict[str, float]:
    """Score the fields that the truth has, each from 0 to 1."""
    scores = {"title": float(_words(answer.title) == _words(truth.title))}
    if truth.authors:
        scores["authors"] = _set_f1(map(key_of, answer.authors), map(key_of, truth.authors))
    if truth.published:
        scores["published"] = float(answer.published == truth.published)
    return scores


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def _set_f1(found: Iterable[str], true: Iterable[str]) -> float:
    first, second = set(found), set(true)
    return 2 * len(first & second) / (len(first) + len(second))


def run(pages: Iterable[Sample], tools: dict[str, Read]) -> dict[tuple[str, str], list[float]]:
    """Return per (tool, field) the scores of all pages; the field `ms` holds the CPU milliseconds."""
    table: dict[tuple[str, str], list[float]] = defaultdict(list)
    for page in pages:
        for name, read in tools.items():
            tree = parse(decode(page.body).text)
            started = time.process_time()
            answer = read(tree, page.url)
            table[name, "ms"].append((time.process_time() - started) * 1000)
            for field, value in score(answer, page.truth).items():
                table[name, field].append(value)
    return table


def main() -> None:
    """Print both tools' figures for each corpus."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--half", type=int, choices=(0, 1))
    half = arguments.parse_args().half
    for corpus in ("news", "wcxb"):
        table = run(samples(corpus, half), {"broadsheet": ours, "trafilatura": theirs})
        for tool in ("broadsheet", "trafilatura"):
            figures = "  ".join(f"{field} {_mean(table[tool, field]):.4f}" for field in FIELDS)
            print(f"{corpus:5} {tool:11}  {figures}  ms {_mean(table[tool, 'ms']):.2f}")
        print(f"{corpus:5} pages        " + "  ".join(f"{field} {len(table['broadsheet', field])}" for field in FIELDS))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


if __name__ == "__main__":
    main()
