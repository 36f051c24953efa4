"""A run that gave less than its past is told; an undisturbed or partial one is not."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import Metadata, PageType
from broadsheet.crawler.fleet.run_notices import ArchiveMoment, read_news
from broadsheet.output.read.report_figures import gather_report
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.alarms import PageShare, find_alarms, has_fallen, has_risen, survey
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.internal_tables import YIELDS
from tests.output.conftest import Maker
from tests.output.settle.stories import prose


@pytest.mark.parametrize(
    ("now", "past", "is_fall"),
    [
        ((0.0, 20), (0.97, 40), True), ((0.25, 40), (0.97, 40), True), ((0.75, 40), (0.97, 40), False),
        ((0.0, 7), (1.0, 400), False), ((0.0, 200), (1.0, 7), False), ((0.25, 8), (0.8, 10), False),
        ((0.5, 400), (0.86, 400), True), ((0.5, 400), (0.8, 400), False), ((0.4, 8), (0.9, 400), False),
    ],
)  # fmt: skip
def test_a_fall_is_of_a_quarter_and_more_where_few_pages_were_counted(now, past, is_fall):
    assert has_fallen(PageShare(*now), PageShare(*past)) is is_fall
    assert has_risen(PageShare(1 - now[0], now[1]), PageShare(1 - past[0], past[1])) is is_fall


SURVEYED = """CREATE TEMP TABLE surveyed (page_id INTEGER, host TEXT, part TEXT, article INTEGER, words INTEGER)"""


@dataclass
class Runs:
    """Yields of one host run after run, as `survey` stores them."""

    db: Database

    def past(self, number: int, part: str = "*/x", **values: object) -> None:
        """A run that gave 38 articles of 40 pages, of at least 60 words but for a tenth, and 200 in the median."""
        put_unless_there(self.db, number)
        row = {"pages": 40, "articles": 38, "barren": 1, "alike": 1, "words_low": 60, "words_median": 200}
        place = {"run_id": number, "host": "a.test", "part": part, "cleaner_version": "17", "removed_share": 0.0}
        self.db[YIELDS].insert(place | row | values)

    def alarms(self, part: str = "*/x", short: int = 0, **values: object) -> list[str]:
        """The alarms of a run 50 that gave 19 articles of 20 pages, so many of them short."""
        self.past(50, part, **{"pages": 20, "articles": 19, "barren": 0, "alike": 0} | values)
        rows = [(n, "a.test", part, 1, 59 if n < short else 60) for n in range(40)]
        self.db.conn.executemany("INSERT INTO temp.surveyed VALUES (?, ?, ?, ?, ?)", rows)
        found = list(find_alarms(self.db, 50))
        assert {(alarm.host, alarm.part) for alarm in found} <= {("a.test", part)}
        return [f"{alarm.what}: {alarm.message}" for alarm in found]


def put_unless_there(db: Database, number: int) -> None:
    started = f"2026-01-{number:02}" if number < 50 else "2026-02-01"
    row = {"id": number, "started_at": started, "command": "", "options": "{}", "versions": "{}"}
    db["runs"].insert(row, ignore=True)


@pytest.fixture
def runs(archive):
    archive.db.execute("PRAGMA foreign_keys = OFF")
    archive.db.execute(SURVEYED)
    return Runs(archive.db)


@pytest.mark.parametrize(
    ("part", "values", "alarms"),
    [
        ("*/x", {}, []),
        ("*/x", {"articles": 2, "barren": 15},
         ["barren: 15 of 20 new pages like */x have nothing to read; before 2%"]),
        ("*/x", {"articles": 4}, ["yield: 4 of 20 new pages like */x are articles; before 95%"]),
        ("*/x", {"pages": 4000, "articles": 2400},
         ["yield: 2,400 of 4,000 new pages like */x are articles; before 95%"]),
        ("new", {"pages": 4000, "articles": 2400}, []),
        ("new", {"pages": 4000, "articles": 1600}, ["yield: 1,600 of 4,000 new pages are articles; before 95%"]),
        ("*/x", {"alike": 18}, ["alike: 18 of 19 articles of new pages like */x are alike; before 3%"]),
        ("new", {"alike": 18, "short": 19}, []),
        ("*/x", {"short": 16, "words_median": 12},
         ["short: articles of new pages like */x have 12 words in the median; before 200"]),
        ("*/x", {"short": 9}, []),
        ("again", {"articles": 3}, ["yield: 3 of 20 pages known as articles are articles; before 95%"]),
    ],
)  # fmt: skip
def test_a_part_is_compared_with_its_past(runs, part, values, alarms):
    for number in (1, 2, 3):
        runs.past(number, part)
    assert runs.alarms(part, **values) == alarms  # type: ignore[arg-type]


def test_articles_that_are_fetched_again_have_a_past_by_themselves(runs):
    runs.past(1, "*", alike=0, words_low=100)
    assert runs.alarms("again", pages=40, articles=19, alike=17, short=40, words_median=5) == [
        "yield: 19 of 40 pages known as articles are articles; before 95%",
        "alike: 17 of 19 articles of pages known as articles are alike; before 0%",
        "short: articles of pages known as articles have 5 words in the median; before 200",
    ]


def test_what_is_no_past_of_a_run(runs):
    runs.past(1, articles=36)
    runs.past(2, cleaner_version="16", articles=0)
    runs.past(3, pages=7, articles=0)
    runs.past(4, host="b.test", articles=0)
    runs.past(5, "*/y", articles=0)
    put_unless_there(runs.db, 49)
    runs.db.execute("UPDATE runs SET started_at = '2026-03-01' WHERE id = 49")
    runs.past(49, articles=0)
    runs.past(6, articles=0)
    alarm = {"run_id": 6, "at": "", "host": "a.test", "part": "*/x", "message": ""}
    runs.db["alarms"].insert_all([alarm | {"what": "yield"}, alarm | {"what": "short", "part": "*/y"}])
    assert runs.alarms(articles=1) == ["yield: 1 of 20 new pages like */x are articles; before 90%"]


def test_the_latest_ten_runs_are_the_past(runs):
    for number in range(1, 12):
        runs.past(number, articles=4 if number == 1 else 40)
    assert runs.alarms(articles=4) == ["yield: 4 of 20 new pages like */x are articles; before 100%"]


@pytest.mark.slow
def test_noise_raises_hardly_anything():
    """Shares that come from one source, in runs of all sizes: of 20,000 comparisons not one in a thousand is called."""
    rng = random.Random(1)

    def drawn(share):
        pages = rng.choice((8, 10, 20, 50, 200))
        return PageShare(sum(rng.random() < share for _ in range(pages)) / pages, pages)

    calls = 0
    for _ in range(10_000):
        share = rng.random()
        past, now = drawn(share), drawn(share)
        calls += has_fallen(now, past) + has_risen(now, past)
    assert calls < 20


HOST = "http://a.test"
OLD, NEW, BLOG, LIST = (list(range(first, first + 40)) for first in (0, 1000, 2000, 3000))
PROMOS = ("Donate now", "Join us", "Our app")
Fetch = Callable[[], Outcome]


@dataclass
class Site:
    """A site crawled run after run, whose pages are made in layouts of forty names."""

    archive: Archive
    make: Maker
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def page(self, number: int, layout: list[int], folder: str = "news", published: str = "", **changes) -> Outcome:
        """An article of 60 to 400 words, with a share row and one of several promos beside it, whose markup has a name
        or two of its own beside those of its layout."""
        names = sorted([*layout, 10_000 + self.dice.randrange(1000), 20_000 + self.dice.randrange(1000)])
        words = changes.pop("words", 0) or self.dice.randint(60, 400)
        kept = changes.pop("kept", (" ".join(prose(number * 7 + 1, words)),))
        values = {"removed": ("Share this", self.dice.choice(PROMOS)), "layout_signature": pack_signature(names)}
        values |= {"metadata": Metadata(title=f"Story {number}", published=published)} | changes
        return self.make.outcome(f"{HOST}/{folder}/the-story-of-{number}", *kept, **values)

    def pages(self, numbers, layout=OLD, folder="news", **changes) -> list[Fetch]:
        """Pages to be fetched: at the time of the run that does it."""
        return [partial(self.page, number, layout, folder, **changes) for number in numbers]

    def save(self, pages) -> None:
        self.archive.save([fetch() for fetch in pages])
        settle(self.archive.db)

    def run(self, *pages: Fetch, lists: int = 4) -> list[tuple[str, str]]:
        """One run that fetches these pages and so many lists; returns the alarms as (part, what)."""
        number = self.archive.runs.start("crawl", {}, {})
        changes = {"page_type": PageType.LIST, "layout_signature": pack_signature(LIST)}
        self.archive.save([self.make.outcome(f"{HOST}/tag/{n}", "links", **changes) for n in range(lists)])
        self.save(pages)
        survey(self.archive.db, number, self.make.clock())
        self.archive.runs.finish(number, "finished", "", {})
        query = "SELECT part, what FROM alarms WHERE run_id = ? ORDER BY 1, 2"
        return self.archive.db.execute(query, [number]).fetchall()

    @property
    def message(self) -> str:
        """What the only alarm says."""
        [row] = self.archive.db["alarms"].rows
        return row["message"]


@pytest.fixture
def site(archive, make):
    return Site(archive, make)


def yields(archive, *columns):
    return archive.db.execute(f"SELECT {', '.join(columns)} FROM {YIELDS} WHERE part = '*'").fetchall()


def test_what_is_kept_of_a_run_is_the_same_when_it_is_surveyed_again(site):
    site.run(*site.pages(range(30)), lists=6)
    rows = {row["part"]: row for row in site.archive.db[YIELDS].rows}
    counts = {part: (row["pages"], row["articles"]) for part, row in rows.items()}
    assert counts == {"*": (36, 30), "new": (30, 30), "*/word/slug": (30, 30)}
    words = [count for (count,) in site.archive.db.execute("SELECT word_count FROM articles ORDER BY 1")]
    assert (rows["*"]["words_low"], rows["*"]["words_median"]) == (words[3], words[15])
    assert 0.6 < rows["*"]["removed_share"] < 0.7
    assert not site.archive.db.conn.in_transaction
    survey(site.archive.db, next(site.archive.db["runs"].rows)["id"], site.make.clock())
    assert {row["part"]: row for row in site.archive.db[YIELDS].rows} == rows


def test_a_wall_that_comes_with_a_good_status_counts_as_a_page_with_nothing_to_read(archive, make):
    run = archive.runs.start("crawl", {}, {})
    wall = make.outcome(f"{HOST}/news/a-wall", page_type=PageType.CAPTCHA)
    refused = replace(wall, url=f"{HOST}/news/refused", page=None, http_status=403)
    refused = replace(refused, capture=replace(wall.capture, url=refused.url, http_status=403))
    walls = [replace(outcome, state="failed", reason="challenged") for outcome in (wall, refused)]
    archive.save([make.outcome(f"{HOST}/news/a-story", "One two."), *walls])
    survey(archive.db, run, make.clock())
    assert yields(archive, "pages", "articles", "barren") == [(2, 1, 1)]


def test_articles_of_one_text_are_alike(archive, make):
    run = archive.runs.start("crawl", {}, {})
    archive.save([make.outcome(f"{HOST}/{n}", " ".join(prose(max(n, 1), 90))) for n in range(4)])
    survey(archive.db, run, make.clock())
    assert yields(archive, "pages", "alike") == [(4, 2)]


@pytest.mark.slow
def test_the_work_grows_with_the_pages_and_not_with_their_square(archive, make):
    took, steps = [], itertools.count()  # thousands of SQLite's steps
    for size in (100, 900):
        run = archive.runs.start("crawl", {}, {})
        archive.save([make.outcome(f"{HOST}/{size}/the-story-of-{n}", f"Text {n} of {size}.") for n in range(size)])
        archive.db.conn.set_progress_handler(lambda: next(steps) and None, 1000)
        before = next(steps)
        survey(archive.db, run, "2026-01-01T00:00:00Z")
        took.append(next(steps) - before)
        archive.db.conn.set_progress_handler(None, 1000)
        archive.runs.finish(run, "finished", "", {})
    assert took[1] < 2 * 10 * took[0]


SILENT = {
    "all again": [(range(40), OLD), (range(40), OLD), (range(40, 49), OLD)],
    "some again": [(range(40), OLD), (range(10), OLD), (range(10), OLD)],
    "new ones": [(range(40), OLD), (range(40, 49), OLD), (range(49, 58), OLD)],
    "lists alone": [(range(60), OLD), ((), OLD)],
    "few in another layout": [(range(40), OLD), (range(40, 47), NEW), (range(7), BLOG)],
    "a few other names": [(range(40), OLD), (range(20), [*OLD[:39], 5000]), (range(40, 60), OLD[:38])],
}


@pytest.mark.parametrize(
    "name",
    [name if name in ("some again", "lists alone") else pytest.param(name, marks=pytest.mark.slow) for name in SILENT],
)
def test_an_undisturbed_site_is_silent(site, name):
    assert [site.run(*site.pages(numbers, layout)) for numbers, layout in SILENT[name]] == [[]] * len(SILENT[name])


@pytest.mark.slow
def test_runs_of_all_sizes_and_mixtures_are_silent(site):
    sizes = [(40, 0, 0), (3, 2, 40), (1, 39, 0), (0, 20, 10), (25, 25, 25), (9, 9, 0), (12, 0, 12), *[(20, 15, 9)] * 5]
    first, alarms = 0, []
    for new, known, lists in sizes:
        numbers = [*site.dice.sample(range(first), known), *range(first, first + new)]
        alarms += site.run(*site.pages(numbers), lists=lists)
        first += new
    assert alarms == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"kept": (), "page_type": PageType.EMPTY}, "barren"),
        ({"kept": (), "page_type": PageType.CAPTCHA}, "barren"),
        ({"page_type": PageType.LIST}, "yield"),
        ({"words": 12}, "short"),
    ],
)
def test_a_changed_template_is_told_for_known_and_for_new_pages_until_it_is_mended(site, changes, what):
    site.run(*site.pages(range(60)))
    assert site.run(*site.pages(range(40, 70))) == []
    alarms = site.run(*site.pages(range(45, 95), **changes))
    assert {found for _, found in alarms} == {what}
    assert {part for part, _ in alarms} >= {"again", "*/word/slug"}
    assert site.run(*site.pages(range(20, 45), **changes), *site.pages(range(95, 120), **changes)) != []
    assert site.run(*site.pages(range(120, 145))) == []


@pytest.mark.slow
def test_pages_that_all_say_the_same_are_told(site):
    site.run(*site.pages(range(60)))
    kept = ("We value your privacy. " + " ".join(prose(1, 80)),)
    assert ("*/word/slug", "alike") in site.run(*site.pages(range(60, 85), kept=kept))


def test_the_first_second_look_at_known_articles_needs_no_earlier_one(site):
    site.run(*site.pages(range(60)))
    assert ("again", "barren") in site.run(*site.pages(range(30), kept=(), page_type=PageType.EMPTY))


@pytest.mark.slow
def test_what_another_cleaner_saw_is_no_past(site, monkeypatch):
    site.run(*site.pages(range(60)))
    site.archive.db.execute("UPDATE pages SET cleaner_version = 'older'")
    monkeypatch.setattr("broadsheet.output.write.alarms.CLEANER_VERSION", "another")
    assert site.run(*site.pages(range(20), NEW, words=12)) == []


def test_a_run_that_was_cut_off_counts_with_the_next(site):
    site.run(*site.pages(range(40)))
    site.archive.runs.start("crawl", {}, {})
    site.save(site.pages(range(20), page_type=PageType.LIST))
    assert site.run(*site.pages(range(5), page_type=PageType.LIST), lists=0) == [("again", "yield")]
    assert sorted(yields(site.archive, "pages")) == [(20,), (44,)]


def test_report_and_messages_name_an_alarm_too(site):
    site.run(*site.pages(range(40)))
    assert site.run(*site.pages(range(20), page_type=PageType.LIST)) == [("again", "yield")]
    assert site.message == "0 of 20 pages known as articles are articles; before 95%"
    assert [(alarm.part, alarm.what) for alarm in gather_report(site.archive.db).alarms] == [("again", "yield")]
    news = [item.line for item in read_news(site.archive.db, ArchiveMoment(10**9, ""), lambda _: "")]
    [line] = [line for line in news if "known as articles" in line]
    assert line.startswith(f"a.test, 2026-01-01: {site.message}")


@pytest.mark.slow
def test_another_layout_alone_is_silent(site):
    site.run(*site.pages(range(40)))
    assert site.run(*site.pages(range(40), NEW), *site.pages(range(40, 60), NEW)) == []
    assert site.run(*site.pages(range(30), BLOG, "blog"), *site.pages(range(60, 80), BLOG, "blog")) == []
