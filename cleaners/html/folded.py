"""Hidden parts of a page that are text all the same: folded answers, tabs, slides, what a script fades in.

A reader who opens them finds the article's own words. What opens over the page instead (dialogs, menus, forms) and what
furnishes it (comments, teasers) stays hidden; such parts are known by the names in `rules/layout.toml`.
"""

from __future__ import annotations

from lxml import etree

from cleaners.rules import explain_layout

LEAST_CHARS = 500
"""Characters of prose; a hidden part with less is a menu, a dialog or a label."""

_UP = 3  # containers that are looked at, the part itself among them
_FURNITURE = frozenset(
    "advertisement app comments consent dialog donation feedback footer form navigation newsletter print promo related "
    "share sidebar".split()
)
_ROLES = frozenset(("dialog", "alertdialog", "menu", "navigation"))
_ENDS = frozenset(("body", "main", "article"))


def prose_chars(element: etree._Element) -> int:
    """Characters of text in the element's paragraphs."""
    return sum(len(text) for p in element.iter("p") for text in p.itertext() if isinstance(text, str))


def is_furniture(element: etree._Element) -> bool:
    """Whether a hidden element is, or is in, a part of the page that is no text."""
    for depth, each in enumerate((element, *element.iterancestors())):
        if depth == _UP or each.tag in _ENDS:
            return False
        rule = explain_layout(_step(each))
        if each.get("role") in _ROLES or (rule is not None and rule.reason in _FURNITURE):
            return True
    return False


def _step(element: etree._Element) -> str:
    """The element as one step of a path, with all its names."""
    names = [name for key in ("id", "class") for name in (element.get(key) or "").split()]
    return ".".join((str(element.tag), *names)).replace(">", "")
