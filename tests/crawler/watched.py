"""Sites that a test edits between two crawls: what publications do to articles, and what changes around them.

Edits are functions from a page's HTML to its HTML, made while the site is served; nothing of a site is stored here.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any
from urllib.parse import unquote, urlsplit

Edit = Callable[[str], str]
_PARAGRAPH = re.compile(r"<p\b[^>]*>(.*?)</p>", re.DOTALL | re.IGNORECASE)
_LEAST = 90  # characters of a paragraph that an edit is made to


@dataclass
class Edits:
    """What a server answers otherwise, by path: edits of its page, or another status (with a Location, if any)."""

    pages: dict[str, list[Edit]] = field(default_factory=dict)
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    everywhere: list[Edit] = field(default_factory=list)
    log: list[tuple[str, int]] = field(default_factory=list)

    def of(self, path: str, status: int, kind: str, body: bytes) -> tuple[int, str, bytes]:
        """The status, Location and body that come for a path."""
        if path in self.answers:
            return *self.answers[path], b"<title>Elsewhere</title><p>Nothing is here.</p>"
        edits = [*self.pages.get(path, ()), *self.everywhere]
        if status != 200 or not edits or not kind.startswith("text/html"):
            return status, "", body
        try:
            html = body.decode("utf8")
        except UnicodeDecodeError:  # an older page in another encoding stays as it is
            return status, "", body
        for edit in edits:
            html = edit(html)
        return status, "", html.encode("utf8")


def edited(handler: type, edits: Edits) -> type:
    """A site's handler with the edits made, and answers to conditional requests by what then stands there."""

    class Edited(handler):  # type: ignore[misc]
        def do_GET(self) -> None:  # noqa: N802 - as http.server calls it
            asked = self.headers.get("If-None-Match")
            del self.headers["If-None-Match"], self.headers["If-Modified-Since"]
            wire, self.wfile = self.wfile, io.BytesIO()
            try:
                super().do_GET()
                top, _, body = self.wfile.getvalue().partition(b"\r\n\r\n")
            finally:
                self.wfile = wire
            lines = top.decode("latin-1").split("\r\n")
            fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            path = unquote(urlsplit(self.path).path)
            kind = fields.get("content-type", "")
            status, location, body = edits.of(path, int(lines[0].split()[1]), kind, body)
            tag = f'"{hashlib.sha1(body).hexdigest()[:16]}"'
            status = 304 if status == 200 and asked == tag else status
            edits.log.append((path, status))
            self._send(status, location or fields.get("location", ""), kind, tag, body)

        def _send(self, status: int, location: str, kind: str, tag: str, body: bytes) -> None:
            body = b"" if status == 304 else body
            fields = {"Content-Type": kind, "Content-Length": str(len(body)), "Location": location}
            fields |= {"ETag": tag} if status in (200, 304) else {}
            self.send_response(status)
            for name, value in fields.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Edited


def paragraphs(html: str, text: str) -> list[re.Match[str]]:
    """The paragraphs of a page that stand in an article's text, in order, each text once."""
    there = _plain(text)
    found = [each for each in _PARAGRAPH.finditer(html) if len(_words(each[1])) >= _LEAST and _words(each[1]) in there]
    times = [_words(each[1]) for each in found]
    return [each for each, words in zip(found, times, strict=True) if times.count(words) == 1]


def changed(text: str, which: int, word: str) -> Edit:
    """A word is put into the midst of a paragraph of the article's text; a negative number counts from the end."""

    def edit(html: str) -> str:
        found = paragraphs(html, text)[which]
        words = found[1].split(" ")
        middle = next(at for at in range(len(words) // 2, len(words)) if "<" not in " ".join(words[at:]) or at > 3)
        return html[: found.start(1)] + " ".join([*words[:middle], word, *words[middle:]]) + html[found.end(1) :]

    return edit


def removed(text: str, which: int) -> Edit:
    """A paragraph is gone."""

    def edit(html: str) -> str:
        found = paragraphs(html, text)[which]
        return html[: found.start()] + html[found.end() :]

    return edit


def added(text: str, paragraph: str) -> Edit:
    """A paragraph comes after the last one of the article's text."""

    def edit(html: str) -> str:
        at = paragraphs(html, text)[-1].end()
        return f"{html[:at]}<p>{paragraph}</p>{html[at:]}"

    return edit


def retitled(title: str, other: str) -> Edit:
    """The title reads otherwise wherever the page has it: head, heading, metadata."""

    def edit(html: str) -> str:
        spellings = {title, escape(title), escape(title, quote=False), title.replace("'", "&#8217;")}
        for spelling in sorted(spellings, key=len, reverse=True):
            html = html.replace(spelling, other)
        return html

    return edit


def furnished(promo: str, comments: int, day: str, related: Iterable[str]) -> Edit:
    """A promo, a count of comments, today's date and a list of related articles: before the page's text and after."""

    def edit(html: str) -> str:
        links = "".join(f'<li><a href="/r{at}">{title}</a></li>' for at, title in enumerate(related))
        top = f'<div class="today"><span>{day}</span></div><div class="promo-box"><p>{promo}</p></div>'
        end = (
            f'<aside class="related"><h3>Related</h3><ul>{links}</ul></aside>'
            f'<div class="meta"><a href="#comments">{comments} comments</a></div>'
            f'<div class="promo"><p>{promo}</p></div>'
        )
        html = re.sub(r"(<body\b[^>]*>)", lambda found: found[1] + top, html, count=1)
        return _before_last(html, "</article>", end) or _before_last(html, "</body>", end) or html + end

    return edit


def restyled(html: str) -> str:
    """Another template: classes and ids have other names, and what stood first in the body stands last."""

    def renamed(found: re.Match[str]) -> str:
        names = (f"t{hashlib.sha1(name.encode()).hexdigest()[:6]}" for name in found[3].split())
        return f"{found[1]}{found[2]}{' '.join(names)}{found[2]}"

    html = re.sub(r"""(\s(?:class|id)=)(["'])([^"']*)\2""", renamed, html)
    moved = re.search(r"<header\b.*?</header>", html, re.DOTALL)
    if not moved:
        return html
    return _before_last(html[: moved.start()] + html[moved.end() :], "</body>", moved[0]) or html


def _before_last(html: str, tag: str, what: str) -> str:
    at = html.rfind(tag)
    return f"{html[:at]}{what}{html[at:]}" if at >= 0 else ""


def _words(html: str) -> str:
    return _plain(unescape(re.sub(r"<[^>]+>", "", html)))


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip()


def kinds_by_path(rows: Iterable[tuple[Any, ...]], origin: str) -> dict[str, list[str]]:
    """The kinds of the edits by path, from rows of (URL, kinds joined)."""
    found: dict[str, list[str]] = {}
    for url, kinds in rows:
        found.setdefault(unquote(url.removeprefix(origin)), []).append(kinds)
    return found
