"""Which pages have an article that may be to others what it was not: something changed that two texts are compared by.

That is what settling reads of a page (`unsettled`), the sketch of its text, which of its hashes are crowded on its
host, and which of its blocks so many pages of the host have that they are left out. Two articles of other pages are to
each other what is stored.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

REPEATED_PAGES = 6
"""Article pages of a host on which a block must stand to be left out when two texts are compared."""

_UNSETTLED = "SELECT page_id FROM unsettled"
_ARTICLES_OF_PAGES = """SELECT coalesce(h.head_id, w.value) FROM json_each(?) w
    LEFT JOIN page_parts h ON h.page_id = w.value"""
_HAVE_RECOUNTED = f"""SELECT DISTINCT a.page_id FROM settle_recounted c
        CROSS JOIN page_blocks b ON b.block_id = c.block_id
        LEFT JOIN page_parts h ON h.page_id = b.page_id AND h.place > 0
        CROSS JOIN articles a ON a.page_id = coalesce(h.head_id, b.page_id)
    WHERE (c.pages_before >= {REPEATED_PAGES}) <> (c.pages >= {REPEATED_PAGES}) AND a.host = c.host"""


def find_touched_pages(db: Database, page_ids: Collection[int]) -> set[int]:
    """These pages and those that are unsettled, the first pages of articles that they are parts of, and the pages of
    articles with a block that comes to be left out or not. Needs `settle_recounted`."""
    touched_pages = {*page_ids, *(page_id for (page_id,) in db.execute(_UNSETTLED))}
    first_pages = db.execute(_ARTICLES_OF_PAGES, [json.dumps(sorted(touched_pages))])
    touched_pages |= {page_id for (page_id,) in first_pages.fetchall()}
    return touched_pages | {page_id for (page_id,) in db.execute(_HAVE_RECOUNTED)}
