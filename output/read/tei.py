"""Articles as TEI P5, one file each: a header with the page's metadata, and the text with its structure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from markdown_it.token import Token
from sqlite_utils import Database

from ..archive.article_filter import USAGE_COLUMN
from .article_files import file_name
from .article_rows import chosen_articles, iter_articles
from .export_folder import open_export
from .inert_markup import add_element, article_tokens, is_safe_link, language_tag, xml_line, xml_text

_TEI = "http://www.tei-c.org/ns/1.0"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_UNKNOWN_LANGUAGE = "und"
_W3C_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?")
_CONTAINERS: dict[str, tuple[str, dict[str, str]]] = {
    "paragraph": ("p", {}),
    "bullet_list": ("list", {"rend": "bulleted"}),
    "ordered_list": ("list", {"rend": "numbered"}),
    "list_item": ("item", {}),
    "blockquote": ("quote", {}),
    "table": ("table", {}),
    "tr": ("row", {}),
    "th": ("cell", {"role": "label"}),
    "td": ("cell", {}),
    "em": ("hi", {"rend": "italic"}),
    "strong": ("hi", {"rend": "bold"}),
}
"""The TEI element of each Markdown token; for other tokens only their content is written."""


def export_tei(
    db: Database, folder: Path, *, one_per_cluster: bool = False, on_kept: Callable[[str], object] = len
) -> int:
    """Write the articles to their files in `folder`, made if missing, and return how many; `on_kept` is as for
    `open_export`.

    Raises TargetRefused or TargetWriteError for a folder or file that cannot be written.
    """
    count = 0
    with open_export(db, folder, on_kept) as export:
        for article in iter_articles(db, chosen_articles(db, one_per_cluster=one_per_cluster)):
            export.write(file_name(article).replace(".md", ".xml"), tei_document(article), [article["id"]])
            count += 1
    return count


def tei_document(article: Mapping[str, Any]) -> bytes:
    """Return the article as a TEI document in UTF-8."""
    root = Element("TEI", {"xmlns": _TEI})
    root.append(_header(article))
    text = SubElement(root, "text", {_LANGUAGE: language_tag(article["language"]) or _UNKNOWN_LANGUAGE})
    _BodyBuilder(SubElement(text, "body")).add(article_tokens(article))
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _header(article: Mapping[str, Any]) -> Element:
    header = Element("teiHeader")
    description = SubElement(header, "fileDesc")
    _add_title(SubElement(description, "titleStmt"), article)
    statement = SubElement(description, "publicationStmt")
    add_element(statement, "publisher", xml_line(article["sitename"]) or xml_line(article["host"]))
    if article["published_stated"]:
        _add_date(statement, article)
    add_element(statement, "idno", str(article["id"])).set("type", "broadsheet")
    usage = ", ".join(map(xml_line, article.get(USAGE_COLUMN) or ()))
    if article["licence"] or usage:
        availability = SubElement(statement, "availability")
        if article["licence"]:
            add_element(SubElement(availability, "licence"), "p", xml_line(article["licence"]))
        if usage:
            add_element(availability, "p", f"The site says of its use: {usage}.")
    bibliography = SubElement(SubElement(description, "sourceDesc"), "bibl")
    _add_title(bibliography, article)
    add_element(bibliography, "publisher", xml_line(article["sitename"]) or xml_line(article["host"]))
    if article["published_stated"]:
        _add_date(bibliography, article)
    add_element(bibliography, "idno", xml_line(article["url"])).set("type", "URL")
    add_element(bibliography, "note", f"Read on {xml_line(article['last_seen'])}.").set("type", "read")
    project = SubElement(SubElement(header, "encodingDesc"), "projectDesc")
    add_element(project, "p", f"Cleaned by Broadsheet, cleaner {xml_text(article['cleaner_version'])}: navigation, "
         "advertisements and the like are left out; paragraphs, headings, lists, quotations, tables and links are "
         "encoded.")  # fmt: skip
    profile = SubElement(header, "profileDesc")
    if article["description"]:
        add_element(SubElement(profile, "abstract"), "p", xml_line(article["description"]))
    language = language_tag(article["language"]) or _UNKNOWN_LANGUAGE
    add_element(SubElement(profile, "langUsage"), "language", language).set("ident", language)
    if subjects := dict.fromkeys(xml_line(tag) for tag in (article["section"], *article["tags"]) if tag):
        keywords = SubElement(SubElement(profile, "textClass"), "keywords")
        for subject in subjects:
            add_element(keywords, "term", subject)
    return header


def _add_title(statement: Element, article: Mapping[str, Any]) -> None:
    add_element(statement, "title", xml_line(article["title"]) or xml_line(article["url"]))
    for author in article["authors"]:
        add_element(statement, "author", xml_line(author))


def _add_date(parent: Element, article: Mapping[str, Any]) -> None:
    date = add_element(parent, "date", xml_line(article["published_stated"]))
    when = str(article["published"] or article["published_day"] or "")
    if _W3C_DATE.fullmatch(when):
        date.set("when", when)


class _BodyBuilder:
    """A builder of TEI elements from tokens. A heading begins a division, which ends before the next one."""

    def __init__(self, body: Element) -> None:
        self._body = body
        self._open = [SubElement(body, "div")]
        self._handlers: dict[str, Callable[[Token], object]] = {
            "inline": lambda token: self.add(token.children or ()),
            "text": lambda token: self._add_text(token.content),
            "softbreak": lambda token: self._add_text("\n"),  # noqa: ARG005
            "hardbreak": lambda token: self._add_empty("lb"),  # noqa: ARG005
            "hr": lambda token: self._add_empty("milestone", unit="section"),  # noqa: ARG005
            "code_inline": lambda token: add_element(self._open[-1], "code", token.content),
            "code_block": self._add_code,
            "fence": self._add_code,
            "link_open": self._open_link,
            "link_close": lambda token: self._close("ref"),  # noqa: ARG005
            "heading_open": self._open_heading,
            "heading_close": lambda token: self._close("head"),  # noqa: ARG005
        }

    def add(self, tokens: Iterable[Token]) -> None:
        """Add what the tokens stand for."""
        for token in tokens:
            kind = token.type.removesuffix("_open").removesuffix("_close")
            if handler := self._handlers.get(token.type):
                handler(token)
            elif kind in _CONTAINERS:
                name, attributes = _CONTAINERS[kind]
                if token.nesting > 0:
                    self._open.append(SubElement(self._open[-1], name, attributes))
                else:
                    self._close(name)

    def _open_heading(self, token: Token) -> None:
        """Begin a division; a heading within a quotation or a list is a label of it."""
        if len(self._open) > 1:
            self._open.append(SubElement(self._open[-1], "p", {"rend": "heading"}))
            return
        if len(self._open[0]):
            self._open[0] = SubElement(self._body, "div")
        self._open[0].set("n", token.tag[1:])
        self._open.append(SubElement(self._open[0], "head"))

    def _close(self, name: str) -> None:
        if len(self._open) > 1 and self._open[-1].tag in (name, "p"):
            self._open.pop()

    def _open_link(self, token: Token) -> None:
        target = str(token.attrs.get("href", ""))
        attributes = {"target": xml_text(target)} if is_safe_link(target) else {}
        self._open.append(SubElement(self._open[-1], "ref", attributes))

    def _add_text(self, text: str) -> None:
        parent = self._open[-1]
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text

    def _add_empty(self, name: str, **attributes: str) -> None:
        SubElement(self._open[-1], name, attributes)

    def _add_code(self, token: Token) -> None:
        add_element(self._open[-1], "ab", token.content).attrib.update({"type": "code", _SPACE: "preserve"})
