"""A site that is redesigned between two runs is told; one that is undisturbed, grows, or is crawled in part is not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import Metadata, PageType
from broadsheet.crawler.fleet.run_notices import ArchiveMoment, read_news
from broadsheet.output.read.report_figures import gather_report
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.alarms import (
    _known_page_alarms,
    _LaidOutPage,
    _note_moved_pages,
    _Past,
    _takeover_message,
    survey,
)
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import EARLIER_SIGNATURES, LAYOUTS, PAGE_SIGNATURES
from tests.output.conftest import Maker
from tests.output.filled_rows import put
from tests.output.merging import merge_archive
from tests.output.settle.test_likeness import prose

HOST = "http://a.test"
OLD, NEW, BLOG, LIST = (list(range(first, first + 40)) for first in (0, 1000, 2000, 3000))

Fetch = Callable[[], Outcome]


@dataclass
class Site:
    """A site crawled run after run, whose pages are made in a layout of forty names."""

    archive: Archive
    make: Maker
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def page(self, number: int, layout: list[int], folder: str = "news", **changes: object) -> Outcome:
        """An article whose markup has a name or two of its own beside those of its layout."""
        names = sorted([*layout, 10_000 + self.dice.randrange(1000), 20_000 + self.dice.randrange(1000)])
        text = " ".join(prose(number * 7 + 1, 80))
        url = f"{HOST}/{folder}/the-story-of-{number}"
        published = str(changes.pop("published", ""))
        metadata = Metadata(title=f"Story {number}", published=published)
        signature = pack_signature(names)
        return self.make.outcome(url, text, layout_signature=signature, metadata=metadata, **changes)

    def lists(self, count: int = 4) -> list[Outcome]:
        signature = pack_signature(LIST)
        return [
            self.make.outcome(f"{HOST}/tag/{n}", "links", page_type=PageType.LIST, layout_signature=signature)
            for n in range(count)
        ]

    def run(self, *pages: Fetch) -> list[tuple[str, str]]:
        """One run that fetches these pages and the lists; returns the alarms of layouts as (part, what)."""
        number = self.archive.runs.start("crawl", {}, {})
        self.save(pages)
        self.archive.save(self.lists())
        settle(self.archive.db)
        survey(self.archive.db, number, self.make.clock())
        self.archive.runs.finish(number, "finished", "", {})
        query = "SELECT part, what FROM alarms WHERE run_id = ? AND what LIKE 'layout%' ORDER BY 1, 2"
        return self.archive.db.execute(query, [number]).fetchall()

    def save(self, pages: Iterable[Fetch]) -> None:
        self.archive.save([fetch() for fetch in pages])

    def pages(self, numbers: range, layout: list[int], folder: str = "news", **changes: object) -> list[Fetch]:
        """Pages to be fetched: at the time of the run that does it."""
        return [partial(self.page, number, layout, folder, **changes) for number in numbers]


@pytest.fixture
def site(archive: Archive, make: Maker) -> Site:
    return Site(archive, make)


def messages(site: Site) -> list[str]:
    return [row["message"] for row in site.archive.db["alarms"].rows if row["what"].startswith("layout")]


def test_new_pages_in_a_new_layout_are_told_with_the_evidence(site: Site) -> None:
    assert site.run(*site.pages(range(30), OLD), *site.pages(range(5), BLOG, "blog")) == []
    assert site.run(*site.pages(range(30, 42), NEW)) == [("*/word/slug", "layout_new")]
    [message] = messages(site)
    day = "2026-01-01"
    assert message == (
        f"until {day}, 30 of 35 pages like */word/slug had the layout of {HOST}/news/the-story-of-0; of 12 new ones"
        f" none has it, and 12 have a new one, that of {HOST}/news/the-story-of-30"
    )


@pytest.mark.slow
def test_pages_fetched_again_in_a_new_layout_are_told_once(site: Site) -> None:
    site.run(*site.pages(range(40), OLD))
    assert site.run(*site.pages(range(20), OLD)) == []
    assert site.run(*site.pages(range(20), NEW)) == [("again", "layout_new")]
    [message] = messages(site)
    assert message.startswith("20 of 20 pages known as articles have left their layout, 20 of them for one that no")
    assert site.run(*site.pages(range(20), NEW)) == []
    assert site.run(*site.pages(range(20, 40), NEW)) == []  # the others follow
    assert site.run(*site.pages(range(40, 60), NEW)) == []


def test_articles_that_lose_their_layout_to_one_of_other_pages_are_told(site: Site) -> None:
    """A wall, say, whose pages look like articles, and which stood elsewhere before."""
    walls = site.pages(range(9), BLOG, "wall", page_type=PageType.OTHER)
    site.run(*site.pages(range(40), OLD), *walls)
    assert site.run(*site.pages(range(20), BLOG)) == [("again", "layout_gone")]
    assert "20 of 20 pages known as articles have lost the layout" in messages(site)[0]


@pytest.mark.slow
def test_a_layout_that_other_pages_of_the_run_still_have_is_not_gone(site: Site) -> None:
    others = site.pages(range(30), BLOG, "about", page_type=PageType.OTHER)
    site.run(*site.pages(range(40), OLD), *others)
    assert site.run(*site.pages(range(20), BLOG), *site.pages(range(20, 40), OLD)) == []


@pytest.mark.parametrize("known", [0, 10, 40])
def test_an_undisturbed_site_is_silent(site: Site, known: int) -> None:
    runs = [site.pages(range(40), OLD)]
    runs += [[*site.pages(range(known), OLD), *site.pages(range(40 + 9 * n, 49 + 9 * n), OLD)] for n in range(3)]
    assert [site.run(*pages) for pages in runs] == [[]] * 4


@pytest.mark.slow
def test_a_site_that_grows_by_a_section_in_a_layout_of_its_own_is_silent(site: Site) -> None:
    site.run(*site.pages(range(40), OLD))
    assert site.run(*site.pages(range(20), BLOG, "blog/en/2026"), *site.pages(range(40, 50), OLD)) == []


@pytest.mark.slow
def test_a_crawl_of_one_of_two_sections_is_silent(site: Site) -> None:
    """Also the first look again at only one of them."""
    site.run(*site.pages(range(40), OLD), *site.pages(range(40), BLOG, "blog"))
    assert site.run(*site.pages(range(30), BLOG, "blog"), *site.pages(range(40, 60), BLOG, "blog")) == []


@pytest.mark.slow
def test_older_pages_that_are_found_later_are_silent(site: Site) -> None:
    """Those of years ago may be made otherwise: they were so before the last run."""
    site.run(*site.pages(range(40), OLD))
    assert site.run(*site.pages(range(40, 70), NEW, published="2011-05-03")) == []
    assert site.run(*site.pages(range(70, 90), BLOG, published="2026-01-01")) != []


def test_a_page_that_differs_in_a_few_names_is_made_alike(site: Site) -> None:
    site.run(*site.pages(range(40), OLD))
    assert site.run(*site.pages(range(20), [*OLD[:39], 5000]), *site.pages(range(40, 60), OLD[:38])) == []


def test_few_pages_say_nothing(site: Site) -> None:
    site.run(*site.pages(range(40), OLD))
    assert site.run(*site.pages(range(40, 47), NEW)) == []
    assert site.run(*site.pages(range(7), BLOG)) == []


@pytest.mark.slow
def test_another_cleaner_sees_pages_otherwise(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run(*site.pages(range(40), OLD))
    site.archive.db.execute("UPDATE pages SET cleaner_version = 'older'")
    assert site.run(*site.pages(range(20), NEW)) == []
    assert site.run(*site.pages(range(60, 80), BLOG)) != []  # like those twenty, which are of this cleaner


@pytest.mark.slow
def test_a_run_that_was_cut_off_counts_with_the_next(site: Site) -> None:
    site.run(*site.pages(range(40), OLD))
    site.archive.runs.start("crawl", {}, {})
    site.save(site.pages(range(20), NEW))
    settle(site.archive.db)
    assert site.run(*site.pages(range(5), NEW)) == [("again", "layout_new")]


def test_what_was_before_is_forgotten_when_the_run_has_ended_and_with_the_page(site: Site) -> None:
    count = f"SELECT count(*) FROM {EARLIER_SIGNATURES}"
    site.run(*site.pages(range(10), OLD))
    site.save(site.pages(range(3), NEW))
    assert site.archive.db.execute(count).fetchone() == (3,)
    take_down(site.archive.db, f"{HOST}/news/the-story-of-0")
    assert site.archive.db.execute(count).fetchone() == (2,)
    site.run()
    assert site.archive.db.execute(count).fetchone() == (0,)


def test_report_and_messages_tell_it(site: Site) -> None:
    site.run(*site.pages(range(40), OLD))
    site.run(*site.pages(range(20), NEW))
    report = gather_report(site.archive.db)
    assert [(alarm.part, alarm.what) for alarm in report.alarms] == [("again", "layout_new")]
    news = [item.line for item in read_news(site.archive.db, ArchiveMoment(10**9, ""), lambda _: "")]
    [line] = [line for line in news if "have left their layout" in line]
    assert line.startswith("a.test, 2026-01-01: ")
    assert messages(site)[0] in line


def test_pages_that_a_merge_replaced_are_none_of_the_next_run(site: Site, make: Maker, tmp_path: Path) -> None:
    site.run(*site.pages(range(20), OLD))
    with Archive.open(tmp_path / "b.db", make.clock) as other:
        Site(other, make).run(*Site(other, make).pages(range(20), NEW))
    merge_archive(site.archive.db, tmp_path / "b.db", make.clock)
    assert site.archive.db.execute(f"SELECT count(*) FROM {EARLIER_SIGNATURES}").fetchone() == (0,)


# --- The evidence of few pages, without a crawl ------------------------------------------------------------------
SINCE = _Past("2026-03-02T01:00:00+00:00", "2026-02-01T00:00:00+00:00", frozenset((7, 9)))


def laid_out(
    count: int, layout_id: int | None, names: list[int], before: list[int] | None = None
) -> list[_LaidOutPage]:
    """Pages of a layout, which had another one before the run."""
    signature, earlier = pack_signature(names), pack_signature(before or names)
    return [
        _LaidOutPage("a.test", f"{HOST}/{layout_id}/{n}", 100 * (layout_id or 0) + n, layout_id, signature, earlier)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("new", "kept", "message"),
    [
        (20, 20, f"until 2026-02-01, 150 of 200 pages like */x had the layout of {HOST}/1/0; of 40 new ones 20 has it,"
                 f" and 20 have a new one, that of {HOST}/7/0"),
        (19, 21, ""), (7, 0, ""), (0, 40, ""),
        (8, 0, f"until 2026-02-01, 150 of 200 pages like */x had the layout of {HOST}/1/0; of 8 new ones none has it,"
               f" and 8 have a new one, that of {HOST}/7/0"),
    ],
)  # fmt: skip
def test_half_of_the_new_pages_are_a_takeover(new: int, kept: int, message: str) -> None:
    older = [*laid_out(50, 2, BLOG), *laid_out(150, 1, OLD)]
    assert _takeover_message("*/x", [*laid_out(kept, 1, OLD), *laid_out(new, 7, NEW)], older, SINCE) == message


def test_the_larger_of_two_new_layouts_is_told_and_what_is_new_without_a_past_is_not() -> None:
    new = [*laid_out(20, 7, NEW), *laid_out(30, 9, LIST), *laid_out(9, None, BLOG)]
    message = _takeover_message("*/x", new, laid_out(200, 1, OLD), SINCE)
    assert message.endswith(f"of 59 new ones none has it, and 30 have a new one, that of {HOST}/9/0")
    assert _takeover_message("*/x", new, [], SINCE) == ""


@pytest.mark.parametrize(
    ("moved", "stayed", "what"),
    [
        (laid_out(20, 7, NEW, OLD), [], "layout_new: 20 of 20 pages known as articles have left their layout, 20 of"
         f" them for one that no page had before 2026-03-02: {HOST}/7/0"),
        ([*laid_out(10, 7, NEW, OLD), *laid_out(10, 3, BLOG, OLD)], [], "layout_gone: 20 of 20 pages known as articles"
         f" have lost the layout that they had before 2026-03-02, and no page of this run has it: {HOST}/7/0"),
        ([*laid_out(11, 7, NEW, OLD), *laid_out(9, 3, BLOG, OLD)], [], "layout_new: 20 of 20 pages known as articles"
         f" have left their layout, 11 of them for one that no page had before 2026-03-02: {HOST}/7/0"),
        (laid_out(20, 3, BLOG, OLD), laid_out(1, 1, OLD), ""),
        (laid_out(20, 4, BLOG, OLD), [], ""),
        (laid_out(7, 7, NEW, OLD), [], ""), (laid_out(12, 7, NEW, OLD), laid_out(40, 1, OLD), ""),
    ],
)  # fmt: skip
def test_known_pages_that_left_their_layout_for_a_new_one_or_one_of_no_articles(
    archive: Archive, moved: list[_LaidOutPage], stayed: list[_LaidOutPage], what: str
) -> None:
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for number, kind in ((3, "list"), (4, "article")):
        put(db, LAYOUTS, number, id=number, kind=kind)
    db.execute("CREATE TEMP TABLE surveyed (page_id INTEGER, host TEXT, part TEXT)")
    _note_moved_pages(db, [*moved, *stayed])
    for page in (*moved, *stayed):
        db.execute("INSERT INTO temp.surveyed VALUES (?, ?, '*')", [page.page_id, page.host])
        db.execute(f"INSERT INTO {PAGE_SIGNATURES} VALUES (?, ?)", [page.page_id, page.signature])
    found = [f"{alarm.what}: {alarm.message}" for alarm in _known_page_alarms(db, [*moved, *stayed], SINCE)]
    assert found == ([what] if what else [])
    assert db.execute("SELECT count(*) FROM temp.moved_pages").fetchone() == (len(moved),)
