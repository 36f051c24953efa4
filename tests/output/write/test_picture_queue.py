"""The queue of pictures: those of articles, once each, without those that are refused or known."""

from dataclasses import replace

import pytest

from broadsheet.cleaners.document import ArticleImage, Metadata, UrlSource
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind, UrlState
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.picture_queue import PictureAtHand, pictures_at_hand, queue_pictures
from broadsheet.output.write.takedowns import take_down
from tests.crawler.pictures import png
from tests.internal_tables import IMAGES, PICTURES
from tests.output.filled_rows import put, rows
from tests.output.illustrated import picture_outcome

SITE = "http://a.test"
NOW = "2026-06-01T00:00:00Z"


def images(*names: str) -> tuple[ArticleImage, ...]:
    return tuple(ArticleImage(f"{SITE}/i/{name}") for name in names)


def queued(archive: Archive) -> list[str]:
    query = "SELECT url FROM urls WHERE kind = 'picture' AND state = 'queued' ORDER BY url"
    return [url.removeprefix(f"{SITE}/i/") for (url,) in archive.db.execute(query)]


def test_pictures_of_articles_and_their_leads_are_queued_once(archive, make):
    first = make.outcome(f"{SITE}/1", "one two", images=images("a.png", "b.png", "c.png#top"))
    assert first.page
    lead = replace(first.page, metadata=replace(first.page.metadata, image=f"{SITE}/i/lead.jpg"))
    archive.save([
        replace(first, page=lead),
        make.outcome(f"{SITE}/2", "three", images=images("a.png")),
        make.outcome(f"{SITE}/3", "four", page_type="list", images=images("list.png")),
    ])  # fmt: skip
    assert queue_pictures(archive.db, NOW) == 3
    assert queued(archive) == ["a.png", "b.png", "lead.jpg"]
    assert queue_pictures(archive.db, NOW) == 3
    assert isinstance(lead.metadata, Metadata)
    assert archive.db.execute("SELECT found_on FROM urls WHERE url LIKE '%/b.png'").fetchone() == (f"{SITE}/1",)


def test_what_was_taken_down_never_comes_back(archive, make):
    archive.save([make.outcome(f"{SITE}/1", "one", images=images("a.png", "b.png"))])
    take_down(archive.db, f"{SITE}/i/a.png")
    take_down(archive.db, f"{SITE}/*/b*")
    archive.save([make.outcome(f"{SITE}/2", "two", images=images("a.png", "b.png", "c.png"))])
    queue_pictures(archive.db, NOW)
    assert queued(archive) == ["c.png"]


def test_a_picture_is_shown_where_its_redirects_end_also_where_a_page_links_to_that_file(archive, make):
    archive.save([make.outcome(f"{SITE}/1", "one", images=images("a.png"))])
    linked = Outcome(f"{SITE}/i/c.png", UrlState.SKIPPED, OutcomeReason.MEDIA_TYPE)
    archive.save([linked])
    queue_pictures(archive.db, NOW)
    for name, target in (("a.png", "b.png"), ("b.png", "c.png")):
        assert queued(archive) == [name]
        found = DiscoveredUrl(f"{SITE}/i/{target}", "a.test", UrlKind.PICTURE, UrlSource.REDIRECT, f"{SITE}/i/{name}")
        redirect = replace(make.failure(f"{SITE}/i/{name}"), state=UrlState.DONE, reason=OutcomeReason.REDIRECT)
        archive.save([replace(redirect, kind=UrlKind.PICTURE, location=found.url, discovered_urls=(found,))])
    assert queued(archive) == ["c.png"]
    archive.save([picture_outcome(make, f"{SITE}/i/c.png", png())])
    shown = archive.db.execute("SELECT image, width FROM article_pictures").fetchall()
    assert shown == [(f"{SITE}/i/a.png", 3)]


def test_redirects_in_a_circle_show_nothing(archive, make):
    archive.save([make.outcome(f"{SITE}/1", "one", images=images("a.png"))])
    queue_pictures(archive.db, NOW)
    for name, target in (("a.png", "b.png"), ("b.png", "a.png")):
        failed = replace(make.failure(f"{SITE}/i/{name}"), location=f"{SITE}/i/{target}", kind=UrlKind.PICTURE)
        archive.save([failed])
    assert archive.db.execute("SELECT image FROM article_pictures").fetchall() == []


@pytest.fixture
def shown(archive):
    """An article with a picture in its page, one as its lead, and a relative one."""
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for number, image in ((1, f"{SITE}/i/lead"), (2, "lead")):
        put(db, "articles", number, id=number, page_id=number, image=image, url=f"{SITE}/{number}", capture_id=number)
        put(db, "captures", number, id=number, directives="[]")
    put(db, IMAGES, 1, page_id=1, url=f"{SITE}/i/a", position=49)
    put(db, IMAGES, 2, page_id=1, url=f"{SITE}/i/many", position=50)
    return db


@pytest.mark.parametrize(
    ("kind", "state", "reason", "name", "is_queued"),
    [
        ("page", "skipped", "media_type", "a", True),
        ("page", "skipped", "media_type", "other", False),
        ("page", "skipped", "depth", "a", False),
        ("page", "done", "media_type", "a", False),
        ("feed", "skipped", "media_type", "a", False),
        ("picture", "failed", "timeout", "other", True),
        ("picture", "failed", "http_404", "a", False),
        ("picture", "failed", "http_410", "a", False),
        ("picture", "skipped", "robots_unreachable", "a", True),
        ("picture", "skipped", "robots.txt", "a", False),
        ("picture", "done", "robots_unreachable", "a", False),
        ("page", "failed", "timeout", "a", False),
    ],
)
def test_what_failed_or_was_no_page_is_queued(shown, kind, state, reason, name, is_queued):
    put(shown, "urls", 1, id=1, url=f"{SITE}/i/{name}", kind=kind, state=state, reason=reason, location=None)
    put(shown, "urls", 2, id=2, url=f"{SITE}/i/lead", kind="picture", state="done", reason="", location=None)
    put(shown, "urls", 3, id=3, url="waiting", kind="page", state="queued", location=None)
    shown.conn.commit()
    was_named = name == "a"
    assert queue_pictures(shown, NOW) == is_queued + (not was_named)
    (row,) = (row for row in rows(shown, "urls") if row["id"] == 1)
    expected = ("picture", "queued", "", 0) if is_queued else (kind, state, reason, row["attempts"])
    assert (row["kind"], row["state"], row["reason"], row["attempts"]) == expected


CAPTURE = {"http_status": 200, "warc_file": "f", "truncated": None, "fetched_at": "2026-01-05", "usage": "[]"}


@pytest.mark.parametrize(
    ("url", "capture", "is_found"),
    [
        ({}, {}, True),
        ({"kind": "page"}, {}, True),
        ({"kind": "feed"}, {}, False),
        ({"reason": "forgotten"}, {}, False),
        ({"url": f"{SITE}/i/other"}, {"url": f"{SITE}/i/other"}, False),
        ({}, {"http_status": 404}, False),
        ({}, {"warc_file": None}, False),
        ({}, {"truncated": "length"}, False),
        ({}, {"url": f"{SITE}/i/other"}, False),
    ],
)
def test_a_response_at_hand_is_the_latest_whole_one_of_a_picture(shown, url, capture, is_found):
    here = {"url": f"{SITE}/i/a"}
    put(shown, "urls", 1, id=1, **({"kind": "picture", "state": "done", "reason": "", "location": None} | here | url))
    for number, at in ((7, "2026-01-04"), (9, "2026-01-05"), (8, "2026-01-05")):
        values = CAPTURE | here | {"directives": f'["d{number}"]', "fetched_at": at} | capture
        put(shown, "captures", number, id=number, **values)
    found = pictures_at_hand(shown)
    expected = PictureAtHand(f"{SITE}/i/a", 8, "2026-01-05", "payload_digest 8", "content_type 8", ("d8",), ())
    assert found == ((expected,) if is_found else ())
    put(shown, PICTURES, 1, url_id=1)
    assert pictures_at_hand(shown) == ()


@pytest.mark.parametrize("directive", ["noimageindex", "noimageai", "broadsheet: noimageai", "noindex"])
def test_pages_that_refuse_show_no_pictures_where_directives_are_obeyed(shown, directive):
    shown.execute("UPDATE captures SET directives = json_array('x', ?) WHERE id = 1", [directive])
    shown.conn.commit()
    assert queue_pictures(shown, NOW, obeys_directives=True) == (2 if directive == "noindex" else 0)
    assert queue_pictures(shown, NOW) == 2
