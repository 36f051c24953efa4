"""No page of the reading room reads a large table again and again, or a whole one that grows with the pages' texts.

All pages are asked for over one archive of generated articles, and the plan of each statement is read.
"""

import sqlite3
from collections.abc import Iterator
from functools import partial

import pytest

from broadsheet.output.archive import archive_file as opening
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.bench.load.generated_site import GeneratedSite
from tests.internal_tables import BLOCK_TEXTS, PAGE_BLOCKS, PAGE_LAYOUT
from tests.output.browse.conftest import RoomClient, article_id
from tests.output.query_plans import IndexStatistics, WatchedConnection, growing_steps

pytestmark = pytest.mark.slow

SITE = GeneratedSite(300, hosts=2, scale=0.1)
OFTEN = 1_000_000
"""A page runs each statement a few times, however large the archive is; what counts are loops inside of statements."""
WITH_TEXTS = (PAGE_BLOCKS, BLOCK_TEXTS, "articles", PAGE_LAYOUT)
"""Tables that no page may read from end to end: all but a few bytes of an archive are in them."""


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    file = tmp_path_factory.mktemp("grown") / "a.db"
    with Archive.open(file) as archive:
        SITE.store(archive)
        settle(archive.db)
    return file


@pytest.fixture
def connections(monkeypatch):
    """The connections that the room opens."""
    opened: list[WatchedConnection] = []

    class Noted(WatchedConnection):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)
            opened.append(self)

    monkeypatch.setattr(opening.sqlite3, "connect", partial(sqlite3.connect, factory=Noted))
    return opened


def test_no_page_grows_faster_than_the_archive(grown, connections):
    client = RoomClient(grown)
    article = article_id(SITE.url(5))
    blocks = client.json(f"a/article/{article}.json")["blocks"]
    block = next(block["block_id"] for block in blocks if not block["is_kept"])
    paths = (
        "", "articles", "articles?page=3", "articles?q=ba+ce", "articles?q=ba&sort=longest&host=news0.example",
        "articles?host=news0.example&sort=oldest&year=2004", "changes", "changes?kind=new", "coverage",
        "coverage/urls?source=sitemap&state=failed&reason=http_404", "coverage/urls?source=link&state=queued&reason=",
        "url/7", "report", "review", f"article/{article}?view=blocks",
        "articles?certainty=high", "articles?certainty=low&host=news0.example", "changes.atom",
        f"ruling?article={article}&block={block}&keep=1",
    )  # fmt: skip
    for path in paths:
        client.page(f"a/{path}")
    statistics = IndexStatistics.of(grown)
    assert len({sql for connection in connections for sql in connection.plans}) > 50
    for connection in connections:
        assert list(growing_steps(connection, statistics, OFTEN)) == []
        assert list(whole_reads(connection)) == []


def whole_reads(connection: WatchedConnection) -> Iterator[tuple[str, str]]:
    """Statements that read a table of texts from end to end, by no index that has what they need."""
    for sql, steps in connection.plans.items():
        for step in steps:
            table = step.detail.removeprefix("SCAN ").split()[0]
            is_scan = step.detail.startswith("SCAN ") and "INDEX" not in step.detail
            if is_scan and table in WITH_TEXTS and "LIMIT" not in sql:
                yield " ".join(sql.split()), step.detail


def test_a_read_of_all_texts_is_seen(grown):
    connection = sqlite3.connect(grown, factory=WatchedConnection)
    connection.execute("SELECT count(*) FROM articles WHERE text LIKE ?", ["%x%"])
    connection.execute("SELECT count(*) FROM articles INDEXED BY articles_listed")
    assert len(list(whole_reads(connection))) == 1
    connection.close()
