"""A parsed page to its visible blocks, in one walk over the tree.

Visible means rendered text: not script, style, template, `hidden`, `aria-hidden`, inline `display:none`, unless the
hidden part is text that a reader can unfold (`visibility.py`). A run of text between two block boundaries is one block;
a data table is one block; a line break inside a block is a newline and two in a row are a boundary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from lxml import etree

from cleaners.document import Block, Kind
from cleaners.html.inline import Run
from cleaners.html.site_labels import takes_out
from cleaners.html.tables import is_data_table, read_captions, read_table
from cleaners.html.visibility import HIDING, INVISIBLE, LEAST_CHARS, is_furniture, is_hidden, prose_chars
from cleaners.urls.canonical import absolute

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
_MARKS = {"em": "*", "i": "*", "cite": "*", "strong": "**", "b": "**", "code": "`", "kbd": "`", "samp": "`", "tt": "`"}
_PARTING = frozenset(("img", "input"))  # inside a line, but no word goes on across them
_INLINE = _PARTING.union(_MARKS, ("a", "br"))
_NEW_TEXT = frozenset(("td", "th", "article", "section"))  # what is inside is no list item, heading or caption any more
_LISTS = frozenset(("ul", "ol", "dl", "menu", "dir"))
_DIGITS = re.compile(r"\d+")
_CLASSES_KEPT = 4
_STEP_CHARS = 60


@dataclass(slots=True)
class _Place:
    """What an element passes down to the text inside it. Elements of one look in one place share a place."""

    path: str
    kind: Kind = Kind.PARAGRAPH
    level: int = 0
    lists: int = 0
    landmarks: frozenset[str] = frozenset()
    inside: dict[tuple[object, ...], _Place] = field(default_factory=dict)
    verbatim: bool = False  # whether white space is text


_Marks = Mapping[etree._Element, frozenset[str]]


def read_blocks(tree: etree._Element, url: str = "", marks: _Marks | None = None) -> tuple[Block, ...]:
    """Return the page's visible blocks in document order; links are made absolute with `url`.

    `marks` are more landmarks, by element: what is inside a marked element has them, and is a block of its own; a
    part of a line that is taken out follows that line. A page that keeps most of its text hidden until a script shows
    it is read with all its large hidden parts shown. The tree is not changed.
    """
    walk = _Walk(url, marks)
    blocks = tuple(walk.blocks(tree))
    if walk.hidden_chars > 2 * sum(len(block.text) for block in blocks):
        return tuple(_Walk(url, marks, reveal=True).blocks(tree))
    return blocks


@lru_cache(maxsize=4096)
def path_step(tag: str, identity: str | None, classes: str | None) -> str:
    """One step of a block's path: the tag with its id and first classes, digits folded to `*`."""
    step = tag
    if identity:
        step += "#" + "_".join(identity.split())
    if classes and (names := classes.split()):
        step += "." + ".".join(names[:_CLASSES_KEPT])
    return _DIGITS.sub("*", step.replace(">", ""))[:_STEP_CHARS]


class _Walk:
    """The state of one walk: where it stands, and the run of text it is collecting."""

    def __init__(self, url: str, marks: _Marks | None = None, *, reveal: bool = False) -> None:
        self.url = url
        self.marks = marks or {}
        self.root: etree._Element | None = None
        self.beside: list[Block] = []  # taken out of the line that is being read
        self.reveal = reveal
        self.hidden_chars = 0
        self.stack: list[_Place] = [_Place("")]
        self.links: dict[str, str] = {}  # absolute addresses by the way they are written
        self.run = Run()
        self.done: list[Block] = []

    def blocks(self, tree: etree._Element) -> list[Block]:
        self.root, skipped = tree, False
        stack, marks, run = self.stack, self.marks, self.run
        walker = etree.iterwalk(tree, events=("start", "end", "comment", "pi"))
        for event, element in walker:
            if event == "start":
                tag, here, given = str(element.tag), stack[-1], element.keys()
                if tag in INVISIBLE or (
                    (tag == "table" or marks or not HIDING.isdisjoint(given)) and self._passes(tag, element)
                ):
                    walker.skip_subtree()
                    skipped = True
                    continue
                if tag in _BOUNDARY or (marks and element in marks):
                    self._flush(here)
                    here = self._inside(tag, element, here, bool(given))
                elif tag in _INLINE:
                    self._inline(tag, element, here)
                stack.append(here)
                if text := element.text:
                    run.add(text, here.verbatim)
                continue
            if skipped:  # the end of the element whose subtree was passed over: only what follows it is ours
                skipped = False
            elif event == "end":
                if (here := stack.pop()) is not stack[-1]:
                    self._flush(here)
                elif element.tag in _INLINE:
                    self._close(str(element.tag))
            if (tail := element.tail) and element is not tree:
                run.add(tail, stack[-1].verbatim)
        self._flush(stack[-1])
        return self.done

    def _passes(self, tag: str, element: etree._Element) -> bool:
        """Whether the walk passes an element over: nobody sees it, or it was read as a whole."""
        if is_hidden(element) and not self._revealed(element):
            return True
        if self.marks and tag not in _BOUNDARY and element in self.marks and self._set_aside(element):
            return True
        if tag == "table" and is_data_table(element) and not (self.marks and self._marked_inside(element)):
            self._flush(self.stack[-1])
            self._data_table(element)
            return True
        return False

    def _marked_inside(self, element: etree._Element) -> bool:
        return any(each in self.marks for each in element.iterdescendants())

    def _set_aside(self, element: etree._Element) -> bool:
        """Read a part of a line that is taken out by itself, so that the line goes on without it."""
        if element is self.root or not takes_out(self.marks[element]):
            return False
        part = _Walk(self.url, self.marks, reveal=self.reveal)
        part.stack = [self.stack[-1]]
        self.beside += part.blocks(element)
        return True

    def _revealed(self, element: etree._Element) -> bool:
        chars = prose_chars(element)
        if chars < LEAST_CHARS:
            return False
        if not is_furniture(element):
            return True
        self.hidden_chars += chars
        return self.reveal

    def _inline(self, tag: str, element: etree._Element, here: _Place) -> None:
        if tag == "a":
            self.run.open_link(self._absolute(element.get("href") or ""))
        elif tag == "br":
            if self.run.line_break():
                self._flush(here)
        elif tag in _MARKS:
            self.run.open_mark(_MARKS[tag])
        else:
            self.run.add(" ", here.verbatim)

    def _close(self, tag: str) -> None:
        if tag == "a":
            self.run.close_link()
        elif tag in _MARKS:
            self.run.close_mark(_MARKS[tag])

    def _absolute(self, href: str) -> str:
        if not href or href.startswith("#"):
            return ""
        address = self.links.get(href)
        if address is None:
            address = self.links[href] = absolute(href, self.url)
        return address

    def _inside(self, tag: str, element: etree._Element, here: _Place, dressed: bool) -> _Place:
        """The place that an element makes; `dressed` says whether it has attributes at all."""
        marks = self.marks.get(element) if self.marks else None
        get = element.get
        look = (tag, get("id"), get("class"), get("role"), marks) if dressed else (tag, None, None, None, marks)
        place = here.inside.get(look)
        if place is None:
            place = here.inside[look] = _place(here, *look[:4])
            if marks:
                place.landmarks |= marks
        return place

    def _flush(self, place: _Place) -> None:
        """End the run that stands at a place."""
        if self.run.visible:
            text, markdown, link_chars = self.run.take(verbatim=place.verbatim)
            if text:
                self._emit(place, text, markdown, link_chars)
        else:
            self.run.drop()
        while self.beside:
            self.done.append(replace(self.beside.pop(0), position=len(self.done)))

    def _emit(self, place: _Place, text: str, markdown: str, link_chars: int) -> None:
        kind = place.kind
        self.done.append(
            Block(
                len(self.done),
                kind,
                text,
                "" if markdown == text else markdown,
                place.path,
                place.level if kind in (Kind.HEADING, Kind.LIST_ITEM) else 0,
                link_chars,
                place.landmarks,
            )
        )

    def _data_table(self, table: etree._Element) -> None:
        here = self.stack[-1]
        step = path_step("table", table.get("id"), table.get("class"))
        landmarks = here.landmarks | self.marks.get(table, frozenset())
        place = _Place(f"{here.path}>{step}".lstrip(">"), Kind.TABLE, landmarks=landmarks)
        caption = replace(place, path=place.path + ">caption", kind=Kind.CAPTION)
        for taken in read_captions(table):
            self._emit(caption, *taken)
        text, markdown, link_chars = read_table(table)
        if text:
            self._emit(place, text, markdown, link_chars)


def _place(here: _Place, tag: str, identity: str | None, classes: str | None, role: str | None) -> _Place:
    """The place that an element with this look makes inside another."""
    step = "" if tag == "html" else path_step(tag, identity, classes)
    path = f"{here.path}>{step}" if here.path and step else here.path or step
    place = _Place(path, here.kind, here.level, here.lists, here.landmarks)
    mark = tag if tag in _LANDMARKS else _ROLES.get(role or "")
    if mark:
        place.landmarks = here.landmarks | {mark}
    if tag in _LISTS:
        place.lists += 1
    if tag in _KINDS:
        _set_kind(place, tag)
    elif tag in _NEW_TEXT and place.kind is not Kind.QUOTE:
        place.kind, place.level = Kind.PARAGRAPH, 0
    place.verbatim = place.kind is Kind.CODE
    return place


def _set_kind(place: _Place, tag: str) -> None:
    kind = _KINDS[tag]
    if place.kind is Kind.CODE or (kind is Kind.LIST_ITEM and place.kind is Kind.CAPTION):
        return
    place.kind = kind
    if kind is Kind.HEADING:
        place.level = int(tag[1])
    elif kind is Kind.LIST_ITEM:
        place.level = max(1, place.lists)
