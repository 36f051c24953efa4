"""A run of inline content to its text, its markdown and its count of link characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection

from lxml import etree

_AROUND_BREAK = re.compile(r" ?\n ?")
_ALL_SPACE = re.compile(r"\s+")
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff\u180e]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_SPECIAL = re.compile(r"([\\`*_\[\]<])")
_BREAK = "\x0b"  # stands for <br> while a run is collected; control characters never come from a parsed page


def fold(text: str) -> str:
    """Return the text in NFC on one line: spaces folded, characters that are never seen taken out."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    return _ALL_SPACE.sub(" ", text).strip()


class Run:
    """Collects text, links and emphasis until a block boundary takes it."""

    __slots__ = ("_href", "_link_from", "_links", "_marked", "_marks", "_parts")

    def __init__(self) -> None:
        self._parts: list[tuple[str, str]] = []  # (text, markdown where it differs)
        self._links: list[tuple[int, int]] = []
        self._link_from = -1
        self._href = ""
        self._marks: list[tuple[str, int]] = []
        self._marked = False

    @classmethod
    def of(
        cls,
        element: etree._Element,
        unseen: Collection[str] = (),
        hidden: Callable[[etree._Element], bool] | None = None,
    ) -> Run:
        """Return the run of all visible text inside one element, however nested."""
        run = cls()
        run._collect(element, unseen, hidden)
        return run

    def _collect(
        self, element: etree._Element, unseen: Collection[str], hidden: Callable[[etree._Element], bool] | None
    ) -> None:
        walker = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
        for event, child in walker:
            inside = (
                event == "start" and child.tag not in unseen and not (hidden and child is not element and hidden(child))
            )
            if event == "start" and not inside:
                walker.skip_subtree()
            elif inside:
                self._enter(child)
            else:
                if child.tag == "a":
                    self.close_link()
                if child is not element and child.tail:
                    self.add(f" {child.tail}" if child.tag in ("p", "div", "li") else child.tail)

    def _enter(self, child: etree._Element) -> None:
        if child.tag == "a":
            self.open_link(child.get("href") or "")
        elif child.tag in ("br", "p", "div", "li"):
            self.add(" ")
        if child.text:
            self.add(child.text)

    def add(self, text: str) -> None:
        """Add text as it stands in the source."""
        self._parts.append((text, ""))

    def line_break(self) -> bool:
        """Add a line break; true when it follows another one, which makes a boundary of the two."""
        for text, _ in reversed(self._parts):
            if text == _BREAK:
                return True
            if text.strip():
                break
        self._parts.append((_BREAK, ""))
        return False

    def open_link(self, href: str) -> None:
        """Begin a link to `href`, as written."""
        self._link_from, self._href = len(self._parts), href

    def close_link(self) -> None:
        """End the link that is open, if one is."""
        if self._link_from >= 0:
            self._links.append((self._link_from, len(self._parts)))
            if self._href and not self._href.startswith(("#", "javascript:")):
                self._wrap(self._link_from, "[", f"]({self._href.strip().replace(' ', '%20').replace(')', '%29')})")
            self._link_from = -1

    def open_mark(self, mark: str) -> None:
        """Begin emphasis or code with its markdown mark."""
        self._marks.append((mark, len(self._parts)))

    def close_mark(self, mark: str) -> None:
        """End the innermost emphasis, if one is open."""
        if self._marks:
            self._wrap(self._marks.pop()[1], mark, mark)

    def _wrap(self, start: int, before: str, after: str) -> None:
        filled = [n for n in range(start, len(self._parts)) if self._parts[n][0].strip(" \t\r\n\x0b")]
        if not filled:
            return
        first, last = filled[0], filled[-1]
        self._marked = True
        self._parts[first] = self._prefix(self._parts[first], before)
        self._parts[last] = self._suffix(self._parts[last], after)

    @staticmethod
    def _prefix(part: tuple[str, str], before: str) -> tuple[str, str]:
        text, markdown = part
        markdown = markdown or _SPECIAL.sub(r"\\\1", text)
        lead = len(markdown) - len(markdown.lstrip())
        return text, markdown[:lead] + before + markdown[lead:]

    @staticmethod
    def _suffix(part: tuple[str, str], after: str) -> tuple[str, str]:
        text, markdown = part
        markdown = markdown or _SPECIAL.sub(r"\\\1", text)
        kept = markdown.rstrip()
        return text, kept + after + markdown[len(kept) :]

    def take(self, *, verbatim: bool = False) -> tuple[str, str, int]:
        """Return (text, markdown, link characters) of the run, and begin a new one.

        A link or emphasis left open goes on in the next run.
        """
        if not self._parts:
            return "", "", 0
        parts, links, open_link = self._parts, self._links, self._link_from >= 0
        if open_link:
            links.append((self._link_from, len(parts)))
        text = _tidy("".join(part[0] for part in parts), verbatim)
        markdown = text
        if text and not verbatim and (self._marked or _SPECIAL.search(text)):
            markdown = _tidy("".join(part[1] or _SPECIAL.sub(r"\\\1", part[0]) for part in parts), False)
        linked = sum(len(fold("".join(part[0] for part in parts[a:b]))) for a, b in links) if text else 0
        self._reset(open_link)
        return text, markdown, min(linked, len(text))

    def _reset(self, open_link: bool) -> None:
        self._parts, self._links, self._marked = [], [], False
        self._link_from = 0 if open_link else -1
        self._marks = [(mark, 0) for mark, _ in self._marks]


def _tidy(text: str, verbatim: bool) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    if verbatim:
        return _CONTROL.sub("", text.replace(_BREAK, "\n").replace("\r\n", "\n")).strip("\n").rstrip()
    text = _ALL_SPACE.sub(" ", text.replace(_BREAK, "\0")) if _BREAK in text else _ALL_SPACE.sub(" ", text)
    if "\0" in text:
        text = _AROUND_BREAK.sub("\n", text.replace("\0", "\n"))
    return text.strip()
