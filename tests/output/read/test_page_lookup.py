from dataclasses import replace

import pytest

from broadsheet.output.archive.url_words import NO_REASON
from broadsheet.output.read.page_lookup import UrlResult, find_record, find_url_result
from tests.output.filled_rows import put
from tests.output.harbour import without_page
from tests.output.wires import archive_with_warcs, make_exchange

URL = "http://a.test/1"


def save(archive, make, body: bytes, url: str = URL) -> None:
    outcome = make.outcome(url, "one two three")
    archive.save([replace(outcome, capture=replace(outcome.capture, raw=make_exchange(body)))])


def test_the_latest_record_of_a_url_or_of_an_article_s_number(file, make):
    with archive_with_warcs(file) as archive:
        same = b"<p>the same" * 200
        for body, url in ((b"first", URL), (b"second", URL), (b"near", "https://a.test/1"), (same, URL), (same, URL)):
            save(archive, make, body, url)
            times = [row[0] for row in archive.db.execute("SELECT fetched_at FROM captures ORDER BY fetched_at")]
            record = find_record(archive.db, url)
            assert (record.url, record.fetched_at) == (url, times[-1])
        assert record.body not in (None, record.location), "what came again unchanged names the record with its body"
        [(number,)] = archive.db.execute("SELECT id FROM articles WHERE url = ?", [URL]).fetchall()
        assert find_record(archive.db, str(number)) == record
        record = find_record(archive.db, "https://a.test/1")
        assert (record.body, record.location.offset > 0) == (None, True)
        assert find_record(archive.db, "http://a.test/2") is None


@pytest.mark.parametrize(("status", "reason"), [(304, "not_modified"), (404, "http_404")])
def test_the_record_of_a_page_is_what_its_text_was_read_from_whatever_came_later(file, make, status, reason):
    with archive_with_warcs(file) as archive:
        save(archive, make, b"the page")
        page = find_record(archive.db, URL)
        archive.save([without_page(make.outcome(url), status, reason) for url in (URL, f"{URL}0")])
        [(number,)] = archive.db.execute("SELECT id FROM articles WHERE url = ?", [URL]).fetchall()
        assert find_record(archive.db, URL) == find_record(archive.db, str(number)) == page
        assert find_record(archive.db, f"{URL}0").url == f"{URL}0", "of what is no page, the latest"


def test_a_response_that_was_not_kept_has_no_record(archive, make):
    archive.save([make.outcome(URL, "one two three")])
    assert find_record(archive.db, URL) is None


@pytest.mark.parametrize("typed", ["a.test/1", "https://a.test/1", "http://www.a.test/1/", " http://a.test/1 "])
def test_a_url_that_is_no_article_is_looked_for_as_everywhere_else(file, make, typed):
    with archive_with_warcs(file) as archive:
        capture = replace(make.outcome(URL).capture, raw=make_exchange(b"broken"))
        archive.save([replace(make.failure(URL), capture=capture)])
        assert find_record(archive.db, typed).url == URL


@pytest.mark.parametrize(
    ("hops", "result"),
    [(0, "done article Title 0"), (9, "done article Title 9"), (10, "failed too_many_redirects ")],
)
def test_a_result_is_that_at_the_end_of_up_to_nine_redirects(db, hops, result):
    for number in range(hops + 1):
        is_last = number == hops
        put(db, "urls", number, id=number, url=f"u{number}", location=None if is_last else f"u{number + 1}",
            kind="page", state="done", reason="article" if is_last else "redirect")  # fmt: skip
    put(db, "pages", 1, id=hops, article_id=5)
    put(db, "articles", 2, id=5, title=f"Title {hops}", published_stated=None)
    found = find_url_result(db, "u0")
    article = found.article
    assert f"{found.state} {found.reason} {article.title if article else ''}" == result
    if article:
        assert (article.authors, article.published, article.text) == ("authors 2", "", "text 2")


def test_a_result_of_what_leads_nowhere_is_its_own(archive):
    for number, (reason, location) in enumerate((("redirect", None), ("http_404", "u9")), 1):
        put(archive.db, "urls", number, id=number, url=f"u{number}", location=location, kind="page", state="failed",
            reason=reason)  # fmt: skip
        assert find_url_result(archive.db, f"u{number}") == UrlResult("failed", reason, None)
    assert find_url_result(archive.db, "u3") == UrlResult(None, NO_REASON)
