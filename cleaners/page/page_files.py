"""Files that a page shows: its style sheets and pictures, found in its text, or given other addresses there. Pure.

One walk serves both, so that a stored page asks for the very files that were stored with it. Fonts are left out: they
are large, often licensed for one site, and every browser has one in their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape

from ..document import UrlSource
from .canonical_urls import resolve_href
from .page_images import picture_address

FileAddress = Callable[[UrlSource, str], str]
"""Gives the address that a sheet (STYLE) or picture (IMAGE) of a URL gets; empty to leave the place as it is."""

_QUOTED = r""""[^"]{0,5000}"|'[^']{0,5000}'"""
_ATTRIBUTE = re.compile(rf"([^\s\"'<>/=]+)(?:\s*=\s*({_QUOTED}|[^\s\"'<>]+))?")
_BASE = re.compile(rf"<base\b((?:[^<>\"']|{_QUOTED})*+)>", re.IGNORECASE)
_PLACE = re.compile(
    rf"(<style\b[^<>]*>)((?:[^<]|<(?!/?style\b))*+)(?=</style)|<(img|link)\b((?:[^<>\"']|{_QUOTED})*+)>", re.IGNORECASE
)
_SHEET_PLACE = re.compile(
    r"""@font-face\s*\{[^{}]*+|(@import)\s+(?:url\(\s*)?["']?([^"'()\s;]+)["']?\s*\)?"""
    r"""|url\(\s*["']?([^"'()\s]+)["']?\s*\)""",
    re.IGNORECASE,
)
_REPLACED = re.compile(r"src|srcset|sizes|loading|data-.*", re.IGNORECASE)
_HIDDEN = (("<!--", "-->"), ("<script", "</script"))


def list_files(text: str, url: str, *, is_sheet: bool = False) -> tuple[tuple[UrlSource, str], ...]:
    """List the files of a page, or of a style sheet, at a URL: kind and address of each, once, in their order.

    >>> list_files('<link rel="stylesheet" href="a.css"><img src="b.png">', "https://news.example/1")
    ((<UrlSource.STYLE: 'style'>, 'https://news.example/a.css'), (<UrlSource.IMAGE: 'image'>, 'https://news.example/b.png'))
    """
    found: dict[tuple[UrlSource, str], None] = {}

    def note(kind: UrlSource, file_url: str) -> str:
        found[kind, file_url] = None
        return ""

    if is_sheet:
        sheet_with_files(text, url, note)
    else:
        page_with_files(_shown(text), url, note)
    return tuple(found)


def _shown(text: str) -> str:
    """Return a page without its comments and scripts, which name files that it does not show."""
    for start, end in _HIDDEN:
        first, *parts = re.split(start, text, flags=re.IGNORECASE)
        text = first + "".join(re.split(end, part, maxsplit=1, flags=re.IGNORECASE)[-1] for part in parts)
    return text


def page_with_files(text: str, url: str, address: FileAddress) -> str:
    """Return the text of a page at a URL with other addresses for its files.

    A sheet is named by `@import` then: no `link` is needed, which could announce other hosts too.
    """
    base_tag = _BASE.search(text)
    base = resolve_href(_attributes(base_tag[1]).get("href", ""), url) if base_tag else ""

    def place(match: re.Match[str]) -> str:
        if match[3] is None:
            return match[1] + sheet_with_files(match[2], base or url, address)
        show = _shown_picture if match[3].lower() == "img" else _linked_sheet
        return show(match[4], base or url, address) or match[0]

    return _PLACE.sub(place, text)


def sheet_with_files(text: str, url: str, address: FileAddress) -> str:
    """Return the text of a style sheet at a URL with other addresses for its pictures and the sheets that it imports.

    >>> sheet_with_files("p { background: url(a.png) }", "https://news.example/", lambda kind, url: f"/file?{url}")
    'p { background: url("/file?https://news.example/a.png") }'
    """

    def place(match: re.Match[str]) -> str:
        kind = UrlSource.STYLE if match[1] else UrlSource.IMAGE
        named = _ask(kind, match[2] or match[3] or "", url, address)
        return f'{"@import " if match[1] else ""}url("{named}")' if named else match[0]

    return _SHEET_PLACE.sub(place, text)


def _ask(kind: UrlSource, reference: str, base: str, address: FileAddress) -> str:
    """Ask for the address of a file; a fragment, as of a symbol in a picture, stays."""
    file_url, sign, fragment = resolve_href(reference, base).partition("#")
    is_file = file_url.lower().startswith("http") and reference[:1] not in ("", "#")
    named = address(kind, file_url) if is_file else ""
    return named + sign + fragment if named else ""


def _attributes(text: str) -> dict[str, str]:
    """Read the attributes of a tag; of several with one name the first counts, as in browsers."""
    values: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(text):
        values.setdefault(name.lower(), unescape(value[1:-1] if value[:1] in ('"', "'") else value))
    return values


def _shown_picture(attributes: str, base: str, address: FileAddress) -> str:
    named = _ask(UrlSource.IMAGE, picture_address(_attributes(attributes).get, base), base, address)
    kept = _ATTRIBUTE.sub(lambda match: "" if _REPLACED.fullmatch(match[1]) else match[0], attributes)
    return f'<img src="{named}" {kept.strip(" /")}>' if named else ""


def _linked_sheet(attributes: str, base: str, address: FileAddress) -> str:
    """Return what stands for a link to a sheet, also for one that a script would have switched on."""
    values = _attributes(attributes)
    relations, is_late = values.get("rel", "").lower().split(), "onload" in values
    if "alternate" in relations or not (
        "stylesheet" in relations or ("preload" in relations and values.get("as", "").lower() == "style")
    ):
        return ""
    named = _ask(UrlSource.STYLE, values.get("href", ""), base, address)
    media = "" if is_late else values.get("media", "")
    return f'<style media="{escape(media)}">@import url("{named}");</style>' if named else ""
