"""The type of page that a URL suggests by its form alone: an article, a list, a later page of a list, or unknown."""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from urllib.parse import parse_qsl, unquote, urlsplit

_DATA = tomllib.loads(files(__package__).joinpath("shape.toml").read_text(encoding="utf-8"))
LIST_SEGMENTS: frozenset[str] = frozenset(_DATA["lists"]["segments"])
"""Path segments, in lower case, of pages that list other pages."""

_ARCHIVE_SEGMENTS = frozenset(_DATA["lists"]["archives"])
_SECTION_SEGMENTS = frozenset(_DATA["lists"]["sections"])
_LIST_PARAMETERS = frozenset(_DATA["lists"]["parameters"])
_ID_PARAMETERS = frozenset(_DATA["articles"]["id_parameters"])
_DOCUMENT_FILE = re.compile(rf"(.+)\.(?:{'|'.join(_DATA['articles']['extensions'])})$")
_FRONT_PAGE_STEMS = frozenset(_DATA["articles"]["front_pages"])
_DATED_PATH = re.compile(r"/(?:19|20)\d\d(?:[/-](?:[01]?\d|[a-z]{3}))?(?:[/-][0-3]?\d)?[/-][^/]*[^/\d][^/]*/?$")
_DATED_NUMBER = re.compile(r"/(?:19|20)\d\d/\d{1,2}/\d{1,2}/\d{4,}/?$")
_DATE_ARCHIVE = re.compile(r"/(?:19|20)\d\d(?:[/_-]\d{1,2}){0,2}(?:_archive)?/?$")
_DAY = re.compile(r"/(?:19|20)\d\d[/_-]\d{1,2}[/_-]\d{1,2}/?$")
_PAGE_NUMBER = re.compile(r"/(?:p|page|seite|pagina|página)[/-]?\d+(?:\.\w+)?/?$|[-_/]page[-_]?\d+(?:\.\w+)?$")
_SLUG = re.compile(r"[^-_]+(?:[-_]+[^-_]+){2,}")
_NUMBER_ENDING = re.compile(r"(?:^|[-_])[a-z]?\d{4,}$")


class UrlShape(StrEnum):
    """The type of page that a URL looks like."""

    HOME = "home"  # a host's front page
    ARTICLE = "article"  # with a date, a headline, a document's file name or number
    LIST = "list"  # a tag, category, author, archive
    DEEP_LIST = "deep_list"  # a later page of a list, a search, a date archive
    UNKNOWN = "unknown"


@lru_cache(maxsize=4096)
def shape_of(url: str) -> UrlShape:
    """Return the type of page that a canonical URL looks like."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a host in broken brackets
        return UrlShape.UNKNOWN
    if not parts.netloc:  # a page whose URL is not known
        return UrlShape.UNKNOWN
    path = _plain_path(unquote(parts.path).lower())
    names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if _PAGE_NUMBER.search(path) or _DATE_ARCHIVE.search(path) or names & _LIST_PARAMETERS:
        return UrlShape.DEEP_LIST
    segments = [segment for segment in path.split("/") if segment]
    if not segments:
        return UrlShape.ARTICLE if names & _ID_PARAMETERS else UrlShape.HOME
    if has_dated_path(url):
        return UrlShape.ARTICLE
    if not _ARCHIVE_SEGMENTS.isdisjoint(segments[:-1]) and _NUMBER_ENDING.search(
        _DOCUMENT_FILE.sub(r"\1", segments[-1])
    ):
        return UrlShape.ARTICLE
    if not LIST_SEGMENTS.isdisjoint(segments) or segments[-1] in _SECTION_SEGMENTS:
        return UrlShape.LIST
    return UrlShape.ARTICLE if names & _ID_PARAMETERS or _looks_like_article(segments[-1]) else UrlShape.UNKNOWN


def has_dated_path(url: str) -> bool:
    """Whether a URL's path names a date and, after it, one thing of that date."""
    try:
        path = _plain_path(unquote(urlsplit(url).path).lower())
    except ValueError:  # a host in broken brackets
        return False
    return bool(_DATED_PATH.search(path) or _DATED_NUMBER.search(path))


def names_a_day(url: str) -> bool:
    """Whether a URL ends with a whole date, as an archive of the day does, and the entry of a diary."""
    return shape_of(url) is UrlShape.DEEP_LIST and bool(_DAY.search(_plain_path(unquote(urlsplit(url).path).lower())))


def _plain_path(path: str) -> str:
    """The path without a folder's front page (`…/index.html`), and without the ending of a file that is named after a
    date (`/2011/05.html`)."""
    folder, _, name = path.rpartition("/")
    stem = _DOCUMENT_FILE.sub(r"\1", name)
    if stem in _FRONT_PAGE_STEMS:
        return folder + "/"
    plain_path = f"{folder}/{stem}"
    return plain_path if _DATE_ARCHIVE.search(plain_path) else path


def is_section(url: str) -> bool:
    """Whether a URL is a list only because it ends with a section's name: such a list shows the newest articles."""
    if shape_of(url) is not UrlShape.LIST:
        return False
    return LIST_SEGMENTS.isdisjoint(unquote(urlsplit(url).path).lower().split("/"))


def _looks_like_article(segment: str) -> bool:
    """Whether a path's last segment looks like a document's file name, a headline or a document's number."""
    return bool(_DOCUMENT_FILE.match(segment) or _SLUG.fullmatch(segment) or _NUMBER_ENDING.search(segment))
