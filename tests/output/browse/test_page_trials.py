"""Pages for trials, and what a trial shows, each value from the column of its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlite_utils import Database

from broadsheet.output.browse.page_trials import (
    FieldChange,
    LineMatch,
    PageTrial,
    RuleDraft,
    RuleFindings,
    StoredResponse,
    blank_trial,
    find_response,
    sample_responses,
    show_trial,
)
from broadsheet.output.browse.strict_requests import NotHereError
from broadsheet.output.raw.raw_exchange import RecordLocation
from broadsheet.output.write.archive_writer import Archive
from tests.output.filled_rows import put

FIELDS = (FieldChange("title", "a", "b"),)


def trial(url: str, kind: str, *matches: LineMatch, fields: tuple[FieldChange, ...] = ()) -> PageTrial:
    return PageTrial(1, url, "t", kind, 1, 1, (), (), fields, matches)


@pytest.mark.parametrize("kind", ["same", "changed", "gained"])
@pytest.mark.parametrize("fields", [(), FIELDS])
def test_a_page_is_changed_in_its_text_or_in_a_field(kind: str, fields: tuple[FieldChange, ...]) -> None:
    assert trial("u", kind, fields=fields).is_changed == (kind != "same" or fields != ())


def test_changed_pages_come_first_and_lines_count_all_pages() -> None:
    pages = (
        trial("d", "same", LineMatch(2, "strip", 0, 0, "", "")),
        trial("c", "same", fields=FIELDS),
        trial("b", "lost", LineMatch(2, "strip", 1, 3, "", "slow"), LineMatch(1, "title", 1, 1, "T", "")),
        trial("e", "changed", LineMatch(2, "strip", 1, 4, "A box", "")),
        trial("a", "lost", LineMatch(2, "strip", 1, 5, "Another", "slower")),
    )
    view = show_trial(blank_trial([], RuleDraft("a.example:80", "strip: x")), RuleFindings(("bad",), pages, ()))
    assert view.findings
    assert [page.url for page in view.findings.pages] == ["e", "a", "b", "c", "d"]
    assert (view.host, view.file, view.findings.problems) == ("a.example:80", "a.example.txt", ("bad",))
    assert view.counts == (("lost", 2), ("changed", 1), ("metadata", 1), ("same", 1))
    assert view.lines == (
        LineMatch(1, "title", 1, 1, "T", ""), LineMatch(2, "strip", 3, 12, "A box", "slower"),
    )  # fmt: skip


def test_the_largest_site_is_offered_first() -> None:
    cube = [("a", "", "", "", "", 2), ("b", "en", "", "", "", 1), ("b", "", "", "", "", 2)]
    view = blank_trial(cube, RuleDraft("", ""))
    assert (view.host, view.hosts, view.file) == ("b", ("b", "a"), "b.txt")
    assert blank_trial([], RuleDraft("", "")).host == ""


@pytest.fixture
def db(archive: Archive) -> Database:
    """An article whose record is in a revisit's body, one that is shelved, and a page whose article is not."""
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for number in (1, 2, 3, 4):
        put(db, "urls", number, id=number, url=f"http://a.test/{number}", kind="page", state="done")
        put(db, "pages", number, id=number, capture_id=number, layout_id=7,
            article_id={1: 11, 2: 12}.get(number))  # fmt: skip
    for number, file in ((1, "one"), (2, "two"), (3, "three"), (4, None)):
        put(db, "captures", number, id=number, warc_file=file, warc_offset=number, warc_length=10 * number,
            payload_digest=f"sha1:{number}",
            url=f"http://a.test/{number}", fetched_at=f"2026-01-0{number}", refers_to=8 if number == 1 else None,
            final_url="http://b.test/" if number == 2 else "")  # fmt: skip
    put(
        db,
        "captures",
        8,
        id=8,
        warc_file="body",
        warc_offset=80,
        warc_length=800,
        payload_digest="sha1:8",
        refers_to=None,
    )
    put(db, "articles", 1, id=11, page_id=1, host="a.test", title="One")
    put(db, "_shelf", 2, id=12, page_id=2, article='{"title": "Two"}')
    put(db, "_shelf", 4, id=14, page_id=4, article='{"title": "Four"}')
    put(db, "_layouts", 1, id=7, host="a.test", pages=4)
    return db


def test_a_response_has_its_record_and_the_body_that_it_refers_to(db: Database) -> None:
    folder, first, second = Path("f"), RecordLocation("one", 1, 10, "sha1:1"), RecordLocation("two", 2, 20, "sha1:2")
    body = RecordLocation("body", 80, 800, "sha1:8")
    one = StoredResponse(11, "One", "http://a.test/1", "http://a.test/1", "2026-01-01", first, body, folder)
    two = StoredResponse(12, "Two", "http://a.test/2", "http://b.test/", "2026-01-02", second, None, folder)
    assert (find_response(db, 11, folder), find_response(db, 12, folder)) == (one, two)
    for number in (13, 14):
        with pytest.raises(NotHereError, match="no raw response of this article was kept"):
            find_response(db, number, folder)
    found = sample_responses(db, "a.test", folder)
    assert [(page.article_id, page.final_url, page.record, page.body) for page in found] == [
        (11, one.url, first, body), (12, two.final_url, second, None),
    ]  # fmt: skip
    db.execute("UPDATE pages SET layout_id = NULL, article_id = NULL")
    (loose,) = sample_responses(db, "a.test", folder)
    assert (loose.article_id, loose.fetched_at) == (0, "2026-01-01")
    assert sample_responses(db, "b.test", folder) == []
