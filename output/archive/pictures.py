"""Pictures of articles: the facts of each file, its row, and the files that an article shows.

The bytes are in the WARC records of their captures, as those of pages are. A file that several URLs give has the same
digest, and one record holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from broadsheet.cleaners.package_data import read_toml

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_BYTES = 10 * 1024 * 1024
"""Bytes of a picture's file at most: few photographs for the web have more than one megabyte."""

SHEET_BYTES = 1024 * 1024
"""Bytes of a style sheet at most."""

SHEET = "text/css"
SVG = "image/svg+xml"
ENDINGS = {
    "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "image/avif": ".avif",
    SVG: ".svg",
}  # fmt: skip
"""The types of pictures that are kept, and how their files end."""

_PUT = """INSERT INTO _pictures (url_id, capture_id, digest, type, width, height, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (url_id) DO UPDATE SET capture_id = excluded.capture_id, digest = excluded.digest,
        type = excluded.type, width = excluded.width, height = excluded.height, bytes = excluded.bytes"""
_SHOWN = """SELECT position, image, caption, credit, alt, capture_id,
        digest, type, width, height, bytes, (SELECT i.place FROM articles a JOIN _images i ON i.page_id = a.page_id
            WHERE a.id = w.article_id AND i.position = w.position)
    FROM article_pictures w WHERE article_id = ? ORDER BY position"""
_NOT_STORED = """SELECT i.position, i.url, i.caption, i.credit, i.alt, 0, NULL, i.place
    FROM articles a JOIN _images i ON i.page_id = a.page_id
    WHERE a.id = ?1 AND i.url NOT IN (SELECT image FROM article_pictures WHERE article_id = ?1) ORDER BY i.position"""
_KEPT_TEXTS = """SELECT b.position, t.text
    FROM articles a JOIN _page_blocks b ON b.page_id = a.page_id JOIN _block_texts t ON t.id = b.block_id
    WHERE a.id = ? AND b.kept = 1 ORDER BY b.position"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's file: SHA-256 in hexadecimal, media type, width and height in pixels, bytes.

    Width and height are 0 for an SVG. A style sheet of a page is stored in the same way, with the type `SHEET`.
    """

    digest: str
    type: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture of an article, with what its page says of it. The lead has position -1.

    `place` is the number of the page's blocks before it; None if it is not known. `picture` is None where the archive
    does not have the file.
    """

    position: int
    url: str
    caption: str
    credit: str
    alt: str
    capture_id: int
    picture: Picture | None
    place: int | None = None

    @property
    def file_name(self) -> str:
        """Return a name for the file, the same for the same bytes; empty where the archive does not have it."""
        return f"{self.picture.digest[:32]}{ENDINGS[self.picture.type]}" if self.picture else ""


def put_picture(db: Database, url_id: int, capture_id: int, picture: Picture) -> None:
    """Store the facts of a URL's picture. Runs in the caller's transaction."""
    facts = (picture.digest, picture.type, picture.width, picture.height, picture.bytes)
    db.execute(_PUT, [url_id, capture_id, *facts])


_PUT_FILE = "INSERT OR IGNORE INTO _page_files (user_id, url_id) SELECT ?, id FROM urls WHERE url = ?"
_FILE = "SELECT u.location, p.capture_id FROM urls u LEFT JOIN _pictures p ON p.url_id = u.id WHERE u.url = ?"
_MOST_HOPS = 10


def put_page_files(db: Database, user_id: int, urls: Iterable[str]) -> None:
    """Note the files that a page, or a style sheet, uses. Those of its earlier versions stay, so that a takedown
    reaches them. Runs in the caller's transaction.
    """
    db.conn.executemany(_PUT_FILE, [(user_id, url) for url in urls])


def find_file(db: Database, url: str) -> int | None:
    """Return the capture that holds the picture or style sheet of a URL, redirects followed, or None."""
    for _ in range(_MOST_HOPS):
        location, capture_id = db.execute(_FILE, [url]).fetchone() or (None, None)
        if capture_id is not None or location is None:
            return capture_id
        url = location
    return None


def pictures_of_article(db: Database, article_id: int) -> Iterator[ShownPicture]:
    """Yield the pictures of an article that the archive has, its lead first, each file once.

    A lead that stands in the text in another size is left out.
    """
    seen_digests: set[str] = set()
    rows = db.execute(_SHOWN, [article_id]).fetchall()
    stems_in_text = {picture_stem(url) for position, url, *_ in rows if position >= 0}
    for position, url, caption, credit, alt, capture_id, *facts, place in rows:
        picture = Picture(*facts)
        if position < 0 and picture_stem(url) in stems_in_text:
            continue
        if picture.type in ENDINGS and picture.digest not in seen_digests:
            seen_digests.add(picture.digest)
            yield ShownPicture(position, url, caption, credit, alt, capture_id, picture, place)


def picture_stem(url: str) -> str:
    """Return the common part of a picture's URLs in several sizes.

    >>> picture_stem("https://news.example/2024/mill-300x200.jpg?w=300&v=2")
    'news.example/2024/mill.jpg?v=2'
    """
    path_parts, arguments = _load_sizes()
    path, _, query = url.removeprefix("https://").removeprefix("http://").partition("?")
    kept = (part for part in query.split("&") if part.partition("=")[0].lower() not in arguments)
    return f"{path_parts.sub('', path)}?{'&'.join(kept)}"


@cache
def _load_sizes() -> tuple[re.Pattern[str], frozenset[str]]:
    sizes = read_toml(__package__, "picture_sizes.toml")
    return re.compile("|".join(sizes["path_parts"])), frozenset(sizes["arguments"])


def named_pictures(db: Database, article_id: int) -> Iterator[ShownPicture]:
    """Yield the pictures that an article's page names and whose files the archive does not have."""
    return (ShownPicture(*row) for row in db.execute(_NOT_STORED, [article_id]).fetchall())


LEAST_GALLERY = 3
"""Pictures without a text between them from which on they stand side by side."""

PictureRun = tuple[int, tuple[ShownPicture, ...]]
"""The number of letters of the article's text before some pictures, and the pictures."""


def picture_runs(db: Database, article_id: int, pictures: Sequence[ShownPicture]) -> tuple[PictureRun, ...]:
    """Say where in an article's text its pictures stand: those between the same two blocks together, in the order of
    the page. The lead stands first, and a picture whose place is not known last.

    A caption that a block of the text says is not said again.
    """
    ends, total, kept = [(0, 0)], 0, db.execute(_KEPT_TEXTS, [article_id]).fetchall()
    for position, text in kept:
        ends.append((position + 1, total := total + count_letters(text)))

    def letters_before(shown: ShownPicture) -> int:
        if shown.place is None:
            return 0 if shown.position < 0 else total
        return max(letters for end, letters in ends if end <= max(0, shown.place))

    once = (
        replace(shown, caption="", credit="")
        if shown.caption and any(text.startswith(shown.caption) for _, text in kept)
        else shown
        for shown in pictures
    )
    runs = groupby(sorted(once, key=lambda shown: (letters_before(shown), shown.position)), key=letters_before)
    return tuple((letters, tuple(run)) for letters, run in runs)


def count_letters(text: str) -> int:
    """Count letters and digits, which are the same in a text and its Markdown.

    >>> count_letters("**No. 7**")
    3
    """
    return sum(map(str.isalnum, text))
