"""The queue of pictures: those of articles, once each, without those that are refused or known."""

from __future__ import annotations

from dataclasses import replace

from broadsheet.cleaners.document import ArticleImage, Metadata, UrlSource
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind, UrlState
from broadsheet.output.read.verify import verify
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.picture_queue import MAX_PICTURES, queue_pictures
from broadsheet.output.write.takedowns import take_down
from tests.crawler.pictures import png
from tests.output.conftest import Maker
from tests.output.illustrated import picture_outcome

SITE = "http://a.test"
NOW = "2026-06-01T00:00:00+00:00"


def images(*names: str) -> tuple[ArticleImage, ...]:
    return tuple(ArticleImage(f"{SITE}/i/{name}") for name in names)


def queued(archive: Archive) -> list[str]:
    query = "SELECT url FROM urls WHERE kind = 'picture' AND state = 'queued' ORDER BY url"
    return [url.removeprefix(f"{SITE}/i/") for (url,) in archive.db.execute(query)]


def test_pictures_of_articles_and_their_leads_are_queued_once(archive: Archive, make: Maker) -> None:
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


def test_an_article_has_so_many_at_most(archive: Archive, make: Maker) -> None:
    many = images(*(f"{number}.png" for number in range(MAX_PICTURES + 5)))
    archive.save([make.outcome(f"{SITE}/1", "one two", images=many)])
    assert queue_pictures(archive.db, NOW) == MAX_PICTURES


def test_what_failed_is_asked_for_again_but_not_what_is_gone(archive: Archive, make: Maker) -> None:
    archive.save([make.outcome(f"{SITE}/1", "one", images=images("a.png", "b.png", "c.png"))])
    queue_pictures(archive.db, NOW)
    for name, reason in (("a.png", "timeout"), ("b.png", "http_404")):
        archive.save([replace(make.failure(f"{SITE}/i/{name}"), reason=reason, kind="picture")])
    archive.save([picture_outcome(make, f"{SITE}/i/c.png", png())])
    assert queue_pictures(archive.db, NOW) == 1
    assert queued(archive) == ["a.png"]


def test_a_linked_picture_that_was_no_page_is_taken_up(archive: Archive, make: Maker) -> None:
    linked = make.discovered(f"{SITE}/i/a.png", state="skipped", reason="media_type")
    archive.save([replace(make.outcome(f"{SITE}/1", "one", images=images("a.png")), discovered_urls=(linked,))])
    assert queue_pictures(archive.db, NOW) == 1
    assert verify(archive.db) == []


def test_pages_that_ask_for_it_keep_theirs_where_directives_are_obeyed(archive: Archive, make: Maker) -> None:
    outcome = make.outcome(f"{SITE}/1", "one", images=images("a.png", "linked.png"))
    linked = make.discovered(f"{SITE}/i/linked.png", state="skipped", reason="media_type")
    assert outcome.capture
    capture = replace(outcome.capture, directives=("noimageindex",))
    archive.save([replace(outcome, capture=capture, discovered_urls=(linked,))])
    assert queue_pictures(archive.db, NOW, obeys_directives=True) == 0
    assert queue_pictures(archive.db, NOW) == 2


def test_what_was_taken_down_never_comes_back(archive: Archive, make: Maker) -> None:
    archive.save([make.outcome(f"{SITE}/1", "one", images=images("a.png", "b.png"))])
    take_down(archive.db, f"{SITE}/i/a.png")
    take_down(archive.db, f"{SITE}/*/b*")
    archive.save([make.outcome(f"{SITE}/2", "two", images=images("a.png", "b.png", "c.png"))])
    queue_pictures(archive.db, NOW)
    assert queued(archive) == ["c.png"]


def test_a_picture_is_shown_where_its_redirects_end_also_where_a_page_links_to_that_file(
    archive: Archive, make: Maker
) -> None:
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


def test_redirects_in_a_circle_show_nothing(archive: Archive, make: Maker) -> None:
    archive.save([make.outcome(f"{SITE}/1", "one", images=images("a.png"))])
    queue_pictures(archive.db, NOW)
    for name, target in (("a.png", "b.png"), ("b.png", "a.png")):
        failed = replace(make.failure(f"{SITE}/i/{name}"), location=f"{SITE}/i/{target}", kind=UrlKind.PICTURE)
        archive.save([failed])
    assert archive.db.execute("SELECT image FROM article_pictures").fetchall() == []
