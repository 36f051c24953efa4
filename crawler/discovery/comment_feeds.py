"""Whether a feed lists readers' comments: every article of many sites names one, and no article is in it. Pure."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

_DATA = tomllib.loads(files(__package__).joinpath("comment_feeds.toml").read_text(encoding="utf-8"))
_PLACES = tuple(re.compile(pattern) for pattern in _DATA["places"].values())
_OWN_SUFFIX = re.compile(_DATA["own"]["suffix"])
_COMMENT_WORDS = re.compile(_DATA["names"]["comments"])


@dataclass(frozen=True, slots=True)
class NamingPage:
    """The page that names a feed: its canonical URL, and whether it is an article."""

    url: str
    is_article: bool = False


def is_comment_feed(feed_url: str, name: str, page: NamingPage) -> bool:
    """Whether a feed lists comments, by its place, or because it is the page's own.

    An article's own feed (`…/story/feed/`) is that of its comments; that of another page, such as a section, is only
    if its `name` says so.
    """
    return is_comment_place(feed_url) or is_own_comment_feed(feed_url, name, page)


@lru_cache(maxsize=4096)
def is_comment_place(feed_url: str) -> bool:
    """Whether feeds of comments stand at such an address, whatever page names it."""
    parts = urlsplit(feed_url.lower())
    place = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return any(pattern.search(place) for pattern in _PLACES)


def is_own_comment_feed(feed_url: str, name: str, page: NamingPage) -> bool:
    """Whether a feed is the page's own and lists its comments."""
    return _is_own_feed(feed_url, page.url) and (page.is_article or bool(_COMMENT_WORDS.search(name)))


def _is_own_feed(feed_url: str, page_url: str) -> bool:
    """Whether a feed stands below the page's own address; the feed of a host's front page is the host's."""
    page_host, page_path = _own_place(page_url)
    if not page_path or page_path not in feed_url:  # nearly all links of a page
        return False
    feed = urlsplit(feed_url)
    if feed.netloc != page_host or not feed.path.startswith(page_path):
        return False
    return bool(_OWN_SUFFIX.fullmatch(feed.path, len(page_path)))


@lru_cache(maxsize=4)
def _own_place(page_url: str) -> tuple[str, str]:
    """The host of a page, and the path that its own feeds begin with; that is empty for a front page."""
    page = urlsplit(page_url)
    return page.netloc, page.path.removesuffix("index.html").rstrip("/")
