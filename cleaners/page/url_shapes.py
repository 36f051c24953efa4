"""Shapes of URLs: the type of page that a form suggests, and the pattern that alike URLs share.

By its form alone a URL suggests an article, a list, a later page of a list, or nothing.

A URL's pattern is its path and query with the varying parts replaced by classes: `/news/2024/05/12/the-mill-burned` has
the pattern `/news/#/#/#/slug`. Words that name lists stay, and so does the path's first segment, which is a site's
section; numbers, words, slugs and opaque ids become classes. Of a query the sorted names stay. The wide pattern
replaces the first segment too, and of a query it only says that there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from ..package_data import read_toml
from .canonical_urls import split_url

_SHAPE_DATA = read_toml(__package__, "url_shapes.toml")
LIST_SEGMENTS: frozenset[str] = frozenset(_SHAPE_DATA["lists"]["segments"])
"""Path segments, in lower case, of pages that list other pages."""

_ARCHIVE_SEGMENTS = frozenset(_SHAPE_DATA["lists"]["archives"])
_SECTION_SEGMENTS = frozenset(_SHAPE_DATA["lists"]["sections"])
_LIST_PARAMETERS = frozenset(_SHAPE_DATA["lists"]["parameters"])
_ID_PARAMETERS = frozenset(_SHAPE_DATA["articles"]["id_parameters"])
_COPY_CONVENTIONS = {name: re.compile(pattern) for name, pattern in _SHAPE_DATA["copies"].items()}
_DOCUMENT_FILE = re.compile(rf"(.+)\.(?:{'|'.join(_SHAPE_DATA['articles']['extensions'])})$")
_FRONT_PAGE_STEMS = frozenset(_SHAPE_DATA["articles"]["front_pages"])
_DATED_PATH = re.compile(r"/(?:19|20)\d\d(?:[/-](?:[01]?\d|[a-z]{3}))?(?:[/-][0-3]?\d)?[/-][^/]*[^/\d][^/]*/?$")
_DATED_NUMBER = re.compile(r"/(?:19|20)\d\d/\d{1,2}/\d{1,2}/\d{4,}/?$")
_DATE_ARCHIVE = re.compile(r"/(?:19|20)\d\d(?:[/_-]\d{1,2}){0,2}(?:_archive)?/?$")
_DAY = re.compile(r"/(?:19|20)\d\d[/_-]\d{1,2}[/_-]\d{1,2}/?$")
_PAGE_NUMBER = re.compile(r"/(?:p|page|seite|pagina|página)[/-]?\d+(?:\.\w+)?/?$|[-_/]page[-_]?\d+(?:\.\w+)?$")
_ARTICLE_SLUG = re.compile(r"[^-_]+(?:[-_]+[^-_]+){2,}")
_NUMBER_ENDING = re.compile(r"(?:^|[-_])[a-z]?\d{4,}$")


class UrlShape(StrEnum):
    """Type of page that a URL looks like."""

    HOME = "home"  # a host's front page
    ARTICLE = "article"  # with a date, a headline, a document's file name or number
    LIST = "list"  # a tag, category, author, archive
    DEEP_LIST = "deep_list"  # a later page of a list, a search, a date archive
    UNKNOWN = "unknown"


@lru_cache(maxsize=1024)
def shape_of(url: str) -> UrlShape:
    """Return the type of page that a canonical URL looks like.

    >>> shape_of("https://news.example/2024/05/12/the-mill-on-the-river-burned")
    <UrlShape.ARTICLE: 'article'>
    """
    parts = split_url(url)
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
    """Return whether a URL's path names a date and, after it, one thing of that date."""
    path = _plain_path(unquote(split_url(url).path).lower())
    return bool(_DATED_PATH.search(path) or _DATED_NUMBER.search(path))


@lru_cache(maxsize=1024)
def copy_convention(url: str) -> str:
    """Return the convention by which a canonical URL looks like a second address of a page; empty for most URLs.

    >>> copy_convention("https://news.example/2024/the-mill-burned/?amp")
    'amp'
    """
    place = "/" + url.lower().partition("://")[2].partition("/")[2]
    return next((name for name, pattern in _COPY_CONVENTIONS.items() if pattern.search(place)), "")


_INDEX_NAMES = tuple(
    f"{stem}.{ending}" for stem in ("index", "default") for ending in ("html", "htm", "php", "asp", "aspx")
)


def index_spellings(url: str) -> tuple[str, ...]:
    """Return the other spellings of a folder's URL: without its index file, or with each name that this may have.

    >>> index_spellings("https://news.example/mill/index.html")
    ('https://news.example/mill/',)
    >>> index_spellings("https://news.example/mill/")[0], index_spellings("https://news.example/mill")
    ('https://news.example/mill/index.html', ())
    """
    folder, _, name = url.rpartition("/")
    if name in _INDEX_NAMES:
        return (f"{folder}/",)
    return () if name else tuple(f"{url}{one}" for one in _INDEX_NAMES)


def names_a_day(url: str) -> bool:
    """Return whether a URL ends with a whole date, as an archive of the day does, and the entry of a diary."""
    return shape_of(url) is UrlShape.DEEP_LIST and bool(_DAY.search(_plain_path(unquote(split_url(url).path).lower())))


def _plain_path(path: str) -> str:
    """Return the path without a front page's file name (`…/index.html`), and without a file ending behind a date.

    `/2011/05.html` gives `/2011/05`.
    """
    folder, _, name = path.rpartition("/")
    stem = _DOCUMENT_FILE.sub(r"\1", name)
    if stem in _FRONT_PAGE_STEMS:
        return folder + "/"
    plain_path = f"{folder}/{stem}"
    return plain_path if _DATE_ARCHIVE.search(plain_path) else path


def is_section(url: str) -> bool:
    """Return whether only a section's name at its end makes a URL a list: such lists show the newest articles."""
    if shape_of(url) is not UrlShape.LIST:
        return False
    return LIST_SEGMENTS.isdisjoint(unquote(split_url(url).path).lower().split("/"))


def _looks_like_article(segment: str) -> bool:
    """Return whether a path's last segment looks like a document's file name, a headline or a document's number."""
    return bool(_DOCUMENT_FILE.match(segment) or _ARTICLE_SLUG.fullmatch(segment) or _NUMBER_ENDING.search(segment))


NUMBER, SLUG, WORD, OPAQUE = "#", "slug", "word", "id"

_NUMBER_SEGMENT = re.compile(r"\d[\d.:-]*")
_SLUG_SEGMENT = re.compile(r"[^-_+ ]+(?:[-_+ ]+[^-_+ ]+){2,}")
_OPAQUE_SEGMENT = re.compile(r"[0-9a-f-]{16,}|(?=\D*\d)[0-9a-z]{16,}")
_EXTENSION = re.compile(r"(.+)\.([a-z]{2,5}\d?)$")
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2})?")
_NAME_INDEX = re.compile(r"\[[^\]]*\]|(?:%5b).*?(?:%5d)|\d+$", re.IGNORECASE)
_MAX_PARTS = 12  # segments of a path, or names of a query, in a pattern


@lru_cache(maxsize=1024)
def folder_of(url: str) -> str:
    """Return the path of a URL up to its last part, in lower case, with numbers as `#`; empty for a part at the root.

    >>> folder_of("https://news.example/tags/Mills/index.html"), folder_of("https://news.example/2024/05/fire")
    ('/tags/', '/#/#/')
    """
    path = _plain_path(unquote(split_url(url).path).lower()).rstrip("/")
    parts = [NUMBER if _NUMBER_SEGMENT.fullmatch(part) else part for part in path.split("/")[1:-1]]
    return f"/{'/'.join(parts)}/" if parts else ""


class UrlPatterns(NamedTuple):
    """URL's narrow pattern, and the wide pattern that includes it. Both are empty for a malformed URL."""

    narrow: str
    wide: str


@lru_cache(maxsize=1024)
def patterns_of(url: str) -> UrlPatterns:
    """Return the patterns of a canonical URL."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a host in broken brackets
        return UrlPatterns("", "")
    segments = [segment for segment in unquote(parts.path).lower().split("/") if segment]
    classes = [_segment_class(segment) for segment in segments[:_MAX_PARTS]]
    if len(segments) > _MAX_PARTS:
        classes.append("…")
    names = _parameter_names(parts.query)
    narrow = [*_literal_heads(segments), *classes[len(_literal_heads(segments)) :]]
    narrow_pattern = "/" + "/".join(narrow) + ("?" + "&".join(names) if names else "")
    return UrlPatterns(narrow_pattern, "*/" + "/".join(classes) + ("?*" if names else ""))


def sort_parameters(url: str) -> str:
    """Return the URL with its parameters sorted; empty if it has fewer than two of them, or two of the same name."""
    path, _, query = url.partition("?")
    parameters = query.split("&")
    names = {parameter.partition("=")[0] for parameter in parameters}
    if len(parameters) < 2 or len(names) < len(parameters):
        return ""
    return f"{path}?{'&'.join(sorted(parameters))}"


def _segment_class(segment: str) -> str:
    """Return a segment's class with its file extension, or the segment itself if it names a list."""
    if segment in LIST_SEGMENTS:
        return segment
    match = _EXTENSION.match(segment)
    stem, extension = (match[1], "." + match[2]) if match else (segment, "")
    if _NUMBER_SEGMENT.fullmatch(stem):
        return NUMBER + extension
    if _OPAQUE_SEGMENT.fullmatch(stem):
        return OPAQUE + extension
    return (SLUG if _SLUG_SEGMENT.fullmatch(stem) else WORD) + extension


def _literal_heads(segments: list[str]) -> list[str]:
    """Return the segments that stay as they are in the narrow pattern.

    That is the first of several, and the second after a language, unless it is a number, a slug or an id.
    """
    candidates = segments[:-1][: 2 if segments and _LANGUAGE.fullmatch(segments[0]) else 1]
    return list(_leading_words(candidates))


def _leading_words(segments: list[str]) -> Iterator[str]:
    """Yield the segments up to the first number, slug or id."""
    for segment in segments:
        if _segment_class(segment) not in (WORD, segment):
            return
        yield segment


def _parameter_names(query: str) -> list[str]:
    """Return the sorted names of a query, each once, without their index: `f[0]` and `f[1]` are one name."""
    if not query:
        return []
    names = {_NAME_INDEX.sub("", unquote(part.partition("=")[0]).lower())[:40] for part in query.split("&")}
    return sorted(names)[:_MAX_PARTS]


_LETTERS = re.compile(r"[^\W\d_]{3,}")
_SLUG_WORDS, _SLUG_SHARE = 3, 0.8  # words of a slug that may name a heading, and the share of them that it has


def slug_words(url: str) -> frozenset[str]:
    """Return the words of three letters or more of a URL's last segment; empty if there are fewer than three.

    >>> sorted(slug_words("https://news.example/2024/the-mill-burned.html"))
    ['burned', 'mill', 'the']
    """
    path = unquote(split_url(url).path)
    words = _LETTERS.findall(path.rstrip("/").rpartition("/")[2].partition(".")[0].lower())
    return frozenset(words) if len(set(words)) >= _SLUG_WORDS else frozenset()


def is_named_by_slug(text: str, slug: frozenset[str]) -> bool:
    """Return whether a heading has most words of a slug, and these are half of its own."""
    words = set(_LETTERS.findall(text.lower()))
    shared = len(words & slug)
    return shared >= _SLUG_SHARE * max(len(slug), 1) and 2 * shared >= len(words)
