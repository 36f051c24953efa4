"""The labels that site rules put on blocks, among the landmarks: `site:FILE:LINE/DIRECTIVE`."""

from __future__ import annotations

from collections.abc import Iterable

_PREFIX = "site:"
_KEEPING_ENDINGS = ("/body", "/prune")
_FAILURE_ENDING = "/autodetect_on_failure"
_NO_REMOVAL_ENDINGS = (*_KEEPING_ENDINGS, _FAILURE_ENDING)


def removal_label(labels: Iterable[str]) -> str:
    """Return the first label, in alphabetical order, of a directive that removes its block; empty if there is none."""
    site_labels = (label for label in sorted(labels) if label.startswith(_PREFIX))
    return next((label for label in site_labels if not label.endswith(_NO_REMOVAL_ENDINGS)), "")


def is_body_label(label: str) -> bool:
    """Whether the label marks its block as part of the article's body."""
    return label.startswith(_PREFIX) and label.endswith("/body")


def keeps_whole_body(label: str) -> bool:
    """Whether the label says that nothing is removed from the body (`prune: no`)."""
    return label.startswith(_PREFIX) and label.endswith("/prune")


def is_failure_label(label: str) -> bool:
    """Whether the label says that no body was found and none may be guessed (`autodetect_on_failure: no`)."""
    return label.startswith(_PREFIX) and label.endswith(_FAILURE_ENDING)
