"""Text and markdown of inline content and of data tables.

A run of inline content has a text, a markdown form and a number of link characters. A data table is told from a table
that lays the page out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator

from lxml import etree

from .canonical_urls import resolve_href
from .elements import INVISIBLE_TAGS, is_hidden

_INVISIBLE_CHARS = "\u00ad\u200b\u2060\ufeff\u180e"
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_MARKDOWN_CHARS = "\\`*_[]<"
_MARKDOWN_ESCAPES = str.maketrans({char: "\\" + char for char in _MARKDOWN_CHARS})
_LINK_END_CHARS = " ()[]<>\n\r\t"  # they would end a link in markdown
_LINK_ESCAPES = str.maketrans({char: f"%{ord(char):02X}" for char in _LINK_END_CHARS})
_ENTITY_START = re.compile(r"&(?=#?\w+;)")  # a link's target in markdown may hold entities
_LINK_END_CHAR = re.compile(f"[{re.escape(_LINK_END_CHARS)}]")
_PLAIN_SPACE = " \t\r\n\x0b"
_BREAK = "\x0b"  # stands for <br> while a run is collected; a parsed page has no control characters


def fold_spaces(text: str) -> str:
    """Return the text in NFC on one line: white space folded to single spaces, invisible characters removed."""
    return " ".join(_without_invisible(text).split())


def _without_invisible(text: str) -> str:
    """Return the text in NFC without soft hyphens, zero-width spaces and the like."""
    if text.isascii():
        return text
    for char in _INVISIBLE_CHARS:
        if char in text:
            text = text.replace(char, "")
    return unicodedata.normalize("NFC", text)


class InlineRun:
    """Collects text, links and emphasis up to a block boundary, where `take` returns them.

    The text is kept in `parts`. Links are (start, end) and marks (mark, start), as indices of parts.
    """

    __slots__ = ("_href", "_link_ranges", "_link_start", "_marked_parts", "_open_marks", "parts", "visible")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._marked_parts: dict[int, str] = {}  # markdown of the parts that begin or end with a link or emphasis mark
        self._link_ranges: list[tuple[int, int]] = []
        self._link_start = -1  # of the open link; -1 if none is open
        self._href = ""
        self._open_marks: list[tuple[str, int]] = []
        self.visible = False  # whether any text but white space was added

    @classmethod
    def from_element(
        cls,
        element: etree._Element,
        invisible_tags: Collection[str] = (),
        is_hidden: Callable[[etree._Element], bool] | None = None,
    ) -> InlineRun:
        """Return the run of all visible text inside one element, however nested.

        Left out are elements inside with one of `invisible_tags` or for which `is_hidden` is true.
        """
        run = cls()
        run._collect(element, invisible_tags, is_hidden)
        return run

    def _collect(
        self,
        element: etree._Element,
        invisible_tags: Collection[str],
        is_hidden: Callable[[etree._Element], bool] | None,
    ) -> None:
        walker = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
        for event, child in walker:
            enters = (
                event == "start"
                and child.tag not in invisible_tags
                and not (is_hidden and child is not element and is_hidden(child))
            )
            if event == "start" and not enters:
                walker.skip_subtree()
            elif enters:
                if child.tag == "a":
                    self.open_link(resolve_href(child.get("href") or "", ""))
                elif child.tag in ("br", "p", "div", "li"):
                    self.add(" ")
                if child.text:
                    self.add(child.text)
            else:
                if child.tag == "a":
                    self.close_link()
                if child is not element and child.tail:
                    self.add(f" {child.tail}" if child.tag in ("p", "div", "li") else child.tail)

    def add(self, text: str, verbatim: bool = False) -> None:
        """Add text as written in the source; white space before the first word counts only with `verbatim`."""
        if self.visible or not text.isspace():
            self.parts.append(text)
            self.visible = True
        elif self.parts or verbatim or text.strip(_PLAIN_SPACE):
            self.parts.append(text)

    def line_break(self) -> bool:
        """Add a line break. Returns true, and adds nothing, if one was just added: two in a row end the block."""
        for text in reversed(self.parts):
            if text == _BREAK:
                return True
            if not text.isspace():
                break
        self.parts.append(_BREAK)
        return False

    def open_link(self, href: str) -> None:
        """Begin a link to `href`."""
        self._link_start, self._href = len(self.parts), href

    def close_link(self) -> None:
        """End the open link, if there is one. A link within the page or to a script is not written as markdown."""
        if self._link_start >= 0:
            self._link_ranges.append((self._link_start, len(self.parts)))
            if closing := _link_closing(self._href):
                self._wrap(self._link_start, "[", closing)
            self._link_start = -1

    def open_mark(self, mark: str) -> None:
        """Begin emphasis or code, whose markdown is put between two of `mark`."""
        self._open_marks.append((mark, len(self.parts)))

    def close_mark(self, mark: str) -> None:
        """End the innermost open emphasis or code, if there is any.

        The text of code is not escaped, so code that a backtick or a line break would end stays plain text.
        """
        if self._open_marks:
            start = self._open_marks.pop()[1]
            if mark == "`":
                if any("`" in part or _BREAK in part for part in self.parts[start:]):
                    return
                unmarked = (n for n in range(start, len(self.parts)) if n not in self._marked_parts)
                self._marked_parts |= {n: self.parts[n] for n in unmarked}
            self._wrap(start, mark, mark)

    def _wrap(self, start: int, opening: str, closing: str) -> None:
        """Put marks around the parts from `start` on, inside the white space at both ends."""
        parts, last = self.parts, len(self.parts) - 1
        while last >= start and not parts[last].strip(_PLAIN_SPACE):
            last -= 1
        if last < start:
            return
        first = start
        while first < last and not parts[first].strip(_PLAIN_SPACE):
            first += 1
        text = self._part_markdown(first)
        if first == last and (inner := text.strip()):  # as most links and marks are
            before, _, after = text.partition(inner)
            self._marked_parts[first] = f"{before}{opening}{inner}{closing}{after}"
            return
        indent = len(text) - len(text.lstrip())
        self._marked_parts[first] = text[:indent] + opening + text[indent:]
        text = self._part_markdown(last)
        stripped = text.rstrip()
        self._marked_parts[last] = stripped + closing + text[len(stripped) :]

    def _part_markdown(self, index: int) -> str:
        return self._marked_parts.get(index) or _escape_markdown(self.parts[index])

    def take(self, *, verbatim: bool = False) -> tuple[str, str, int]:
        """Return (text, markdown, link characters) of the run, and begin a new one.

        With `verbatim`, white space stays as it is. An open link or emphasis continues in the next run.
        """
        result = self._result(verbatim) if self.visible else ("", "", 0)
        self.drop()
        return result

    def drop(self) -> None:
        """Discard the run and begin a new one, in which an open link or emphasis continues."""
        if not self.parts:
            return
        self.parts.clear()
        self.visible = False
        if self._link_start > 0:
            self._link_start = 0
        if self._marked_parts or self._link_ranges:
            self._marked_parts, self._link_ranges = {}, []
        if self._open_marks:
            self._open_marks = [(mark, 0) for mark, _ in self._open_marks]

    def _result(self, verbatim: bool) -> tuple[str, str, int]:
        parts = self.parts
        text = tidy_text("".join(parts), verbatim)
        markdown = self._markdown(text) if text and not verbatim else text
        if self._link_start >= 0:
            self._link_ranges.append((self._link_start, len(parts)))
        link_chars, is_line = 0, not verbatim and "\n" not in text
        for start, end in self._link_ranges:
            is_whole = is_line and start == 0 and end == len(parts)
            link_chars += len(text if is_whole else fold_spaces("".join(parts[start:end])))
        return text, markdown, min(link_chars, len(text)) if link_chars else 0

    def _markdown(self, text: str) -> str:
        """Return the run's markdown; `text` is its text."""
        if not self._marked_parts:
            return _escape_markdown(text)
        return tidy_text("".join([self._part_markdown(index) for index in range(len(self.parts))]), False)


def _escape_markdown(text: str) -> str:
    """Return the text with a backslash before each character that has a meaning in markdown."""
    for char in _MARKDOWN_CHARS:
        if char in text:
            return text.translate(_MARKDOWN_ESCAPES)
    return text


def _link_closing(href: str) -> str:
    """Return what closes a link to `href` in markdown, with characters escaped that would end it early.

    Empty for a link within the page or to a script, which is not written.
    """
    if not href or href.startswith(("#", "javascript:")):
        return ""
    href = href.strip()
    target = href.translate(_LINK_ESCAPES) if _LINK_END_CHAR.search(href) else href
    return f"]({_ENTITY_START.sub('&amp;', target) if '&' in target else target})"


def tidy_text(text: str, verbatim: bool) -> str:
    """Return a block's text: in NFC, its line breaks as newlines, other white space folded unless `verbatim`."""
    if not text.isascii():
        text = _without_invisible(text)
    if verbatim:
        return _CONTROL.sub("", text.replace(_BREAK, "\n").replace("\r\n", "\n")).strip("\n").rstrip()
    if _BREAK not in text:
        return " ".join(text.split())
    return "\n".join([" ".join(line.split()) for line in text.split(_BREAK)]).strip()


_MAX_CELL_CHARS = 120  # on average
_LAYOUT_TAGS = frozenset("table form nav article section h1 h2 blockquote script aside pre".split())


def read_table(table: etree._Element) -> tuple[str, str, int]:
    """Return (text, markdown, link characters) of a data table, one row a line; ("", "", 0) if it has no text."""
    rows = [
        [InlineRun.from_element(cell, INVISIBLE_TAGS, is_hidden).take() for cell in cells]
        for cells in _table_rows(table)
    ]
    lines = [" | ".join(text.replace("\n", " ") for text, _, _ in row) for row in rows if any(c[0] for c in row)]
    if not lines:
        return "", "", 0
    return "\n".join(lines), _markdown_table(rows), sum(cell[2] for row in rows for cell in row)


def read_captions(table: etree._Element) -> Iterator[tuple[str, str, int]]:
    """Yield (text, markdown, link characters) of each caption of the table that has text."""
    for caption in table.iterchildren("caption"):
        text, markdown, link_chars = InlineRun.from_element(caption, INVISIBLE_TAGS, is_hidden).take()
        if text:
            yield text, markdown, link_chars


def _table_rows(table: etree._Element) -> Iterator[list[etree._Element]]:
    """Yield the visible cells of each visible row."""
    for row in table.iter("tr"):
        if not is_hidden(row):
            yield [cell for cell in row if cell.tag in ("td", "th") and not is_hidden(cell)]


def _markdown_table(rows: list[list[tuple[str, str, int]]]) -> str:
    column_count = max(map(len, rows))
    lines = []
    for row in rows:
        cells = [(markdown or text).replace("\n", " ").replace("|", "\\|") for text, markdown, _ in row]
        lines.append("| " + " | ".join(cells + [""] * (column_count - len(cells))) + " |")
    lines.insert(1, "|" + " --- |" * column_count)
    return "\n".join(lines)


def is_data_table(table: etree._Element) -> bool:
    """Return whether a table holds data, rather than laying the page out.

    A data table has no table and no section, form or heading inside, at least two rows, two columns in most of them,
    and short cells.
    """
    if table.get("role") in ("presentation", "none"):
        return False
    cell_count = 0
    for element in table.iterdescendants():
        tag = element.tag
        if tag in _LAYOUT_TAGS:
            return False
        cell_count += tag in ("td", "th")
    rows = [row for row in _table_rows(table) if row]
    if len(rows) < 2 or sum(len(row) >= 2 for row in rows) < len(rows) * 0.6:
        return False
    char_count = sum(len(text) for row in rows for cell in row for text in cell.itertext() if isinstance(text, str))
    return char_count / max(1, cell_count) <= _MAX_CELL_CHARS
