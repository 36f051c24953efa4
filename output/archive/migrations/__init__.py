"""The schema of an archive, written down in this folder and nowhere else, as recorded migrations.

A migration that has shipped is never edited; a change is a new one, with `SCHEMA_VERSION` raised by one.
What the tables and columns mean is in `schema.toml`; `docs/schema.md` is generated from both.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from broadsheet.output.archive.migrations.v1_archive import ARCHIVE
from broadsheet.output.archive.migrations.v2_manners import MANNERS
from broadsheet.output.archive.migrations.v3_lineage import LINEAGE
from broadsheet.output.archive.migrations.v3_raw import RAW
from broadsheet.output.archive.migrations.v3_survey import SURVEY
from broadsheet.output.archive.migrations.v3_watch import WATCH
from broadsheet.output.archive.migrations.v4_packed import PACKED
from broadsheet.output.archive.migrations.v5_dates import DATES
from broadsheet.output.archive.migrations.v5_growth import GROWTH
from broadsheet.output.archive.migrations.v5_imported import IMPORTED
from broadsheet.output.archive.migrations.v5_keywords import KEYWORDS
from broadsheet.output.archive.migrations.v5_users_columns import rename_users_column
from broadsheet.output.archive.migrations.v6_browse import BROWSE
from broadsheet.output.archive.migrations.v6_certainty import CERTAINTY
from broadsheet.output.archive.migrations.v6_images import IMAGES
from broadsheet.output.archive.migrations.v6_layouts import LAYOUTS
from broadsheet.output.archive.migrations.v6_overview import OVERVIEW
from broadsheet.output.archive.migrations.v6_settle import SETTLE
from broadsheet.output.archive.migrations.v6_users_names import rename_users_object
from broadsheet.output.archive.migrations.v7_standfirst import STANDFIRST

SCHEMA_VERSION = 7

MIGRATIONS = Migrations("broadsheet")


@MIGRATIONS()
def m0001_archive(db: Database) -> None:
    """Make the archive."""
    for statement in ARCHIVE:
        db.execute(statement)


@MIGRATIONS()
def m0002_manners(db: Database) -> None:
    """Robots directives beside each capture, takedowns, and a queue that stays quick when many retries wait."""
    for statement in MANNERS:
        db.execute(statement)


@MIGRATIONS()
def m0003_history(db: Database) -> None:
    """Raw responses kept, texts with their lineage, revisits and revisions, relations and rates."""
    for statement in (*RAW, *LINEAGE, *WATCH, *SURVEY):
        db.execute(statement)


@MIGRATIONS()
def m0004_packed(db: Database) -> None:
    """Articles of one transaction enter the full-text index together, and sketches are packed."""
    for statement in PACKED:
        db.execute(statement)


@MIGRATIONS()
def m0005_columns(db: Database) -> None:
    """Dates in columns of one shape each; captures found by their rows; faults of imported records; keywords."""
    for statement in (*DATES, *GROWTH, *IMPORTED, *KEYWORDS):
        rename_users_column(db, statement)
        db.execute(statement)


@MIGRATIONS()
def m0006_openness(db: Database) -> None:
    """Views for people to look at; the reading room's index, what a person judged of a sample; layouts."""
    for statement in (
        *OVERVIEW,
        *BROWSE,
        *LAYOUTS,
        *CERTAINTY,
        *SETTLE,
        *IMAGES,
    ):  # fmt: skip
        rename_users_column(db, statement)
        rename_users_object(db, statement)
        db.execute(statement)


@MIGRATIONS()
def m0007_standfirst(db: Database) -> None:
    """The standfirst of an article in a column of its own."""
    for statement in STANDFIRST:
        rename_users_column(db, statement)
        db.execute(statement)
