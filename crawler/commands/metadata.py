"""`broadsheet metadata`: what Datasette needs to know of an archive, so that it explains itself in a browser."""

from __future__ import annotations

import json

from sqlite_utils import Database

from broadsheet.crawler.crawl.archive_access import open_read_only
from broadsheet.crawler.crawl.terminal import print_text
from broadsheet.output.archive.stored_text import escaped_json
from broadsheet.output.read.datasette import datasette_metadata


def metadata(archive_path: str) -> int:
    """Print the metadata as JSON."""
    with open_read_only(archive_path) as db:
        print_text(metadata_text(db).rstrip("\n"))
    return 0


def metadata_text(db: Database) -> str:
    """The metadata of an open archive as JSON."""
    return escaped_json(json.dumps(datasette_metadata(db), ensure_ascii=False, indent=2)) + "\n"
