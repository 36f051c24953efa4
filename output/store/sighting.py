"""Which page was seen, when and in which capture: what the rows of pages, articles and revisions have in common."""

from __future__ import annotations

from dataclasses import dataclass

from broadsheet.output.db.ids import content_id
from broadsheet.output.db.text import storable_text


def article_id(url: str) -> int:
    """The id of the article at a URL: 53 bits, the same in every archive."""
    return content_id(storable_text(url))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A page seen at a time (UTC ISO 8601): its row in `urls`, its URL and host, and the capture, None without one."""

    page_id: int
    url: str
    host: str
    capture_id: int | None
    seen_at: str

    @property
    def article_id(self) -> int:
        """The id of the article that the page's URL names."""
        return article_id(self.url)
