from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field, replace

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.alarms import survey
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import RULE_RATES, YIELDS
from tests.output.filled_rows import put
from tests.output.settle.test_likeness import prose

HOST = "http://a.test"


@dataclass
class Site:
    """A site crawled run after run; each run brings new articles and may fetch those known once more."""

    archive: Archive
    make: object
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    runs: int = 0
    articles: int = 0

    def page(self, number, **changes):
        """An article of 60 to 400 words, with a share row and one of several promos beside it."""
        words = changes.pop("words", self.rng.randint(60, 400))
        removed = changes.pop("removed", ("Share this", self.rng.choice(("Donate now", "Join us", "Our app"))))
        kept_texts = changes.pop("kept", (" ".join(prose(number * 7 + 1, words)),))
        return self.make.outcome(f"{HOST}/news/the-story-of-{number}", *kept_texts, removed=removed, **changes)

    def lists(self, count):
        return [
            self.make.outcome(f"{HOST}/tag/{self.runs}x{n}", "links", page_type=PageType.LIST) for n in range(count)
        ]

    def run(self, new_count=30, lists=6, known_count=0, **changes):
        """One run; returns the alarms as (part, what)."""
        run = self.archive.runs.start("crawl", {}, {})
        known_numbers = self.rng.sample(range(self.articles), known_count)
        numbers = [*known_numbers, *range(self.articles, self.articles + new_count)]
        self.articles, self.runs = self.articles + new_count, self.runs + 1
        self.archive.save([*(self.page(number, **changes) for number in numbers), *self.lists(lists)])
        settle(self.archive.db)
        survey(self.archive.db, run, self.make.clock())
        self.archive.runs.finish(run, "finished", "", {})
        rows = self.archive.db.execute("SELECT part, what FROM alarms WHERE run_id = ? ORDER BY 1, 2", [run])
        return rows.fetchall()


@pytest.fixture
def site(archive, make):
    return Site(archive, make)


def test_what_is_kept_of_a_run(site):
    site.run(new_count=30, lists=6)
    rows = {row["part"]: row for row in site.archive.db[YIELDS].rows}
    assert set(rows) == {"*", "new", "*/word/slug"}
    assert (rows["*"]["pages"], rows["*"]["articles"]) == (36, 30)
    assert (rows["*/word/slug"]["pages"], rows["*/word/slug"]["articles"]) == (30, 30)
    words = [count for (count,) in site.archive.db.execute("SELECT word_count FROM articles ORDER BY 1")]
    assert (rows["*"]["words_low"], rows["*"]["words_median"]) == (words[3], words[15])
    assert 0.6 < rows["*"]["removed_share"] < 0.7
    assert [row["pages"] for row in site.archive.db[RULE_RATES].rows] == [30]
    assert not site.archive.db.conn.in_transaction


def test_a_wall_that_comes_with_a_good_status_counts_as_a_page_with_nothing_to_read(archive, make):
    run = archive.runs.start("crawl", {}, {})
    wall = make.outcome(f"{HOST}/news/a-wall", page_type=PageType.CAPTCHA)
    refused = replace(wall, url=f"{HOST}/news/refused", page=None, http_status=403)
    refused = replace(refused, capture=replace(wall.capture, url=refused.url, http_status=403))
    walls = [replace(outcome, state="failed", reason="challenged") for outcome in (wall, refused)]
    archive.save([make.outcome(f"{HOST}/news/a-story", "One two."), *walls])
    survey(archive.db, run, make.clock())
    assert archive.db.execute(f"SELECT pages, articles, barren FROM {YIELDS} WHERE part = '*'").fetchall() == [
        (2, 1, 1)
    ]


def steps_of_a_survey(archive, run):
    """How many thousand steps SQLite takes for it."""
    steps = itertools.count()
    archive.db.conn.set_progress_handler(lambda: next(steps) and None, 1000)
    try:
        survey(archive.db, run, "2026-01-01T00:00:00Z")
    finally:
        archive.db.conn.set_progress_handler(None, 1000)
    return next(steps)


@pytest.mark.slow
def test_the_work_grows_with_the_pages_and_not_with_their_square(archive, make):
    took = []
    for size in (100, 900):
        run = archive.runs.start("crawl", {}, {})
        pages = [make.outcome(f"{HOST}/{size}/the-story-of-{n}", f"Text {n} of {size}.") for n in range(size)]
        archive.save(pages)
        took.append(steps_of_a_survey(archive, run))
        archive.runs.finish(run, "finished", "", {})
    assert took[1] < 2 * 10 * took[0]


@pytest.mark.slow
def test_a_run_in_which_nothing_changes_is_silent(site):
    runs = [site.run(new_count=20, known_count=15 * bool(n), lists=site.rng.randint(0, 9)) for n in range(6)]
    assert runs == [[]] * 6


@pytest.mark.slow
def test_runs_of_all_sizes_and_mixtures_are_silent(site):
    sizes = [(40, 0, 0), (3, 2, 40), (1, 39, 0), (0, 20, 10), (25, 25, 25), (9, 9, 0), (12, 0, 12)]
    assert [site.run(new_count=new, known_count=known, lists=lists) for new, known, lists in sizes] == [[]] * len(sizes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "whats"),
    [
        ({"kept": (), "page_type": PageType.EMPTY}, {"barren"}),
        ({"kept": (), "page_type": PageType.CAPTCHA}, {"barren"}),
        ({"page_type": PageType.LIST}, {"yield"}),
        ({"words": 12}, {"short"}),
    ],
)
def test_a_changed_template_is_told_for_known_and_for_new_pages(site, changes, whats):
    site.run(new_count=60)
    assert site.run(new_count=10, known_count=20) == []
    alarms = site.run(new_count=25, known_count=25, **changes)
    assert {what for _, what in alarms} == whats
    assert {part for part, _ in alarms} >= {"again", "*/word/slug"}
    assert site.run(new_count=25, known_count=25, **changes) != []  # until it is mended
    assert site.run(new_count=25) == []


@pytest.mark.slow
def test_pages_that_all_say_the_same_are_told(site):
    site.run(new_count=60)
    alarms = site.run(new_count=25, kept=("We value your privacy. " + " ".join(prose(1, 80)),))
    assert ("*/word/slug", "alike") in alarms


def test_the_first_second_look_at_known_articles_needs_no_earlier_one(site):
    site.run(new_count=60)
    assert ("again", "barren") in site.run(new_count=0, known_count=30, kept=(), page_type=PageType.EMPTY)


@pytest.mark.slow
def test_a_rule_that_always_fired_and_stops_is_told_once(site):
    site.run(new_count=40)
    assert site.run(new_count=20, removed=()) == [("*", "rule:share.icons")]
    [message] = [row["message"] for row in site.archive.db["alarms"].rows]
    assert message == "the rule share.icons (share buttons) fired on 0 of 20 article pages; before on 40 of 40"
    assert site.run(new_count=20, removed=()) == []


def test_a_quiet_site_is_no_alarm(site):
    site.run(new_count=60)
    assert site.run(new_count=0, lists=30) == []


@pytest.mark.slow
def test_another_cleaner_has_no_past(site, monkeypatch):
    site.run(new_count=60)
    monkeypatch.setattr("broadsheet.output.write.alarms.CLEANER_VERSION", "another")
    assert site.run(new_count=25, words=12) == []


def test_a_run_that_was_cut_off_counts_with_the_next(site):
    site.archive.runs.start("crawl", {}, {})
    site.archive.save([site.page(1000 + n) for n in range(10)])
    site.run(new_count=5, lists=0)
    assert [row["pages"] for row in site.archive.db[YIELDS].rows_where("part = '*'")] == [15]


def test_surveying_again_changes_nothing(site):
    site.run(new_count=20)
    yields_before = list(site.archive.db[YIELDS].rows)
    [run] = [row["id"] for row in site.archive.db["runs"].rows]
    survey(site.archive.db, run, site.make.clock())
    assert list(site.archive.db[YIELDS].rows) == yields_before


def test_copies_are_alike_and_parts_of_an_article_are_not(archive, make):
    run = archive.runs.start("crawl", {}, {})
    archive.save([make.outcome(f"{HOST}/{n}", " ".join(prose(n, 90))) for n in range(4)])
    ids = [row[0] for row in archive.db.execute("SELECT id FROM articles ORDER BY page_id")]
    put(archive.db, "duplicates", 1, article_id=ids[0], duplicate_id=ids[1], kind="part", cluster_id=None)
    put(archive.db, "duplicates", 2, article_id=ids[1], duplicate_id=ids[2], kind="near", cluster_id=7)
    survey(archive.db, run, make.clock())
    assert archive.db.execute(f"SELECT pages, alike FROM {YIELDS} WHERE part = '*'").fetchall() == [(4, 2)]
