"""The reading room itself, shared by all pages: archives, words, the token, what was counted already."""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from sqlite_utils import Database
from starlette.responses import Response

from broadsheet.cleaners.judge.certainty import IS_CALIBRATED, certainty

from ..archive.archive_errors import ArchiveError
from ..archive.archive_lock import is_owned
from ..archive.pictures import LEAST_GALLERY
from ..read.edit_history import ALL_KINDS, ListedEdit
from ..read.plain_words import rule_words
from ..read.search import match_expression
from ..write.verdicts import waiting_blocks
from .article_list import ArticleList
from .article_page import MOST_ROWS
from .facets import facet_value_text
from .library import ArchiveFile, Library
from .rendering import PageFrame, Renderer, key_hint, make_environment
from .strict_requests import NotHereError

_FEW_URLS = 20_000
"""URLs of an archive up to which everything is counted while somebody waits: within a fifth of a second."""
_PAUSE = 60.0  # seconds between two counts of the same in a large archive that grows

NO_ARGUMENTS: Mapping[str, str] = {}
_T = TypeVar("_T")


class RoomWording(NamedTuple):
    """The command line's words for reasons of table `urls` and for edits, so that pages use the same."""

    reason_text: Callable[[str], str]
    edit_summary: Callable[[ListedEdit], str]


class Notice(NamedTuple):
    """A page with only a message: the status of the answer, and the text."""

    status: int
    message: str


_STATE = """SELECT (SELECT max(seq) FROM changes), (SELECT group_concat(urls) FROM _url_counts),
    (SELECT max(coalesce(finished_at, started_at)) FROM runs)"""


def _state_of(db: Database) -> object:
    """Return a value that changes with each change of articles or of the states of URLs, and with each run."""
    return db.execute(_STATE).fetchone()


class Counted:
    """A cache of values that take long to count, by archive and name, until the archive changes."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], tuple[object, Any]] = {}
        self._begun: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def get(self, db: Database, archive: ArchiveFile, name: str, count: Callable[[Database], _T]) -> _T:
        """Return the value as counted since the last change of the archive; count it now if it was not."""
        key, state = (str(archive.path), name), _state_of(db)
        with self._lock:
            stored = self._values.get(key)
        if stored is None or stored[0] != state:
            stored = state, count(db)
            with self._lock:
                self._values[key] = stored
        value: _T = stored[1]
        return value

    def get_soon(self, db: Database, archive: ArchiveFile, name: str, count: Callable[[Database], _T]) -> _T | None:
        """Return the value as it is now, if the archive is small.

        In a large one as it was counted last, None if it never was; it is counted anew in a thread of its own.
        """
        key = (str(archive.path), name)
        (urls,) = db.execute("SELECT total(urls) FROM _url_counts").fetchone()
        if urls <= _FEW_URLS:
            return self.get(db, archive, name, count)
        with self._lock:
            stored = self._values.get(key)
            is_due = stored is None or stored[0] != _state_of(db)
            if is_due and time.monotonic() - self._begun.get(key, -_PAUSE) >= _PAUSE:
                self._begun[key] = time.monotonic()
                threading.Thread(target=self._count, args=(archive, name, count), daemon=True).start()
        return stored[1] if stored else None

    def _count(self, archive: ArchiveFile, name: str, count: Callable[[Database], object]) -> None:
        with suppress(ArchiveError), archive.open() as db:
            self.get(db, archive, name, count)


@dataclass(frozen=True, slots=True)
class Room:
    """One run of the reading room.

    `token` is in its forms and nowhere else; `raw_token` and `replay_token` in the addresses of raw and of replayed
    pages, which another port serves (`raw_origin`, empty if none does).
    """

    library: Library
    wording: RoomWording
    may_write: bool = True
    raw_origin: str = ""
    replay_assets: Path | None = None
    helpers: Mapping[str, Any] = field(default_factory=dict)
    """Further names for templates, and in `templates` further folders of them: pages that are added to the room."""
    templates: tuple[Path, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    raw_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    replay_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    renderer: Renderer = field(init=False)
    counted: Counted = field(default_factory=Counted)
    write_lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        helpers = {
            **HELPERS, "reason_text": self.wording.reason_text, "edit_summary": self.wording.edit_summary,
            "raw_origin": self.raw_origin,
            "raw_token": self.raw_token, "replay_token": self.replay_token,
            "has_replay": self.replay_assets is not None, **self.helpers,
        }  # fmt: skip
        object.__setattr__(self, "renderer", Renderer(make_environment(helpers, self.templates)))

    def archive(self, name: str) -> ArchiveFile:
        """Return the archive with a name. Raises NotHereError if there is none."""
        archive = self.library.archives.get(name)
        if archive is None:
            raise NotHereError("there is no archive of that name here")
        return archive

    def frame(
        self,
        archive: ArchiveFile | None = None,
        section: str = "",
        twin: str = "",
        arguments: Mapping[str, str] = NO_ARGUMENTS,
    ) -> PageFrame:
        """Return the frame that a page shows around its value; see `PageFrame`."""
        archive = archive or self.library.only_archive
        if archive is None:
            return PageFrame(may_write=self.may_write)
        is_busy, waiting_count = is_owned(archive.path), 0
        with suppress(ArchiveError), archive.open() as db:
            waiting_count = len(waiting_blocks(db)) if is_busy else 0
        shown = defaultdict(str, arguments)
        return PageFrame(archive.name, section, self.token, self.may_write, is_busy, waiting_count, twin, shown)

    def notice(self, notice: Notice, frame: PageFrame | None = None) -> Response:
        """Return a page with only a message."""
        return self.renderer.html("notice.html", notice, frame or self.frame(), notice.status)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other requests of this room from writing while the context is open."""
        with self.write_lock:
            yield


SECTIONS = (
    ("home", "Home", ""),
    ("articles", "Articles", "articles"),
    ("changes", "Changes", "changes"),
    ("report", "Report", "report"),
    ("review", "Review", "review"),
)
"""The menu: the name of a part, what it is called, and its path."""


def address(archive: str, path: str, **arguments: object) -> str:
    """Return the address of a page of an archive; arguments that are None are left out."""
    pairs = [(name, str(value)) for name, value in arguments.items() if value is not None]
    return f"/{quote(archive)}/{path}" + (f"?{urlencode(pairs)}" if pairs else "")


_FED = ("host", "language", "section", "year")


def feed_arguments(view: ArticleList) -> dict[str, str]:
    """Return the arguments of the feed that follows a list: its query, and those facets that feeds know."""
    chosen = {name: value for name, value in view.chosen.items() if name in _FED and value}
    return {**({"q": view.query} if match_expression(view.query) else {}), **chosen}


def without(values: Mapping[str, str], name: str) -> dict[str, str]:
    """Return values without the one of a name."""
    return {key: value for key, value in values.items() if key != name}


HELPERS: Mapping[str, Any] = {
    "address": address,
    "without": without,
    "rule_name": rule_words,
    "certainty_word": certainty,
    "facet_value": facet_value_text,
    "feed_arguments": feed_arguments,
    "key": key_hint,
    "is_calibrated": IS_CALIBRATED,
    "most_rows": MOST_ROWS,
    "least_gallery": LEAST_GALLERY,
    "sections": SECTIONS,
    "edit_kinds": ALL_KINDS,
    "remedies": lambda hint: (),  # noqa: ARG005 - a room that is only read has no buttons for them
    "has_desk": False,
}
