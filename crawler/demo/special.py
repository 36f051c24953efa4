"""Addresses that are no articles: redirects, errors, a soft 404, files, empty pages, one that needs JavaScript."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from crawler.demo.content import SITE, articles
from crawler.demo.lists import framed, look_of

_FILES = {".svg": "image/svg+xml", ".jpg": "image/jpeg", ".css": "text/css; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Special:
    """One such address, and the state and reason that a crawl should record for it.

    `kind` says what the body is: redirect, not_found, javascript, empty (no bytes), hollow (markup without
    text), file. `text` is the wording of the link to it; without one, only other pages link to it.
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
        """What the address answers with."""
        if self.kind == "file":
            return (SITE / "files" / self.file).read_bytes()
        return _BODIES[self.kind]().encode()


@cache
def specials() -> tuple[Special, ...]:
    """Every such address."""
    entries = tomllib.loads((SITE / "special.toml").read_text("utf-8"))["page"]
    return tuple(Special(**entry) for entry in entries)


def old_addresses() -> list[tuple[str, str]]:
    """The links on the archive page to them and to the stories' second paths: path and link text."""
    copies = [(copy.path, story.title) for story in articles() for copy in story.duplicates]
    return copies + [(special.path, special.text) for special in specials() if special.text]


def static_files() -> dict[str, tuple[str, bytes]]:
    """Pictures and the stylesheet, by path: content type and bytes."""
    files = [file for file in sorted((SITE / "files").iterdir()) if file.suffix in _FILES]
    folders = {".css": "/static/"}
    return {
        f"{folders.get(file.suffix, '/media/')}{file.name}": (_FILES[file.suffix], file.read_bytes()) for file in files
    }


def not_found() -> str:
    """The page that says that there is none."""
    words = look_of("en").wording.words
    text = f"<h1>{words['not_found']}</h1><p>{words['not_found_text']}</p>"
    return framed(
        look_of("en"), words["not_found"], f'<div class="error">{text}<a href="/">{words["back_home"]}</a></div>'
    )


def _javascript() -> str:
    words = look_of("en").wording.words
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Harbour map</title></head><body>'
        f'<div id="root"></div><noscript>{words["javascript"]}</noscript>'
        '<script>document.getElementById("root").textContent = "Map";</script></body></html>'
    )


def _nothing() -> str:
    return ""


def _hollow() -> str:
    return '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title></title></head><body></body></html>'


_BODIES: dict[str, Callable[[], str]] = {
    "redirect": _nothing,
    "empty": _nothing,
    "not_found": not_found,
    "javascript": _javascript,
    "hollow": _hollow,
}
