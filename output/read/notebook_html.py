"""HTML for Jupyter of an archive, articles and a cleaned page: escaped, without script or style, safe links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .inert_markup import is_safe_link, xml_line

Fact = object
"""A value of a line of facts; one that is None or empty is left out."""

_SHOWN_TEXT = 600  # characters of a text, some two screens of a notebook's cell


def page_card(title: str, url: str, facts: Sequence[Fact], text: str) -> str:
    """Return a heading, a line of facts with the address, and the beginning of a text."""
    shown = [line for line in text[:_SHOWN_TEXT].splitlines() if line.strip()]
    end = " …" if len(text) > _SHOWN_TEXT else ""
    paragraphs = "".join(f'<p dir="auto">{_escaped(line)}</p>\n' for line in shown)
    heading = _escaped(title) or _escaped(url)
    return f'<h4 dir="auto">{heading}</h4>\n<p>{_line([*facts], url)}</p>\n{paragraphs.rstrip()}{end}\n'


def article_table(articles: Iterable[tuple[Fact, str, str, Fact]], caption: str) -> str:
    """Return a table of articles: day, title, address and number of words."""
    rows = "".join(
        f'<tr><td>{_escaped(day)}</td><td dir="auto">{_link(url, title)}</td><td>{_escaped(words)}</td></tr>\n'
        for day, title, url, words in articles
    )
    head = "<tr><th>day</th><th>title</th><th>words</th></tr>\n"
    return f"<table>\n<caption>{_escaped(caption)}</caption>\n{head}{rows}</table>\n"


def _line(facts: Sequence[Fact], url: str) -> str:
    parts = [_escaped(fact) for fact in facts if fact not in (None, "")]
    return " · ".join([*parts, _link(url, url)] if url else parts)


def _link(url: str, text: str) -> str:
    """Return a link; only its text if it may lead to anything but a page."""
    target, shown = xml_line(url), _escaped(text) or _escaped(url)
    return f'<a href="{escape(target)}" rel="noreferrer">{shown}</a>' if is_safe_link(target) else shown


def _escaped(value: Fact) -> str:
    return "" if value is None else escape(xml_line(value))
