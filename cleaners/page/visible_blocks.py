"""Blocks of visible text on a parsed page, read in one walk over the tree, with site rules' labels.

Visible means rendered text: not script, style, template, `hidden`, `aria-hidden`, inline `display:none`, unless the
hidden part is text that a reader can unfold (`elements.py`). The text between two block boundaries is one block; a data
table is one block; a line break inside a block is a newline, and two in a row are a boundary. Site rules label blocks
among the landmarks: `site:FILE:LINE/DIRECTIVE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice

from lxml import etree

from ..document import Block, BlockKind
from .canonical_urls import resolve_href
from .elements import (
    HIDING_ATTRIBUTES,
    INVISIBLE_TAGS,
    MIN_PROSE_CHARS,
    is_hidden,
    is_in_boilerplate,
    prose_chars,
    running_chars,
)
from .inline_text import InlineRun, is_data_table, read_captions, read_table
from .running_text import LITTLE_PROSE_WORDS, prose_words

_SITE_LABEL_PREFIX = "site:"
_KEEPING_ENDINGS = ("/body", "/prune")
_FAILURE_ENDING = "/autodetect_on_failure"
_NO_REMOVAL_ENDINGS = (*_KEEPING_ENDINGS, _FAILURE_ENDING)


def removal_label(labels: Iterable[str]) -> str:
    """Return the alphabetically first label of a directive that removes its block; empty without one."""
    site_labels = (label for label in sorted(labels) if label.startswith(_SITE_LABEL_PREFIX))
    return next((label for label in site_labels if not label.endswith(_NO_REMOVAL_ENDINGS)), "")


def is_body_label(label: str) -> bool:
    """Return whether the label marks its block as part of the article's body."""
    return label.startswith(_SITE_LABEL_PREFIX) and label.endswith("/body")


def keeps_whole_body(label: str) -> bool:
    """Return whether the label says that nothing is removed from the body (`prune: no`)."""
    return label.startswith(_SITE_LABEL_PREFIX) and label.endswith("/prune")


def is_failure_label(label: str) -> bool:
    """Return whether the rules' body was not found and must not be guessed (`autodetect_on_failure: no`)."""
    return label.startswith(_SITE_LABEL_PREFIX) and label.endswith(_FAILURE_ENDING)


_BOUNDARY_TAGS = frozenset(
    (
        "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset "
        "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol "
        "optgroup option p pre search section select summary table tbody td tfoot th thead tr ul"
    ).split()
)
_LANDMARK_TAGS = frozenset(
    ("address article aside blockquote button details dialog figure footer form header main nav").split()
)
_LANDMARK_BY_ROLE = {
    "navigation": "nav",
    "banner": "header",
    "contentinfo": "footer",
    "complementary": "aside",
    "dialog": "dialog",
    "alertdialog": "dialog",
    "search": "form",
}
_KINDS = {
    "li": BlockKind.LIST_ITEM,
    "dt": BlockKind.LIST_ITEM,
    "dd": BlockKind.LIST_ITEM,
    "blockquote": BlockKind.QUOTE,
    "pre": BlockKind.CODE,
    "figcaption": BlockKind.CAPTION,
    "caption": BlockKind.CAPTION,
} | {f"h{n}": BlockKind.HEADING for n in range(1, 7)}
_MARKDOWN_MARKS = {
    "em": "*", "i": "*", "cite": "*", "strong": "**", "b": "**", "code": "`", "kbd": "`", "samp": "`", "tt": "`",
}  # fmt: skip
_WORD_SEPARATORS = frozenset(("img", "input"))  # within a line, but the words before and after them are two words
_INLINE_TAGS = _WORD_SEPARATORS.union(_MARKDOWN_MARKS, ("a", "br"))
_KIND_RESETS = frozenset(("td", "th", "article", "section"))  # their text is not part of a list item or heading around
_LIST_TAGS = frozenset(("ul", "ol", "dl", "menu", "dir"))
_DIGITS = re.compile(r"\d+")
_MAX_CLASSES = 4
_MAX_STEP_CHARS = 60
_MOST_HIDDEN_PARTS = 2_000  # that are searched for text on a page without visible prose


@dataclass(slots=True)
class _Context:
    """Context that an element passes down to the text inside it.

    Sibling elements with the same tag, step of the path, role and labels share one context, cached in their parent's
    `children` under these values.
    """

    path: str
    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    list_depth: int = 0
    landmarks: frozenset[str] = frozenset()
    children: dict[tuple[object, ...], _Context] = field(default_factory=dict)
    verbatim: bool = False  # whether white space is kept, as in <pre>


ElementLabels = Mapping[etree._Element, frozenset[str]]
"""The labels of site rules, by the elements that they name."""


def read_blocks(
    tree: etree._Element,
    url: str = "",
    labels: ElementLabels | None = None,
    picture_places: dict[etree._Element, int] | None = None,
) -> tuple[Block, ...]:
    """Return the page's visible blocks in document order; links are made absolute with `url`.

    `picture_places` gets the number of blocks before each picture.

    `labels` are added to the landmarks of all text inside a labelled element. A labelled element begins and ends a
    block; a part of a line that a label removes becomes a block after that line. A page with little visible
    prose is read with every hidden part that holds running text and is no boilerplate; if there is none, one that hides
    most of its text is read with all its large hidden parts shown. The tree is not changed.
    """
    places = {} if picture_places is None else picture_places
    reader = _BlockReader(url, labels, places)
    blocks = tuple(reader.read(tree))
    if reader.hidden_parts and prose_words(blocks) < LITTLE_PROSE_WORDS and _holds_text(reader.hidden_parts):
        return tuple(_BlockReader(url, labels, places, reveal_runs=True).read(tree))
    if reader.hidden_chars and reader.hidden_chars > 2 * sum(len(block.text) for block in blocks):
        return tuple(_BlockReader(url, labels, places, reveal=True).read(tree))
    return blocks


def _holds_text(hidden_parts: Iterable[etree._Element]) -> bool:
    """Return whether hidden parts together hold as much running text as one large hidden part has."""
    parts = islice(hidden_parts, _MOST_HIDDEN_PARTS)
    return sum(running_chars(part) for part in parts if not is_in_boilerplate(part)) >= MIN_PROSE_CHARS


@lru_cache(maxsize=1024)
def path_step(tag: str, identity: str | None, classes: str | None) -> str:
    """Return one step of a block's path: the tag with its id and first classes, digits folded to `*`."""
    step = tag
    if identity:
        step += "#" + "_".join(identity.split())
    if classes and (names := classes.split()):
        step += "." + ".".join(names[:_MAX_CLASSES])
    return _DIGITS.sub("*", step.replace(">", ""))[:_MAX_STEP_CHARS]


class ElementPlaces:
    """Places of elements in a page; those of their ancestors are remembered, since many elements share them."""

    def __init__(self) -> None:
        self._contexts: dict[etree._Element, _Context] = {}

    def find(self, element: etree._Element) -> tuple[str, frozenset[str]]:
        """Return the path and the landmarks that a block in the place of this element would have."""
        context = self._context_in(element.getparent())
        return context.path, context.landmarks

    def _context_in(self, element: etree._Element | None) -> _Context:
        unknown: list[etree._Element] = []
        while element is not None and element not in self._contexts:
            unknown.append(element)
            element = element.getparent()
        context = _Context("") if element is None else self._contexts[element]
        for ancestor in reversed(unknown):
            tag, get = str(ancestor.tag), ancestor.get
            if tag in _BOUNDARY_TAGS:
                context = _new_context(context, tag, path_step(tag, get("id"), get("class")), get("role"))
            self._contexts[ancestor] = context
        return context


class _BlockReader:
    """State of one walk over a tree: the contexts of the open elements, the current run of text, the blocks so far.

    With `reveal`, large hidden parts are read too; without, `hidden_chars` counts the characters of prose in them.
    With `reveal_runs`, so are hidden parts with any running text that are no boilerplate.
    """

    def __init__(
        self,
        base: str,
        labels: ElementLabels | None,
        picture_places: dict[etree._Element, int],
        *,
        reveal: bool = False,
        reveal_runs: bool = False,
    ) -> None:
        self.base = base
        self.labels = labels or {}
        self.picture_places = picture_places
        self.root: etree._Element | None = None
        self.cut_blocks: list[Block] = []  # removed from the line that is being read; they follow it
        self.reveal = reveal
        self.reveal_runs = reveal_runs
        self.hidden_chars = 0
        self.hidden_parts: list[etree._Element] = []  # that were not read
        self.contexts: list[_Context] = [_Context("")]  # of the open elements that bound a block, the innermost last
        self.urls_by_href: dict[str, str] = {}  # absolute URLs by the href attribute as written
        self.run = InlineRun()
        self.blocks: list[Block] = []

    def read(self, tree: etree._Element) -> list[Block]:
        """Walk the tree once and return its blocks."""
        self.root, skipped = tree, False
        contexts, labels, run = self.contexts, self.labels, self.run
        walker = etree.iterwalk(tree, events=("start", "end", "comment", "pi"))
        for event, element in walker:
            if event == "start":
                tag, context, attributes = str(element.tag), contexts[-1], element.keys()
                if tag in INVISIBLE_TAGS or (
                    (tag == "table" or labels or (attributes and not HIDING_ATTRIBUTES.isdisjoint(attributes)))
                    and self._skips(tag, element)
                ):
                    walker.skip_subtree()
                    skipped = True
                    continue
                if tag in _BOUNDARY_TAGS or (labels and element in labels):
                    if run.parts or self.cut_blocks:
                        self._flush(context)
                    context = self._child_context(tag, element, context, bool(attributes))
                    contexts.append(context)
                elif tag in _INLINE_TAGS:
                    self._open_inline(tag, element, context)
                if text := element.text:
                    run.add(text, context.verbatim)
                continue
            if skipped:  # the end of the element whose subtree was skipped: only its tail is read
                skipped = False
            elif event == "end":
                tag = str(element.tag)
                if tag in _BOUNDARY_TAGS or (labels and element in labels):
                    context = contexts.pop()
                    if run.parts or self.cut_blocks:
                        self._flush(context)
                elif tag in _INLINE_TAGS:
                    if tag == "a":
                        self.run.close_link()
                    elif tag in _MARKDOWN_MARKS:
                        self.run.close_mark(_MARKDOWN_MARKS[tag])
            if (tail := element.tail) and element is not tree:
                run.add(tail, contexts[-1].verbatim)
        self._flush(contexts[-1])
        return self.blocks

    def _skips(self, tag: str, element: etree._Element) -> bool:
        """Return whether the walk skips an element: it is hidden, or it has just been read as a whole."""
        if is_hidden(element) and not self._is_revealed(element):
            self.hidden_parts.append(element)
            return True
        if self.labels and tag not in _BOUNDARY_TAGS and element in self.labels and self._cut_inline_part(element):
            return True
        if tag == "table" and is_data_table(element) and not (self.labels and self._has_label_inside(element)):
            self._flush(self.contexts[-1])
            self._read_data_table(element)
            return True
        return False

    def _has_label_inside(self, element: etree._Element) -> bool:
        return any(descendant in self.labels for descendant in element.iterdescendants())

    def _cut_inline_part(self, element: etree._Element) -> bool:
        """Read a removed part of a line as separate blocks; the line continues without it."""
        if element is self.root or not removal_label(self.labels[element]):
            return False
        part_reader = _BlockReader(self.base, self.labels, {}, reveal=self.reveal, reveal_runs=self.reveal_runs)
        part_reader.contexts = [self.contexts[-1]]
        self.cut_blocks += part_reader.read(element)
        return True

    def _is_revealed(self, element: etree._Element) -> bool:
        """Return whether a hidden element is read all the same; counts its characters if that depends on `reveal`."""
        chars = prose_chars(element)
        if chars < MIN_PROSE_CHARS:
            return self.reveal_runs and bool(running_chars(element)) and not is_in_boilerplate(element)
        if not is_in_boilerplate(element):
            return True
        self.hidden_chars += chars
        return self.reveal

    def _open_inline(self, tag: str, element: etree._Element, context: _Context) -> None:
        if tag == "a":
            self.run.open_link(self._absolute_url(element.get("href") or ""))
        elif tag == "br":
            if self.run.line_break():
                self._flush(context)
        elif tag in _MARKDOWN_MARKS:
            self.run.open_mark(_MARKDOWN_MARKS[tag])
        else:
            self.picture_places[element] = len(self.blocks)
            self.run.add(" ", context.verbatim)

    def _absolute_url(self, href: str) -> str:
        if not href or href.startswith("#"):
            return ""
        url = self.urls_by_href.get(href)
        if url is None:
            url = self.urls_by_href[href] = resolve_href(href, self.base)
        return url

    def _child_context(self, tag: str, element: etree._Element, parent: _Context, has_attributes: bool) -> _Context:
        """Return the context of an element inside `parent`; without attributes, none of them is looked up."""
        labels = self.labels.get(element) if self.labels else None
        get = element.get
        step = path_step(tag, get("id"), get("class")) if has_attributes else path_step(tag, None, None)
        role = get("role") if has_attributes else None
        key = (tag, step, role, labels)
        context = parent.children.get(key)
        if context is None:
            context = parent.children[key] = _new_context(parent, tag, step, role)
            if labels:
                context.landmarks |= labels
        return context

    def _flush(self, context: _Context) -> None:
        """End the current run of text, inside `context`, and append its block."""
        if self.run.visible:
            text, markdown, link_chars = self.run.take(verbatim=context.verbatim)
            if text:
                self._append_block(context, text, markdown, link_chars)
        else:
            self.run.drop()
        while self.cut_blocks:
            self.blocks.append(replace(self.cut_blocks.pop(0), position=len(self.blocks)))

    def _append_block(self, context: _Context, text: str, markdown: str, link_chars: int) -> None:
        kind = context.kind
        self.blocks.append(
            Block(
                len(self.blocks),
                kind,
                text,
                "" if markdown == text else markdown,
                context.path,
                context.level if kind in (BlockKind.HEADING, BlockKind.LIST_ITEM) else 0,
                link_chars,
                context.landmarks,
            )
        )

    def _read_data_table(self, table: etree._Element) -> None:
        parent = self.contexts[-1]
        step = path_step("table", table.get("id"), table.get("class"))
        landmarks = parent.landmarks | self.labels.get(table, frozenset())
        context = _Context(f"{parent.path}>{step}".lstrip(">"), BlockKind.TABLE, landmarks=landmarks)
        caption_context = replace(context, path=context.path + ">caption", kind=BlockKind.CAPTION)
        for text, markdown, link_chars in read_captions(table):
            self._append_block(caption_context, text, markdown, link_chars)
        text, markdown, link_chars = read_table(table)
        if text:
            self._append_block(context, text, markdown, link_chars)


def _new_context(parent: _Context, tag: str, step: str, role: str | None) -> _Context:
    """Return the context of an element with this tag, step of the path and role inside another."""
    step = "" if tag == "html" else step
    path = f"{parent.path}>{step}" if parent.path and step else parent.path or step
    context = _Context(path, parent.kind, parent.level, parent.list_depth, parent.landmarks)
    landmark = tag if tag in _LANDMARK_TAGS else _LANDMARK_BY_ROLE.get(role or "")
    if landmark:
        context.landmarks = parent.landmarks | {landmark}
    if tag in _LIST_TAGS:
        context.list_depth += 1
    if tag in _KINDS:
        _set_kind(context, tag)
    elif tag in _KIND_RESETS and context.kind is not BlockKind.QUOTE:
        context.kind, context.level = BlockKind.PARAGRAPH, 0
    context.verbatim = context.kind is BlockKind.CODE
    return context


def _set_kind(context: _Context, tag: str) -> None:
    kind = _KINDS[tag]
    if context.kind is BlockKind.CODE or (kind is BlockKind.LIST_ITEM and context.kind is BlockKind.CAPTION):
        return
    context.kind = kind
    if kind is BlockKind.HEADING:
        context.level = int(tag[1])
    elif kind is BlockKind.LIST_ITEM:
        context.level = max(1, context.list_depth)
