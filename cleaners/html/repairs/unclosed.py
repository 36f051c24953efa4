"""A title or a quoted attribute that is never closed, and so swallows the page: closed where its line ends.

To a parser, all that follows `<title>` or `class="` is inside of it. Old pages have both, and the browsers of their
time showed the page all the same.
"""

from __future__ import annotations

import re

from lxml import etree

MIN_CHARS = 1_000  # of a page without a word of text, for the repair to be tried
_TEXT_ONLY_LINE = re.compile(r"<(title|textarea|iframe)\b[^<>]*>[^<\r\n]*", re.IGNORECASE)
_OPEN_VALUE = re.compile(r"""(<[a-zA-Z][^<>\r\n]{0,400}?=\s?)(["'])((?:(?!\2)[^<>\r\n]){0,400})(?=[>\r\n])""")
_UNSHOWN_TAGS = frozenset(("head", "script", "style", "template", "noscript", "textarea", "iframe", "title"))


def has_no_text(root: etree._Element) -> bool:
    """Whether a parsed page has no text outside of its head, scripts and forms' fields."""
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        if event == "start" and str(element.tag) in _UNSHOWN_TAGS:
            walker.skip_subtree()
        elif event == "start" and element.text and not element.text.isspace():
            return False
        if event == "end" and element.tail and not element.tail.isspace():
            return False
    return True


def close_unclosed(text: str) -> str:
    """Return a page's source with each title, text field and attribute that is never closed, closed at its line's end.

    An attribute counts as never closed if its line ends, or its tag seems to, before its second quotation mark.
    """
    text = _OPEN_VALUE.sub(r"\1\2\3\2", text)
    lower_text = text.lower()
    last_end_tags = {tag: lower_text.rfind(f"</{tag}") for tag in ("title", "textarea", "iframe")}

    def close_line(match: re.Match[str]) -> str:
        tag = match[1].lower()
        return match[0] if match.end() <= last_end_tags[tag] else f"{match[0]}</{tag}>"

    return _TEXT_ONLY_LINE.sub(close_line, text)
