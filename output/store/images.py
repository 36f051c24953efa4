"""The pictures of each page's article, in `images`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from broadsheet.cleaners.document import ArticleImage
from broadsheet.output.db.text import storable_text

if TYPE_CHECKING:
    from sqlite_utils import Database

_PUT_IMAGE = "INSERT INTO images (page_id, position, url, caption, credit, alt) VALUES (?, ?, ?, ?, ?, ?)"
_IMAGES = "SELECT url, caption, credit, alt FROM images WHERE page_id = ? ORDER BY position"


def storable_image(image: ArticleImage) -> ArticleImage:
    """The picture with texts that an archive can store."""
    return ArticleImage(*map(storable_text, (image.url, image.caption, image.credit, image.alt)))


def put_images(db: Database, page_id: int, images: Sequence[ArticleImage]) -> None:
    """Replace the pictures of a page. Runs in the caller's transaction."""
    db.execute("DELETE FROM images WHERE page_id = ?", [page_id])
    rows = [(page_id, n, image.url, image.caption, image.credit, image.alt) for n, image in enumerate(images)]
    db.conn.executemany(_PUT_IMAGE, rows)


def stored_images(db: Database, page_id: int) -> tuple[ArticleImage, ...]:
    """The pictures of a page, in its order."""
    return tuple(ArticleImage(*row) for row in db.execute(_IMAGES, [page_id]).fetchall())
