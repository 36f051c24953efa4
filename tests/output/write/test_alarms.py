from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from sqlite_utils import Database

from broadsheet.output.write.alarms import PageShare, chance_of_at_most, find_alarms, has_fallen, has_risen
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import REASONS, RULE_RATES, YIELDS


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
def runs(archive: Archive) -> Runs:
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
def test_a_part_is_compared_with_its_past(runs: Runs, part: str, values: dict[str, object], alarms: list[str]) -> None:
    for number in (1, 2, 3):
        runs.past(number, part)
    assert runs.alarms(part, **values) == alarms  # type: ignore[arg-type]


def test_articles_that_are_fetched_again_have_a_past_by_themselves(runs: Runs) -> None:
    runs.past(1, "*", alike=0, words_low=100)
    assert runs.alarms("again", pages=40, articles=19, alike=17, short=40, words_median=5) == [
        "yield: 19 of 40 pages known as articles are articles; before 95 of 100",
        "alike: 17 of 19 articles of pages known as articles are alike; before 0 of 38",
        "short: articles of pages known as articles have 5 words in the median; before 200",
    ]


def test_what_is_no_past_of_a_run(runs: Runs) -> None:
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


def test_the_latest_ten_runs_are_the_past(runs: Runs) -> None:
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
def test_a_rule_that_always_fired_is_told_when_it_stops(
    runs: Runs, values: dict[str, int], hits: int, alarms: list[str]
) -> None:
    runs.db[REASONS].insert({"id": 5, "reason": "a promo", "rule": "cut.it"})
    rates = {1: values.get("earlier", 36), 2: 36, 3: values.get("latest", 36)}
    for number, pages in rates.items():
        runs.past(number, "*", articles=40)
        runs.db[RULE_RATES].insert({"run_id": number, "host": "a.test", "reason_id": 5, "pages": pages})
    if hits:
        runs.db[RULE_RATES].insert({"run_id": 50, "host": "a.test", "reason_id": 5, "pages": hits})
    assert runs.alarms("*", articles=values.get("articles", 19)) == alarms


def test_runs_without_enough_articles_say_nothing_of_rules(runs: Runs) -> None:
    runs.db[REASONS].insert({"id": 5, "reason": "a promo", "rule": "cut.it"})
    runs.past(1, "*", articles=7)
    runs.db[RULE_RATES].insert({"run_id": 1, "host": "a.test", "reason_id": 5, "pages": 7})
    assert runs.alarms("*") == []


@pytest.mark.parametrize(
    ("hits", "pages", "share", "chance"),
    [(0, 8, 0.9, 1e-8), (1, 8, 0.9, 7.3e-7), (3, 10, 0.0, 1.0), (8, 8, 0.1, 1.0), (7, 8, 1.0, 0.0),
     (2, 4, 0.25, 0.94921875), (4, 9, 0.5, 0.5), (0, 5000, 0.9, 0.0)],
)  # fmt: skip
def test_the_chance_of_so_few(hits: int, pages: int, share: float, chance: float) -> None:
    assert chance_of_at_most(hits, pages, share) == pytest.approx(chance)


@pytest.mark.parametrize(
    ("now", "past", "is_fall"),
    [((150, 200), (400, 400), True), ((151, 200), (400, 400), False), ((0, 8), (400, 400), True),
     ((0, 7), (400, 400), False), ((0, 200), (8, 8), True), ((0, 200), (7, 7), False)],
)  # fmt: skip
def test_a_fall_is_of_a_quarter_and_of_eight_pages(now: tuple[int, int], past: tuple[int, int], is_fall: bool) -> None:
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
