"""Train the model that judges blocks with what the other pages of their layout do, on whole sites, and score it.

    python -m tests.bench.archives.site_judge FOLDER [--cv]

FOLDER has the archives of the corpus's sites, as `python -m tests.bench.sites --keep FOLDER` leaves them. With `--cv`
each site is judged by a model that has seen none of its pages, beside its verdicts without that model; nothing is
trained for use. Without, all sites are trained on, and `cleaners/judge/models/site.npz` is written. The same
archives and versions give the same file. Either way `tests/bench/results/site_judge.json` says what came out.
"""

import argparse
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from sqlite_utils import Database

from broadsheet.cleaners.document import Column
from broadsheet.cleaners.judge.tree_models import SITE_MODEL, Trees
from broadsheet.cleaners.site.block_places import FeaturedPage, changed_indices
from broadsheet.cleaners.site.site_features import SITE_FEATURES
from broadsheet.cleaners.training.block_model import fit_trees, training_facts, write_model
from broadsheet.cleaners.training.corpora import SITES, TrainingCorpus
from broadsheet.cleaners.training.labels import covered_shares, word_f1, words_of
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.settle.page_table import list_article_pages, stored_elsewhere
from broadsheet.output.settle.placed_blocks import read_featured_pages
from broadsheet.output.settle.settle_steps import serial_map
from broadsheet.output.settle.site_repeats import BLOCKS_PER_PAGE, create_kept_view, drop_site_tables, find_common_texts
from broadsheet.output.settle.site_scan import PlaceCounts, SeenTwice, scan_host
from broadsheet.output.settle.unsettled import WHOLE_ARCHIVE, list_hosts, read_roles
from tests.bench.site_pages import CACHE, names
from tests.bench.sites import ROOT, SHARED, load_server, plain
from tests.internal_tables import BLOCK_TEXTS, OWN_VERDICTS, PAGE_BLOCKS, REASONS

ROUNDS = 120
SETTINGS = {"num_leaves": 8, "min_data_in_leaf": 100, "lambda_l2": 10, "feature_fraction": 0.7, "bagging_fraction": 0.7}
RESULTS = ROOT / "tests/bench/results/site_judge.json"
_HALF = 0.5
_SAMPLES = 1000

_PAGE = """SELECT u.url, EXISTS (SELECT 1 FROM articles a WHERE a.page_id = u.id) FROM urls u WHERE u.id = ?"""
# Each block with the verdict that it has without the model that is to be trained, and whether the site has decided on
# it; what stands below a note on the author stays out too.
_BLOCKS = f"""SELECT t.text, CASE WHEN r.rule GLOB 'site/layout-*' THEN o.kept ELSE b.kept END,
        o.kept IS NOT NULL AND r.rule NOT GLOB 'site/layout-*' OR b.position > (
            SELECT coalesce(min(n.position), 1e9) FROM {PAGE_BLOCKS} n JOIN {REASONS} nr ON nr.id = n.reason_id
            WHERE n.page_id = b.page_id AND nr.rule IN ('site/closing-note', 'site/author-bio'))
    FROM {PAGE_BLOCKS} b JOIN {BLOCK_TEXTS} t ON t.id = b.block_id JOIN {REASONS} r ON r.id = b.reason_id
    LEFT JOIN {OWN_VERDICTS} o ON o.page_id = b.page_id AND o.position = b.position
    WHERE b.page_id = ? ORDER BY b.position"""


@dataclass(frozen=True, slots=True)
class Example:
    """An article of a site with its truth: what the model sees of its judged blocks, and which of them are the truth's
    (`labels`); and of all its blocks the words, whether they are kept without the model, and whether the site's memory
    has decided that."""

    site: str
    page: FeaturedPage
    labels: Column
    block_words: Sequence[Counter[str]]
    is_kept: Column
    is_decided: Column
    truth: Counter[str]

    @property
    def weights(self) -> Column:
        """What each judged block weighs: longer ones more."""
        return np.log1p(self.page.page.blocks.words)

    def f1_with(self, probabilities: Column) -> float:
        """The word F1 of the page's text with the model's verdicts."""
        is_kept = self.is_kept.copy()
        changed = self.page.page.blocks.positions[changed_indices(self.page.page, probabilities)]
        changed = changed[~self.is_decided[changed]]
        is_kept[changed] = ~is_kept[changed]
        return self._f1(is_kept)

    @property
    def f1(self) -> float:
        """The word F1 of the page's text without the model."""
        return self._f1(self.is_kept)

    def _f1(self, is_kept: Column) -> float:
        kept_words: Counter[str] = Counter()
        for words, kept in zip(self.block_words, is_kept, strict=True):
            if kept:
                kept_words.update(words)
        return word_f1(kept_words, self.truth)


def read_examples(folder: Path, site: str) -> list[Example]:
    """The articles of a site's archive that have a truth, and whose layout has enough pages."""
    home = load_server().unpack(site, CACHE)
    truth = {plain(row["path"]): row["text"] for row in map(json.loads, (home / "truth.jsonl").open(encoding="utf-8"))}
    with tempfile.TemporaryDirectory() as scratch:
        db = open_database(shutil.copy(folder / f"{site}.db", scratch))
        try:
            create_kept_view(db)
            find_common_texts(db, in_whole_archive=True)
            return [
                example
                for host in list_hosts(db, WHOLE_ARCHIVE)
                for page in _pages_of_host(db, host)
                for example in _examples_of_page(db, site, page, truth)
            ]
        finally:
            db.conn.rollback()
            drop_site_tables(db)
            db.close()


def _pages_of_host(db: Database, host: str) -> list[FeaturedPage]:
    page_ids = list_article_pages(db, host)
    roles = read_roles(db, host)
    scan_host(db, page_ids, roles.uncounted, SeenTwice(BLOCKS_PER_PAGE * len(page_ids)), PlaceCounts(), serial_map)
    return list(read_featured_pages(db, roles.unjudged))


def _examples_of_page(db: Database, site: str, page: FeaturedPage, truth: dict[str, str]) -> Iterator[Example]:
    url, is_article = db.execute(_PAGE, [page.page_id]).fetchone()
    text = truth.get(plain(urlsplit(url).path))
    if text is None or not is_article:
        return
    texts, is_kept, decisions = zip(*db.execute(_BLOCKS, [page.page_id]).fetchall(), strict=True)
    is_decided = np.array(decisions, bool)
    is_decided[sorted(stored_elsewhere(db, page.page_id))] = True
    block_words = [words_of(block_text) for block_text in texts]
    truth_words = words_of(text)
    is_truth = covered_shares(block_words, truth_words) >= _HALF
    yield Example(
        site,
        page,
        is_truth[page.page.blocks.positions],
        [Counter(words) for words in block_words],
        np.array(is_kept, bool),
        is_decided,
        Counter(truth_words),
    )


def train(examples: Sequence[Example]) -> Trees:
    """Train on the blocks of these pages; each site weighs the same."""
    site_weights = {
        site: sum(e.weights.sum() for e in examples if e.site == site) for site in {e.site for e in examples}
    }
    weights = np.concatenate([example.weights / site_weights[example.site] for example in examples])
    rows = np.concatenate([example.page.features for example in examples])
    labels = np.concatenate([example.labels for example in examples])
    return fit_trees(list(SITE_FEATURES), rows, labels, weights * len(weights) / weights.sum(), ROUNDS, **SETTINGS)


def cross_validate(examples: Sequence[Example]) -> dict[str, dict[str, Any]]:
    """By site: pages, F1 without the model and with one that was trained on the other sites, and the bounds of the
    difference (95 %, bootstrap over pages)."""
    random = np.random.default_rng(1)
    scores: dict[str, dict[str, Any]] = {}
    for site in sorted({example.site for example in examples}):
        trees = train([example for example in examples if example.site != site])
        tested = [example for example in examples if example.site == site]
        before = np.array([example.f1 for example in tested])
        after = np.array([example.f1_with(trees.predict(example.page.features)) for example in tested])
        means = random.choice(after - before, (_SAMPLES, len(tested))).mean(axis=1)
        scores[site] = {
            "pages": len(tested),
            "without": round(float(before.mean()), 4),
            "with": round(float(after.mean()), 4),
            "gain": round(float((after - before).mean()), 5),
            "bounds": [round(float(bound), 4) for bound in np.percentile(means, (2.5, 97.5))],
            "better": int((after > before + 0.005).sum()),
            "worse": int((after < before - 0.005).sum()),
        }
        print(site, scores[site], flush=True)
    return scores


def main(arguments: Sequence[str] | None = None) -> None:
    """Train or cross-validate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cv", action="store_true")
    options = parser.parse_args(arguments)
    examples = [
        e for site in names() if (options.folder / f"{site}.db").exists() for e in read_examples(options.folder, site)
    ]
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    if options.cv:
        results["sites"] = cross_validate(examples)
    else:
        write_model(train(examples), ROOT / "cleaners/judge/models", SITE_MODEL)
        page_counts = Counter(example.site for example in examples)
        results["trained_on"] = {"pages": dict(sorted(page_counts.items()))} | _training_facts_of_sites()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _training_facts_of_sites() -> dict[str, Any]:
    """What the model is trained on, and how."""
    facts = training_facts(SHARED / "corpus", SITE_FEATURES, ROUNDS, [TrainingCorpus(SITES)])
    return facts | {"settings": facts["settings"] | SETTINGS}


if __name__ == "__main__":
    main()
