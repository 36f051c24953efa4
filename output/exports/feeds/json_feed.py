"""A feed as JSON Feed 1.1."""

from __future__ import annotations

import json

from broadsheet.output.db.text import escaped_json
from broadsheet.output.exports.article_html import is_safe_link
from broadsheet.output.exports.feeds.entries import WebFeed, WebFeedEntry

_VERSION = "https://jsonfeed.org/version/1.1"


def json_feed_document(feed: WebFeed) -> bytes:
    """The feed as a JSON document in UTF-8."""
    items = [_item(entry) for entry in feed.entries]
    values = {"version": _VERSION, "title": feed.title, "items": items}
    return (escaped_json(json.dumps(values, ensure_ascii=False, indent=1)) + "\n").encode()


def _item(entry: WebFeedEntry) -> dict[str, object]:
    optional = {
        "url": entry.url if is_safe_link(entry.url) else "",
        "summary": entry.summary,
        "date_published": entry.published,
        "date_modified": entry.updated,
        "authors": [{"name": name} for name in entry.authors],
        "tags": list(entry.tags),
        "language": entry.language,
    }
    content = {"content_html": entry.html} if entry.html else {"content_text": entry.summary or entry.title}
    return {
        "id": entry.id,
        "title": entry.title,
        **content,
        **{name: value for name, value in optional.items() if value},
    }
