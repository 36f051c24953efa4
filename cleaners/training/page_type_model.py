"""Learn what speaks for each kind of page from the annotated pages, and say how well it does on hosts not seen.

    python -m cleaners.training.page_type_model --cv       cross-validation by host: nothing is written
    python -m cleaners.training.page_type_model            learn from everything, write page_weights.json
    options: --corpus FOLDER                  the annotated pages (../shared/corpus)

The pages of `wcxb` have a type; those of `news` and `segments` count as articles. The table is a sum of steps, one sign
at a time, so that it can be read and a verdict explained. The same pages, versions and settings give the same file. It
holds the hashes of the pages, the versions and the cross-validated scores too. Needs the extra: pip install '.[train]'.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from cleaners.clean import read
from cleaners.document import Column, Page
from cleaners.html.decode import decode, parse
from cleaners.page_type.page_features import page_features
from cleaners.page_type.page_weights import FILE, KINDS, Steps, read_steps
from cleaners.training.block_model import FOLDS, SETTINGS, fold_of
from cleaners.verdicts.judge import judge

_CLEANERS = Path(__file__).parents[1]
_KIND_OF = {"collection": "list", "listing": "list", "documentation": "document"}
_WEIGHTS = {"wcxb": 1.0, "news": 0.7, "segments": 0.4}
_ROUNDS = 150
_DIGITS = 4
_SETTINGS: dict[str, Any] = SETTINGS | {
    "objective": "multiclass",
    "num_class": len(KINDS),
    "num_leaves": 2,
    "learning_rate": 0.1,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.4,
}


@dataclass(frozen=True, slots=True)
class Example:
    """An annotated page: the kind that it is, and its signs."""

    corpus: str
    name: str
    host: str
    kind: str
    signs: dict[str, float]

    @property
    def fold(self) -> int:
        """Which fifth it belongs to; all pages of a host are in one."""
        return fold_of(self.host)


def host_of(row: dict[str, Any]) -> str:
    """The last two labels of an annotated page's host; its name where it has no address."""
    host = urlsplit(row["url"] or "").hostname or str(row["id"])
    return ".".join(host.split(".")[-2:])


def read_examples(corpus: Path) -> Iterator[Example]:
    """Read the annotated pages, in a fixed order."""
    for name in _WEIGHTS:
        with gzip.open(corpus / name / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = sorted(map(json.loads, lines), key=lambda row: str(row["id"]))
        for row in rows:
            html = gzip.decompress((corpus / name / "html" / f"{row['id']}.html.gz").read_bytes())
            kind = row.get("page_type") or "article"
            if signs := signs_of(row["url"] or "", html):
                yield Example(name, str(row["id"]), host_of(row), _KIND_OF.get(kind, kind), signs)


def signs_of(url: str, html: bytes) -> dict[str, float]:
    """The signs of a page; none where it has no block."""
    tree = parse(decode(html, "").text)
    reading = read(Page(url, html), tree) if tree is not None else None
    if tree is None or reading is None or not reading.blocks:
        return {}
    return dict(page_features(tree, 200, reading, judge(reading)).signs)


def train(examples: Sequence[Example]) -> dict[str, Any]:
    """Learn a table of steps."""
    try:
        import lightgbm
    except ImportError:
        sys.exit("training needs the extra: pip install '.[train]'")
    names = list(examples[0].signs)
    rows = np.array([[each.signs[name] for name in names] for each in examples], np.float64)
    labels = np.array([KINDS.index(each.kind) for each in examples])
    weights = np.array([_WEIGHTS[each.corpus] for each in examples])
    data = lightgbm.Dataset(rows, labels, weight=weights)
    dumped = lightgbm.train(_SETTINGS, data, _ROUNDS).dump_model()
    return _centred(_steps(names, dumped["tree_info"]), rows, names)


def _steps(names: list[str], trees: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up trees of one question each into a table: for every sign, its limits and the points between them."""
    base = np.zeros(len(KINDS))
    asked: dict[str, list[tuple[float, int, float, float]]] = {}
    for number, tree in enumerate(trees):
        node, kind = tree["tree_structure"], number % len(KINDS)
        if "split_feature" not in node:
            base[kind] += node.get("leaf_value", 0.0)
            continue
        left, right = (node[side]["leaf_value"] for side in ("left_child", "right_child"))
        asked.setdefault(names[node["split_feature"]], []).append((node["threshold"], kind, left, right))
    return {"base": base, "signs": {name: _table(asked[name]) for name in names if name in asked}}


def _table(asked: list[tuple[float, int, float, float]]) -> Steps:
    limits = sorted({limit for limit, *_ in asked})
    points = np.zeros((len(limits) + 1, len(KINDS)))
    for limit, kind, left, right in asked:
        place = limits.index(limit) + 1
        points[:place, kind] += left
        points[place:, kind] += right
    return Steps(tuple(limits), points)


def _centred(table: dict[str, Any], rows: Column, names: list[str]) -> dict[str, Any]:
    """Move what a sign gives to the mean page into the base, so that its points say how the page differs."""
    base, signs = table["base"], {}
    for name, steps in table["signs"].items():
        column = rows[:, names.index(name)]
        mean = np.mean([steps.at(value) for value in column], axis=0)
        base = base + mean
        points = [[round(float(point), _DIGITS) for point in row] for row in steps.points - mean]
        signs[name] = {"limits": list(steps.limits), "points": points}
    return {"base": [round(float(each), _DIGITS) for each in base], "signs": signs}


def chances(table: dict[str, Any], examples: Sequence[Example]) -> Column:
    """The chance of each kind for each example."""
    base, signs = read_steps(table)
    odds = np.array([base + sum(steps.at(each.signs[name]) for name, steps in signs.items()) for each in examples])
    shares = np.exp(odds - odds.max(axis=1, keepdims=True))
    found: Column = shares / shares.sum(axis=1, keepdims=True)
    return found


def tables_by_fold(examples: Sequence[Example]) -> list[dict[str, Any]]:
    """For each fold a table that was learned without its pages."""
    return [train([each for each in examples if each.fold != fold]) for fold in range(FOLDS)]


def out_of_fold(examples: Sequence[Example]) -> Column:
    """The chances of each example, by a table that was learned without any page of its host."""
    found = np.zeros((len(examples), len(KINDS)))
    for fold, table in enumerate(tables_by_fold(examples)):
        places = [n for n, each in enumerate(examples) if each.fold == fold]
        found[places] = chances(table, [examples[n] for n in places])
    return found


def scores(examples: Sequence[Example], found: Column) -> dict[str, float]:
    """How often the likeliest kind is the true one on `wcxb`, and how often `article or not` is right."""
    typed = [n for n, each in enumerate(examples) if each.corpus == "wcxb"]
    truth, best = np.array([KINDS.index(examples[n].kind) for n in typed]), found[typed].argmax(axis=1)
    right, told = best == truth, (best == 0) == (truth == 0)
    return {"pages": len(typed), "kind": round(float(right.mean()), 4), "article_or_not": round(float(told.mean()), 4)}


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cv", action="store_true", help="only cross-validate; write nothing")
    parser.add_argument("--corpus", type=Path, default=_CLEANERS.parent.parent / "shared" / "corpus")
    parser.add_argument("--out", type=Path, default=_CLEANERS / "page_type")
    given = parser.parse_args(arguments)
    missing = [name for name in _WEIGHTS if not (given.corpus / name / "truth.jsonl.gz").is_file()]
    if missing:
        sys.exit(f"no annotated pages at {given.corpus / missing[0]}: --corpus names the folder that holds them")
    examples = list(read_examples(given.corpus))
    found = scores(examples, out_of_fold(examples))
    print(" ".join(f"{name}={value}" for name, value in found.items()))
    if not given.cv:
        write(train(examples), given.out, _facts(given.corpus, found))


def _facts(corpus: Path, found: dict[str, float]) -> dict[str, Any]:
    truths = {name: (corpus / name / "truth.jsonl.gz").read_bytes() for name in _WEIGHTS}
    return {
        "corpus": {name: hashlib.sha256(content).hexdigest() for name, content in truths.items()},
        "versions": {"lightgbm": version("lightgbm")},
        "rounds": _ROUNDS,
        "settings": _SETTINGS,
        "cross_validated": found,
    }


def write(table: dict[str, Any], folder: Path, facts: dict[str, Any]) -> None:
    """Write the table and what is known of it, a sign a line."""
    signs = ",\n".join(f"  {json.dumps(name)}: {json.dumps(steps)}" for name, steps in table["signs"].items())
    head = json.dumps({"kinds": KINDS, **facts, "base": table["base"]}, indent=1).removesuffix("\n}")
    (folder / FILE).write_text(f'{head},\n "signs": {{\n{signs}\n }}\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
