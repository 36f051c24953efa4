from dataclasses import replace

import pytest

from broadsheet.output.archive.url_words import NO_REASON
from broadsheet.output.read.page_lookup import UrlResult, find_record, find_url_result
from tests.output.filled_rows import put
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


@pytest.mark.parametrize(
    ("hops", "result"),
    [
        (0, ("done", "article", "Title 0")),
        (9, ("done", "article", "Title 9")),
        (10, ("failed", "too_many_redirects", None)),
    ],
)
def test_a_result_is_that_at_the_end_of_up_to_nine_redirects(archive, hops, result):
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for number in range(hops + 1):
        is_last = number == hops
        put(db, "urls", number, id=number, url=f"u{number}", location=None if is_last else f"u{number + 1}",
            kind="page", state="done", reason="article" if is_last else "redirect")  # fmt: skip
    put(db, "pages", 1, id=hops, article_id=5)
    put(db, "articles", 2, id=5, title=f"Title {hops}", published_raw=None)
    found = find_url_result(db, "u0")
    article = found.article
    assert (found.state, found.reason, article and article.title) == result
    if article:
        assert (article.authors, article.published, article.text) == ("authors 2", "", "text 2")


def test_a_result_of_what_leads_nowhere_is_its_own(archive):
    for number, (reason, location) in enumerate((("redirect", None), ("http_404", "u9")), 1):
        put(archive.db, "urls", number, id=number, url=f"u{number}", location=location, kind="page", state="failed",
            reason=reason)  # fmt: skip
        assert find_url_result(archive.db, f"u{number}") == UrlResult("failed", reason, None)
    assert find_url_result(archive.db, "u3") == UrlResult(None, NO_REASON)
