"""Text that another tool extracted, before and after cleaning, beside the same with the rules alone.

    python -m tests.bench.textmode [--every N] [--out FILE]

The texts are made from the annotated pages (`tests/training/line_model.py`): the full text of the page by html-text,
what trafilatura leaves of it, and the annotated text itself, of which nothing may be lost. What counts are the
cross-validated figures, which `python -m tests.training.line_model` writes beside the model; here the
model that is shipped is measured, which has seen these pages, and the time that a text costs. The result kept in the
repository is `tests/bench/results/textmode.json`.
"""

import argparse
import datetime
import json
import pathlib
import time
from collections.abc import Sequence
from typing import Any

from broadsheet.cleaners.judge.tree_models import LINE_MODEL, predict
from broadsheet.cleaners.rules.rule_files import load_rules
from broadsheet.cleaners.text_mode.plaintext import judge_text
from tests.bench.corpus import ROOT, SHARED, corpus_hash
from tests.bench.documents.figures import refresh_documents
from tests.bench.figures import write_figures
from tests.training.line_model import TextDump, compare_cleaning, read_dumps

RESULT = pathlib.Path(__file__).parent / "results/textmode.json"
TRAINED = ROOT / "cleaners/judge/models/lines.json"


def in_sample(dumps: Sequence[TextDump]) -> dict[str, Any]:
    """The figures of the texts as they are, by the rules alone, and cleaned by the model that is shipped."""
    return compare_cleaning(dumps, [predict(each.feature_names, each.rows, LINE_MODEL) for each in dumps])


def milliseconds(dumps: Sequence[TextDump]) -> dict[str, float]:
    """CPU ms to judge a text, by kind, rules and model loaded before; each text is new to the rules' memory."""
    spent: dict[str, list[float]] = {}
    rules = load_rules()
    judge_text(dumps[0].text.blocks, rules)
    for each in dumps:
        started = time.process_time()
        judge_text(each.text.blocks, rules)
        spent.setdefault(each.kind, []).append(1000 * (time.process_time() - started))
    return {kind: round(sum(times) / len(times), 1) for kind, times in spent.items()}


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    given = parser.parse_args()
    dumps = list(read_dumps(SHARED / "corpus", given.every))
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "corpus": {name: corpus_hash(name) for name in ("news", "segments", "wcxb")},
        "every": given.every,
        "cpu_ms_a_text": milliseconds(dumps),
        "cross_validated": json.loads(TRAINED.read_text("utf-8"))["cross_validated"],
        "in_sample": in_sample(dumps),
    }
    for how in ("cross_validated", "in_sample"):
        for side, kinds in result[how].items():
            for kind, values in kinds.items():
                print(f"{how:16} {side:12} {kind:6} {values}")
    print(result["cpu_ms_a_text"])
    if out := given.out or (RESULT if given.every == 1 else None):
        write_figures(out, result)
        refresh_documents(out)


if __name__ == "__main__":
    main()
