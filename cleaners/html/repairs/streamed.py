"""Pages that React streams piece by piece: each late piece is moved to where the page's own script would put it.

React sends a part that was not ready in time further down, as `<div hidden id="S:0">`, and a short script moves it: it
replaces what is between `<template id="B:0">` and `<!--/$-->` (a boundary with its fallback), or `<template id="P:0">`
(a segment). Without the script the text is hidden and out of order. After ReactDOMFizzInstructionSet of React 18 and
19.
"""

from __future__ import annotations

import re
from itertools import islice

from lxml import etree

_PIECE_ATTRIBUTE = 'id="S:'
_EDGE_COMMENT = re.compile(r"<!--(/?\$)[?!~]?-->")
_EDGE_ELEMENT = r'<template data-edge="\1"></template>'  # the parser would drop a comment
_MOST_FALLBACK = 200  # elements that stand in for a piece until it comes; with more the search is given up
_BOUNDARY_ID, _SEGMENT_ID = "B:", "P:"


def is_streamed(text: str) -> bool:
    """Whether a page's source contains streamed pieces."""
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
                _replace_template(template, piece)
                break


def _is_piece(element: etree._Element) -> bool:
    return "hidden" in element.attrib and str(element.get("id") or "").startswith("S:")


def _replace_template(template: etree._Element, piece: etree._Element) -> None:
    """Move a piece to its template, and remove the fallback content of the boundary that the template begins."""
    fallback = _fallback_elements(template) if str(template.get("id")).startswith(_BOUNDARY_ID) else None
    if fallback is not None:
        template.tail = None
        for element in fallback:
            _remove_element(element, keep_tail=False)
    _remove_element(piece, keep_tail=True)
    template.addprevious(piece)


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
