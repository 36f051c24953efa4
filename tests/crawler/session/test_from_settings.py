"""What a crawl is made of, from options and settings."""

from __future__ import annotations

import os

import pytest
from scrapy.settings import Settings

from crawler.fetch.identity import Identity
from crawler.options import OptionError
from crawler.session.from_settings import checked_seeds, manners_of, workers_of
from crawler.session.writer import ENOUGH

PACE = {"BROADSHEET_DELAY": "2.5", "BROADSHEET_PER_HOST": "3", "BROADSHEET_ROBOTS_AGE": "60"}


def settings(**given: object) -> Settings:
    return Settings({**PACE, **given})


def test_there_is_a_cleaning_process_for_each_processor_or_as_many_as_a_person_says() -> None:
    assert workers_of(settings(BROADSHEET_WORKERS="0")) == os.cpu_count()
    assert workers_of(settings(BROADSHEET_WORKERS="7")) == 7


def test_more_processes_may_have_more_answers_before_them() -> None:
    few, many = (manners_of(settings(BROADSHEET_WORKERS=n), Identity.of("Broadsheet", "")) for n in (1, 32))
    assert ENOUGH < few.landed < many.landed
    assert many.landed >= ENOUGH + 2 * 32, "each has one under way and the next, beside a batch"
    assert (few.delay, few.per_host, few.robots_age) == (2.5, 3, 60)


def test_each_start_page_once_and_none_that_cannot_be() -> None:
    seeds = ("https://A.example", "https://a.example/", "https://a.example/news")
    assert checked_seeds(seeds, allow_private=False) == ("https://a.example/", "https://a.example/news")
    with pytest.raises(OptionError, match="not an http or https URL: mailto:"):
        checked_seeds(("mailto:a@b.example",), allow_private=False)
    with pytest.raises(OptionError, match="--allow-private opens it"):
        checked_seeds(("http://127.0.0.1/",), allow_private=False)
