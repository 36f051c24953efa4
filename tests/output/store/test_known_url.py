from __future__ import annotations

import pytest

from broadsheet.output.store.known_url import find_known_url


@pytest.mark.parametrize("typed", ["a.test/1", "http://a.test/1/", "https://www.a.test/1", "http://a.test/1#top"])
def test_what_is_typed_finds_the_stored_url(archive, make, typed):
    archive.save([make.outcome("http://a.test/1", "x")])
    assert find_known_url(archive.db, typed) == "http://a.test/1"


def test_the_very_url_goes_before_what_is_near(archive, make):
    archive.save([make.outcome("http://a.test/1", "x"), make.outcome("https://a.test/1/", "y")])
    assert find_known_url(archive.db, "https://a.test/1/") == "https://a.test/1/"
    assert find_known_url(archive.db, "http://a.test/1") == "http://a.test/1"


def test_an_unknown_url_is_none(archive, make):
    archive.save([make.outcome("http://a.test/1", "x")])
    assert find_known_url(archive.db, "http://a.test/2") is None
    assert find_known_url(archive.db, "") is None
