"""Statements of a page about itself, collected in one walk: metas, links, headings, times, and JSON-LD.

Broken JSON-LD (trailing commas, raw line breaks, HTML entities, CDATA and comment marks, a cut end) is repaired; a
block that stays unreadable is searched for the few members that matter. Nothing is chosen here; the readers of
`metadata_fields` do that.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import lxml.html
from lxml import etree

from .elements import AUTHOR_HREFS, BYLINE_ATTRIBUTES, BYLINE_CLASSES, DATE_CLASSES, TagIndex

JsonLdNode = dict[str, Any]

# White space is read once, from its beginning: a megabyte of it would take hours if it were tried from each character.
_WRAPPING = re.compile(
    r"^\s*+(?:(?://|/\*)\s*+)?(?:<!\[CDATA\[|<!--)\s*(?:\*/)?"
    r"|(?:(?://|/\*)\s*+|(?<!\s)\s*+|)(?:\]\]>|-->)\s*+(?:\*/\s*+)?$"
)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MISSING_COMMA = re.compile(r'([}\]"])([^\S\n]*+\n\s*+")')
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
_JSON_MEMBER = re.compile(
    r'"(@type|headline|datePublished|dateCreated|dateModified|inLanguage|description|articleSection)"\s*:\s*'
    r'"((?:[^"\\\n]|\\.)*)"'
)
_JSON_BODY = re.compile(r'"articleBody"\s*:\s*"((?:[^"\\]++|\\.)*+)', re.S)  # its end may be cut
_JSON_AUTHOR = re.compile(r'"author"\s*:\s*([\[{"])')
_JSON_ENDS = {"[": "]", "{": "}", '"': '"'}
_JSON_NAME = re.compile(r'"name"\s*:\s*"((?:[^"\\\n]|\\.)*)"')
_NESTING_MEMBERS = ("@graph", "mainEntity", "mainEntityOfPage", "itemReviewed", "review")
_ARTICLE_TYPE = re.compile(r"(?:Article|Posting|Report|Review|Recipe|HowTo|CreativeWork|Thesis|Chapter|Story)$")
_MAX_DEPTH = 6
_MAX_BLOCK_CHARS = 1_000_000  # a larger block is a data dump


def read_json_ld_nodes(text: str) -> list[JsonLdNode]:
    """Return the nodes of one `application/ld+json` script, those in `@graph` and main entities included.

    The last few scripts are cached, since several stages read them: a node must not be changed.
    """
    return list(_read_cached_nodes(text))


@lru_cache(maxsize=4)
def _read_cached_nodes(text: str) -> tuple[JsonLdNode, ...]:
    if len(text) > _MAX_BLOCK_CHARS:
        return ()
    values = _parse_json(text)
    if values is None:
        salvaged_node = _salvage_members(text)
        return (salvaged_node,) if salvaged_node else ()
    return tuple(_nested_nodes(values, 0))


def types_of(node: JsonLdNode) -> tuple[str, ...]:
    """Return the node's types without their vocabulary: `NewsArticle` for `https://schema.org/NewsArticle`."""
    value = node.get("@type") or ()
    values = value if isinstance(value, list) else [value]
    return tuple(str(type_name).rsplit("/", 1)[-1].rsplit(":", 1)[-1] for type_name in values if type_name)


def is_article_node(node: JsonLdNode) -> bool:
    """Return whether the node describes a text: NewsArticle, BlogPosting, Report, Review, Recipe and the like."""
    return any(_ARTICLE_TYPE.search(name) for name in types_of(node))


def string_values(value: Any) -> Iterator[str]:
    """Yield the strings of a member's value: of each list element itself or its `name`, `@value`, `url` or `@id`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for element in value[:100]:
            yield from string_values(element)
    elif isinstance(value, dict):
        for key in ("name", "@value", "url", "@id"):
            if value.get(key):
                yield from string_values(value[key])
                return


def resolve_references(value: Any, by_id: dict[str, JsonLdNode]) -> Any:
    """Replace references (`{"@id": …}` without a name) by their nodes in `by_id`."""
    if isinstance(value, list):
        return [resolve_references(element, by_id) for element in value]
    if isinstance(value, dict) and "name" not in value and isinstance(value.get("@id"), str):
        return by_id.get(value["@id"], value)
    return value


def _parse_json(text: str) -> list[Any] | None:
    for repaired_text in _json_repairs(text):
        try:
            return [json.loads(repaired_text, strict=False)]
        except (ValueError, RecursionError):
            continue
    return _parse_sequence(text)


def _json_repairs(text: str) -> Iterator[str]:
    """Yield the text, then more and more intrusive repairs of it."""
    text = text.strip().strip(";\ufeff")
    yield text
    text = _WRAPPING.sub("", text)
    yield text
    text = _BAD_ESCAPE.sub(r"\\\\", _TRAILING_COMMA.sub(r"\1", text))
    yield text
    yield _MISSING_COMMA.sub(r"\1,\2", text)
    if "&" in text:
        yield html.unescape(text)


def _parse_sequence(text: str) -> list[Any] | None:
    """Parse objects that follow each other without a list around them; None without any."""
    decoder = json.JSONDecoder(strict=False)
    text = _WRAPPING.sub("", text).strip()
    values: list[Any] = []
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            break
        values.append(value)
        text = text[end:].lstrip(" \t\r\n,;")
    return values or None


def _salvage_members(text: str) -> JsonLdNode:
    """Find the members that matter in a block that cannot be parsed; the first of each name counts."""
    node: JsonLdNode = {}
    for key, value in _JSON_MEMBER.findall(text):
        node.setdefault(key, _unescape(value))
    if body := _JSON_BODY.search(text):
        node["articleBody"] = _unescape(body[1])
    if author := _salvage_author(text):
        names = _JSON_NAME.findall(author) or ([author.strip('"')] if author.startswith('"') else [])
        node["author"] = [_unescape(name) for name in names]
    return node


def _salvage_author(text: str) -> str:
    """Return the first list, object or line of an author that ends; an end that is missing is looked for once."""
    ends = dict(_JSON_ENDS)
    for author in _JSON_AUTHOR.finditer(text):
        if mark := ends.get(author[1]):
            end = text.find(mark, author.end())
            if end < 0:
                del ends[author[1]]
            elif mark != '"' or "\n" not in text[author.end() : end]:
                return text[author.start(1) : end + 1]
    return ""


def _unescape(value: str) -> str:
    try:
        return str(json.loads(f'"{value}"', strict=False))
    except ValueError:
        return value


def _nested_nodes(value: Any, depth: int) -> Iterator[JsonLdNode]:
    """Yield the nodes in a value, depth first."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for element in value[:500]:
            yield from _nested_nodes(element, depth + 1)
    elif isinstance(value, dict):
        yield value
        for key in _NESTING_MEMBERS:
            if isinstance(value.get(key), (dict, list)):
                yield from _nested_nodes(value[key], depth + 1)


Element = lxml.html.HtmlElement

_INVISIBLE_TAGS = frozenset({"script", "style", "template", "svg", "noscript"})
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BYLINE, _DATE = "byline", "dated"
_CLASS_PATTERNS = dict.fromkeys(BYLINE_CLASSES, _BYLINE) | dict.fromkeys(DATE_CLASSES, _DATE)
_BYLINE_ATTRIBUTES = BYLINE_ATTRIBUTES | {"href"}
_AUTHOR_PATH, _AUTOR_PATH, _AUTHOR_QUERY = AUTHOR_HREFS
MAX_TEXT_CHARS = 1000  # of an element; a longer text is not a title, name or date


@dataclass(frozen=True, slots=True)
class PageStatements:
    """Statements of a page in document order. `metas` (contents) and `links` (hrefs) are by lower-case name."""

    metas: dict[str, list[str]] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    json_ld_nodes: list[JsonLdNode] = field(default_factory=list)
    h1_elements: list[Element] = field(default_factory=list)
    h2_elements: list[Element] = field(default_factory=list)  # with a class
    time_elements: list[Element] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    tag_links: list[Element] = field(default_factory=list)  # links with `rel=tag`
    licence_urls: list[str] = field(default_factory=list)  # targets of links to a licence
    html_languages: list[str] = field(default_factory=list)

    def meta_contents(self, names: tuple[str, ...]) -> Iterator[str]:
        """Yield the contents of the metas with these names, the first name first."""
        for name in names:
            if name in self.metas:
                yield from self.metas[name]


def collect_statements(tree: Element | TagIndex) -> PageStatements:
    """Walk the tree once and collect the page's statements; the tree is not changed."""
    statements = PageStatements()
    for element in tree.iter(*_READERS):
        _READERS[str(element.tag)](statements, element)
    return statements


def find_bylines_and_dates(elements: Iterable[Element]) -> tuple[list[Element], list[Element]]:
    """Return the elements that an attribute calls a byline, and those with `date` in their class or itemprop."""
    bylines: list[Element] = []
    date_elements: list[Element] = []
    for element in elements:
        if not (attributes := element.keys()):
            continue
        class_kinds = _class_kinds(element.get("class", "")) if "class" in attributes else ()
        is_date = _DATE in class_kinds or ("itemprop" in attributes and element.get("itemprop", "").startswith("date"))
        if is_date and element.tag not in ("body", "html", "meta"):
            date_elements.append(element)
        if _BYLINE in class_kinds or (not _BYLINE_ATTRIBUTES.isdisjoint(attributes) and _is_byline(element)):
            bylines.append(element)
    return bylines, date_elements


@lru_cache(maxsize=1024)
def _class_kinds(class_attribute: str) -> tuple[str, ...]:
    """Return whether a class attribute calls its element a byline, a date, or both."""
    return tuple([kind for pattern, kind in _CLASS_PATTERNS.items() if pattern in class_attribute])


def normalise_text(text: str | None) -> str:
    """Return `text` with white space folded and character references that were escaped twice resolved."""
    if not text:
        return ""
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = text.replace("\xad", "").replace("\u200b", "")
    return " ".join(text.split())


def element_text(element: Element, limit: int = MAX_TEXT_CHARS) -> str:
    """Return the element's visible text with white space folded, cut at about `limit` characters."""
    if not len(element):
        return normalise_text(element.text)
    parts: list[str] = []
    _append_text(element, parts, limit)
    return normalise_text("".join(parts))


def _append_text(element: Element, parts: list[str], limit: int) -> None:
    """Append the visible texts in an element to `parts`, up to about `limit` characters; `br` is a space."""
    size = 0
    for event, part in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        is_tail = event != "start"
        if is_tail and part is element:
            return
        text, parent = (part.tail, part.getparent()) if is_tail else (part.text, part)
        if text and parent is not None and str(parent.tag) not in _INVISIBLE_TAGS:
            parts.append(f" {text}" if is_tail and part.tag == "br" else text)
            size += len(text)
            if size > limit:
                return


def is_hidden_by_attribute(element: Element) -> bool:
    """Return whether the element itself is hidden by its `hidden` attribute or its style."""
    return "hidden" in element.attrib or bool(_HIDDEN_STYLE.search(element.get("style", "")))


def _read_meta(statements: PageStatements, element: Element) -> None:
    content = normalise_text(element.get("content") or element.get("value"))
    if not content:
        return
    for attribute in ("property", "name", "itemprop", "http-equiv"):
        if name := element.get(attribute):
            statements.metas.setdefault(name.strip().lower(), []).append(content)


def _read_link(statements: PageStatements, element: Element) -> None:
    href = (element.get("href") or "").strip()
    for rel in (element.get("rel") or "").lower().split() if href else ():
        statements.links.setdefault(rel, []).append(href)


def _read_script(statements: PageStatements, element: Element) -> None:
    if "ld+json" in (element.get("type") or "") and element.text:
        statements.json_ld_nodes.extend(read_json_ld_nodes(element.text))


def _read_title(statements: PageStatements, element: Element) -> None:
    parent: Any = element.getparent()
    if parent is None or parent.tag != "svg":
        statements.titles.append(normalise_text(element.text))


def _read_heading(statements: PageStatements, element: Element) -> None:
    if not is_hidden_by_attribute(element):
        statements.h1_elements.append(element)


def _read_second_heading(statements: PageStatements, element: Element) -> None:
    if "class" in element.attrib and not is_hidden_by_attribute(element):
        statements.h2_elements.append(element)


def _read_html(statements: PageStatements, element: Element) -> None:
    names = ("lang", "{http://www.w3.org/XML/1998/namespace}lang", "xml:lang")
    statements.html_languages.extend(filter(None, map(element.get, names)))


def _read_link_in_text(statements: PageStatements, element: Element) -> None:
    href, rel = element.get("href"), element.get("rel")
    if rel and "tag" in rel.split():
        statements.tag_links.append(element)
    if href and ("creativecommons.org/" in href or (rel and "license" in rel)):
        statements.licence_urls.append(href)


def _is_byline(element: Element) -> bool:
    if element.get("itemprop") == "author":
        return True
    identity, rel = element.get("data-testid"), element.get("rel")
    if identity and ("author" in identity or "byline" in identity):
        return True
    if rel and "author" in rel:
        return True
    href = element.get("href") or "" if element.tag == "a" else ""
    return _AUTHOR_PATH in href or _AUTOR_PATH in href or _AUTHOR_QUERY in href


_READERS: dict[str, Callable[[PageStatements, Element], None]] = {
    "html": _read_html,
    "meta": _read_meta,
    "link": _read_link,
    "a": _read_link_in_text,
    "script": _read_script,
    "title": _read_title,
    "h1": _read_heading,
    "h2": _read_second_heading,
    "time": lambda statements, element: statements.time_elements.append(element),
}
