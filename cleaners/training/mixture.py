"""What the models learn from: the corpora, how much the pages of each weigh, and the hosts that no model may see."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from broadsheet.cleaners.training.annotated_sites import SITES

FOLDS = 5
HELD_OUT_FOLDS = frozenset({0, 1})  # of the corpora that hold hosts out


@dataclass(frozen=True, slots=True)
class TrainingCorpus:
    """A corpus of the mixture: what its blocks weigh beside those of others, and whether it keeps two fifths of its
    hosts out of every training, so that there are pages that no model has seen."""

    name: str
    weight: float = 1.0
    holds_hosts_out: bool = False


MIXTURE = (
    TrainingCorpus("news"),
    TrainingCorpus("segments"),
    TrainingCorpus("wcxb"),
    TrainingCorpus(SITES),
    TrainingCorpus("dragnet", 0.3, holds_hosts_out=True),  # pages of 2012, and annotators of other habits
    TrainingCorpus("zh69", 0.5, holds_hosts_out=True),
)
_CORPORA_BY_NAME = {corpus.name: corpus for corpus in MIXTURE}

WHOLE_CORPORA = tuple(corpus.name for corpus in MIXTURE if corpus.name != SITES and not corpus.holds_hosts_out)
HELD_OUT_CORPORA = tuple(corpus.name for corpus in MIXTURE if corpus.holds_hosts_out)
PAGE_CORPORA = WHOLE_CORPORA + HELD_OUT_CORPORA  # all but the whole sites


def fold_of(host: str) -> int:
    """The fold in which the pages of a host are tested, from 0: all of them in one."""
    return hashlib.sha256(host.encode()).digest()[0] % FOLDS


def is_held_out(corpus: str, host: str) -> bool:
    """Whether no model may see this host's pages of the corpus."""
    return _CORPORA_BY_NAME[corpus].holds_hosts_out and fold_of(host) in HELD_OUT_FOLDS


def page_weight(corpus: str, host: str) -> float:
    """What a page's blocks are multiplied with: the weight of its corpus, 0 for a host that is held out."""
    return 0.0 if is_held_out(corpus, host) else _CORPORA_BY_NAME[corpus].weight
