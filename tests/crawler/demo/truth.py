"""The outcome that a crawl of the sample site should have: its stories, and a state and a reason for each path."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

_FOLDER = Path(__file__).parent
_LISTS = ("text_blocks", "authors", "tags", "aliases")


@dataclass(frozen=True, slots=True)
class ExpectedPage:
    """The expected result of one article page: its text blocks, and its metadata.

    The title is not among `text_blocks`; the `standfirst` is, captions and bylines are not. A table is one block
    with a line a row and ` | ` between cells; code and verse keep their line breaks. `published` and `modified`
    are as the page states them. `aliases` are other paths with the same text, `next_path` is the story's next
    page, `listed` says where the address appears (site, sitemap, feed), `is_teaser` whether a paywall ends it.
    """

    path: str
    title: str
    text_blocks: tuple[str, ...]
    language: str
    published: str
    authors: tuple[str, ...]
    modified: str = ""
    section: str = ""
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    next_path: str = ""
    listed: str = "site"
    is_teaser: bool = False
    standfirst: str = ""


def expected_pages() -> list[ExpectedPage]:
    """Return every article page of the site once, newest first; a story in two pages has an entry for each."""
    entries = json.loads((_FOLDER / "stories.json").read_text("utf-8"))
    return [ExpectedPage(**entry | {name: tuple(entry.get(name, ())) for name in _LISTS}) for entry in entries]


def expected_stories() -> list[ExpectedPage]:
    """Return every story once, as the settled archive has it: one in two pages whole, under its first page's path."""
    pages = {page.path: page for page in expected_pages()}
    later = {page.next_path for page in pages.values()}
    return [_whole_story(page, pages) for page in pages.values() if page.path not in later]


def _whole_story(page: ExpectedPage, pages: dict[str, ExpectedPage]) -> ExpectedPage:
    if not page.next_path:
        return page
    rest = _whole_story(pages[page.next_path], pages)
    return replace(page, text_blocks=page.text_blocks + rest.text_blocks, next_path="")


def _expected_outcomes() -> dict[str, tuple[str, str]]:
    lines = (_FOLDER / "outcomes.txt").read_text("utf-8").splitlines()
    return {path: (state, reason) for path, state, reason in map(str.split, lines)}


#: Path → (state, reason) in table `urls`, for every path that a crawl from `/` without limits records.
EXPECTED_OUTCOMES: dict[str, tuple[str, str]] = _expected_outcomes()
