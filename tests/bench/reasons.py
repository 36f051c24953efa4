"""How many of the blocks removed inside or after an article have a reason that says what they are.

    python -m tests.bench.reasons [--every N] [--out FILE]

Over the article pages of `corpus/wcxb`, each cleaned by itself; a block counts as unnamed where its rule says only
where it stands. The result kept in the repository is `tests/bench/results/reasons.json`.
"""

import argparse
import json
import pathlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from tests.bench.corpus import corpus_hash, is_article, truth_rows, with_pages
from tests.bench.documents.figures import refresh_documents
from tests.bench.figures import today, write_figures

RESULT = pathlib.Path(__file__).parent / "results/reasons.json"
UNNAMED = frozenset(
    ("model/not-selected", "model/before-article", "model/inside-article", "model/after-article", "text/tail-line")
)

Told = tuple[bool, str, str]  # kept, reason, rule


def inside_or_after(page: list[Told]) -> list[Told]:
    """The removed blocks of a page from its first kept block on."""
    first = next((n for n, (kept, _, _) in enumerate(page) if kept), len(page))
    return [each for each in page[first:] if not each[0]]


def pages(every: int) -> Iterator[list[Told]]:
    """Verdicts of each n-th article page of the corpus."""
    rows = list(filter(is_article, truth_rows("wcxb")))
    for row, html in with_pages("wcxb", rows[::every]):
        yield [(each.kept, each.reason, each.rule) for each in clean(Page(row["url"] or "", html)).verdicts]


def figures(found: Iterable[list[Told]]) -> dict[str, Any]:
    """Counts over all pages: blocks removed inside or after the article, the share of them without a name, reasons."""
    rows = [inside_or_after(page) for page in found]
    removed = [each for row in rows for each in row]
    unnamed = Counter(rule for _, _, rule in removed if rule in UNNAMED)
    return {
        "pages": len(rows),
        "removed": len(removed),
        "unnamed": round(unnamed.total() / max(1, len(removed)), 4),
        "unnamed_by_rule": dict(unnamed.most_common()),
        "reasons": dict(Counter(reason for _, reason, _ in removed).most_common()),
    }


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    given = parser.parse_args()
    result = {"date": today(), "corpus": corpus_hash("wcxb"), "every": given.every} | figures(pages(given.every))
    print(json.dumps(result, indent=1))
    if out := given.out or (RESULT if given.every == 1 else None):
        write_figures(out, result)
        refresh_documents(out)


if __name__ == "__main__":
    main()
