"""The views for people show what the tables hold."""

import pytest

from broadsheet.output.read.edit_history import ALL_KINDS, list_edits
from broadsheet.output.settle.settling import settle
from tests.internal_tables import EDITS


@pytest.fixture
def filled(archive, make, words):
    text = words("same", 200)
    archive.save([make.outcome("http://a.test/1", text, removed=("ad",), title="One")])
    archive.save([make.outcome("http://b.test/2", f"{text} but longer", title="Two")])
    archive.save([make.outcome("http://c.test/3", words("other", 90), title="Three")])
    archive.save([make.outcome("http://c.test/3", words("quite", 90), title="Three, corrected")])
    settle(archive.db, make.clock)
    return archive.db


def test_articles_without_their_texts(filled):
    rows = filled.query("SELECT url, title, kept, removed, revisions FROM articles_overview ORDER BY url")
    assert [tuple(row.values()) for row in rows] == [
        ("http://a.test/1", "One", 1, 1, 1),
        ("http://b.test/2", "Two", 1, 0, 1),
        ("http://c.test/3", "Three, corrected", 1, 0, 2),
    ]
    columns = {row[1] for row in filled.execute("PRAGMA table_info(articles_overview)")}
    assert not {"text", "markdown", "metadata_sources"} & columns


def test_edits_are_those_that_the_program_lists(filled):
    listed = [(edit.seq, edit.at, edit.kind, edit.title, edit.title_before, edit.rewritten, edit.url, edit.revision)
              for edit in list_edits(filled, kinds=ALL_KINDS)]  # fmt: skip
    columns = "seq, at, kind, title, coalesce(title_before, ''), rewritten, url, revision"
    assert filled.execute(f"SELECT {columns} FROM {EDITS} ORDER BY seq").fetchall() == listed
    assert {kind for _, _, kind, *_ in listed} > {"new"}
