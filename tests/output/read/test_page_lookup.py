from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.output.read.page_lookup import find_record
from tests.output.raw.test_warc_files import archive_with_warcs
from tests.output.wires import make_exchange

URL = "http://a.test/1"


def save(archive, make, body: bytes, url: str = URL) -> None:
    outcome = make.outcome(url, "one two three")
    archive.save([replace(outcome, capture=replace(outcome.capture, raw=make_exchange(body)))])


def test_the_latest_record_of_a_url(file, make):
    with archive_with_warcs(file) as archive:
        save(archive, make, b"first")
        save(archive, make, b"second")
        times = [row[0] for row in archive.db.execute("SELECT fetched_at FROM captures ORDER BY fetched_at")]
        record = find_record(archive.db, URL)
        assert record is not None
        assert (record.fetched_at, record.body) == (times[1], None)
        assert record.location.offset > 0


def test_an_article_by_its_number_and_a_page_that_nobody_fetched(file, make):
    with archive_with_warcs(file) as archive:
        save(archive, make, b"first")
        (number,) = archive.db.execute("SELECT id FROM articles").fetchone()
        record = find_record(archive.db, str(number))
        assert record is not None
        assert record.url == URL
        assert find_record(archive.db, "http://a.test/2") is None


def test_a_response_that_was_not_kept_has_no_record(archive, make):
    archive.save([make.outcome(URL, "one two three")])
    assert find_record(archive.db, URL) is None


def test_what_came_again_unchanged_names_the_record_with_its_body(file, make):
    with archive_with_warcs(file) as archive:
        body = b"<p>the same" * 200
        save(archive, make, body)
        save(archive, make, body)
        record = find_record(archive.db, URL)
        assert record is not None
        assert record.body is not None
        assert record.body != record.location


@pytest.mark.parametrize("typed", ["a.test/1", "https://a.test/1", "http://www.a.test/1/", " http://a.test/1 "])
def test_a_url_that_is_no_article_is_looked_for_as_everywhere_else(file, make, typed):
    with archive_with_warcs(file) as archive:
        capture = replace(make.outcome(URL).capture, raw=make_exchange(b"broken"))
        archive.save([replace(make.failure(URL), capture=capture)])
        record = find_record(archive.db, typed)
        assert record is not None
        assert record.url == URL


def test_the_very_url_goes_before_what_is_near(file, make):
    with archive_with_warcs(file) as archive:
        save(archive, make, b"first")
        save(archive, make, b"second", "https://a.test/1")
        assert [find_record(archive.db, url).url for url in (URL, "https://a.test/1")] == [URL, "https://a.test/1"]
