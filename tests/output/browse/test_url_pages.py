"""From the coverage of a source down to a URL, with the sentence that says what to do."""

import pytest

from broadsheet.output.browse import url_pages as coverage
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient, visible_text


@pytest.fixture
def client(file, make):
    with Archive.open(file, make.clock) as archive:
        listed = tuple(make.discovered(f"{SITE}/{number}", found_via="sitemap") for number in range(5))
        archive.save([
            make.outcome(f"{SITE}/1", "Words of it.", discovered_urls=listed),
            make.outcome(f"{SITE}/2", page_type="list"),
            make.failure(f"{SITE}/3", "http_403"),
            make.failure(f"{SITE}/4", "http_403"),
        ])  # fmt: skip
    return RoomClient(file)


def test_a_gap_is_followed_to_its_url(client):
    (source,) = client.json("a/coverage.json")["sources"]
    assert (source["named"], source["articles"]) == (5, 1)
    gap = {gap["reason"]: gap for gap in source["gaps"]}["http_403"]
    assert (gap["urls"], gap["hint"][:20]) == (2, "the site refuses us:")
    assert "the site refuses us" in client.page("a/coverage")
    urls = client.json("a/coverage/urls.json?source=sitemap&state=failed&reason=http_403")
    assert [url["url"] for url in urls["urls"]] == [f"{SITE}/3", f"{SITE}/4"]
    path = f"a/url/{urls['urls'][0]['end_id']}"
    url = client.json(f"{path}.json")
    assert (url["state"], url["http_status"], url["listed_in"], url["article_id"]) == ("failed", 500, ["sitemap"], 0)
    page = visible_text(client.page(path))
    assert f"{SITE}/3" in page
    assert "the site refuses us" in page


def test_a_long_list_goes_on(client, monkeypatch):
    monkeypatch.setattr(coverage, "PAGE_SIZE", 1)
    first = client.json("a/coverage/urls.json?source=sitemap&state=failed&reason=http_403")
    path = f"a/coverage/urls.json?source=sitemap&state=failed&reason=http_403&after={first['following']}"
    assert [url["url"] for url in client.json(path)["urls"]] == [f"{SITE}/4"]
    assert 'rel="next"' in client.page("a/coverage/urls?source=sitemap&state=failed&reason=http_403")


def test_what_is_not_there_is_said(client):
    assert client.get("a/url/999").status_code == 404
    assert client.get("a/coverage/urls?source=wiki").status_code == 400
    assert "None." in client.page("a/coverage/urls?source=feed&state=failed&reason=x")
