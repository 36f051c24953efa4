"""Whether a feed lists readers' comments: every article of many sites names one, and no article is in it. Pure."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
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
    parts = urlsplit(feed_url.lower())
    place = f"{parts.path}?{parts.query}" if parts.query else parts.path
    if any(pattern.search(place) for pattern in _PLACES):
        return True
    return _is_own_feed(feed_url, page.url) and (page.is_article or bool(_COMMENT_WORDS.search(name)))


def _is_own_feed(feed_url: str, page_url: str) -> bool:
    """Whether a feed stands below the page's own address; the feed of a host's front page is the host's."""
    feed, page = urlsplit(feed_url), urlsplit(page_url)
    page_path = page.path.removesuffix("index.html").rstrip("/")
    if not page_path or feed.netloc != page.netloc or not feed.path.startswith(page_path):
        return False
    return bool(_OWN_SUFFIX.fullmatch(feed.path, len(page_path)))
