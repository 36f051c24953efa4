"""Wrong articles in the list: those that a person ticked, and the others in the same folders of URLs."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlite_utils import Database

from broadsheet.cleaners.page.canonical_urls import host_of

from .strict_requests import Arguments, BadArgumentError, NotHereError

MOST_TICKED = 100
_TICKED = re.compile(r"tick(\d{1,19})")
_OF_HOST = "SELECT id, url, title FROM articles WHERE host = ? ORDER BY url"
_EXAMPLES = 5
_NUMBER = re.compile(r"\d+")


class TakenArticle(NamedTuple):
    """An article that may be taken out."""

    id: int
    url: str
    title: str


class UrlFolder(NamedTuple):
    """A folder of URLs, `/blog/…`, with `#` for numbers: how many of its articles are not ticked, and some of them."""

    host: str
    path: str
    others: int
    examples: tuple[TakenArticle, ...]


class TakeOutPreview(NamedTuple):
    """Preview of the articles to take out: the ticked ones, and by folder the others with similar addresses."""

    ticked: tuple[TakenArticle, ...]
    folders: tuple[UrlFolder, ...]


def preview_take_out(db: Database, arguments: Arguments) -> TakeOutPreview:
    """Show the ticked articles, and the other ones in the same folders."""
    ticked = _ticked(db, arguments)
    folders = (
        UrlFolder(host, path, len(others), tuple(others[:_EXAMPLES]))
        for (host, path), others in _others_by_folder(db, ticked).items()
    )
    return TakeOutPreview(tuple(ticked), tuple(folders))


def articles_to_take_out(db: Database, arguments: Arguments) -> list[TakenArticle]:
    """Return the ticked articles, and those of the folders that the arguments `folder0`, `folder1` … switch on.

    They are numbered as in the preview.
    """
    ticked = _ticked(db, arguments)
    folders = enumerate(_others_by_folder(db, ticked).values())
    return [*ticked, *(article for n, others in folders if arguments.flag(f"folder{n}") for article in others)]


def _ticked(db: Database, arguments: Arguments) -> list[TakenArticle]:
    """Read the articles of the arguments `tick` and a number. Raises BadArgumentError for none or too many."""
    numbers = sorted(int(match[1]) for match in map(_TICKED.fullmatch, arguments.values) if match)
    if not 0 < len(numbers) <= MOST_TICKED:
        raise BadArgumentError(f"tick an article first, and {MOST_TICKED} at most")
    found = (db.execute("SELECT id, url, title FROM articles WHERE id = ?", [n]).fetchone() for n in numbers)
    ticked = [TakenArticle(*row) for row in found if row]
    if not ticked:
        raise NotHereError("the archive no longer has what was ticked")
    return ticked


def _others_by_folder(db: Database, ticked: list[TakenArticle]) -> dict[tuple[str, str], list[TakenArticle]]:
    """Return by host and folder the articles that are not ticked, in the folders of the ticked ones."""
    wanted = {_folder(article.url) for article in ticked}
    others: dict[tuple[str, str], list[TakenArticle]] = defaultdict(list)
    for host in sorted({host for host, _ in wanted}):
        for row in db.execute(_OF_HOST, [host]).fetchall():
            article = TakenArticle(*row)
            if (folder := _folder(article.url)) in wanted and article not in ticked:
                others[folder].append(article)
    return others


def _folder(url: str) -> tuple[str, str]:
    """Return the host of a URL and its folder, with `#` for numbers.

    >>> _folder("https://a.example/2024/05/the-mill?page=2")
    ('a.example', '/#/#/…')
    """
    path = urlsplit(url).path.rstrip("/").rpartition("/")[0]
    return host_of(url), _NUMBER.sub("#", path) + "/…"
