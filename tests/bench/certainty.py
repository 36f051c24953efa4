"""How far the expected F1 of a text (`pages.expected_f1`) is from its real one, and what asking trafilatura brings.

    python -m tests.bench.certainty [--every N] [--extractor always|in-doubt|never] [--out FILE]

On pages of the hosts that are held out of every training (`cleaners/training/corpora.py`), those of hosts that another
corpus has too left out. By classes of expected F1: how many pages, the mean expected and the mean real word F1
(characters in Chinese), and the share of pages below .8. CPU time is a page's, models loaded before. The result kept in
the repository is `tests/bench/results/certainty.json`.
"""

import argparse
import json
import pathlib
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import ExtractorUse, Page
from broadsheet.cleaners.judge.certainty import Certainty, certainty, expected_verdict_f1
from broadsheet.cleaners.training.annotated_pages import annotated_pages, site_name
from broadsheet.cleaners.training.corpora import HELD_OUT_CORPORA, PAGE_CORPORA, SITES, is_held_out, site_pages
from broadsheet.cleaners.training.labels import word_f1, words_of
from tests.bench.corpus import SHARED, corpus_hash, truth_rows
from tests.bench.figures import write_figures

LIMITS = (0.7, 0.8, 0.9, 0.93, 0.96, 0.98, 0.99)
LOW_F1 = 0.8


@dataclass(frozen=True, slots=True)
class ScoredPage:
    """A page's expected and real F1, and the CPU seconds that cleaning it took."""

    corpus: str
    expected_f1: float
    real_f1: float
    seconds: float


def scored_pages(corpus: str, every: int, use: ExtractorUse) -> Iterator[ScoredPage]:
    """Clean each n-th page of a corpus whose host no model has seen."""
    trained_hosts = _trained_hosts()
    for number, (row, html) in enumerate(annotated_pages(SHARED / "corpus" / corpus)):
        if number % every or site_name(corpus, row) in trained_hosts:
            continue
        started = time.process_time()
        page = clean(Page(row["url"] or "", html), extractor_use=use)
        seconds = time.process_time() - started
        words, kept = [block.words for block in page.blocks], [verdict.kept for verdict in page.verdicts]
        expected = expected_verdict_f1(words, page.chances, kept)
        if expected is not None:
            real = word_f1(Counter(words_of(page.text)), Counter(words_of(row["text"])))
            yield ScoredPage(corpus, expected, real, seconds)


@cache
def _trained_hosts() -> frozenset[str]:
    rows = [(corpus, row) for corpus in PAGE_CORPORA for row in truth_rows(corpus)]
    rows += [(SITES, row) for row, _ in site_pages(SHARED / "corpus" / SITES)]
    hosts = ((corpus, site_name(corpus, row)) for corpus, row in rows)
    return frozenset(host for corpus, host in hosts if not is_held_out(corpus, host))


def reliability(pages: Sequence[ScoredPage]) -> list[dict[str, float]]:
    """A row for each class of expected F1 that has pages, and how far apart the means of expected and real are."""
    edges = (0.0, *LIMITS, 1.01)
    rows = []
    for low, high in pairwise(edges):
        if members := [page for page in pages if low <= page.expected_f1 < high]:
            rows.append({"from": low, "to": min(high, 1.0)} | _means(members))
    return rows


def _means(pages: Sequence[ScoredPage]) -> dict[str, float]:
    expected = statistics.fmean(page.expected_f1 for page in pages)
    real = statistics.fmean(page.real_f1 for page in pages)
    low = statistics.fmean(page.real_f1 < LOW_F1 for page in pages)
    return {"pages": len(pages), "expected": round(expected, 4), "real": round(real, 4), "low": round(low, 3)}


def calibration_error(rows: Sequence[dict[str, float]]) -> float:
    """The mean distance of expected and real F1 over the classes, by their pages."""
    total = sum(row["pages"] for row in rows)
    return round(sum(row["pages"] * abs(row["expected"] - row["real"]) for row in rows) / total, 4)


def measure(every: int, use: ExtractorUse) -> dict[str, Any]:
    """The figures of both corpora together, with trafilatura asked on these pages."""
    pages = [*scored_pages("dragnet", every, use), *scored_pages("zh69", 1, use)]
    rows = reliability(pages)
    by_word = {word: [page for page in pages if certainty(page.expected_f1) is word] for word in Certainty}
    by_corpus = {corpus: [page for page in pages if page.corpus == corpus] for corpus in HELD_OUT_CORPORA}
    return {
        "all": _means(pages) | {"calibration_error": calibration_error(rows)},
        "corpora": {corpus: _means(members) for corpus, members in by_corpus.items()},
        "certainty": {str(word): _means(members) for word, members in by_word.items() if members},
        "cpu_ms_a_page": round(1000 * statistics.fmean(page.seconds for page in pages), 1),
        "classes": rows,
    }


def run(every: int, uses: Sequence[ExtractorUse]) -> dict[str, Any]:
    """Measure with each use of trafilatura."""
    return {
        "corpus": {corpus: corpus_hash(corpus) for corpus in HELD_OUT_CORPORA},
        "every": every,
        "extractor": {str(use): measure(every, use) for use in uses},
    }


def main() -> None:
    """Print the figures, and write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="one page of so many of dragnet; all of zh69")
    parser.add_argument("--extractor", type=ExtractorUse, choices=list(ExtractorUse), help="one of them")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    uses = [options.extractor] if options.extractor else list(ExtractorUse)
    result = run(options.every, uses)
    print(json.dumps(result, indent=1))
    if options.out:
        write_figures(options.out, result)


if __name__ == "__main__":
    main()
