"""What a browser would not show, as far as the page's own markup tells, and which hidden parts are text all the same.

Folded answers, tabs, slides, what a script fades in: a reader who opens them finds the article's own words. What opens
over the page instead (dialogs, menus, forms) and what furnishes it (comments, teasers) stays hidden; such parts are
known by the names in `rules/layout.toml`.
"""

from __future__ import annotations

import re

from lxml import etree

from cleaners.rules.layout import explain_layout

INVISIBLE = frozenset(
    (
        "annotation annotation-xml applet area audio base canvas datalist desc embed head iframe link map "
        "meta metadata noembed noframes noscript object param rp script source style template textarea title "
        "track video"
    ).split()
)
HIDING = frozenset(("hidden", "aria-hidden", "style"))
"""The attributes that may hide an element."""

_HIDDEN_STYLE = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.I)
LEAST_CHARS = 500
"""Characters of prose; a hidden part with less is a menu, a dialog or a label."""

_UP = 3  # containers that are looked at, the part itself among them
_FURNITURE = frozenset(
    "advertisement app comments consent dialog donation feedback footer form navigation newsletter print promo related "
    "share sidebar".split()
)
_ROLES = frozenset(("dialog", "alertdialog", "menu", "navigation"))
_ENDS = frozenset(("body", "main", "article"))


def is_hidden(element: etree._Element) -> bool:
    """Whether the element and all inside it are not rendered, as far as its own markup tells."""
    if HIDING.isdisjoint(element.keys()):
        return False
    if element.get("hidden", "until-found") != "until-found" or element.get("aria-hidden") == "true":
        return True
    style = element.get("style")
    return bool(style and ("dden" in (low := style.lower()) or "none" in low) and _HIDDEN_STYLE.search(style))


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
