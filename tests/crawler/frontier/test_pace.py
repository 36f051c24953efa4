"""How soon a host may be asked again."""

from __future__ import annotations

from crawler.frontier.pace import CEILING, LONGEST_ASKED, LONGEST_RETRY_AFTER, Pace


def test_the_longer_of_the_user_s_and_the_host_s_delay_is_the_floor() -> None:
    assert Pace.start(1.0).sent(10).next_at == 11
    assert Pace.start(1.0, 5.0).sent(10).next_at == 15
    assert Pace.start(3.0, 0.5).sent(10).next_at == 13


def test_zero_turns_pacing_off_but_not_the_host_s_own_word() -> None:
    assert Pace.start(0).answered(9.0).sent(10).next_at == 10
    assert Pace.start(0, 2.0).sent(10).next_at == 12


def test_a_slow_host_is_asked_as_often_as_it_answers() -> None:
    pace = Pace.start(1.0)
    for _ in range(6):
        pace = pace.answered(4.0)
    assert pace.delay == 4.0


def test_quick_answers_bring_the_pace_back_to_the_floor_and_not_below() -> None:
    pace = Pace.start(1.0).refused(0)
    assert pace.delay == 2.0
    for _ in range(8):
        pace = pace.answered(0.01)
    assert pace.delay == 1.0


def test_refusals_double_the_delay_up_to_the_ceiling() -> None:
    pace, delays = Pace.start(1.0), []
    for _ in range(8):
        pace = pace.refused(0)
        delays.append(pace.delay)
    assert delays[:3] == [2, 4, 8]
    assert delays[-1] == CEILING


def test_retry_after_holds_the_host_back_for_so_long_up_to_an_hour() -> None:
    assert Pace.start(1.0).refused(100, 30).next_at == 130
    assert Pace.start(1.0).refused(100, 1e9).next_at == 3700
    assert Pace.start(1.0).refused(100).next_at == 102


def test_a_crawl_without_pacing_recovers_from_a_refusal_with_the_next_good_answer() -> None:
    pace = Pace.start(0).refused(100)
    assert pace.sent(110).next_at > 110
    assert pace.answered(0.1).sent(110).next_at == 110


def test_a_crawl_delay_longer_than_the_ceiling_is_kept() -> None:
    pace = Pace.start(1.0, 300.0)
    assert pace.refused(0).answered(0.1).sent(1000).next_at == 1300


def test_an_absurd_crawl_delay_is_held_to_the_longest() -> None:
    assert Pace.start(1.0, 86_400.0).sent(0).next_at == LONGEST_ASKED
    assert Pace.start(900.0, 86_400.0).sent(0).next_at == 900  # a person may ask less often still


def test_a_wait_that_was_asked_for_is_not_shortened_by_another_request() -> None:
    assert Pace.start(1.0).refused(100, 30).sent(100).next_at == 130


def test_a_new_robots_txt_moves_the_floor_and_keeps_what_was_learnt() -> None:
    slow = Pace.start(1.0).refused(100, 30)
    assert slow.from_floor(1.0, 0.0) == slow
    assert slow.from_floor(1.0, 5.0).delay == 5
    assert Pace.start(1.0, 10.0).from_floor(1.0, 2.0) == Pace.start(1.0, 2.0)
    assert slow.from_floor(1.0, 5.0).next_at == 130


def test_the_delay_stays_between_floor_and_ceiling_whatever_happens() -> None:
    pace = Pace.start(1.0, 3.0)
    for step in range(60):
        pace = pace.refused(step) if step % 7 < 4 else pace.answered(float(step % 5) * 40)
        assert 3.0 <= pace.delay <= CEILING


def test_a_retry_after_of_days_is_held_to_an_hour() -> None:
    assert Pace.start(1.0).refused(0, 5 * 86_400).next_at == LONGEST_RETRY_AFTER
