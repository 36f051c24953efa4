"""A parsed page to its visible blocks, in one walk over the tree.

Visible means rendered text: not script, style, template, `hidden`, `aria-hidden`, inline `display:none`.
A run of text between two block boundaries is one block; a data table is one block; a line break inside a
block is a newline and two in a row are a boundary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from lxml import etree

from cleaners.record import Block, Kind
from cleaners.spans import Run

_INVISIBLE = frozenset(
    (
        "annotation annotation-xml applet area audio base canvas datalist desc embed head iframe link map "
        "meta metadata noembed noframes noscript object param rp script source style template textarea title "
        "track video"
    ).split()
)
_BOUNDARY = frozenset(
    (
        "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset "
        "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol "
        "optgroup option p pre search section select summary table tbody td tfoot th thead tr ul"
    ).split()
)
_LANDMARKS = frozenset(
    ("address article aside blockquote button details dialog figure footer form header main nav").split()
)
_ROLES = {
    "navigation": "nav",
    "banner": "header",
    "contentinfo": "footer",
    "complementary": "aside",
    "dialog": "dialog",
    "alertdialog": "dialog",
    "search": "form",
}
_KINDS = {
    "li": Kind.LIST_ITEM,
    "dt": Kind.LIST_ITEM,
    "dd": Kind.LIST_ITEM,
    "blockquote": Kind.QUOTE,
    "pre": Kind.CODE,
    "figcaption": Kind.CAPTION,
    "caption": Kind.CAPTION,
} | {f"h{n}": Kind.HEADING for n in range(1, 7)}
_STICKY = frozenset((Kind.HEADING, Kind.QUOTE, Kind.CODE, Kind.CAPTION, Kind.LIST_ITEM))
_MARKS = {"em": "*", "i": "*", "cite": "*", "strong": "**", "b": "**", "code": "`", "kbd": "`", "samp": "`", "tt": "`"}
_PARTING = frozenset(("img", "input"))  # inside a line, but no word goes on across them
_LISTS = frozenset(("ul", "ol", "dl", "menu", "dir"))
_HIDDEN_STYLE = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.I)
_DIGITS = re.compile(r"\d+")
_CLASSES_KEPT = 4
_STEP_CHARS = 60
_CELL_CHARS = 120
_REVEAL_CHARS = 500  # a hidden part with less prose than this is a menu or a dialog


@dataclass(slots=True)
class _Place:
    """What an element passes down to the text inside it."""

    path: str
    kind: Kind = Kind.PARAGRAPH
    level: int = 0
    lists: int = 0
    landmarks: frozenset[str] = frozenset()


def read_blocks(tree: etree._Element, url: str = "") -> tuple[Block, ...]:
    """Return the page's visible blocks in document order; links are made absolute with `url`.

    A page that keeps most of its text hidden until a script shows it (streamed or faded-in pages) is read
    with its large hidden parts shown. The tree is not changed.
    """
    walk = _Walk(url)
    blocks = tuple(walk.blocks(tree))
    if walk.hidden_chars > 2 * sum(len(block.text) for block in blocks):
        return tuple(_Walk(url, reveal=True).blocks(tree))
    return blocks


def _prose_chars(element: etree._Element) -> int:
    """Characters of text in the element's paragraphs."""
    return sum(len(text) for p in element.iter("p") for text in p.itertext() if isinstance(text, str))


def is_hidden(element: etree._Element) -> bool:
    """Whether the element and all inside it are not rendered, as far as its own markup tells."""
    attributes = element.attrib
    if not attributes:
        return False
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    if attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style")
    return bool(style and _HIDDEN_STYLE.search(style))


def path_step(element: etree._Element) -> str:
    """One step of a block's path: the tag with its id and first classes, digits folded to `*`."""
    step = str(element.tag)
    if identity := element.get("id"):
        step += "#" + "_".join(identity.split())
    if classes := element.get("class"):
        step += "".join("." + name for name in classes.split()[:_CLASSES_KEPT])
    return _DIGITS.sub("*", step.replace(">", ""))[:_STEP_CHARS]


class _Walk:
    """The state of one walk: where it stands, and the run of text it is collecting."""

    def __init__(self, url: str, *, reveal: bool = False) -> None:
        self.url = url
        self.reveal = reveal
        self.hidden_chars = 0
        self.stack: list[_Place] = [_Place("")]
        self.skipped = False
        self.run = Run()
        self.done: list[Block] = []

    def blocks(self, tree: etree._Element) -> Iterator[Block]:
        walker = etree.iterwalk(tree, events=("start", "end", "comment", "pi"))
        for event, element in walker:
            if event == "start":
                if self._enters(element):
                    self._start(element)
                    continue
                walker.skip_subtree()
                self.skipped = True
            elif event == "end":
                self._end(element)
            elif element.tail:
                self.run.add(element.tail)
        self._flush()
        return iter(self.done)

    def _enters(self, element: etree._Element) -> bool:
        tag = element.tag
        if tag in _INVISIBLE or (is_hidden(element) and not self._revealed(element)):
            return False
        if tag == "table" and is_data_table(element):
            self._flush()
            self._data_table(element)
            return False
        return True

    def _revealed(self, element: etree._Element) -> bool:
        chars = _prose_chars(element)
        if chars < _REVEAL_CHARS:
            return False
        self.hidden_chars += chars
        return self.reveal

    def _start(self, element: etree._Element) -> None:
        tag, here = element.tag, self.stack[-1]
        if tag in _BOUNDARY:
            self._flush()
            self.stack.append(self._inside(element, here))
        else:
            self.stack.append(here)
            self._inline(element)
        if element.text:
            self.run.add(element.text)

    def _inline(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == "br":
            if self.run.line_break():
                self._flush()
        elif tag == "a":
            self.run.open_link(self._absolute(element.get("href") or ""))
        elif tag in _MARKS:
            self.run.open_mark(_MARKS[tag])
        elif tag in _PARTING:
            self.run.add(" ")

    def _absolute(self, href: str) -> str:
        try:
            return urljoin(self.url, href) if href and not href.startswith("#") else ""
        except ValueError:
            return ""

    def _end(self, element: etree._Element) -> None:
        if self.skipped:  # the element whose subtree was just passed over: only what follows it is ours
            self.skipped = False
        else:
            self._leave(str(element.tag))
        if element.tail:
            self.run.add(element.tail)

    def _leave(self, tag: str) -> None:
        if tag in _BOUNDARY:
            self._flush()
        elif tag == "a":
            self.run.close_link()
        elif tag in _MARKS:
            self.run.close_mark(_MARKS[tag])
        self.stack.pop()

    def _inside(self, element: etree._Element, here: _Place) -> _Place:
        tag = element.tag
        step = "" if tag == "html" else path_step(element)
        place = _Place(f"{here.path}>{step}".strip(">"), here.kind, here.level, here.lists, here.landmarks)
        mark = tag if tag in _LANDMARKS else _ROLES.get(element.get("role") or "")
        if mark:
            place.landmarks = here.landmarks | {mark}
        if tag in _LISTS:
            place.lists += 1
        if tag in _KINDS:
            self._set_kind(place, tag)
        elif tag in ("td", "th", "article", "section") and place.kind is not Kind.QUOTE:
            place.kind, place.level = Kind.PARAGRAPH, 0
        return place

    @staticmethod
    def _set_kind(place: _Place, tag: str) -> None:
        kind = _KINDS[tag]
        if place.kind is Kind.CODE or (kind is Kind.LIST_ITEM and place.kind is Kind.CAPTION):
            return
        place.kind = kind
        if kind is Kind.HEADING:
            place.level = int(tag[1])
        elif kind is Kind.LIST_ITEM:
            place.level = max(1, place.lists)

    def _flush(self) -> None:
        place = self.stack[-1]
        text, markdown, link_chars = self.run.take(verbatim=place.kind is Kind.CODE)
        if text:
            self._emit(place, text, markdown, link_chars)

    def _emit(self, place: _Place, text: str, markdown: str, link_chars: int) -> None:
        kind = place.kind
        self.done.append(
            Block(
                position=len(self.done),
                kind=kind,
                text=text,
                markdown="" if markdown == text else markdown,
                path=place.path,
                level=place.level if kind in (Kind.HEADING, Kind.LIST_ITEM) else 0,
                link_chars=link_chars,
                landmarks=place.landmarks,
            )
        )

    def _data_table(self, table: etree._Element) -> None:
        here = self.stack[-1]
        place = _Place(f"{here.path}>{path_step(table)}".lstrip(">"), Kind.TABLE, 0, 0, here.landmarks)
        for caption in table.iterchildren("caption"):
            run = Run.of(caption, _INVISIBLE, is_hidden)
            text, markdown, links = run.take()
            if text:
                self._emit(_Place(place.path + ">caption", Kind.CAPTION, 0, 0, place.landmarks), text, markdown, links)
        rows = [[Run.of(cell, _INVISIBLE, is_hidden).take() for cell in cells] for cells in _rows(table)]
        lines = [" | ".join(text.replace("\n", " ") for text, _, _ in row) for row in rows if any(c[0] for c in row)]
        if lines:
            links = sum(cell[2] for row in rows for cell in row)
            self._emit(place, "\n".join(lines), _markdown_table(rows), links)


def _rows(table: etree._Element) -> Iterator[list[etree._Element]]:
    for row in table.iter("tr"):
        if not is_hidden(row):
            yield [cell for cell in row if cell.tag in ("td", "th") and not is_hidden(cell)]


def _markdown_table(rows: list[list[tuple[str, str, int]]]) -> str:
    width = max(map(len, rows))
    lines = []
    for row in rows:
        cells = [(markdown or text).replace("\n", " ").replace("|", "\\|") for text, markdown, _ in row]
        lines.append("| " + " | ".join(cells + [""] * (width - len(cells))) + " |")
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)


def is_data_table(table: etree._Element) -> bool:
    """Whether a table holds data rather than laying the page out.

    A data table has no table inside, no block that a cell of data would not have, and short cells in at
    least two rows and two columns.
    """
    if table.get("role") in ("presentation", "none"):
        return False
    cells = 0
    for element in table.iterdescendants():
        tag = element.tag
        if tag in ("table", "form", "nav", "article", "section", "h1", "h2", "blockquote", "script", "aside", "pre"):
            return False
        cells += tag in ("td", "th")
    rows = [row for row in _rows(table) if row]
    if len(rows) < 2 or sum(len(row) >= 2 for row in rows) < len(rows) * 0.6:
        return False
    chars = sum(len(text) for row in rows for cell in row for text in cell.itertext() if isinstance(text, str))
    return chars / max(1, cells) <= _CELL_CHARS
