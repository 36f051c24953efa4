"""The links inside an article's text, as its Markdown has them, and the table that holds them.

Settling and rulings assemble a text anew; its links are listed with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from broadsheet.cleaners.page.canonical_urls import canonicalise

if TYPE_CHECKING:
    from sqlite_utils import Database

# Code holds no links, and an escaped bracket begins none.
_CODE_OR_LINK = re.compile(
    r"^(`{3,})\n.*?\n\1$|`[^`]*`|\\.|\[((?:[^\[\]\\]|\\.)*)\]\(([^()\[\]<>\s]+)\)", re.MULTILINE | re.DOTALL
)
_ESCAPE_OR_MARK = re.compile(r"\\(.)|[*`]", re.DOTALL)
_ESCAPED_AMPERSAND = re.compile(r"&amp;(?=#?\w+;)")


class TextLink(NamedTuple):
    """A link inside a text: where it leads, in the spelling of `urls.url`, and the words that are linked."""

    url: str
    anchor: str


def text_links(markdown: str, base: str) -> list[TextLink]:
    r"""Return the links of an article's Markdown, in its order; `base` is the article's URL.

    >>> text_links("See [the \\[old\\] *mill*](/mill#top) and `[no](/link)`.", "https://news.example/river")
    [TextLink(url='https://news.example/mill', anchor='the [old] mill')]
    """
    if "](" not in markdown:
        return []
    found = (match for match in _CODE_OR_LINK.finditer(markdown) if match[3])
    return [TextLink(_target(match[3], base), _words(match[2])) for match in found]


def _target(written: str, base: str) -> str:
    """Return the address that a link in Markdown names; one of mail or telephone as it is written."""
    href = _ESCAPED_AMPERSAND.sub("&", written)
    return canonicalise(href, base) or href


def _words(anchor: str) -> str:
    return " ".join(_ESCAPE_OR_MARK.sub(lambda match: match[1] or "", anchor).split())


_PUT = "INSERT INTO _links (page_id, position, url, anchor) VALUES (?, ?, ?, ?)"


def put_links(db: Database, page_id: int, links: Sequence[TextLink]) -> None:
    """Replace the links of the text that a page has. Runs in the caller's transaction."""
    db.execute("DELETE FROM _links WHERE page_id = ?", [page_id])
    db.conn.executemany(_PUT, [(page_id, position, *link) for position, link in enumerate(links)])


def stored_links(db: Database, page_id: int) -> list[TextLink]:
    """Return the links of the text that a page has, in its order."""
    query = "SELECT url, anchor FROM _links WHERE page_id = ? ORDER BY position"
    return [TextLink(*row) for row in db.execute(query, [page_id]).fetchall()]
