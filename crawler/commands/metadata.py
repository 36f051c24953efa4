"""`broadsheet metadata`: what Datasette needs to know of an archive, so that it explains itself in a browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import print_text
from .verb_options import archive_argument, verb

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import stored_text
    from broadsheet.output.read import datasette

    from ..cli import archive_access


@verb("Print metadata for Datasette.")
@archive_argument
def metadata(db: str) -> int:
    """Print what Datasette needs to explain an archive: meanings of tables and columns, facets, queries, as JSON.

    broadsheet metadata news.db > metadata.json && datasette news.db -m metadata.json
    """
    with archive_access.open_read_only(db) as archive_db:
        print_text(metadata_text(archive_db).rstrip("\n"))
    return 0


def metadata_text(db: Database) -> str:
    """Return the metadata of an open archive as JSON."""
    return stored_text.escaped_json(json.dumps(datasette.datasette_metadata(db), ensure_ascii=False, indent=2)) + "\n"
