"""Bytes to text to tree: the one decoding and the one parse of a page.

The order of evidence for the encoding is that of the WHATWG's Encoding and HTML standards (byte order mark, header,
`<meta>` in the first kilobytes), followed by what a crawler meets in practice: a label that the bytes refute is not
believed, and an unlabelled page is UTF-8 if it is valid UTF-8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import lxml.html
from charset_normalizer import from_bytes
from lxml import etree
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom, resolve_encoding

from cleaners.html.streamed import is_streamed, put_in_place, with_edges

MAX_CHARACTERS = 10_000_000  # a page of more is cut: libxml2 would take seconds and a gigabyte
PRESCAN_BYTES = 4096  # the standard asks for 1024; pages with long comments first declare later
SAMPLE_BYTES = 4096  # what detection looks at: about 20 ms
MAX_DEPTH = 200  # libxml2 gives up at 256 open elements and drops the rest of the page
FALLBACK = "windows-1252"
BINARY = "binary: not text"

# What browsers read, as far as a page without a declaration may be it.
_LATIN = ["cp1252", "cp1250", "iso8859_2", "cp1254"]
_OTHER_SCRIPTS = ["cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp932", "euc_jp", "gb18030", "big5", "cp949"]
_WESTERN = re.compile(rb"<html[^>]{0,400}?\blang=[\"']?(?:de|en|es|fr|it|pt|ca|gl|eu|nl|da|sv|no|nb|nn|fi|is)\b", re.I)
_CONTROL_BYTES = bytes([*range(9), 11, *range(14, 32), 127])
_EVERY_BYTE = bytes(range(256))
_C1_UTF8 = re.compile(rb"\xc2[\x80-\x9f]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_BINARY_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NON_ASCII = re.compile(rb"[\x80-\xff]")
_NON_ASCII_LETTER = re.compile("[^\x00-\x7f\ufffd]")
_BODY_END = re.compile(r"</(?:[bB][oO][dD][yY]|[hH][tT][mM][lL])\s*>")  # faster than without regard to case
_WIDE = ("utf-16", "utf-32")
_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|textarea|title)\b.*?(?:</\1\s*>|\Z)|<(/?)([a-zA-Z][^\s/>]*)[^>]*>", re.DOTALL
)
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
_UNNESTED = _VOID | {"p", "li", "dt", "dd", "option", "tr", "td", "th", "html", "head", "body"}  # often left open
_OF_HEAD = frozenset(("base", "link", "meta", "noscript", "script", "style", "template", "title"))


@dataclass(frozen=True, slots=True)
class Decoded:
    """A page's text, the Python name of the encoding it was read with, and what was wrong, or an empty string."""

    text: str
    encoding: str
    problem: str = ""


def decode(body: bytes, content_type: str = "", max_characters: int = MAX_CHARACTERS) -> Decoded:
    """Read a response's bytes as text, whatever they are; control characters and NULs are gone.

    `content_type` is the header's value. Text after `max_characters` is cut and `problem` says so. Never raises.
    """
    encoding, mark = read_bom(body)
    problem = ""
    if encoding and mark:
        body = body[len(mark) :]
    else:
        encoding, problem = _encoding_of(body, content_type)
        problem = BINARY if not encoding.startswith(_WIDE) and _is_binary(body) else problem
    text = _text(body, encoding)
    if len(text) > max_characters:
        problem = "; ".join(filter(None, [problem, f"cut: {len(text)} characters, read {max_characters}"]))
        text = text[:max_characters]
    return Decoded(text, encoding, problem)


def _text(body: bytes, encoding: str) -> str:
    """Decode and drop control characters; for UTF-8 on the bytes, which is ten times faster."""
    if encoding != "utf-8":
        return _CONTROL.sub("", body.decode(encoding, "replace"))
    return _C1_UTF8.sub(b"", body.translate(None, _CONTROL_BYTES)).decode("utf-8", "replace")


def _encoding_of(body: bytes, content_type: str) -> tuple[str, str]:
    """Return the encoding's Python name and the problem with what was declared, if any."""
    declared = _declared(body, content_type)
    if declared and declared.startswith(_WIDE):
        return declared, ""
    if body.isascii():  # a stateful encoding (ISO-2022-JP, HZ) looks like ASCII
        return declared or "utf-8", ""
    if _mostly_utf8(body):
        return "utf-8", "" if declared in (None, "utf-8") else f"declared {declared}, is utf-8"
    if declared and declared != "utf-8" and _plausible(body, declared):
        return declared, ""
    found = _detect(body)
    return found, f"declared {declared}, read as {found}" if declared else ""


def _declared(body: bytes, content_type: str) -> str | None:
    """Return the encoding that the header or else the page's beginning names, if Python knows it."""
    label = http_content_type_encoding(content_type) if content_type else None
    if label and (known := _known(label)):
        return known
    label = html_body_declared_encoding(body[:PRESCAN_BYTES])
    known = _known(label) if label else None
    # A page whose ASCII <meta> could be read is not UTF-16, whatever it says.
    return "utf-8" if known and known.startswith(_WIDE) else known


def _known(label: str) -> str | None:
    resolved = resolve_encoding(label)
    try:
        return resolved if resolved and isinstance(_EVERY_BYTE.decode(resolved, "replace"), str) else None
    except (LookupError, UnicodeError):  # a Python codec that is no text encoding, such as base64 or idna
        return None


def _mostly_utf8(body: bytes) -> bool:
    """Say whether the bytes are UTF-8, a few broken sequences apart (a cut page, one foreign quotation)."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        return len(_NON_ASCII_LETTER.findall(text)) >= 5 * broken
    return True


def _plausible(body: bytes, encoding: str) -> bool:
    """Say whether few of the bytes are impossible in `encoding`."""
    broken = body.decode(encoding, "replace").count("\ufffd")
    return broken * 20 <= len(_NON_ASCII.findall(body))


def _detect(body: bytes) -> str:
    """Guess the encoding from a bounded sample around the first letters that are not ASCII."""
    found = _NON_ASCII.search(body)
    start = max(0, found.start() - 256) if found else 0
    best = from_bytes(body[start : start + SAMPLE_BYTES], cp_isolation=[*_LATIN, *_OTHER_SCRIPTS]).best()
    encoding = best.encoding if best else FALLBACK
    if encoding in _LATIN and _WESTERN.search(body[:PRESCAN_BYTES]):
        encoding = FALLBACK  # as browsers do; a few bytes do not tell one Latin page from another
    return _known(encoding) or FALLBACK


def _is_binary(body: bytes) -> bool:
    """Say whether a tenth of the first kilobyte is control characters, as in an image or an archive."""
    head = body[:1024]
    return len(_BINARY_CONTROL.findall(head)) * 10 > len(head)


def parse(text: str) -> lxml.html.HtmlElement | None:
    """Parse a page into one tree without comments and processing instructions; None if nothing is in it.

    Broken, truncated, XHTML and plain text all parse. Elements nested deeper than libxml2 allows are flattened, so
    that their text stays. What follows an early `</body>` or `</html>` is the page's, as in browsers. What the server
    streamed further down stands where the page's script would move it.
    """
    text = _BODY_END.sub("", text)
    streamed = is_streamed(text)
    if streamed:
        text = with_edges(text)
    parser = _parser(huge=False)
    root = _root(text, parser)
    last = parser.error_log.last_error  # a limit ends the parse, so it is the last
    if last is not None and last.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        root = _root(_flatten(text), _parser(huge=True))
    if root is not None:
        _give_body(root)
        if streamed:
            put_in_place(root)
    return root


def _give_body(root: lxml.html.HtmlElement) -> None:
    """Put into the body what libxml2 leaves in the head where a newer element begins the text without a body tag."""
    head, body = root.find("head"), root.find("body")
    first = next((place for place, each in enumerate(() if head is None else head) if each.tag not in _OF_HEAD), None)
    if head is None or first is None:
        return
    if body is None:
        body = root.makeelement("body")
        root.append(body)
    moved = head[first:]
    if body.text:
        moved[-1].tail = (moved[-1].tail or "") + body.text
        body.text = None
    body[:0] = moved


def _parser(huge: bool) -> lxml.html.HTMLParser:
    """A parser whose elements are all plain `HtmlElement`s: lxml's own asks Python for the class of each of them."""
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=huge)
    parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=lxml.html.HtmlElement))
    return parser


def _root(text: str, parser: lxml.html.HTMLParser) -> lxml.html.HtmlElement | None:
    try:
        return lxml.html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:  # nothing but white space and comments
        return None


def _flatten(text: str) -> str:
    """Drop the tags, not the text, of elements that are nested deeper than `MAX_DEPTH`."""
    open_tags: list[str] = []
    return _TOKEN.sub(lambda match: _shallow(match, open_tags), text)


def _shallow(match: re.Match[str], open_tags: list[str]) -> str:
    """Return a tag as it was, or a space if it stands too deep; keep `open_tags` as a parser would."""
    closing, tag = match[2], (match[3] or "").lower()
    if not tag or tag in _UNNESTED:
        return match[0]
    too_deep = len(open_tags) > MAX_DEPTH
    if not closing:
        open_tags.append(tag)
        return " " if too_deep or len(open_tags) > MAX_DEPTH else match[0]
    if open_tags and open_tags[-1] == tag:
        open_tags.pop()
    return " " if too_deep else match[0]
