"""Articles as Markdown, one file an article, with YAML front matter.

The front matter holds JSON strings and lists, which YAML reads as they are, so that no title can break it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.db.text import escaped_json, inert_text
from broadsheet.output.exports.inert_markdown import escaped_words, inert_markdown
from broadsheet.output.exports.own_files import OwnFiles
from broadsheet.output.exports.rows import iter_articles
from broadsheet.output.exports.target_file import checked_folder, write_file
from broadsheet.output.store.metadata_columns import STATED_COLUMNS

_LAST_FIELDS = ("description", "url", "canonical_url", "image", "page_type", "word_count", "id")
_FIELDS = (*(name for name in STATED_COLUMNS if name not in _LAST_FIELDS), *_LAST_FIELDS)
_TAG_OR_LINK = re.compile(r"[<>\ufffe\uffff]|\](?=[(\[:])")  # and two characters that YAML does not take
_SLUG_BYTES = 80  # with date, id and ending well below the 255 bytes of common file systems


def export_markdown(db: Database, folder: Path, *, one_per_cluster: bool = False) -> int:
    """Write the articles to their files in `folder`, made if missing, and return how many.

    The same article has the same file name every time; an older file of that name is replaced. TargetRefused or
    TargetWriteError for a folder or file that cannot be written.
    """
    own_files = OwnFiles.of(db)
    checked_folder(own_files, str(folder))
    count = 0
    for article in iter_articles(db, one_per_cluster=one_per_cluster):
        write_file(own_files, folder / file_name(article), markdown_document(article).encode())
        count += 1
    return count


def file_name(article: dict[str, object]) -> str:
    """Date, title and id: readable, sorted by time, safe on common file systems, and unique."""
    parts = (_slug(str(article["published_day"] or "")), _slug(str(article["title"])), str(article["id"]))
    return "-".join(part for part in parts if part) + ".md"


def markdown_document(article: dict[str, object]) -> str:
    """The text of an article's file: front matter, title, article; inert, whatever its fields hold."""
    values = ((name, article[name]) for name in _FIELDS)
    front_matter = "\n".join(f"{name}: {_yaml_value(value)}" for name, value in values if value not in (None, "", []))
    title = escaped_words(" ".join(inert_text(str(article["title"])).split()))
    heading = f"# {title}\n\n" if title else ""
    return f"---\n{front_matter}\n---\n\n{heading}{_body(article)}\n"


def _body(article: dict[str, object]) -> str:
    """The article's Markdown; of one without, its text, a paragraph a line."""
    if markdown := article["markdown"]:
        return inert_markdown(inert_text(str(markdown)))
    return "\n\n".join(map(escaped_words, inert_text(str(article["text"] or "")).splitlines()))


def _yaml_value(value: object) -> str:
    """JSON that YAML reads, and in which a viewer that knows no front matter finds neither HTML nor a link."""
    json_text = escaped_json(json.dumps(value, ensure_ascii=False))
    return _TAG_OR_LINK.sub(lambda match: f"\\u{ord(match[0]):04x}", json_text)


def _slug(title: str) -> str:
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", title).lower()).strip("-")
    return words.encode("utf-8")[:_SLUG_BYTES].decode("utf-8", "ignore").strip("-")
