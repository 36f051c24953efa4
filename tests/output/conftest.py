"""Pages and outcomes as small as a test needs them, and an archive in a temporary folder."""

import os
import time
from dataclasses import dataclass, field, replace
from unittest import mock

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.document import Block, BlockKind, CleanedPage, Metadata, PageType, PageVerdict, Verdict
from broadsheet.output.raw.raw_exchange import Capture
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from tests.output.cleaned_pages import page_rows

KEPT = Verdict(True, "extractor", "selected")
GONE = Verdict(False, "share buttons", "share.icons")


@dataclass
class Clock:
    """A clock that moves a second with each look."""

    seconds: int = 0

    def __call__(self) -> str:
        self.seconds += 1
        return f"2026-01-01T00:{self.seconds // 60 % 60:02}:{self.seconds % 60:02}Z"


@dataclass
class Maker:
    """Makes values; every field has a default that tests override."""

    clock: Clock = field(default_factory=Clock)

    def cleaned(
        self, url: str, *kept: str, removed: tuple[str, ...] = (), title: str = "", **changes: object
    ) -> CleanedPage:
        texts = [*kept, *removed]
        blocks = tuple(Block(n, BlockKind.PARAGRAPH, text, text, "body>main>p") for n, text in enumerate(texts))
        verdicts = (KEPT,) * len(kept) + (GONE,) * len(removed)
        page_type = changes.pop("page_type", PageType.ARTICLE if kept else PageType.EMPTY)
        metadata = Metadata(title=title or f"Title of {url}", canonical_url=str(changes.pop("canonical", "")))
        text = "\n".join(kept)
        made = CleanedPage(
            url, PageVerdict(page_type, ("words=9",)), metadata, blocks, verdicts, text, "\n\n".join(kept), ()
        )
        return replace(made, **changes)

    def outcome(self, url: str, *kept: str, **changes: object) -> Outcome:
        at = self.clock()
        rest = {name: changes.pop(name) for name in ("discovered_urls", "outside_links", "location") if name in changes}
        cleaned = self.cleaned(url, *kept, **changes)
        capture = Capture(url, at, 200, url, "text/html", f"sha256:{at}", 10)
        return Outcome(url, "done", cleaned.verdict.page_type, 200, at, capture, page_rows(cleaned), **rest)

    def failure(self, url: str, reason: str = "http_500") -> Outcome:
        return Outcome(url, "failed", reason, 500, self.clock())

    def discovered(self, url: str, **changes: object) -> DiscoveredUrl:
        return DiscoveredUrl(url, url.split("/")[2], **changes)


@pytest.fixture(autouse=True, scope="module")
def far_from_utc():
    """Have the machine stand in another time zone than that of the archive, so that a time without zone shows."""
    with mock.patch.dict(os.environ, {"TZ": "Pacific/Chatham"}):
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def make():
    return Maker()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a.db"


@pytest.fixture
def archive(file, make):
    with Archive.open(file, make.clock) as opened:
        yield opened


@pytest.fixture
def db(archive):
    """The rows of an archive, whose references are not enforced."""
    archive.db.execute("PRAGMA foreign_keys = OFF")
    return archive.db


@pytest.fixture
def words():
    """A long text of distinct words that begin with a name."""
    return lambda name, count=60: " ".join(f"{name}{number}" for number in range(count))


def found_by(db: Database, query: str) -> list[str]:
    """The URLs of the articles that the full-text index finds, in order."""
    sql = "SELECT a.url FROM articles_fts f JOIN articles a ON a.id = f.rowid WHERE articles_fts MATCH ? ORDER BY a.url"
    return [url for (url,) in db.execute(sql, [query])]
