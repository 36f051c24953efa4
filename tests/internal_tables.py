"""The internal tables and views by name, in the order in which the schema makes them: no test writes such a name.

One that is renamed in the schema keeps its name here, and in texts that tests expect. One that the schema gains is
named here at its place.
"""

import re

from sqlite_utils import Database

from broadsheet.output.archive.migrations import MIGRATIONS
from broadsheet.output.archive.schema_doc import schema_columns


def _internal_tables() -> list[str]:
    """Return the names in a new archive, whose schema is the baseline and what the migrations make of it."""
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    return [name for name in schema_columns(db) if name.startswith("_")]


TABLES = _internal_tables()
(
    IMPORTS, URL_COUNTS, OUTSIDE_HOSTS, URL_PATTERNS, URL_ORDERS, RESOURCE_USERS, WARC_FILES,
    WARC_ERASURES, CLEANERS, PAGE_LEADS, PAGE_PARTS, PAGE_SIGNATURES, LAYOUTS,
    RENDERED_LAYOUTS, SHELF, IMAGES, PICTURES, PAGE_STATEMENTS, OWN_FIELDS,
    REVISION_BLOCKS, BLOCK_TEXTS, REASONS, PAGE_BLOCKS, PAGE_LAYOUT,
    OWN_VERDICTS, REVIEWS, COMMON_TEXTS, UNSETTLED,
    UNSETTLED_TEXTS, YIELDS, UNINDEXED, ARTICLES_SEARCH,
    PENDING_REVISIONS, BLOCK_EVIDENCE, LINKS, SCANS, HIDING, PAGE_FILES, RECLEAN_BEFORE
) = TABLES  # fmt: skip

LABELS = {value: f"_{name.lower()}" for name, value in list(globals().items()) if name.isupper() and value in TABLES}
"""What expected texts and lists call a table, whatever the schema calls it."""


def labelled(text: str) -> str:
    """Call each table in a text as expected texts do."""
    return _renamed(text, LABELS)


def named(text: str) -> str:
    """Call each table in a text as the schema does."""
    return _renamed(text, {label: name for name, label in LABELS.items()})


def _renamed(text: str, names: dict[str, str]) -> str:
    changed = {old: new for old, new in names.items() if old != new}
    return re.sub(rf"\b(?:{'|'.join(changed)})\b", lambda found: changed[found[0]], text) if changed else text
