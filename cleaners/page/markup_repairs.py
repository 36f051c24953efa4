"""Repairs and bounds of broken, hostile or streamed markup, so that its tree is the page.

- Bounds. A parser compares each attribute with all others of its element, and everything after it takes time by the
  element. So elements and attributes beyond a bound are cut before parsing, and the cut is reported. No page that
  people read comes near the bounds: of 2,000 the largest had 16,000 elements, and one element 136 attributes.
- Unclosed titles and attributes. To a parser, all that follows `<title>` or `class="` is inside of it. Old pages have
  both, and the browsers of their time showed the page all the same. They are closed at the end of their line.
- Unclosed `<noscript>`. All that follows is inside of it too. It is closed after the pictures, frames and styles that
  it begins with, or its short text.
- Script templates. Some blogs send each post as `<script type="text/template">` and show it by a script (Blogger's own
  among them). The text is put in place of the script if it holds paragraphs, and no place for values to be filled in. A
  template with an id or a class is picked by that name and shown elsewhere, or not at all, such as the notices of a
  consent plugin.
- Streams. React sends a part that was not ready in time further down, as `<div hidden id="S:0">`, and a short script
  moves it: it replaces the nodes between `<template id="B:0">` and `<!--/$-->` (a boundary with its fallback), or
  `<template id="P:0">` (a segment). Without the script the text is hidden and out of order. After
  ReactDOMFizzInstructionSet of React 18 and 19.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from lxml import etree

MAX_ELEMENTS = 250_000
"""Start tags of a page; the page ends before the next one."""

MAX_ATTRIBUTES = 4_000
"""Attributes of an element; further ones are left out."""

_CASE_BIT = 0x20  # of an ASCII letter
_BODY_END = re.compile(rb"</(?:body|html)", re.IGNORECASE)
_START_TAG = re.compile(r"<[a-zA-Z]")
_LONG_TAG_CHARS = 2 * MAX_ATTRIBUTES  # a space and a letter each, at the least
_LONG_TAG = re.compile(rf"<[a-zA-Z][\w:-]*+[\s/][^<>]{{{_LONG_TAG_CHARS},}}")
_SCRIPT_OR_LONG_TAG = re.compile(rf"<(?is:script)\b(?is:.*?</script\b|.*)|{_LONG_TAG.pattern}")
_ATTRIBUTE = re.compile(  # possessive: the space before an attribute is matched only once
    r"""[\s/]++(?:([^\s=<>"'/]++)(?:\s*+=\s*+(?:"[^"]*"|'[^']*'|[^\s"'>]+))?+(?!\s*+=))?+"""
)


class SourceSurvey(NamedTuple):
    """Occasions for repairs that a page's source has, by its tags.

    `body_end` is the offset in bytes of the first `</body` or `</html`, None without one.
    """

    body_end: int | None
    has_unclosed_noscript: bool
    may_exceed_elements: bool


def survey_source(source: bytes) -> SourceSurvey:
    """Look at each `<` of a page's source, UTF-8, at once: a search for each kind of tag takes four times as long."""
    codes = np.frombuffer(source + b"\0\0\0", np.uint8)
    starts = np.flatnonzero(codes[:-3] == ord("<"))
    first, second, third = (codes[starts + n] | _CASE_BIT for n in (1, 2, 3))

    def starts_with(letters: bytes) -> list[int]:
        """Return the offsets of `<` with three characters after it, in any case."""
        found: list[int] = starts[(first == letters[0]) & (second == letters[1]) & (third == letters[2])].tolist()
        return found

    body_ends = sorted(n for letters in (b"/bo", b"/ht") for n in starts_with(letters) if _BODY_END.match(source, n))
    noscripts, noscript_ends = starts_with(b"nos"), starts_with(b"/no")
    return SourceSurvey(
        body_end=body_ends[0] if body_ends else None,
        has_unclosed_noscript=any(
            sum(source.startswith(opening.encode(), n) for n in noscripts)
            > sum(source.startswith(closing.encode(), n) for n in noscript_ends)
            for opening, closing in _NOSCRIPT_MARKS
        ),
        may_exceed_elements=len(starts) > MAX_ELEMENTS,
    )


def has_too_many_elements(text: str) -> bool:
    """Return whether a page has more elements than it may have."""
    return text.count("<") > MAX_ELEMENTS and _end_of_elements(text) is not None


def cut_elements(text: str) -> str:
    """Cut a page before the first element beyond the bound."""
    return text[: _end_of_elements(text)]


def cut_attributes(text: str) -> str:
    """Cut each element's attributes beyond the bound; quotes stay whole. A page within the bound stays as it is."""
    long_tags = (part.partition(">")[0] for part in _long_parts(text))
    if all(len(tag) <= _LONG_TAG_CHARS or len(_attribute_ends(tag)) <= MAX_ATTRIBUTES for tag in long_tags):
        return text
    return _SCRIPT_OR_LONG_TAG.sub(_cut_attributes, text)  # slower: `a <b` in a script is not a tag


def _long_parts(text: str) -> Iterator[str]:
    """Yield the parts between two `<` that have more than `_LONG_TAG_CHARS` characters.

    One that has is found by a stretch of half as many without a `<`, at a multiple of that length.
    """
    start, stretch = 0, _LONG_TAG_CHARS // 2
    while start < len(text):
        end = start + stretch
        if text.find("<", start, end) < 0:
            end = text.find("<", end)
            part = text[text.rfind("<", 0, start) + 1 : end if end >= 0 else len(text)]
            if len(part) > _LONG_TAG_CHARS:
                yield part
            if end < 0:
                return
            end -= end % stretch  # the stretch that the next part begins in
        start = end


def _end_of_elements(text: str) -> int | None:
    first_beyond = next(islice(_START_TAG.finditer(text), MAX_ELEMENTS, None), None)
    return first_beyond.start() if first_beyond else None


def _cut_attributes(tag: re.Match[str]) -> str:
    text = tag[0]
    if text[:7].lower() == "<script":
        return text
    ends = _attribute_ends(text)
    return text[: ends[MAX_ATTRIBUTES - 1]] + text[ends[-1] :] if len(ends) > MAX_ATTRIBUTES else text


def _attribute_ends(tag: str) -> list[int]:
    """Return the end of each attribute of a start tag, up to a value with `<` or `>`."""
    return [attribute.end() for attribute in _ATTRIBUTE.finditer(tag) if attribute[1]]


MIN_CHARS_TO_CLOSE = 1_000  # of a page without a word of text, for the repair to be tried
_TEXT_ONLY_LINE = re.compile(r"<(title|textarea|iframe)\b[^<>]*>[^<\r\n]*", re.IGNORECASE)
_OPEN_VALUE = re.compile(r"""(<[a-zA-Z][^<>\r\n]{0,400}?=\s?)(["'])((?:(?!\2)[^<>\r\n]){0,400})(?=[>\r\n])""")
_UNSHOWN_TAGS = frozenset(("head", "script", "style", "template", "noscript", "textarea", "iframe", "title"))


def has_no_text(root: etree._Element) -> bool:
    """Return whether a parsed page has no text outside of its head, scripts and forms' fields."""
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        if event == "start" and str(element.tag) in _UNSHOWN_TAGS:
            walker.skip_subtree()
        elif event == "start" and element.text and not element.text.isspace():
            return False
        if event == "end" and element.tail and not element.tail.isspace():
            return False
    return True


def close_unclosed(text: str) -> str:
    """Return a page's source with each title, text field and attribute that is never closed, closed at its line's end.

    An attribute counts as never closed if its line ends, or its tag seems to, before its second quotation mark.
    """
    text = _OPEN_VALUE.sub(r"\1\2\3\2", text)
    lower_text = text.lower()
    last_end_tags = {tag: lower_text.rfind(f"</{tag}") for tag in ("title", "textarea", "iframe")}

    def close_line(match: re.Match[str]) -> str:
        tag = match[1].lower()
        return match[0] if match.end() <= last_end_tags[tag] else f"{match[0]}</{tag}>"

    return _TEXT_ONLY_LINE.sub(close_line, text)


_NOSCRIPT_MARKS = (("<noscript", "</noscript"), ("<NOSCRIPT", "</NOSCRIPT"))
_NOSCRIPT_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<script\b.*?(?:</script|\Z)|<(/?)noscript\b[^<>]*>", re.I | re.S)
_NOSCRIPT_CONTENT = re.compile(
    r"(?:\s*<(?:img|link|meta|input|br)\b[^<>]*>|\s*<(iframe|style)\b[^<>]*>[^<]*</\1\s*>)+|[^<]{0,300}(?=<|\Z)", re.I
)


def close_noscript(text: str) -> str:
    """Return a page's source with each `<noscript>` closed that is not closed before the next one or the end.

    >>> close_noscript("<noscript><img src=/count><p>The mill burned down.")
    '<noscript><img src=/count></noscript><p>The mill burned down.'
    """
    counts = [(text.count(opening), closing) for opening, closing in _NOSCRIPT_MARKS]
    if all(not count or count <= text.count(closing) for count, closing in counts):
        return text
    tags = [tag for tag in _NOSCRIPT_TAG.finditer(text) if tag[1] is not None]
    closes = [*(tag[1] == "/" for tag in tags[1:]), False]  # whether the tag after each closes it
    unclosed = [tag for tag, is_closed in zip(tags, closes, strict=False) if not tag[1] and not is_closed]
    parts, start = [], 0
    for tag in unclosed:
        content = _NOSCRIPT_CONTENT.match(text, tag.end())
        end = content.end() if content else tag.end()
        parts += [text[start:end], "</noscript>"]
        start = end
    return "".join([*parts, text[start:]])


_TEMPLATE_SCRIPT = re.compile(
    r"""<script\s+type\s*=\s*["']?text/template["']?\s*>((?:(?!</?script\b).)*)</script\s*>""",
    re.IGNORECASE | re.DOTALL,
)
_TEMPLATE_MARK = "text/template"
_VALUE_PLACE = re.compile(r"\{\{|<%|\{%|\$\{|\[\[|<#")  # of the template languages that pages use
_TEMPLATE_PARAGRAPH = re.compile(r"<(?:p|br)\b", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>")
_LEAST_TEMPLATE_WORDS = 40


def show_script_templates(text: str) -> str:
    """Return a page's source with each template in a script that is text, in an element in the script's place."""
    return _TEMPLATE_SCRIPT.sub(_show_if_text, text) if _TEMPLATE_MARK in text else text


def has_value_places(template: str) -> bool:
    """Return whether a template has places for values to be filled in, as the template languages of pages mark them."""
    return _VALUE_PLACE.search(template) is not None


def _show_if_text(match: re.Match[str]) -> str:
    template = match[1]
    if has_value_places(template) or not _TEMPLATE_PARAGRAPH.search(template):
        return match[0]
    return f"<div>{template}</div>" if len(_ANY_TAG.sub(" ", template).split()) >= _LEAST_TEMPLATE_WORDS else match[0]


_PIECE_ATTRIBUTE = 'id="S:'
_EDGE_COMMENT = re.compile(r"<!--(/?\$)[?!~]?-->")
_EDGE_ELEMENT = r'<template data-edge="\1"></template>'  # the parser would drop a comment
_MOST_FALLBACK = 200  # placeholders of streamed pieces; with more the search is given up
_BOUNDARY_ID, _SEGMENT_ID = "B:", "P:"


def is_streamed(text: str) -> bool:
    """Return whether a page's source contains streamed pieces."""
    return _PIECE_ATTRIBUTE in text


def with_boundary_edges(text: str) -> str:
    """Return a streamed page's source with the comments around its boundaries as elements.

    `place_streamed_pieces` needs them.
    """
    return _EDGE_COMMENT.sub(_EDGE_ELEMENT, text)


def place_streamed_pieces(tree: etree._Element) -> None:
    """Move the streamed pieces of a page to where they belong, in the tree itself.

    The tree is parsed from the result of `with_boundary_edges`.
    """
    templates = {str(template.get("id")): template for template in tree.iter("template")}
    for piece in [element for element in tree.iter("div") if _is_piece(element)]:
        number = str(piece.get("id")).partition(":")[2]
        del piece.attrib["hidden"]  # a piece without a template is shown where it is
        for id_prefix in (_BOUNDARY_ID, _SEGMENT_ID):
            template = templates.get(id_prefix + number)
            if template is not None and template.getparent() is not None and piece not in template.iterancestors():
                fallback = _fallback_elements(template) if str(template.get("id")).startswith(_BOUNDARY_ID) else None
                if fallback is not None:
                    template.tail = None
                    for element in fallback:
                        _remove_element(element, keep_tail=False)
                _remove_element(piece, keep_tail=True)
                template.addprevious(piece)
                break


def _is_piece(element: etree._Element) -> bool:
    return "hidden" in element.attrib and str(element.get("id") or "").startswith("S:")


def _fallback_elements(template: etree._Element) -> list[etree._Element] | None:
    """Return the elements between a template and the end of its boundary; None if the end is missing or far."""
    elements: list[etree._Element] = []
    depth = 0
    for sibling in islice(template.itersiblings(), _MOST_FALLBACK):
        edge = sibling.get("data-edge") if sibling.tag == "template" else None
        if edge == "/$" and depth == 0:
            return elements
        depth += {"$": 1, "/$": -1}.get(edge or "", 0)
        elements.append(sibling)
    return None


def _remove_element(element: etree._Element, *, keep_tail: bool) -> None:
    """Remove an element from its parent; with `keep_tail`, the text after it stays."""
    parent, previous = element.getparent(), element.getprevious()
    if parent is None:
        return
    if keep_tail and element.tail:
        if previous is not None:
            previous.tail = (previous.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    element.tail = None
    parent.remove(element)
