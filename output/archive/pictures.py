"""Pictures of articles: the facts of each file, its row, and the files that an article shows.

The bytes are in the WARC records of their captures, as those of pages are. A file that several URLs give has the same
digest, and one record holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_BYTES = 10 * 1024 * 1024
"""Bytes of a picture's file at most: few photographs for the web have more than one megabyte."""

SVG = "image/svg+xml"
ENDINGS = {
    "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "image/avif": ".avif",
    SVG: ".svg",
}  # fmt: skip
"""The types of pictures that are kept, and how their files end."""

_PUT = """INSERT INTO _pictures (url_id, capture_id, digest, type, width, height, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (url_id) DO UPDATE SET capture_id = excluded.capture_id, digest = excluded.digest,
        type = excluded.type, width = excluded.width, height = excluded.height, bytes = excluded.bytes"""
_SHOWN = """SELECT position, image, caption, credit, alt, capture_id, digest, type, width, height, bytes
    FROM article_pictures WHERE article_id = ? ORDER BY position"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's file: SHA-256 in hexadecimal, media type, width and height in pixels, bytes.

    Width and height are 0 for an SVG.
    """

    digest: str
    type: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture of an article that the archive has, with what its page says of it. The lead has position -1."""

    position: int
    url: str
    caption: str
    credit: str
    alt: str
    capture_id: int
    picture: Picture

    @property
    def file_name(self) -> str:
        """Return a name for the file, the same for the same bytes."""
        return f"{self.picture.digest[:32]}{ENDINGS[self.picture.type]}"


def put_picture(db: Database, url_id: int, capture_id: int, picture: Picture) -> None:
    """Store the facts of a URL's picture. Runs in the caller's transaction."""
    facts = (picture.digest, picture.type, picture.width, picture.height, picture.bytes)
    db.execute(_PUT, [url_id, capture_id, *facts])


def pictures_of_article(db: Database, article_id: int) -> Iterator[ShownPicture]:
    """Yield the pictures of an article that the archive has, its lead first, each file once."""
    seen_digests: set[str] = set()
    for position, url, caption, credit, alt, capture_id, *facts in db.execute(_SHOWN, [article_id]).fetchall():
        picture = Picture(*facts)
        if picture.type in ENDINGS and picture.digest not in seen_digests:
            seen_digests.add(picture.digest)
            yield ShownPicture(position, url, caption, credit, alt, capture_id, picture)
