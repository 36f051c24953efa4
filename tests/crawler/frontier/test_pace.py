"""How soon a host may be asked again."""

from __future__ import annotations

from broadsheet.crawler.frontier.pace import CEILING, MAX_RETRY_AFTER, MAX_ROBOTS_DELAY, Pace


def test_the_longer_of_the_user_s_and_the_host_s_delay_is_the_floor() -> None:
    assert Pace.at_floor(1.0).after_request(10).next_request_at == 11
    assert Pace.at_floor(1.0, 5.0).after_request(10).next_request_at == 15
    assert Pace.at_floor(3.0, 0.5).after_request(10).next_request_at == 13


def test_zero_turns_pacing_off_but_not_the_host_s_own_word() -> None:
    assert Pace.at_floor(0).after_answer(9.0).after_request(10).next_request_at == 10
    assert Pace.at_floor(0, 2.0).after_request(10).next_request_at == 12


def test_a_slow_host_is_asked_as_often_as_it_answers() -> None:
    pace = Pace.at_floor(1.0)
    for _ in range(6):
        pace = pace.after_answer(4.0)
    assert pace.delay == 4.0


def test_the_pace_follows_the_latency_of_several_answers_not_of_the_newest_alone() -> None:
    """The first counts whole, each later one half; a single slow answer does not set the pace, nor a quick one."""
    pace = Pace.at_floor(1.0).after_answer(8.0)
    assert (pace.latency, pace.delay) == (8.0, 8.0)
    pace = pace.after_answer(4.0)
    assert (pace.latency, pace.delay) == (6.0, 6.0)
    pace = pace.after_answer(20.0)
    assert (pace.latency, pace.delay) == (13.0, 13.0)
    pace = pace.after_answer(1.0)
    assert (pace.latency, pace.delay) == (7.0, 7.0)


def test_a_delay_that_a_refusal_made_long_falls_by_half_with_each_answer_and_not_below_the_latency() -> None:
    pace = Pace.at_floor(1.0).after_answer(6.0)
    for _ in range(3):
        pace = pace.after_refusal(0)
    assert (pace.delay, pace.latency) == (48.0, 6.0)
    delays = []
    for _ in range(4):
        pace = pace.after_answer(6.0)
        delays.append(pace.delay)
    assert delays == [24.0, 12.0, 6.0, 6.0]


def test_quick_answers_bring_the_pace_back_to_the_floor_and_not_below() -> None:
    pace = Pace.at_floor(1.0).after_refusal(0)
    assert pace.delay == 2.0
    for _ in range(8):
        pace = pace.after_answer(0.01)
    assert pace.delay == 1.0


def test_refusals_double_the_delay_up_to_the_ceiling() -> None:
    pace, delays = Pace.at_floor(1.0), []
    for _ in range(8):
        pace = pace.after_refusal(0)
        delays.append(pace.delay)
    assert delays[:3] == [2, 4, 8]
    assert delays[-1] == CEILING


def test_retry_after_holds_the_host_back_for_so_long_up_to_an_hour() -> None:
    assert Pace.at_floor(1.0).after_refusal(100, 30).next_request_at == 130
    assert Pace.at_floor(1.0).after_refusal(100, 1e9).next_request_at == 3700
    assert Pace.at_floor(1.0).after_refusal(100).next_request_at == 102


def test_a_crawl_without_pacing_recovers_from_a_refusal_with_the_next_good_answer() -> None:
    pace = Pace.at_floor(0).after_refusal(100)
    assert pace.after_request(110).next_request_at > 110
    assert pace.after_answer(0.1).after_request(110).next_request_at == 110


def test_a_crawl_delay_longer_than_the_ceiling_is_kept() -> None:
    pace = Pace.at_floor(1.0, 300.0)
    assert pace.after_refusal(0).after_answer(0.1).after_request(1000).next_request_at == 1300


def test_an_absurd_crawl_delay_is_held_to_the_longest() -> None:
    assert Pace.at_floor(1.0, 86_400.0).after_request(0).next_request_at == MAX_ROBOTS_DELAY
    assert Pace.at_floor(900.0, 86_400.0).after_request(0).next_request_at == 900  # a person may ask less often still


def test_a_wait_that_was_asked_for_is_not_shortened_by_another_request() -> None:
    assert Pace.at_floor(1.0).after_refusal(100, 30).after_request(100).next_request_at == 130


def test_a_new_robots_txt_moves_the_floor_and_keeps_what_was_learnt() -> None:
    slow = Pace.at_floor(1.0).after_refusal(100, 30)
    assert slow.with_floor(1.0, 0.0) == slow
    assert slow.with_floor(1.0, 5.0).delay == 5
    assert Pace.at_floor(1.0, 10.0).with_floor(1.0, 2.0) == Pace.at_floor(1.0, 2.0)
    assert slow.with_floor(1.0, 5.0).next_request_at == 130


def test_the_delay_stays_between_floor_and_ceiling_whatever_happens() -> None:
    pace = Pace.at_floor(1.0, 3.0)
    for step in range(60):
        pace = pace.after_refusal(step) if step % 7 < 4 else pace.after_answer(float(step % 5) * 40)
        assert 3.0 <= pace.delay <= CEILING


def test_a_retry_after_of_days_is_held_to_an_hour() -> None:
    assert Pace.at_floor(1.0).after_refusal(0, 5 * 86_400).next_request_at == MAX_RETRY_AFTER
