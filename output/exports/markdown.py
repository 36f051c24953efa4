"""Articles as Markdown, one file an article, with YAML front matter.

The front matter holds JSON strings and lists, which YAML reads as they are, so that no title can break it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

from sqlite_utils import Database

from output.db.text import inert_text
from output.exports.rows import iter_articles
from output.store.metadata_columns import METADATA_FIELDS

_LAST_FIELDS = ("description", "url", "canonical_url", "image", "page_type", "word_count", "id")
_FIELDS = (*(name for name in METADATA_FIELDS if name not in _LAST_FIELDS), *_LAST_FIELDS)
_SLUG_BYTES = 80  # with date, id and ending well below the 255 bytes of common file systems


def export_markdown(db: Database, folder: Path, *, one_per_cluster: bool = False) -> int:
    """Write the articles to their files in `folder`, made if missing, and return how many.

    The same article has the same file name every time; an older file of that name is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for article in iter_articles(db, one_per_cluster=one_per_cluster):
        (folder / file_name(article)).write_text(markdown_document(article), encoding="utf-8", newline="\n")
        count += 1
    return count


def file_name(article: dict[str, object]) -> str:
    """Date, title and id: readable, sorted by time, safe on common file systems, and unique."""
    date = re.match(r"\d{4}-\d{2}-\d{2}", str(article["published"] or ""))
    parts = (date[0] if date else "", _slug(str(article["title"])), str(article["id"]))
    return "-".join(part for part in parts if part) + ".md"


def markdown_document(article: dict[str, object]) -> str:
    """The text of an article's file: front matter, title, article."""
    values = ((name, article[name]) for name in _FIELDS)
    front_matter = "\n".join(f"{name}: {_yaml_value(value)}" for name, value in values if value not in (None, "", []))
    title = " ".join(inert_text(str(article["title"])).split())
    heading = f"# {title}\n\n" if title else ""
    return f"---\n{front_matter}\n---\n\n{heading}{inert_text(str(article['markdown'] or article['text']))}\n"


def _yaml_value(value: object) -> str:
    return inert_text(json.dumps(value, ensure_ascii=False))


def _slug(title: str) -> str:
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", title).lower()).strip("-")
    return words.encode("utf-8")[:_SLUG_BYTES].decode("utf-8", "ignore").strip("-")
