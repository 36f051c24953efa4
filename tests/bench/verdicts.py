"""Score the page verdicts on the annotated pages: which type each page gets, and whether it is taken for an article.

    python -m tests.bench.verdicts [--every N] [--out FILE]

Every page is judged by words and a table of signs that were learned without any page of its host (by
`tests/training/page_type_model.py`, with the extra `train`). The types of `corpus/wcxb` are held against ours: a
collection or listing is a list, a service's page is `other`. The pages of `corpus/news` are all articles. Teasers count
as articles. The corpora are looked for in `$BROADSHEET_SHARED`, else in `../shared`. The result kept in the repository
is `tests/bench/results/verdicts.json`.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from broadsheet.cleaners.clean import read_page
from broadsheet.cleaners.document import Page, PageType
from broadsheet.cleaners.judge.block_verdicts import judge
from broadsheet.cleaners.judge.hashed_words import word_signs
from broadsheet.cleaners.judge.page_features import PageFeatures, page_features
from broadsheet.cleaners.judge.page_type import page_verdict, parse_table
from broadsheet.cleaners.page.parsed_page import decode, parse
from tests.bench.corpus import SHARED, corpus_hash, truth_rows, with_pages
from tests.bench.documents.figures import refresh_documents
from tests.bench.figures import today, write_figures
from tests.training.corpora import fold_of
from tests.training.page_type_model import PageTypeExample, PageTypeModel, host_of, train_fold_models

RESULT = Path(__file__).parent / "results/verdicts.json"
CORPORA = ("wcxb", "news", "segments")
TYPES = {
    "collection": PageType.LIST,
    "listing": PageType.LIST,
    "documentation": PageType.DOCUMENT,
    "service": PageType.OTHER,
}
_KINDS = {"collection": "list", "listing": "list", "documentation": "document"}


@dataclass(frozen=True, slots=True)
class Judged:
    """An annotated page: its type in truth, and all that a verdict is made of; none where it has no markup."""

    corpus: str
    host: str
    truth: str
    features: PageFeatures | None

    def verdict(self, model: PageTypeModel | None = None) -> PageType:
        """The page's type, by a learned model or by the one that ships."""
        if self.features is None:
            return PageType.EMPTY
        if model is None:
            return page_verdict(self.features).page_type
        signs = self.features.signs | word_signs(self.features.words, model.word_weights)
        return page_verdict(replace(self.features, signs=signs), parse_table(model.table)).page_type

    @property
    def example(self) -> PageTypeExample | None:
        """The page as one to learn from; none without a block."""
        if self.features is None or not self.features.visible_words:
            return None
        kind = _KINDS.get(self.truth, self.truth)
        return PageTypeExample(self.corpus, "", self.host, kind, self.features.signs, self.features.words)


def pages(corpus: str, every: int = 1) -> Iterator[Judged]:
    """Read and judge a corpus's pages, or one of so many."""
    for row, html in with_pages(corpus, truth_rows(corpus)[::every]):
        features = read_features(row["url"] or "", html)
        yield Judged(corpus, host_of(row), row.get("page_type") or "article", features)


def read_features(url: str, html: bytes) -> PageFeatures | None:
    """What a page's verdict is made of."""
    tree = parse(decode(html, "").text)
    if tree is None:
        return None
    reading = read_page(Page(url, html), tree)
    return page_features(reading, judge(reading))


def is_article(kind: PageType) -> bool:
    """Whether a page of this type enters `articles`."""
    return kind in (PageType.ARTICLE, PageType.TEASER)


def figures(found: Sequence[tuple[str, PageType]]) -> dict[str, Any]:
    """The figures of a corpus with all types: (type in truth, verdict) of each page."""
    wanted = [(TYPES.get(truth) or PageType(truth), kind) for truth, kind in found]
    pairs = [(one, PageType.ARTICLE if is_article(kind) else kind) for one, kind in wanted]
    told = [(one is PageType.ARTICLE, kind is PageType.ARTICLE) for one, kind in pairs]
    return {
        "pages": len(found),
        "type_right": _share(one is other for one, other in pairs),
        "article_or_not_right": _share(one == other for one, other in told),
        "types": {str(kind): _rates(pairs, kind) for kind in dict.fromkeys(one for one, _ in wanted)},
        "confusion": _confusion(found),
    }


def _rates(pairs: Sequence[tuple[PageType, PageType]], kind: PageType) -> dict[str, float]:
    return {
        "pages": sum(one is kind for one, _ in pairs),
        "recall": _share(other is kind for one, other in pairs if one is kind),
        "precision": _share(one is kind for one, other in pairs if other is kind),
    }


def _share(values: Iterator[bool]) -> float:
    held = list(values)
    return round(sum(held) / len(held), 4) if held else 0.0


def _confusion(found: Sequence[tuple[str, PageType]]) -> dict[str, dict[str, int]]:
    table = {truth: Counter(str(kind) for one, kind in found if one == truth) for truth, _ in found}
    return {truth: dict(table[truth].most_common()) for truth in sorted(table)}


def run(every: int) -> dict[str, Any]:
    """Judge all corpora, each page by a table that saw no page of its host."""
    judged = [page for corpus in CORPORA for page in pages(corpus, every)]
    examples = [example for page in judged if (example := page.example)]
    models = train_fold_models(examples)
    found = [(page, page.verdict(models[fold_of(page.host)])) for page in judged]
    typed = [(page.truth, kind) for page, kind in found if page.corpus == "wcxb"]
    only = {corpus: [is_article(kind) for page, kind in found if page.corpus == corpus] for corpus in CORPORA[1:]}
    return {
        "corpus": {corpus: corpus_hash(corpus) for corpus in CORPORA},
        "every": every,
        "wcxb": figures(typed),
        **{corpus: {"pages": len(kept), "kept_as_article": _share(iter(kept))} for corpus, kept in only.items()},
    }


def main() -> None:
    """Print the figures, and write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="one page of so many")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"the annotated pages are not here: {SHARED}")
    result = {"date": today()} | run(given.every)
    print(json.dumps(result, indent=1))
    if given.out:
        write_figures(given.out, result)
        refresh_documents(given.out)


if __name__ == "__main__":
    main()
