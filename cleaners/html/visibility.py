"""What a browser would not show, as far as the page's own markup tells."""

from __future__ import annotations

import re

from lxml import etree

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


def is_hidden(element: etree._Element) -> bool:
    """Whether the element and all inside it are not rendered, as far as its own markup tells."""
    if HIDING.isdisjoint(element.keys()):
        return False
    if element.get("hidden", "until-found") != "until-found" or element.get("aria-hidden") == "true":
        return True
    style = element.get("style")
    return bool(style and ("dden" in (low := style.lower()) or "none" in low) and _HIDDEN_STYLE.search(style))
