"""A run of inline content to its text, its markdown and its count of link characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection

from lxml import etree

_UNSEEN = "\u00ad\u200b\u2060\ufeff\u180e"
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_SPECIAL = "\\`*_[]<"
_AS_TEXT = str.maketrans({char: "\\" + char for char in _SPECIAL})
_ENDS_A_LINK = " ()[]<>\n\r\t"
_IN_A_LINK = str.maketrans({char: f"%{ord(char):02X}" for char in _ENDS_A_LINK})
_OF_NO_LINK = re.compile(f"[{re.escape(_ENDS_A_LINK)}]")
_PLAIN_SPACE = " \t\r\n\x0b"
_BREAK = "\x0b"  # stands for <br> while a run is collected; control characters never come from a parsed page


def fold(text: str) -> str:
    """Return the text in NFC on one line: spaces folded, characters that are never seen taken out."""
    return " ".join(_seen(text).split())


def _seen(text: str) -> str:
    """The text in NFC without the characters that are never seen."""
    if text.isascii():
        return text
    for mark in _UNSEEN:
        if mark in text:
            text = text.replace(mark, "")
    return unicodedata.normalize("NFC", text)


class Run:
    """Collects text, links and emphasis until a block boundary takes it."""

    __slots__ = ("_href", "_link_from", "_links", "_marks", "_parts", "_written", "visible")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._written: dict[int, str] = {}  # the markdown of the parts that link or emphasis marks touch
        self._links: list[tuple[int, int]] = []
        self._link_from = -1
        self._href = ""
        self._marks: list[tuple[str, int]] = []
        self.visible = False  # whether anything was added that a reader sees

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

    def add(self, text: str, verbatim: bool = False) -> None:
        """Add text as it stands in the source; white space before the first word is text only in what is verbatim."""
        if self.visible:
            self._parts.append(text)
        elif not text.isspace():
            self._parts.append(text)
            self.visible = True
        elif self._parts or verbatim or text.strip(_PLAIN_SPACE):
            self._parts.append(text)

    def line_break(self) -> bool:
        """Add a line break; true when it follows another one, which makes a boundary of the two."""
        for text in reversed(self._parts):
            if text == _BREAK:
                return True
            if not text.isspace():
                break
        self._parts.append(_BREAK)
        return False

    def open_link(self, href: str) -> None:
        """Begin a link to `href`, as written."""
        self._link_from, self._href = len(self._parts), href

    def close_link(self) -> None:
        """End the link that is open, if one is."""
        if self._link_from >= 0:
            self._links.append((self._link_from, len(self._parts)))
            if self._href and not self._href.startswith(("#", "javascript:")):
                self._wrap(self._link_from, "[", _link_end(self._href.strip()))
            self._link_from = -1

    def open_mark(self, mark: str) -> None:
        """Begin emphasis or code with its markdown mark."""
        self._marks.append((mark, len(self._parts)))

    def close_mark(self, mark: str) -> None:
        """End the innermost emphasis, if one is open."""
        if self._marks:
            start = self._marks.pop()[1]
            if mark == "`":
                self._written |= {n: self._parts[n] for n in range(start, len(self._parts)) if n not in self._written}
            self._wrap(start, mark, mark)

    def _wrap(self, start: int, before: str, after: str) -> None:
        parts, last = self._parts, len(self._parts) - 1
        while last >= start and not parts[last].strip(_PLAIN_SPACE):
            last -= 1
        if last < start:
            return
        first = start
        while not parts[first].strip(_PLAIN_SPACE):
            first += 1
        text = self._markdown(first)
        lead = len(text) - len(text.lstrip())
        self._written[first] = text[:lead] + before + text[lead:]
        text = self._markdown(last)
        kept = text.rstrip()
        self._written[last] = kept + after + text[len(kept) :]

    def _markdown(self, part: int) -> str:
        return self._written.get(part) or _escaped(self._parts[part])

    def take(self, *, verbatim: bool = False) -> tuple[str, str, int]:
        """Return (text, markdown, link characters) of the run, and begin a new one.

        A link or emphasis left open goes on in the next run.
        """
        taken = self._taken(verbatim) if self.visible else ("", "", 0)
        self.drop()
        return taken

    def drop(self) -> None:
        """Begin a new run, whatever was added; a link or emphasis left open goes on in it."""
        if self._parts:
            self._reset()

    def _taken(self, verbatim: bool) -> tuple[str, str, int]:
        parts = self._parts
        text = _tidy("".join(parts), verbatim)
        markdown = self._written_out(text) if text and not verbatim else text
        if self._link_from >= 0:
            self._links.append((self._link_from, len(parts)))
        linked = 0
        for start, end in self._links:
            linked += len(fold("".join(parts[start:end])))
        return text, markdown, min(linked, len(text))

    def _written_out(self, text: str) -> str:
        """The run's markdown, whose text is `text`."""
        if not self._written:
            return _escaped(text)
        return _tidy("".join([self._markdown(part) for part in range(len(self._parts))]), False)

    def _reset(self) -> None:
        self._parts.clear()
        self.visible = False
        if self._link_from > 0:
            self._link_from = 0
        if self._written or self._links:
            self._written, self._links = {}, []
        if self._marks:
            self._marks = [(mark, 0) for mark, _ in self._marks]


def _escaped(text: str) -> str:
    """The text with what markdown would read as its own marked as text."""
    for mark in _SPECIAL:
        if mark in text:
            return text.translate(_AS_TEXT)
    return text


def _link_end(href: str) -> str:
    """What closes a link to `href` in markdown, as it goes into a block."""
    return f"]({href.translate(_IN_A_LINK) if _OF_NO_LINK.search(href) else href})"


def _tidy(text: str, verbatim: bool) -> str:
    if not text.isascii():
        text = _seen(text)
    if verbatim:
        return _CONTROL.sub("", text.replace(_BREAK, "\n").replace("\r\n", "\n")).strip("\n").rstrip()
    if _BREAK not in text:
        return " ".join(text.split())
    return "\n".join([" ".join(line.split()) for line in text.split(_BREAK)]).strip()
