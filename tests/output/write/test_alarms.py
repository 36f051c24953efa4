"""A run that gave less than its past, or pages in a new layout, is told; an undisturbed or partial one is not."""

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
from broadsheet.output.write.alarms import (
    PageShare,
    _known_page_alarms,
    _LaidOutPage,
    _note_moved_pages,
    _Past,
    _takeover_message,
    chance_of_at_most,
    find_alarms,
    has_fallen,
    has_risen,
    survey,
)
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import EARLIER_SIGNATURES, LAYOUTS, PAGE_SIGNATURES, REASONS, RULE_RATES, YIELDS
from tests.output.conftest import Maker
from tests.output.filled_rows import put
from tests.output.merging import merge_archive
from tests.output.settle.stories import prose


@pytest.mark.parametrize(
    ("now", "past", "alarmed"),
    [
        (PageShare(0, 20), [PageShare(39, 40)], True),
        (PageShare(10, 40), [PageShare(39, 40)], True),
        (PageShare(30, 40), [PageShare(39, 40)], False),  # not far enough
        (PageShare(0, 7), [PageShare(400, 400)], False),  # too few pages to say anything
        (PageShare(2, 8), [PageShare(8, 10)], False),  # a past of ten pages is no firm ground
        (PageShare(2, 20), [PageShare(38, 40), PageShare(6, 40)], False),  # it has been as low before
        (PageShare(0, 20), [], False),
        (PageShare(0, 20), [PageShare(3, 3)], False),
    ],
)
def test_what_falls(now, past, alarmed):
    assert has_fallen(now, past) is alarmed


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
         ["barren: 15 of 20 new pages like */x have nothing to read; before 3 of 120"]),
        ("*/x", {"articles": 4}, ["yield: 4 of 20 new pages like */x are articles; before 114 of 120"]),
        ("*/x", {"pages": 4000, "articles": 2760},
         ["yield: 2,760 of 4,000 new pages like */x are articles; before 114 of 120"]),
        ("new", {"pages": 4000, "articles": 2760}, []),
        ("new", {"pages": 4000, "articles": 2160}, ["yield: 2,160 of 4,000 new pages are articles; before 114 of 120"]),
        ("*/x", {"alike": 18}, ["alike: 18 of 19 articles of new pages like */x are alike; before 3 of 114"]),
        ("new", {"alike": 18, "short": 19}, []),
        ("*/x", {"short": 16, "words_median": 12},
         ["short: articles of new pages like */x have 12 words in the median; before 200"]),
        ("*/x", {"short": 9}, []),
        ("again", {"articles": 3}, ["yield: 3 of 20 pages known as articles are articles; before 114 of 120"]),
    ],
)  # fmt: skip
def test_a_part_is_compared_with_its_past(runs, part, values, alarms):
    for number in (1, 2, 3):
        runs.past(number, part)
    assert runs.alarms(part, **values) == alarms  # type: ignore[arg-type]


def test_articles_that_are_fetched_again_have_a_past_by_themselves(runs):
    runs.past(1, "*", alike=0, words_low=100)
    assert runs.alarms("again", pages=40, articles=19, alike=17, short=40, words_median=5) == [
        "yield: 19 of 40 pages known as articles are articles; before 95 of 100",
        "alike: 17 of 19 articles of pages known as articles are alike; before 0 of 38",
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
    assert runs.alarms(articles=1) == ["yield: 1 of 20 new pages like */x are articles; before 36 of 40"]


def test_the_latest_ten_runs_are_the_past(runs):
    for number in range(1, 12):
        runs.past(number, articles=4 if number == 1 else 40)
    assert runs.alarms(articles=4) == ["yield: 4 of 20 new pages like */x are articles; before 400 of 400"]


@pytest.mark.parametrize(
    ("values", "hits", "alarms"),
    [
        ({}, 2, ["rule:cut.it: the rule cut.it (a promo) fired on 2 of 19 article pages; before on 108 of 120"]),
        ({"latest": 35}, 2, []), ({"earlier": 35}, 2, []), ({}, 12, []),
        ({}, 0, ["rule:cut.it: the rule cut.it (a promo) fired on 0 of 19 article pages; before on 108 of 120"]),
        ({"articles": 7}, 0, []),
    ],
)  # fmt: skip
def test_a_rule_that_always_fired_is_told_when_it_stops(runs, values, hits, alarms):
    runs.db[REASONS].insert({"id": 5, "reason": "a promo", "rule": "cut.it"})
    rates = {1: values.get("earlier", 36), 2: 36, 3: values.get("latest", 36)}
    for number, pages in rates.items():
        runs.past(number, "*", articles=40)
        runs.db[RULE_RATES].insert({"run_id": number, "host": "a.test", "reason_id": 5, "pages": pages})
    if hits:
        runs.db[RULE_RATES].insert({"run_id": 50, "host": "a.test", "reason_id": 5, "pages": hits})
    assert runs.alarms("*", articles=values.get("articles", 19)) == alarms


def test_runs_without_enough_articles_say_nothing_of_rules(runs):
    runs.db[REASONS].insert({"id": 5, "reason": "a promo", "rule": "cut.it"})
    runs.past(1, "*", articles=7)
    runs.db[RULE_RATES].insert({"run_id": 1, "host": "a.test", "reason_id": 5, "pages": 7})
    assert runs.alarms("*") == []


@pytest.mark.parametrize(
    ("hits", "pages", "share", "chance"),
    [(0, 8, 0.9, 1e-8), (1, 8, 0.9, 7.3e-7), (3, 10, 0.0, 1.0), (8, 8, 0.1, 1.0), (7, 8, 1.0, 0.0),
     (2, 4, 0.25, 0.94921875), (4, 9, 0.5, 0.5), (0, 5000, 0.9, 0.0)],
)  # fmt: skip
def test_the_chance_of_so_few(hits, pages, share, chance):
    assert chance_of_at_most(hits, pages, share) == pytest.approx(chance)


@pytest.mark.parametrize(
    ("now", "past", "is_fall"),
    [((150, 200), (400, 400), True), ((151, 200), (400, 400), False), ((0, 8), (400, 400), True),
     ((0, 7), (400, 400), False), ((0, 200), (8, 8), True), ((0, 200), (7, 7), False)],
)  # fmt: skip
def test_a_fall_is_of_a_quarter_and_of_eight_pages(now, past, is_fall):
    assert has_fallen(PageShare(*now), [PageShare(*past)]) is is_fall
    assert has_risen(PageShare(now[1] - now[0], now[1]), [PageShare(past[1] - past[0], past[1])]) is is_fall


@pytest.mark.slow
def test_noise_raises_nothing():
    """Shares that come from one source, in runs of all sizes: none of 20,000 is called a fall or a rise."""
    rng = random.Random(1)

    def drawn(share):
        pages = rng.choice((8, 10, 20, 50, 200))
        return PageShare(sum(rng.random() < share for _ in range(pages)), pages)

    for _ in range(10_000):
        share = rng.random()
        past, now = [drawn(share) for _ in range(rng.randint(1, 5))], drawn(share)
        assert not has_fallen(now, past)
        assert not has_risen(now, past)


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
    assert [row["pages"] for row in site.archive.db[RULE_RATES].rows] == [30]
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


def test_copies_are_alike_and_parts_of_an_article_are_not(archive, make):
    run = archive.runs.start("crawl", {}, {})
    archive.save([make.outcome(f"{HOST}/{n}", " ".join(prose(n, 90))) for n in range(4)])
    ids = [row[0] for row in archive.db.execute("SELECT id FROM articles ORDER BY page_id")]
    put(archive.db, "duplicates", 1, article_id=ids[0], duplicate_id=ids[1], kind="part", cluster_id=None)
    put(archive.db, "duplicates", 2, article_id=ids[1], duplicate_id=ids[2], kind="near", cluster_id=7)
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
def test_a_rule_that_always_fired_and_stops_is_told_once(site):
    site.run(*site.pages(range(40)))
    assert site.run(*site.pages(range(40, 60), removed=())) == [("*", "rule:share.icons")]
    assert site.message == "the rule share.icons (share buttons) fired on 0 of 20 article pages; before on 40 of 40"
    assert site.run(*site.pages(range(60, 80), removed=())) == []


@pytest.mark.slow
def test_what_another_cleaner_saw_is_no_past(site, monkeypatch):
    site.run(*site.pages(range(60)))
    site.archive.db.execute("UPDATE pages SET cleaner_version = 'older'")
    monkeypatch.setattr("broadsheet.output.write.alarms.CLEANER_VERSION", "another")
    assert site.run(*site.pages(range(20), NEW, words=12)) == []


def test_a_run_that_was_cut_off_counts_with_the_next(site):
    site.run(*site.pages(range(40)))
    site.archive.runs.start("crawl", {}, {})
    site.save(site.pages(range(20), NEW))
    assert site.run(*site.pages(range(5), NEW), lists=0) == [("again", "layout_new")]
    assert sorted(yields(site.archive, "pages")) == [(20,), (44,)]


def test_new_pages_in_a_new_layout_are_told_with_the_evidence(site):
    assert site.run(*site.pages(range(30)), *site.pages(range(5), BLOG, "blog")) == []
    assert site.run(*site.pages(range(30, 42), NEW)) == [("*/word/slug", "layout_new")]
    assert site.message == (
        f"until 2026-01-01, 30 of 35 pages like */word/slug had the layout of {HOST}/news/the-story-of-0; of 12 new"
        f" ones none has it, and 12 have a new one, that of {HOST}/news/the-story-of-30"
    )


def test_pages_fetched_again_in_a_new_layout_are_told_by_report_and_messages_too(site):
    site.run(*site.pages(range(40)))
    assert site.run(*site.pages(range(20), NEW)) == [("again", "layout_new")]
    assert site.message.startswith(
        "20 of 20 pages known as articles have left their layout, 20 of them for one that no"
    )
    assert [(alarm.part, alarm.what) for alarm in gather_report(site.archive.db).alarms] == [("again", "layout_new")]
    news = [item.line for item in read_news(site.archive.db, ArchiveMoment(10**9, ""), lambda _: "")]
    [line] = [line for line in news if "have left their layout" in line]
    assert line.startswith(f"a.test, 2026-01-01: {site.message}")


@pytest.mark.slow
def test_a_new_layout_is_told_once_though_the_others_follow(site):
    runs = [site.run(*site.pages(range(first, first + 20), layout)) for first, layout in ((0, OLD), (20, OLD))]
    runs += [site.run(*site.pages(range(first, first + 20), NEW)) for first in (0, 0, 20, 40)]
    assert runs == [[], [], [("again", "layout_new")], [], [], []]


@pytest.mark.slow
def test_articles_that_lose_their_layout_to_one_of_other_pages_are_told(site):
    """A wall, say, whose pages look like articles, and which stood elsewhere before; not where others still have it."""
    site.run(*site.pages(range(40)), *site.pages(range(9), BLOG, "wall", page_type=PageType.OTHER))
    assert site.run(*site.pages(range(20), BLOG)) == [("again", "layout_gone")]
    assert "20 of 20 pages known as articles have lost the layout" in site.message
    assert site.run(*site.pages(range(30), BLOG), *site.pages(range(30, 40))) == []


@pytest.mark.slow
def test_a_section_in_a_layout_of_its_own_is_silent_and_so_is_a_crawl_of_one_of_two(site):
    site.run(*site.pages(range(40)))
    assert site.run(*site.pages(range(20), BLOG, "blog/en/2026"), *site.pages(range(40, 50))) == []
    assert site.run(*site.pages(range(40), BLOG, "blog"), *site.pages(range(50, 60))) == []
    assert site.run(*site.pages(range(30), BLOG, "blog"), *site.pages(range(40, 60), BLOG, "blog")) == []


@pytest.mark.slow
def test_older_pages_that_are_found_later_are_silent(site):
    """Those of years ago may be made otherwise: they were so before the last run."""
    site.run(*site.pages(range(40)))
    assert site.run(*site.pages(range(40, 70), NEW, published="2011-05-03")) == []
    assert site.run(*site.pages(range(70, 90), BLOG, published="2026-01-01")) != []


def test_what_was_before_is_forgotten_when_the_run_has_ended_with_the_page_and_by_a_merge(site, make, tmp_path):
    earlier = site.archive.db[EARLIER_SIGNATURES]
    site.run(*site.pages(range(10)))
    site.save(site.pages(range(3), NEW))
    assert earlier.count == 3
    take_down(site.archive.db, f"{HOST}/news/the-story-of-0")
    assert earlier.count == 2
    site.run()
    assert earlier.count == 0
    with Archive.open(tmp_path / "b.db", make.clock) as other:
        Site(other, make).run(*site.pages(range(10), NEW))
    merge_archive(site.archive.db, tmp_path / "b.db", make.clock)
    assert earlier.count == 0, "what it replaced is none of the next run"


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
def test_half_of_the_new_pages_are_a_takeover(new, kept, message):
    older = [*laid_out(50, 2, BLOG), *laid_out(150, 1, OLD)]
    assert _takeover_message("*/x", [*laid_out(kept, 1, OLD), *laid_out(new, 7, NEW)], older, SINCE) == message


def test_the_larger_of_two_new_layouts_is_told_and_what_is_new_without_a_past_is_not():
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
def test_known_pages_that_left_their_layout_for_a_new_one_or_one_of_no_articles(archive, moved, stayed, what):
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
