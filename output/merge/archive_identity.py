"""What tells an archive from others in what a target remembers of it, as long as it exists.

The number of its first run, which is drawn, tells a crawled archive. One that others were merged into has their runs
too, so at the first merge it gets a name of its own: the number of the first run that it had before, if any, and
digits that are drawn.
"""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

from sqlite_utils import Database

_KEY = "identity"
_SEPARATOR = "-"
_GIVEN = "SELECT value FROM meta WHERE key = ?"
_GIVE = "INSERT INTO meta (key, value) VALUES (?, ?)"
_FIRST_RUN = "SELECT id FROM runs ORDER BY started_at, id LIMIT 1"


def identity_of(db: Database, file: Path) -> str:
    """The identity of an archive: the one that it was given, the number of its first run, or else its path."""
    return _given(db) or _first_run(db) or str(file)


def former_identity(identity: str) -> str:
    """What an archive was known by before others were merged into it; the same where none were."""
    return identity.partition(_SEPARATOR)[0]


def give_identity(target: Database) -> None:
    """Give an archive that others are merged into an identity of its own, once. Runs in the caller's transaction."""
    if not _given(target):
        target.execute(_GIVE, [_KEY, f"{_first_run(target)}{_SEPARATOR}{token_hex(8)}"])


def _given(db: Database) -> str:
    row = db.execute(_GIVEN, [_KEY]).fetchone()
    return str(row[0]) if row else ""


def _first_run(db: Database) -> str:
    row = db.execute(_FIRST_RUN).fetchone()
    return str(row[0]) if row else ""
