"""The marks that site rules leave on blocks, among their landmarks: `site:FILE:LINE/DIRECTIVE`."""

from __future__ import annotations

from collections.abc import Iterable

_SITE = "site:"
_KEEPING = ("/body", "/prune")
_FAILED = "/autodetect_on_failure"


def takes_out(labels: Iterable[str]) -> str:
    """The first label of a directive that takes its place out of the article, or an empty string."""
    return next((each for each in sorted(labels) if each.startswith(_SITE) and not each.endswith(_OTHERS)), "")


def is_body(label: str) -> bool:
    """Whether the label says that its place is the article's."""
    return label.startswith(_SITE) and label.endswith("/body")


def is_whole(label: str) -> bool:
    """Whether the label says that a body is kept whole (`prune: no`)."""
    return label.startswith(_SITE) and label.endswith("/prune")


def is_failure(label: str) -> bool:
    """Whether the label says that no body was found and none is to be guessed."""
    return label.startswith(_SITE) and label.endswith(_FAILED)


_OTHERS = (*_KEEPING, _FAILED)
