"""Bytes of a page decoded to text, and text parsed to a tree; no other module decodes or parses a page.

The evidence for the encoding is taken in the order of the WHATWG's Encoding and HTML standards (byte order mark,
header, `<meta>` in the first kilobytes), with two additions for real pages: a declared encoding that the bytes
contradict is ignored, and a page without a declaration is UTF-8 if it is valid UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import lxml.html
from lxml import etree
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom, resolve_encoding

from .encoding_detection import FALLBACK_ENCODING, contradicts_text, detect_encoding
from .markup_repairs import (
    MAX_ATTRIBUTES,
    MAX_ELEMENTS,
    MIN_CHARS_TO_CLOSE,
    SourceSurvey,
    close_noscript,
    close_unclosed,
    cut_attributes,
    cut_elements,
    has_no_text,
    has_too_many_elements,
    is_streamed,
    place_streamed_pieces,
    show_script_templates,
    survey_source,
    with_boundary_edges,
)

MAX_CHARACTERS = 10_000_000  # a longer page is cut: libxml2 would take seconds and a gigabyte
PRESCAN_BYTES = 4096  # the standard says 1024; pages that begin with long comments declare later
MAX_DEPTH = 200  # libxml2 gives up at 256 open elements and drops the rest of the page

_HTML_CODECS = frozenset(
    "utf-8 utf-16 utf-16-be utf-16-le gb18030 big5hkscs euc_jp iso2022_jp cp932 cp949 cp866 cp874 koi8-r koi8-u"
    " mac-roman mac-cyrillic cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 iso8859-2 iso8859-3"
    " iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10 iso8859-13 iso8859-14 iso8859-15 iso8859-16".split()
)
"""Encodings that a page may declare: those of the WHATWG's Encoding standard, as `resolve_encoding` names them."""

_CONTROL_BYTES = bytes([*range(9), 11, *range(14, 32), 127])
_C1_UTF8 = re.compile(rb"\xc2[\x80-\x9f]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_BINARY_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NON_ASCII = re.compile(rb"[\x80-\xff]")
_NON_ASCII_LETTER = re.compile("[^\x00-\x7f\ufffd]")
_BODY_END_TAG = re.compile(r"</(?:[bB][oO][dD][yY]|[hH][tT][mM][lL])\s*>")  # faster than with re.IGNORECASE
_WIDE_ENCODINGS = ("utf-16", "utf-32")
_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|textarea|title)\b.*?(?:</\1\s*>|\Z)|<(/?)([a-zA-Z][^\s/>]*)[^>]*>", re.DOTALL
)
_VOID_TAGS = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_UNNESTED_TAGS = _VOID_TAGS.union("p li dt dd option tr td th html head body".split())  # often not closed
_HEAD_TAGS = frozenset(("base", "link", "meta", "noscript", "script", "style", "template", "title"))


class DecodedText(NamedTuple):
    """Page's text, the Python name of its encoding, and whether its bytes are binary.

    `cuts` says what was cut of it, as evidence: `cut=characters:10000000`.
    """

    text: str
    encoding: str
    is_binary: bool = False
    cuts: tuple[str, ...] = ()


def decode(body: bytes, content_type: str = "", max_characters: int = MAX_CHARACTERS) -> DecodedText:
    """Decode a response's bytes, and drop control characters and NULs.

    `content_type` is the header's value. Text after `max_characters` is cut, and `cuts` says so. Never raises.
    """
    encoding, byte_order_mark = read_bom(body)
    is_binary = False
    if encoding and byte_order_mark:
        body = body[len(byte_order_mark) :]
    else:
        encoding = _choose_encoding(body, content_type)
        is_binary = not encoding.startswith(_WIDE_ENCODINGS) and _is_binary(body)
    text = _decode_without_controls(body, encoding)
    cuts = (f"cut=characters:{max_characters}",) if len(text) > max_characters else ()
    return DecodedText(text[:max_characters], encoding, is_binary, cuts)


def _decode_without_controls(body: bytes, encoding: str) -> str:
    """Decode and drop control characters; UTF-8 drops them before decoding, which is ten times faster."""
    if encoding != "utf-8":
        return _CONTROL.sub("", body.decode(encoding, "replace"))
    return _C1_UTF8.sub(b"", body.translate(None, _CONTROL_BYTES)).decode("utf-8", "replace")


def _choose_encoding(body: bytes, content_type: str) -> str:
    """Return the encoding's Python name."""
    declared = _declared_encoding(body, content_type)
    if declared and declared.startswith(_WIDE_ENCODINGS):
        return declared
    if body.isascii():  # a stateful encoding (ISO-2022-JP, HZ) looks like ASCII
        return declared or "utf-8"
    if _is_mostly_utf8(body):
        return "utf-8"
    if declared and declared != "utf-8" and _is_plausible(body, declared):
        return declared
    return _codec_name(detect_encoding(body)) or FALLBACK_ENCODING


def _declared_encoding(body: bytes, content_type: str) -> str | None:
    """Return the Python name of the encoding that the header or the page's `<meta>` declares, if any."""
    label = http_content_type_encoding(content_type) if content_type else None
    if label and (encoding := _codec_name(label)):
        return encoding
    label = html_body_declared_encoding(body[:PRESCAN_BYTES])
    encoding = _codec_name(label) if label else None
    # A page whose <meta> could be read as ASCII is not UTF-16, even if it declares that.
    return "utf-8" if encoding and encoding.startswith(_WIDE_ENCODINGS) else encoding


def _codec_name(label: str) -> str | None:
    """Return the Python name of the encoding that a label means to browsers.

    None for an unknown label, and for an encoding that HTML does not know, such as punycode or utf-7.
    """
    resolved = resolve_encoding(label)
    return resolved if resolved in _HTML_CODECS else None


def _is_mostly_utf8(body: bytes) -> bool:
    """Return whether the bytes are UTF-8 but for a few broken sequences, as in a cut page or a foreign quotation."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        return len(_NON_ASCII_LETTER.findall(text)) >= 5 * broken
    return True


def _is_plausible(body: bytes, encoding: str) -> bool:
    """Return whether `encoding` decodes at least 95 % of the non-ASCII bytes, and gives letters that languages have."""
    broken = body.decode(encoding, "replace").count("\ufffd")
    return broken * 20 <= len(_NON_ASCII.findall(body)) and not contradicts_text(body, encoding)


def _is_binary(body: bytes) -> bool:
    """Return whether over a tenth of the first kilobyte is control characters, as in an image or an archive."""
    head = body[:1024]
    return len(_BINARY_CONTROL.findall(head)) * 10 > len(head)


class ParsedPage(NamedTuple):
    """Page's tree, None if the page is empty, and what was cut of it, as evidence: `cut=elements:200000`."""

    tree: lxml.html.HtmlElement | None
    cuts: tuple[str, ...] = ()


def parse(text: str) -> lxml.html.HtmlElement | None:
    """Parse a page into a tree, as `parse_page` does; None for a page without markup."""
    return parse_page(text).tree


def parse_page(text: str) -> ParsedPage:
    """Parse a page into a tree without comments and processing instructions.

    Broken, truncated, XHTML and plain text all parse. Elements nested deeper than libxml2 allows are flattened, so that
    their text stays; what is beyond the bounds of `markup_repairs.py` is cut. What follows an early `</body>` or
    `</html>` belongs to the page, as in browsers. Parts that the server streamed later, and text in templates, are put
    where the page's script would put them. Line numbers are set apart from the code that they count. A `<noscript>`
    that is never closed is closed. A page that a title or an attribute swallows in the same way is parsed with these
    closed.
    """
    parsed = _parse_text(text)
    if parsed.tree is not None and len(text) >= MIN_CHARS_TO_CLOSE and has_no_text(parsed.tree):
        closed_text = close_unclosed(text)
        return parsed if closed_text == text else _parse_text(closed_text)
    return parsed


def _parse_text(text: str) -> ParsedPage:
    text, source, survey = _without_body_ends(text)
    repaired = show_script_templates(close_noscript(text) if survey.has_unclosed_noscript else text)
    may_be_large = survey.may_exceed_elements or repaired is not text
    repaired, cuts = _within_bounds(repaired, may_be_large=may_be_large)
    streamed = is_streamed(repaired)
    if streamed:
        repaired = with_boundary_edges(repaired)
    if repaired is not text:
        text, source = repaired, _encoded(repaired)
    parser = _new_parser(huge=False)
    root = _parse_root(source, parser)
    error = parser.error_log.last_error  # a limit ends the parse, so its error is the last
    if error is not None and error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        root = _parse_root(_encoded(_flatten(text)), _new_parser(huge=True))
        cuts = (*cuts, f"flattened=depth:{MAX_DEPTH}")
    if root is not None:
        _move_text_to_body(root)
        if streamed:
            place_streamed_pieces(root)
        if _HINT.search(text) is not None:
            set_gutters_apart(root)
    return ParsedPage(root, cuts)


def _without_body_ends(text: str) -> tuple[str, bytes, SourceSurvey]:
    """Remove the end tags of the body and the page: return the text, its source and what that may need repaired."""
    source = _encoded(text)
    survey = survey_source(source)
    if survey.body_end is None:
        return text, source, survey
    head = text[: len(text) - len(source[survey.body_end :].decode("utf-8"))]
    tail = _BODY_END_TAG.sub("", text[len(head) :])
    source = source[: survey.body_end] + _encoded(tail)
    if tail.strip() or head.rfind(">") <= head.rfind("<"):  # what stood before and after a tag may make one together
        survey = survey_source(source)
    return head + tail, source, survey


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _within_bounds(text: str, *, may_be_large: bool) -> tuple[str, tuple[str, ...]]:
    """Bound a page's elements and attributes: return its text and the cuts.

    Elements are counted if there may be many. Of those nested too deeply only the tags go, as they do where libxml2
    refuses them.
    """
    bounded_text = cut_attributes(text)
    cuts = (f"cut=attributes:{MAX_ATTRIBUTES}",) if bounded_text != text else ()
    if may_be_large and has_too_many_elements(bounded_text):
        bounded_text = _flatten(bounded_text)
        if has_too_many_elements(bounded_text):
            bounded_text, cuts = cut_elements(bounded_text), (*cuts, f"cut=elements:{MAX_ELEMENTS}")
    return bounded_text, cuts


def _move_text_to_body(root: lxml.html.HtmlElement) -> None:
    """Move elements that do not belong in the head into the body.

    libxml2 leaves them in the head where an HTML5 element begins the text and the page has no body tag.
    """
    head, body = root.find("head"), root.find("body")
    head_children = enumerate(() if head is None else head)
    first = next((index for index, child in head_children if child.tag not in _HEAD_TAGS), None)
    if head is None or first is None:
        return
    if body is None:
        body = root.makeelement("body")
        root.append(body)
    misplaced = head[first:]
    if body.text:
        misplaced[-1].tail = (misplaced[-1].tail or "") + body.text
        body.text = None
    body[:0] = misplaced


def _new_parser(huge: bool) -> lxml.html.HTMLParser:
    """Return a parser whose elements are all plain `HtmlElement`s: lxml's own calls Python to look up each class."""
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=huge)
    parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=lxml.html.HtmlElement))
    return parser


def _parse_root(source: bytes, parser: lxml.html.HTMLParser) -> lxml.html.HtmlElement | None:
    try:
        return lxml.html.document_fromstring(source, parser=parser)
    except etree.ParserError:  # nothing but white space and comments
        return None


def _flatten(text: str) -> str:
    """Drop the tags, not the text, of elements that are nested deeper than `MAX_DEPTH`."""
    open_tags: list[str] = []
    return _TOKEN.sub(lambda match: _flatten_tag(match, open_tags), text)


def _flatten_tag(match: re.Match[str], open_tags: list[str]) -> str:
    """Return the tag unchanged, or a space if it is nested too deep; update the stack `open_tags` as a parser would."""
    slash, tag = match[2], (match[3] or "").lower()
    if not tag or tag in _UNNESTED_TAGS:
        return match[0]
    is_too_deep = len(open_tags) > MAX_DEPTH
    if not slash:
        open_tags.append(tag)
        return " " if is_too_deep or len(open_tags) > MAX_DEPTH else match[0]
    if open_tags and open_tags[-1] == tag:
        open_tags.pop()
    return " " if is_too_deep else match[0]


# Code listings with a gutter of line numbers, set apart in the tree: the numbers, then the code as one `<pre>`.
#
# Highlighters lay a listing out as a table, a line or a column of lines a row, with numbers in cells of their own, or
# put a number in front of each line. A reader of the page wants the code. The numbers stay in the page as a `<pre>`
# of their own, since they are visible, and the text leaves it out.

GUTTER_CLASS = "line-number-gutter"
"""The class of the `<pre>` that holds the numbers of a listing."""

_HINT = re.compile(r"""class=["']?[^"'<>]{0,99}(?:gutter|line[-_]?n(?:o|um)|blob-num|hljs-ln)""")
_NUMBERS = r"line[-_]?nos?|line[-_]?numbers?|linenum|blob-num|hljs-ln-numbers"
_GUTTER = re.compile(rf"(?:^|[\s_-])(?:gutter|{_NUMBERS})(?:$|[\s_-])")
_SURE_GUTTER = re.compile(rf"(?:^|[\s_-])(?:{_NUMBERS})(?:$|[\s_-])")  # without numbers in the text, too
_MOST_LISTINGS, _MOST_GUTTERS = 200, 20_000  # of a page
_CELL_TAGS = ("td", "th")
_PROSE_TAGS = ("p", "h1", "h2", "h3", "ul", "ol", "form", "img", "section", "article", "table")
_LINE_TAGS = frozenset(("div", "li", "p", "tr", "br"))  # each is a line of its cell


def set_gutters_apart(root: etree._Element) -> None:
    r"""Replace each listing with a gutter by its numbers and its code, in the tree itself.

    >>> from lxml import html
    >>> cells = "<tr><td class=lineno>1</td><td>make</td></tr><tr><td class=lineno>2</td><td>make install</td></tr>"
    >>> root = html.document_fromstring(f"<table>{cells}</table>")
    >>> set_gutters_apart(root)
    >>> [(pre.get("class"), pre.text) for pre in root.iter("pre")]
    [('line-number-gutter', '1\n2'), (None, 'make\nmake install')]
    """
    gutters = (part for part in root.iter(*_CELL_TAGS, "span") if _GUTTER.search(part.get("class") or ""))
    holders: dict[etree._Element, list[etree._Element]] = {}
    for gutter in islice(gutters, _MOST_GUTTERS):
        holder = _listing_of(gutter)
        if holder is not None:
            holders.setdefault(holder, []).append(gutter)
    for holder, parts in islice(holders.items(), _MOST_LISTINGS):
        if holder.tag == "table":
            _split_table(holder, frozenset(parts))
        else:
            _split_pre(holder, parts)


def _listing_of(gutter: etree._Element) -> etree._Element | None:
    """Return the table of a gutter's cell, or the `<pre>` around a number in front of a line; None for another."""
    if gutter.tag in _CELL_TAGS:
        return next(gutter.iterancestors("table"), None)
    if gutter.tag == "span":
        listing = next(gutter.iterancestors("pre", "td", "th"), None)
        return listing if listing is not None and listing.tag == "pre" else None
    return None


def _split_table(table: etree._Element, gutters: frozenset[etree._Element]) -> None:
    """Replace the table of a listing; one whose gutter has no line numbers, or that holds prose, stays."""
    cells = [cell for row in table.iter("tr") for cell in row if cell.tag in _CELL_TAGS]
    if any(next(cell.iterdescendants(*_PROSE_TAGS), None) is not None for cell in cells):
        return
    numbers = [line for cell in cells if cell in gutters for line in _lines_of(cell)]
    code = [line for cell in cells if cell not in gutters for line in _lines_of(cell)]
    are_numbered_by_style = not numbers and all(_SURE_GUTTER.search(cell.get("class") or "") for cell in gutters)
    if code and (are_numbered_by_style or _count_lines(numbers)):
        outer = next((pre for pre in table.iterancestors("pre") if _text_of(pre) == _text_of(table)), table)
        _replace(outer, numbers, code)


def _split_pre(pre: etree._Element, gutters: list[etree._Element]) -> None:
    """Move the numbers in front of the lines of a `<pre>` into one of their own before it."""
    numbers = [line for gutter in gutters for line in _lines_of(gutter)]
    if not _count_lines(numbers):
        return
    for gutter in gutters:
        gutter.text, gutter[:] = None, []
        gutter.tail = (gutter.tail or "").removeprefix(" ")
    pre.addprevious(_pre(numbers, GUTTER_CLASS))


def _count_lines(numbers: list[str]) -> bool:
    """Return whether the lines are numbers that count one by one."""
    values = [line.strip() for line in numbers if line.strip()]
    if not values or not all(value.isdecimal() and len(value) < 9 for value in values):
        return False
    return [int(value) - int(values[0]) for value in values] == list(range(len(values)))


def _replace(listing: etree._Element, numbers: list[str], code: list[str]) -> None:
    if numbers:
        listing.addprevious(_pre(numbers, GUTTER_CLASS))
    new = _pre(code, listing.get("class"))
    listing.addprevious(new)
    new.tail, listing.tail = listing.tail, None
    parent = listing.getparent()
    if parent is not None:
        parent.remove(listing)


def _pre(lines: list[str], classes: str | None) -> etree._Element:
    pre = etree.Element("pre", {"class": classes} if classes else {})
    pre.text = "\n".join(lines)
    return pre


def _text_of(element: etree._Element) -> str:
    return "".join("".join(element.itertext()).split())


def _lines_of(element: etree._Element) -> list[str]:
    """Return the lines of text in an element: those of its source, broken where a tag begins a line too."""
    text = "".join(_parts(element)).replace("\r\n", "\n").replace("\n\x0b", "\n").replace("\x0b", "\n")
    return [line.rstrip() for line in text.strip("\n").split("\n")] if text.strip() else []


def _parts(element: etree._Element) -> Iterator[str]:
    for event, part in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            yield part.text or ""
        elif part is not element:
            yield ("\x0b" if part.tag in _LINE_TAGS else "") + (part.tail or "")
