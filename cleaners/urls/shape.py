"""What a URL alone says about the page behind it: an article, a list, a list's further pages, or nothing."""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from urllib.parse import parse_qsl, unquote, urlsplit

_FACTS = tomllib.loads(files(__package__).joinpath("shape.toml").read_text(encoding="utf-8"))
LIST_SEGMENTS: frozenset[str] = frozenset(_FACTS["lists"]["segments"])
"""Path segments, in lower case, of pages that list others."""

_ARCHIVES = frozenset(_FACTS["lists"]["archives"])
_SECTIONS = frozenset(_FACTS["lists"]["sections"])
_LIST_PARAMETERS = frozenset(_FACTS["lists"]["parameters"])
_ID_PARAMETERS = frozenset(_FACTS["articles"]["id_parameters"])
_DOCUMENT = re.compile(rf"(.+)\.(?:{'|'.join(_FACTS['articles']['extensions'])})$")
_FRONT_PAGES = frozenset(_FACTS["articles"]["front_pages"])
_DATED = re.compile(r"/(?:19|20)\d\d(?:[/-](?:[01]?\d|[a-z]{3}))?(?:[/-][0-3]?\d)?[/-][^/]*[^/\d][^/]*/?$")
_DATED_NUMBER = re.compile(r"/(?:19|20)\d\d/\d{1,2}/\d{1,2}/\d{4,}/?$")
_ONLY_DATE = re.compile(r"/(?:19|20)\d\d(?:[/-]\d{1,2}){0,2}/?$")
_PAGE_NUMBER = re.compile(r"/(?:p|page|seite|pagina|página)[/-]?\d+(?:\.\w+)?/?$|[-_/]page[-_]?\d+(?:\.\w+)?$")
_SLUG = re.compile(r"[^-_]+(?:[-_]+[^-_]+){2,}")
_NUMBERED = re.compile(r"(?:^|[-_])[a-z]?\d{4,}$")


class Shape(StrEnum):
    """What a URL looks like."""

    HOME = "home"  # a host's front page
    ARTICLE = "article"  # dated, a headline, a document, a document's number
    LIST = "list"  # a tag, category, author, archive
    DEEP_LIST = "deep_list"  # a list's further pages, a search, a date archive
    UNKNOWN = "unknown"


@lru_cache(maxsize=4096)
def shape_of(url: str) -> Shape:
    """Return what a canonical URL looks like."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a host in broken brackets
        return Shape.UNKNOWN
    if not parts.netloc:  # a page whose address is not known
        return Shape.UNKNOWN
    path = unquote(parts.path).lower()
    names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if _PAGE_NUMBER.search(path) or _ONLY_DATE.search(path) or names & _LIST_PARAMETERS:
        return Shape.DEEP_LIST
    segments = [segment for segment in path.split("/") if segment]
    if not segments:
        return Shape.ARTICLE if names & _ID_PARAMETERS else Shape.HOME
    if _DOCUMENT.sub(r"\1", segments[-1]) in _FRONT_PAGES:
        return Shape.ARTICLE if names & _ID_PARAMETERS else Shape.HOME if len(segments) == 1 else Shape.UNKNOWN
    if _DATED.search(path) or _DATED_NUMBER.search(path):
        return Shape.ARTICLE
    if not _ARCHIVES.isdisjoint(segments[:-1]) and _NUMBERED.search(_DOCUMENT.sub(r"\1", segments[-1])):
        return Shape.ARTICLE
    if not LIST_SEGMENTS.isdisjoint(segments) or segments[-1] in _SECTIONS:
        return Shape.LIST
    return Shape.ARTICLE if names & _ID_PARAMETERS or _names_article(segments[-1]) else Shape.UNKNOWN


def is_section(url: str) -> bool:
    """Whether a URL is a list only because it ends with a section's name: a list on which articles are new."""
    if shape_of(url) is not Shape.LIST:
        return False
    return LIST_SEGMENTS.isdisjoint(unquote(urlsplit(url).path).lower().split("/"))


def _names_article(last: str) -> bool:
    """Whether a path's last segment reads like a document, a headline or a document's number."""
    return bool(_DOCUMENT.match(last) or _SLUG.fullmatch(last) or _NUMBERED.search(last))
