"""Pages that a server streams piece by piece: each piece put where the page's own script would put it.

React sends what was not ready in time further down, as `<div hidden id="S:0">`, and a short script moves it to its
place: over what stands between `<template id="B:0">` and `<!--/$-->`, or to `<template id="P:0">`. As long as nobody
runs the script, the text is hidden and out of order. After ReactDOMFizzInstructionSet of React 18 and 19.
"""

from __future__ import annotations

import re

from lxml import etree

_SIGN = 'id="S:'
_EDGE = re.compile(r"<!--(/?\$)[?!~]?-->")
_AS_ELEMENT = r'<template data-edge="\1"></template>'  # the parser drops comments
_BOUNDARY, _SEGMENT = "B:", "P:"


def is_streamed(text: str) -> bool:
    """Whether a page's source has streamed pieces."""
    return _SIGN in text


def with_edges(text: str) -> str:
    """The source of a streamed page with the edges of its boundaries as elements, for `put_in_place`."""
    return _EDGE.sub(_AS_ELEMENT, text)


def put_in_place(tree: etree._Element) -> None:
    """Move the streamed pieces of a page, parsed from `with_edges`, to their places. The tree is changed."""
    places = {str(each.get("id")): each for each in tree.iter("template")}
    for piece in [each for each in tree.iter("div") if _is_piece(each)]:
        number = str(piece.get("id")).partition(":")[2]
        del piece.attrib["hidden"]  # a piece without a place is shown where it stands
        for kind in (_BOUNDARY, _SEGMENT):
            place = places.get(kind + number)
            if place is not None and place.getparent() is not None and piece not in place.iterancestors():
                _put(piece, place)
                break


def _is_piece(element: etree._Element) -> bool:
    return "hidden" in element.attrib and str(element.get("id") or "").startswith("S:")


def _put(piece: etree._Element, place: etree._Element) -> None:
    """Put a piece over its place, and over the fallback that stands in a boundary."""
    fallback = _fallback(place) if str(place.get("id")).startswith(_BOUNDARY) else None
    if fallback is not None:
        place.tail = None
        for each in fallback:
            _take_out(each, tail=False)
    _take_out(piece, tail=True)
    place.addprevious(piece)


def _fallback(place: etree._Element) -> list[etree._Element] | None:
    """The elements between a place and the end of its boundary; None where the end is missing."""
    found: list[etree._Element] = []
    depth = 0
    for sibling in place.itersiblings():
        edge = sibling.get("data-edge") if sibling.tag == "template" else None
        if edge == "/$" and depth == 0:
            return found
        depth += {"$": 1, "/$": -1}.get(edge or "", 0)
        found.append(sibling)
    return None


def _take_out(element: etree._Element, *, tail: bool) -> None:
    """Take an element out of its parent; the text behind it stays with `tail`."""
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return
    if tail and element.tail:
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    element.tail = None
    parent.remove(element)
