"""dates: what pages write for a date, in many languages."""

import pytest

from broadsheet.cleaners.page.date_parser import date_in_url, find_dates, is_possible, parse_date


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2024-05-03", "2024-05-03"),
        ("2024-05-03T15:47:42.389+02:00", "2024-05-03T15:47:42+02:00"),
        ("2024-05-03T15:47:42+0200", "2024-05-03T15:47:42+02:00"),
        ("2024-05-03T15:47Z", "2024-05-03T15:47:00+00:00"),
        ("2024-05-03 15:47:42 UTC", "2024-05-03T15:47:42+00:00"),
        ("2024-5-3", "2024-05-03"),
        ("20240503", "2024-05-03"),
        ("20240503T154742Z", "2024-05-03T15:47:42+00:00"),
        ("1714744062", "2024-05-03T13:47:42+00:00"),
        ("1714744062000", "2024-05-03T13:47:42+00:00"),
        ("Fri, 03 May 2024 15:47:42 GMT", "2024-05-03T15:47:42+00:00"),
        ("May 3rd, 2024 3:47 pm", "2024-05-03T15:47:00"),
        ("12:05 a.m., 3 May 2024", "2024-05-03"),
        ("2024-02-30", ""),
        ("2024-05-03T25:00:00", "2024-05-03"),
        ("0001-01-01T00:00:00", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_fields(text: str, iso: str) -> None:
    assert parse_date(text) == iso


@pytest.mark.parametrize(
    "text",
    [
        "3 May 2024",
        "May 3, 2024",
        "3. Mai 2024",
        "3 mai 2024",
        "3 de mayo de 2024",
        "3 de maio de 2024",
        "3 maggio 2024",
        "3 mei 2024",
        "3 maja 2024",
        "3 мая 2024",
        "2024年5月3日",
        "2024. 5. 3",
        "3 مايو 2024",
        "3 Mayıs 2024",
        "03.05.2024",
        "2024/05/03",
        "2024 May 3",
    ],
)
def test_written_in_many_languages(text: str) -> None:
    assert parse_date(text) == "2024-05-03"


def test_order_of_day_and_month_follows_the_language() -> None:
    assert parse_date("05/03/2024", "en-US") == "2024-05-03"
    assert parse_date("05/03/2024", "en-GB") == "2024-03-05"
    assert parse_date("05/03/2024", "fr") == "2024-03-05"
    assert parse_date("25/03/2024", "en-US") == "2024-03-25"


def test_labels_before_dates() -> None:
    dates_by_label = {date.label: date.iso for date in find_dates("Published 3 May 2024, last updated: 9 June 2024")}
    assert dates_by_label == {"published": "2024-05-03", "updated": "2024-06-09"}
    assert [date.label for date in find_dates("Veröffentlicht am 3. Mai 2024")] == ["published"]
    assert [date.label for date in find_dates("in the year of 3 May 2024")] == [""]


@pytest.mark.parametrize("text", ["Kernel 2.6.26.2", "2.6.24.4 kernel,", "version 1.2.15.0"])
@pytest.mark.parametrize("language", ["", "de", "en"])
def test_a_part_of_a_longer_number_is_no_date(text: str, language: str) -> None:
    assert list(find_dates(text, language)) == []


@pytest.mark.parametrize(
    ("text", "language", "iso"),
    [
        ("Kernel 2.6.24", "en-GB", ""),
        ("am 2.6.24", "de", "2024-06-02"),
        ("02.06.24", "en-GB", "2024-06-02"),
        ("It ended on 2.6.2024.", "en", "2024-06-02"),
    ],
)
def test_three_short_numbers_are_a_version_in_english(text: str, language: str, iso: str) -> None:
    assert next((date.iso for date in find_dates(text, language)), "") == iso


@pytest.mark.parametrize(
    ("url", "iso"),
    [
        ("https://a.example/2024/05/03/title", "2024-05-03"),
        ("https://a.example/2024/5/3/", "2024-05-03"),
        ("https://a.example/news/2024-05-03-title.html", "2024-05-03"),
        ("https://a.example/title-20240503.html", "2024-05-03"),
        ("https://a.example/2024/october/03/title", "2024-10-03"),
        ("https://a.example/2024/mai/3/titel", "2024-05-03"),
        ("https://a.example/2024/sport/03/title", ""),
        ("https://a.example/2024/13/03/title", ""),
        ("https://a.example/12024/05/030", ""),
        ("https://a.example/title?day=/2024/05/03/", ""),
    ],
)
def test_day_in_a_url(url: str, iso: str) -> None:
    assert date_in_url(url) == iso


def test_no_date_is_later_than_the_fetch() -> None:
    assert is_possible("2024-05-03T12:00:00+00:00", "2024-05-03T12:00:00+00:00")
    assert not is_possible("2024-05-03T12:00:01+00:00", "2024-05-03T12:00:00+00:00")
    assert not is_possible("2024-05-05", "2024-05-03T12:00:00Z")
    assert is_possible("2024-05-04", "2024-05-03T12:00:00Z"), "it is that day already in the far east"
    assert not is_possible("1970-01-01T00:00:00+00:00")
    assert not is_possible("")
