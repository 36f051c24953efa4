from __future__ import annotations

import pytest

from broadsheet.output.watch.when_due import (
    MAX_INTERVAL,
    MIN_INTERVAL,
    RevisitPolicy,
    VisitHistory,
    current_interval,
    is_announced,
    is_due,
    next_interval,
    parse_instant,
)

NOON = "2026-05-10T12:00:00+00:00"
DAY = 86_400


def history(visited_at: str = NOON, **values: object) -> VisitHistory:
    return VisitHistory(visited_at, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("article_date", "hours"),
    [
        ("2026-05-10T11:00:00Z", 1),
        ("2026-05-09T12:00:00Z", 3),
        ("2026-05-02T12:00:00Z", 24),
        ("2010-01-01", 720),
        ("", 24),
    ],
)
def test_the_first_interval_is_an_eighth_of_the_age(article_date: str, hours: int) -> None:
    assert current_interval(history(article_date=article_date)) == hours * 3600


def test_a_change_halves_the_interval_and_none_makes_it_half_as_long_again() -> None:
    assert next_interval(history(interval_seconds=8 * MIN_INTERVAL), changed=True) == 4 * MIN_INTERVAL
    assert next_interval(history(interval_seconds=8 * MIN_INTERVAL), changed=False) == 12 * MIN_INTERVAL


def test_the_interval_stays_between_floor_and_ceiling() -> None:
    assert next_interval(history(interval_seconds=MIN_INTERVAL), changed=True) == MIN_INTERVAL
    assert next_interval(history(interval_seconds=MAX_INTERVAL), changed=False) == MAX_INTERVAL


def test_it_grows_where_one_look_in_three_finds_a_change_and_shrinks_where_one_in_two_does() -> None:
    for lower, upper, every in ((100, 720, 3), (1, 10, 2)):
        interval = 100 * MIN_INTERVAL
        for number in range(60):
            interval = next_interval(history(interval_seconds=interval), changed=number % every == 0)
        assert lower * MIN_INTERVAL <= interval <= upper * MIN_INTERVAL


def test_due_after_the_interval_and_a_little_early() -> None:
    page = history(interval_seconds=10 * 3600)
    assert not is_due(page, "2026-05-10T20:59:00+00:00", RevisitPolicy())
    assert is_due(page, "2026-05-10T21:00:00+00:00", RevisitPolicy())


def test_every_and_all_go_before_the_interval() -> None:
    page, later = history(interval_seconds=MAX_INTERVAL), "2026-05-10T18:00:00+00:00"
    assert not is_due(page, later, RevisitPolicy())
    assert is_due(page, later, RevisitPolicy(interval_seconds=6 * 3600))
    assert not is_due(history(interval_seconds=MIN_INTERVAL), later, RevisitPolicy(interval_seconds=DAY))
    assert is_due(page, NOON, RevisitPolicy(revisit_all=True))


@pytest.mark.parametrize(
    ("announced_date", "is_change"),
    [
        ("2026-05-10T12:00:01Z", True),
        ("2026-05-10T14:00:01+02:00", True),
        ("2026-05-10T12:00:00Z", False),
        ("2026-05-10", True),  # some time on that day
        ("2026-05-09", False),
        ("Sun, 10 May 2026 13:00:00 GMT", True),
        ("2026-05", False),
        ("soon", False),
        ("", False),
    ],
)
def test_a_date_after_our_last_look_announces_a_change(announced_date: str, is_change: bool) -> None:
    assert is_announced(history(), announced_date, "2026-05-11T00:00:00+00:00") is is_change


def test_who_announced_in_vain_three_times_is_not_believed() -> None:
    assert is_announced(history(unfounded_announcements=2), "2026-05-11", "2026-05-12T00:00:00+00:00")
    assert not is_announced(history(unfounded_announcements=3), "2026-05-11", "2026-05-12T00:00:00+00:00")


def test_the_same_day_is_announced_once() -> None:
    later = "2026-05-10T15:00:00+00:00"
    assert is_announced(history(lastmod="2026-05-09"), "2026-05-10", later)
    assert not is_announced(history(lastmod="2026-05-10"), "2026-05-10", later)


def test_a_date_in_the_future_announces_no_more_than_now() -> None:
    assert not is_announced(history(), "2031-01-01", NOON)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026", "2026-01-01T00:00:00+00:00"),
        ("2026-05", "2026-05-01T00:00:00+00:00"),
        ("2026-05-03", "2026-05-03T00:00:00+00:00"),
        ("2026-05-03T10:00:00-02:00", "2026-05-03T12:00:00+00:00"),
        ("Sun, 03 May 2026 10:00:00 GMT", "2026-05-03T10:00:00+00:00"),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_dates_as_sitemaps_write_them(text: str, instant: str | None) -> None:
    parsed_instant = parse_instant(text)
    assert (parsed_instant.isoformat() if parsed_instant else None) == instant
