"""What a person may ask for, and how they are told that it cannot be done."""

from __future__ import annotations

from datetime import date

import pytest

from broadsheet.crawler.crawl.run_parts import extractor_use_of
from broadsheet.crawler.options import CrawlOptions, OptionError, read_seed_file

SEED = {"url": "https://example.org/"}


def read(**arguments: object) -> CrawlOptions:
    return CrawlOptions.from_arguments(SEED | arguments)


def test_spider_arguments_are_strings():
    options = read(
        include="/news/ /es/", max_pages="10", max_depth="0", max_time="1.5", since="2024-01-31", language="EN de",
        feeds="0", links="no", db="a.db",
    )  # fmt: skip
    assert options == CrawlOptions(
        seeds=("https://example.org/",), include=("/news/", "/es/"), max_pages=10, max_depth=0, max_time=1.5,
        since=date(2024, 1, 31), languages=("en", "de"), feeds=False, links=False,
    )  # fmt: skip


def test_a_command_s_values_are_taken_as_they_are():
    given = {"exclude": ("x y",), "since": date(2020, 1, 1), "sitemaps": False}
    options = CrawlOptions.from_arguments({"seeds": ("a.example", "b.example"), **given})
    assert options.seeds == ("https://a.example", "https://b.example")
    assert {name: getattr(options, name) for name in given} == given


@pytest.mark.parametrize(
    ("seed", "read_as"),
    [
        ("example.org", "https://example.org"),
        ("example.org/blog:old", "https://example.org/blog:old"),
        ("http://example.org", "http://example.org"),
        ("ftp://example.org", "ftp://example.org"),
        ("localhost:8000/", "localhost:8000/"),
    ],
)
def test_a_bare_host_is_read_as_https(seed, read_as):
    assert read(url=seed).seeds == (read_as,)


def test_several_seeds_are_taken_once_each():
    seeds = read(url="https://a.example https://b.example https://a.example").seeds
    assert seeds == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"url": ""}, "no URL given"),
        ({"max_pages": "many"}, "max_pages must be a number"),
        ({"max_pages": "1.5"}, "max_pages must be a number"),
        ({"max_pages": "-1"}, "max_pages must not be negative"),
        ({"max_time": "nan"}, "max_time"),
        ({"max_time": "inf"}, "max_time"),
        ({"since": "yesterday"}, "since must be a date"),
        ({"since": "2024-13-01"}, "since must be a date"),
        ({"max_page": "3"}, "unknown option: max_page .known: allow_private, browser, "),
        ({"concurrency": "3"}, "concurrency is a setting of the spider: -s BROADSHEET_CONCURRENCY=…"),
        ({"urls_file": "/no/such/file"}, "cannot read the file of URLs"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(arguments, told):
    with pytest.raises(OptionError, match=told) as caught:
        read(**arguments)
    assert "\n" not in str(caught.value)


def test_a_file_of_urls_has_one_a_line(tmp_path):
    file = tmp_path / "urls.txt"
    file.write_bytes("\ufeffhttps://a.example/\r\n\n# not this\n  https://b.example/  \n".encode())
    assert read_seed_file(file) == ("https://a.example/", "https://b.example/")
    assert CrawlOptions.from_arguments({"urls_file": file}).seeds == ("https://a.example/", "https://b.example/")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "f").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OptionError, match="cannot read the file of URLs"):
        read_seed_file(tmp_path / "f")


def test_the_run_s_record_has_plain_values():
    values = read(since="2024-01-31", languages="en").as_values()
    assert values["since"] == "2024-01-31"
    assert values["seeds"] == ("https://example.org/",)


@pytest.mark.parametrize("word", ["always", "in-doubt", "never"])
def test_trafilatura_is_asked_where_an_argument_or_the_setting_says(word):
    assert read(extractor=word).extractor == word
    assert read().extractor is None
    assert extractor_use_of(read(), {"BROADSHEET_EXTRACTOR": word}) == word
    assert extractor_use_of(read(extractor="never"), {"BROADSHEET_EXTRACTOR": word}) == "never"


def test_another_word_for_it_is_refused_in_a_line():
    with pytest.raises(OptionError, match="extractor must be one of always, in-doubt, never, not 'often'"):
        read(extractor="often")
    with pytest.raises(OptionError, match="BROADSHEET_EXTRACTOR must be one of"):
        extractor_use_of(read(), {"BROADSHEET_EXTRACTOR": "yes"})


def test_arguments_of_whoever_runs_the_spider_are_left_alone():
    """scrapyd gives each job its number as `_job`."""
    assert CrawlOptions.from_arguments({"url": "a.example", "_job": "4f0"}).seeds == ("https://a.example",)
