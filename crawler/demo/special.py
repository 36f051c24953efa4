"""Addresses without an article: redirects, errors, a soft 404, files, empty pages, one that needs JavaScript."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from broadsheet.crawler.demo.content import SITE, articles
from broadsheet.crawler.demo.lists import list_skin, page_in_layout

_FILE_TYPES = {".svg": "image/svg+xml", ".jpg": "image/jpeg", ".css": "text/css; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class SpecialAddress:
    """An address without an article, and the state and reason that a crawl should record for it.

    `kind` says what the body is: redirect, not_found, javascript, empty (no bytes), hollow (markup without
    text), file. `text` is the text of the link to it; without one, only other pages link to it.
    """

    path: str
    status: int
    state: str
    reason: str
    kind: str = "redirect"
    location: str = ""
    text: str = ""
    file: str = ""
    type: str = "text/html; charset=utf-8"

    def body(self) -> bytes:
        """The body of the response."""
        if self.kind == "file":
            return (SITE / "files" / self.file).read_bytes()
        return _BODIES[self.kind]().encode()


@cache
def special_addresses() -> tuple[SpecialAddress, ...]:
    """All of them, from the data file."""
    entries = tomllib.loads((SITE / "special.toml").read_text("utf-8"))["page"]
    return tuple(SpecialAddress(**entry) for entry in entries)


def old_addresses() -> list[tuple[str, str]]:
    """The links on the archive page to special addresses and to the stories' second paths: (path, link text)."""
    copies = [(copy.path, story.title) for story in articles() for copy in story.duplicates]
    return copies + [(special.path, special.text) for special in special_addresses() if special.text]


def static_files() -> dict[str, tuple[str, bytes]]:
    """Pictures and the stylesheet, by path: content type and bytes."""
    files = [file for file in sorted((SITE / "files").iterdir()) if file.suffix in _FILE_TYPES]
    folders = {".css": "/static/"}
    return {
        f"{folders.get(file.suffix, '/media/')}{file.name}": (_FILE_TYPES[file.suffix], file.read_bytes())
        for file in files
    }


def not_found_page() -> str:
    """The page of a soft 404: it says that there is no such page."""
    words = list_skin("en").wording.words
    text = f"<h1>{words['not_found']}</h1><p>{words['not_found_text']}</p>"
    return page_in_layout(
        list_skin("en"), words["not_found"], f'<div class="error">{text}<a href="/">{words["back_home"]}</a></div>'
    )


def _javascript_page() -> str:
    words = list_skin("en").wording.words
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Harbour map</title></head><body>'
        f'<div id="root"></div><noscript>{words["javascript"]}</noscript>'
        '<script>document.getElementById("root").textContent = "Map";</script></body></html>'
    )


def _empty_body() -> str:
    return ""


def _empty_page() -> str:
    return '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title></title></head><body></body></html>'


_BODIES: dict[str, Callable[[], str]] = {
    "redirect": _empty_body,
    "empty": _empty_body,
    "not_found": not_found_page,
    "javascript": _javascript_page,
    "hollow": _empty_page,
}
