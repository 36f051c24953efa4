"""Training of the text mode's model on dumps of the annotated pages, scored on sites not trained on.

    python -m tests.training.line_model --cv       cross-validation by host: nothing is written
    python -m tests.training.line_model            train on everything and write lines.npz and lines.json
    options: --corpus FOLDER                  the annotated pages (../shared/corpus)
             --date YYYY-MM-DD                today, which lines.json then says

A dump is a text as other tools extract it. Each page gives up to four: the full text of the page (html-text), what
trafilatura extracts from it, the annotated text itself, from which nothing may be removed, and part of it broken into
short lines like verse. The same pages, versions and settings give the same file. Needs the extra: pip install
'.[train]'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from broadsheet.cleaners.document import Column, KeepReason, Verdict
from broadsheet.cleaners.judge.extractor import extracted_text
from broadsheet.cleaners.judge.tree_models import LINE_MODEL, Trees
from broadsheet.cleaners.page.parsed_page import decode, parse
from broadsheet.cleaners.rules.rule_files import load_rules
from broadsheet.cleaners.text_mode.line_features import line_features
from broadsheet.cleaners.text_mode.plaintext import judge_lines_by_rules, weigh_lines
from broadsheet.cleaners.text_mode.text_lines import TextLines, blocks_of_text, read_lines
from tests.training.annotated_pages import (
    annotated_pages,
    annotated_words,
    block_weights,
    site_name,
    snippet_weights,
    snippets_of,
)
from tests.training.block_model import fit_trees, training_facts, write_facts, write_model
from tests.training.corpora import FOLDS, MIXTURE, WHOLE_CORPORA, fold_of, training_options
from tests.training.labels import covered_shares, fold_whitespace, snippet_labels, word_f1, words_of

KINDS = ("full", "half", "clean", "verse")
_KIND_WEIGHT = {"full": 1.0, "half": 1.0, "clean": 0.3, "verse": 0.3}
_VERSE_EVERY, _VERSE_CHARS = 4, 4000  # one page in so many gives verse; from so much of its text
_VERSE_WORDS = (5, 5)  # the shortest line, and by how many words lines differ
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class TextDump:
    """Text with its lines' features, labels (0 or 1) and weights; a line of weight 0 is not trained on."""

    corpus: str
    kind: str
    host: str
    text: TextLines
    rule_verdicts: tuple[Verdict, ...]
    feature_names: list[str]
    rows: Column
    labels: Column
    weights: Column
    article_words: Counter[str]
    article_snippets: tuple[str, ...]
    boilerplate_snippets: tuple[str, ...]


def read_dumps(corpus: Path, every: int = 1) -> Iterator[TextDump]:
    """Yield the dumps of each n-th annotated page of the corpora that weigh most, in a fixed order. Needs html-text."""
    from html_text import extract_text

    for name in WHOLE_CORPORA:
        for number, (row, html) in enumerate(annotated_pages(corpus / name)):
            if number % every == 0:
                for kind, text in _page_texts(number, row, html, extract_text):
                    if (dump := _text_dump(name, kind, row, text)) is not None:
                        yield dump


def _page_texts(
    number: int, row: dict[str, Any], html: bytes, full_text: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """Yield the kind and the text of each dump of a page; `full_text` extracts all the text of an HTML page."""
    page = decode(html).text
    tree = parse(page)
    yield "full", full_text(page)
    yield "half", extracted_text(tree, row["url"] or "", recall=True) if tree is not None else ""
    if row.get("text"):
        yield "clean", f"{row.get('title') or '-'}\n{row['text']}"
        if number % _VERSE_EVERY == 0:
            yield "verse", f"{row.get('title') or '-'}\n{_verse_lines(row['text'][:_VERSE_CHARS])}"


def _verse_lines(text: str) -> str:
    """Return the text in lines of a few words, as a poem or a list has them."""
    least_words, spread = _VERSE_WORDS
    lines: list[str] = []
    for paragraph in text.splitlines():
        words = paragraph.split()
        while words:
            size = least_words + (7 * len(words) + len(lines)) % spread
            lines.append(" ".join(words[:size]))
            words = words[size:]
    return "\n".join(lines)


def _text_dump(corpus: str, kind: str, row: dict[str, Any], text: str) -> TextDump | None:
    """Compute the dump of a text; None where it has no line."""
    blocks = blocks_of_text(text)
    if not blocks:
        return None
    lines = read_lines(blocks, load_rules())
    title_index, rule_verdicts = judge_lines_by_rules(lines)
    names, rows = line_features(lines, rule_verdicts, title_index)
    labels, weights = _labels_and_weights(kind, lines, row)
    return TextDump(
        corpus,
        kind,
        site_name(corpus, row),
        lines,
        rule_verdicts,
        names,
        rows,
        labels,
        weights * _KIND_WEIGHT[kind],
        Counter(annotated_words(row)),
        *snippets_of(row),
    )


def _labels_and_weights(kind: str, lines: TextLines, row: dict[str, Any]) -> tuple[Column, Column]:
    line_words = [words_of(block.text) for block in lines.blocks]
    sizes = np.array([len(words) for words in line_words])
    article_words = annotated_words(row)
    if kind in ("clean", "verse"):
        labels = np.ones(len(line_words), int)
        weights = block_weights(labels, sizes, len(article_words))
        labels[0], weights[0] = 0, 0  # the title
        return labels, weights
    if article_words:
        shares = covered_shares(line_words, article_words)
        weights = block_weights(shares, sizes, len(article_words))
    else:
        shares = snippet_labels(lines.blocks, *snippets_of(row))
        weights = snippet_weights(shares, sizes)
    return (np.nan_to_num(shares) >= _HALF).astype(int), weights


_ROUNDS = 150

LineScores = dict[str, dict[str, dict[str, float]]]  # by kind of text, corpus and name of the score
_TRAINING_FIELDS = ("rows", "labels", "weights")


def train_line_model(dumps: Sequence[TextDump]) -> Trees:
    """Train on the lines of the dumps that have a label."""
    rows, labels, weights = (np.concatenate([getattr(dump, name) for dump in dumps]) for name in _TRAINING_FIELDS)
    is_used = weights > 0
    return fit_trees(dumps[0].feature_names, rows[is_used], labels[is_used], weights[is_used], _ROUNDS)


def out_of_fold(dumps: Sequence[TextDump]) -> list[Column]:
    """Return for each dump the probabilities of its lines, by a model trained without any page of its host."""
    probabilities: dict[int, Column] = {}
    for fold in range(FOLDS):
        trees = train_line_model([dump for dump in dumps if fold_of(dump.host) != fold])
        probabilities |= {
            n: 1 / (1 + np.exp(-trees.log_odds(dump.rows)))
            for n, dump in enumerate(dumps)
            if fold_of(dump.host) == fold
        }
    return [probabilities[n] for n in range(len(dumps))]


def score_dumps(dumps: Sequence[TextDump], verdicts: Sequence[Sequence[Verdict]]) -> LineScores:
    """Return by kind of text and corpus the word F1, or F1 of the snippets, and the share of boilerplate snippets kept.

    `verdicts` holds for each dump a verdict a line. Annotated texts and verse are scored by word F1 against the text
    itself without its title.
    """
    texts = [
        "\n".join(line.text for line, verdict in zip(dump.text.blocks, line_verdicts, strict=True) if verdict.kept)
        for dump, line_verdicts in zip(dumps, verdicts, strict=True)
    ]
    scores: LineScores = {}
    for kind in KINDS:
        for corpus in sorted({dump.corpus for dump in dumps}):
            pairs = [p for p in zip(dumps, texts, strict=True) if (p[0].kind, p[0].corpus) == (kind, corpus)]
            if pairs:
                scores.setdefault(kind, {})[corpus] = {"texts": len(pairs)} | _pair_scores(kind, corpus, pairs)
    return scores


def _pair_scores(kind: str, corpus: str, pairs: list[tuple[TextDump, str]]) -> dict[str, float]:
    if kind in ("clean", "verse"):
        scores = [word_f1(_word_counts(text), _dump_words(dump)) for dump, text in pairs]
        return {"f1": round(float(np.mean(scores)), 4)}
    if corpus != "segments":
        f1 = round(float(np.mean([word_f1(_word_counts(text), dump.article_words) for dump, text in pairs])), 4)
        kept_snippets = [
            snippet.lower() in text.lower() for dump, text in pairs for snippet in dump.boilerplate_snippets
        ]
        return {"f1": f1} | ({"boilerplate_kept": round(float(np.mean(kept_snippets)), 4)} if kept_snippets else {})
    article_hits, boilerplate_hits = (
        list(_snippets_kept(pairs, field)) for field in ("article_snippets", "boilerplate_snippets")
    )
    f1 = 2 * sum(article_hits) / max(sum(article_hits) + sum(boilerplate_hits) + len(article_hits), 1)
    return {"f1": round(f1, 4), "boilerplate_kept": round(sum(boilerplate_hits) / max(len(boilerplate_hits), 1), 4)}


def _word_counts(text: str) -> Counter[str]:
    return Counter(words_of(text))


def _dump_words(dump: TextDump) -> Counter[str]:
    """Return the words of a dump without its first line, the title."""
    return _word_counts("\n".join(block.text for block in dump.text.blocks[1:]))


def _snippets_kept(pairs: list[tuple[TextDump, str]], field: str) -> Iterator[bool]:
    """Yield for each snippet, of those in `field` of the dumps, whether it is in the text kept of its dump."""
    for dump, text in pairs:
        folded_text = fold_whitespace(text)
        yield from (fold_whitespace(snippet) in folded_text for snippet in getattr(dump, field))


def compare_cleaning(dumps: Sequence[TextDump], probabilities: Sequence[Column]) -> dict[str, LineScores]:
    """Return the scores of the texts as they are, by the rules alone, and by rules and model together.

    `probabilities` are those of the model, for each dump, a line.
    """
    methods: dict[str, Callable[[TextDump, Column], Sequence[Verdict]]] = {
        "as it is": lambda dump, _: [Verdict(True, KeepReason.ARTICLE, "")] * len(dump.rule_verdicts),
        "rules alone": lambda dump, _: dump.rule_verdicts,
        "cleaned": lambda dump, line_probabilities: weigh_lines(dump.text, dump.rule_verdicts, line_probabilities),
    }
    return {
        name: score_dumps(dumps, [method(*pair) for pair in zip(dumps, probabilities, strict=True)])
        for name, method in methods.items()
    }


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    options = training_options(__doc__, "judge/models", arguments, WHOLE_CORPORA)
    dumps = list(read_dumps(options.corpus))
    scores = compare_cleaning(dumps, out_of_fold(dumps))
    for method, kinds in scores.items():
        for kind, values in kinds.items():
            print(f"{method:12} {kind:6} {values}")
    if not options.cv:
        corpora = [corpus for corpus in MIXTURE if corpus.name in WHOLE_CORPORA]
        facts = {"date": options.date, **training_facts(options.corpus, dumps[0].feature_names, _ROUNDS, corpora)}
        facts["cross_validated"] = scores
        facts["versions"] |= {"html-text": version("html-text")}
        write_model(train_line_model(dumps), options.out, LINE_MODEL)
        write_facts(facts, options.out, LINE_MODEL)


if __name__ == "__main__":
    main()
