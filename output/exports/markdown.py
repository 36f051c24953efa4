"""Articles as Markdown, one file an article, with YAML front matter.

The front matter holds JSON strings and lists, which YAML reads as they are, so that no title can break it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

from sqlite_utils import Database

from output.db.text import inert
from output.exports.rows import articles

_FIELDS = (
    "title", "authors", "published", "modified", "language", "section", "tags", "licence", "sitename",
    "description", "url", "canonical_url", "image", "page_type", "word_count", "id",
)  # fmt: skip
_SLUG_BYTES = 80  # with date, id and ending well below the 255 bytes of common file systems


def export_markdown(db: Database, folder: Path, *, one_per_cluster: bool = False) -> int:
    """Write the articles to their files in `folder`, made if missing, and return how many.

    The same article has the same file name every time; an older file of that name is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for article in articles(db, one_per_cluster=one_per_cluster):
        (folder / file_name(article)).write_text(document(article), encoding="utf-8", newline="\n")
        count += 1
    return count


def file_name(article: dict[str, object]) -> str:
    """Date, title and id: readable, in order of time, safe on common file systems, and never twice the same."""
    date = re.match(r"\d{4}-\d{2}-\d{2}", str(article["published"] or ""))
    parts = (date[0] if date else "", _slug(str(article["title"])), str(article["id"]))
    return "-".join(part for part in parts if part) + ".md"


def document(article: dict[str, object]) -> str:
    """The file's text: front matter, title, article."""
    said = ((name, article[name]) for name in _FIELDS)
    front = "\n".join(f"{name}: {_yaml(value)}" for name, value in said if value not in (None, "", []))
    title = " ".join(inert(str(article["title"])).split())
    heading = f"# {title}\n\n" if title else ""
    return f"---\n{front}\n---\n\n{heading}{inert(str(article['markdown'] or article['text']))}\n"


def _yaml(value: object) -> str:
    return inert(json.dumps(value, ensure_ascii=False))


def _slug(title: str) -> str:
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", title).lower()).strip("-")
    return words.encode("utf-8")[:_SLUG_BYTES].decode("utf-8", "ignore").strip("-")
