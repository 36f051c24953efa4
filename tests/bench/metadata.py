"""Score titles, authors, dates of publication and tags against annotated pages, side by side with trafilatura.

Run from the repository: `python -m tests.bench.metadata [CORPUS ...] [--half 0|1] [--out FILE]`; what FILE has of other
corpora stays. They are looked for in `$BROADSHEET_SHARED`, else in `../shared` beside the repository. The readers
were developed with half 0 in sight; what counts is half 1. The result kept in the repository is
`tests/bench/results/metadata.json`.

Titles count as equal when their words are. Authors and tags are scored by the F1 of their sets, on pages whose truth
names any (tags: `news` alone; `dates` has days alone, and trafilatura's are htmldate's). Dates are equal by day. Both
tools get a tree that is parsed already; the parse is not timed, and milliseconds are of processor time.
"""

import argparse
import json
import re
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.cleaners.page.authors import name_key, split_names
from broadsheet.cleaners.page.metadata_fields import read_metadata
from broadsheet.cleaners.page.parsed_page import decode, parse
from tests.bench.corpus import corpus_hash, is_article, truth_rows, with_pages
from tests.bench.documents.figures import refresh_documents
from tests.bench.figures import today, write_figures

Read = Callable[[Any, "Sample"], "Answer"]
FIELDS = ("title", "authors", "published", "tags")
RESULT = Path(__file__).parent / "results/metadata.json"
TOOLS = ("broadsheet", "trafilatura")
CORPORA = ("news", "wcxb", "dates")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool, or the truth, says about a page."""

    title: str
    authors: tuple[str, ...]
    published: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """An annotated page."""

    corpus: str
    url: str
    body: bytes
    truth: Answer


def samples(corpus: str, half: int | None = None) -> Iterator[Sample]:
    """Yield a corpus's article pages; of every two, only the `half`-th (0 or 1) if given."""
    rows = list(filter(is_article, truth_rows(corpus)))
    for row, body in with_pages(corpus, rows if half is None else rows[half::2]):
        yield Sample(corpus, row["url"] or "", body, _truth(row))


def _truth(row: dict[str, Any]) -> Answer:
    authors = row.get("authors") or (list(split_names(row["author"])) if row.get("author") else [])
    published = str(row["published"] or "")[:10]
    return Answer(row.get("title") or "", tuple(authors), published, tuple(row.get("topics") or ()))


def ours(tree: Any, page: Sample) -> Answer:
    """Read the tree with Broadsheet; a page that states no day is cleaned, which looks for it again."""
    found = read_metadata(tree, page.url)
    published = found.published or clean(Page(page.url, page.body)).metadata.published
    return Answer(found.title, found.authors, published[:10], found.tags)


def theirs(tree: Any, page: Sample) -> Answer:
    """Read the tree with trafilatura; its `A; B` authors are split."""
    from trafilatura.metadata import extract_metadata

    found = extract_metadata(tree, default_url=page.url)
    names = tuple(filter(None, (found.author or "").split("; ")))
    tags = [tag.strip() for text in found.tags or () for tag in text.split(",")]
    return Answer(found.title or "", names, (found.date or "")[:10], tuple(tags))


def score(answer: Answer, truth: Answer) -> dict[str, float]:
    """Score the fields that the truth has, each from 0 to 1."""
    scores = {"title": float(_words(answer.title) == _words(truth.title))} if truth.title else {}
    if truth.authors:
        scores["authors"] = _set_f1(map(name_key, answer.authors), map(name_key, truth.authors))
    if truth.published:
        scores["published"] = float(answer.published == truth.published)
    if truth.tags:
        scores["tags"] = _set_f1(map(name_key, answer.tags), map(name_key, truth.tags))
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
            answer = read(tree, page)
            table[name, "ms"].append((time.process_time() - started) * 1000)
            for field, value in score(answer, page.truth).items():
                table[name, field].append(value)
    return table


def figures(corpus: str, half: int | None = None) -> dict[str, dict[str, float]]:
    """Return both tools' means on a corpus, and on how many pages each field was scored."""
    table = run(samples(corpus, half), {"broadsheet": ours, "trafilatura": theirs})
    found = {tool: {field: _mean(table[tool, field]) for field in (*FIELDS, "ms")} for tool in TOOLS}
    return found | {"pages": {field: float(len(table["broadsheet", field])) for field in FIELDS}}


def main() -> None:
    """Print both tools' figures for each corpus, and write them if asked to."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("corpora", nargs="*", metavar="CORPUS", default=CORPORA, help=f"of {', '.join(CORPORA)}")
    arguments.add_argument("--half", type=int, choices=(0, 1))
    arguments.add_argument("--out", type=Path)
    given = arguments.parse_args()
    stored = json.loads(given.out.read_text("utf-8")) if given.out and given.out.exists() else {}
    result: dict[str, Any] = stored | {"date": today(), "half": given.half}
    result["corpus"] = stored.get("corpus", {}) | {name: corpus_hash(name) for name in given.corpora}
    for corpus in given.corpora:
        result[corpus] = figures(corpus, given.half)
        for name, values in result[corpus].items():
            print(f"{corpus:5} {name:11}  " + "  ".join(f"{field} {value:.4g}" for field, value in values.items()))
    if given.out:
        write_figures(given.out, result)
        refresh_documents(given.out)


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0


if __name__ == "__main__":
    main()
