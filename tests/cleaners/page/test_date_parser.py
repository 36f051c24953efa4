"""dates: what pages write for a date, in many languages."""

import pytest

from broadsheet.cleaners.page.date_parser import (
    date_in_url,
    days_before,
    find_dates,
    in_local_zone,
    is_possible,
    month_in_url,
    orders_shown,
    parse_date,
    swapped_day,
)


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


WRITTEN = (
    "3 May 2024|May 3, 2024|3. Mai 2024|3 mai 2024|3 de mayo de 2024|3 de maio de 2024|3 maggio 2024|3 mei 2024|"
    "3 maja 2024|3 мая 2024|2024年5月3日|2024. 5. 3|3 مايو 2024|3 Mayıs 2024|03.05.2024|2024/05/03|2024 May 3"
)


@pytest.mark.parametrize("text", WRITTEN.split("|"))
def test_written_in_many_languages(text: str) -> None:
    assert parse_date(text) == "2024-05-03"


@pytest.mark.parametrize("text", ["Kernel 2.6.26.2", "2.6.24.4 kernel,", "version 1.2.15.0"])
@pytest.mark.parametrize("language", ["", "de", "en"])
def test_a_part_of_a_longer_number_is_no_date(text: str, language: str) -> None:
    assert list(find_dates(text, language)) == []


PATHS = {
    "2024-05-03": "2024/05/03/title 2024/5/3/ news/2024-05-03-title.html title-20240503.html 2024/mai/3/titel",
    "2024-10-03": "2024/october/03/title",
    "2024-05-23": "news/23-05-2024/title news/title-23.5.2024.html",
    "": "news/05-03-2024/title 2024/sport/03/title 2024/13/03/title 12024/05/030 title?day=/2024/05/03/",
}


@pytest.mark.parametrize(("iso", "path"), [(iso, path) for iso, paths in PATHS.items() for path in paths.split()])
def test_day_in_a_url(iso: str, path: str) -> None:
    assert date_in_url(f"https://a.example/{path}") == iso


@pytest.mark.parametrize(
    ("iso", "texts", "day", "local"),
    [
        ("2024-05-03T01:49:09+00:00", [], "", "2024-05-03T01:49:09+00:00"),
        ("2024-05-03T01:49:09+02:00", [], "2024-05-02", "2024-05-03T01:49:09+02:00"),
        ("2024-05-03T01:49:09+00:00", [], "2024-05-03", "2024-05-03T01:49:09+00:00"),
        ("2024-05-03T01:49:09+00:00", [], "2024-05-02", "2024-05-02T23:49:09-02:00"),
        ("2024-05-03T22:49:09+00:00", [], "2024-05-04", "2024-05-04T00:49:09+02:00"),
        ("2024-05-03T11:00:00+00:00", [], "2024-05-02", "2024-05-02T23:00:00-12:00"),
        ("2024-05-03T12:00:00+00:00", [], "2024-05-02", "2024-05-03T12:00:00+00:00"),
        ("2024-05-03T12:00:00+00:00", ["3 May 2024 13:30"], "", "2024-05-03T13:30:00+01:30"),
        ("2024-05-03T12:00:00+00:00", ["3 May 2024 13:31"], "", "2024-05-03T12:00:00+00:00"),
        ("2024-05-03T12:00:59+00:00", ["3 May 2024 13:00"], "", "2024-05-03T13:00:59+01:00"),
        ("2024-05-03T12:00:59+00:00", ["2024-05-03T13:00:58"], "", "2024-05-03T12:00:59+00:00"),
        ("2024-05-03T10:00:00+00:00", ["3 May 2024 23:00"], "", "2024-05-03T23:00:00+13:00"),
        ("2024-05-03T10:00:00+00:00", ["3 May 2024 23:30"], "", "2024-05-03T10:00:00+00:00"),
        ("2024-05-03T12:00:00+00:00", ["2024-05-03"], "", "2024-05-03T12:00:00+00:00"),
        ("2024-05-03T12:00:00+00:00", ["", "2024-05-03T14:00:00+02:00"], "", "2024-05-03T14:00:00+02:00"),
        ("2024-05-03T12:00:00+00:00", ["2024-05-03T14:30:00+02:00"], "", "2024-05-03T12:00:00+00:00"),
        ("2024-05-03T23:00:00+00:00", ["2024-05-09T14:30:00+02:00"], "2024-05-04", "2024-05-04T01:00:00+02:00"),
        ("2024-05-03T23:00:00+00:00", ["2024-05-09T14:30:00+02:00"], "2024-05-03", "2024-05-03T23:00:00+00:00"),
        ("2024-05-03T12:00:00+00:00", ["x"] * 39 + ["3 May 2024 13:00"], "", "2024-05-03T13:00:00+01:00"),
        ("2024-05-03T12:00:00+00:00", ["x"] * 40 + ["3 May 2024 13:00"], "", "2024-05-03T12:00:00+00:00"),
    ],
)
def test_a_time_in_the_zone_that_the_page_shows(iso: str, texts: list[str], day: str, local: str) -> None:
    assert in_local_zone(iso, texts, day) == local


@pytest.mark.parametrize(
    ("iso", "not_after", "is_one"),
    [
        ("", "", False), ("1970-01-01", "", False), ("1970-01-02", "", True), ("2030-01-01", "", True),
        ("2024-05-03", "2024-05-02T10:00:00+00:00", True), ("2024-05-03", "2024-05-02T09:59:59+00:00", False),
        ("2024-05-03T12:00:00", "2024-05-02T22:00:00", True), ("2024-05-03T12:00:01", "2024-05-02T22:00:00", False),
        ("2024-05-03T12:00:00Z", "2024-05-03T12:00:00Z", True), ("2024-05-03T12:00:01Z", "2024-05-03T12:00:00Z", False),
        ("2024-05-03T23:59:59Z", "2024-05-03", True), ("2024-05-04T00:00:00Z", "2024-05-03", False),
    ],
)  # fmt: skip
def test_a_date_is_possible_up_to_the_fetch(iso: str, not_after: str, is_one: bool) -> None:
    assert is_possible(iso, not_after) is is_one


@pytest.mark.parametrize(
    ("text", "language", "dates"),
    [
        ("on 3/5/2024", "en", [("2024-03-05", "", "2024-05-03")]),
        ("on 3/5/2024", "en-GB", [("2024-05-03", "", "2024-03-05")]),
        ("on 13/5/2024", "en", [("2024-05-13", "", "")]),
        ("on 5/13/2024", "de", [("2024-05-13", "", "")]),
        ("on 5.5.2024", "en", [("2024-05-05", "", "")]),
        ("on 3.5.24", "de", [("2024-05-03", "", "2024-03-05")]),
        ("on 3.5.24", "en", []),
        ("on 13.5.24", "en", [("2024-05-13", "", "")]),
        ("Updated: 3.5.2024 14:05", "de", [("2024-05-03T14:05:00", "updated", "2024-03-05")]),
        ("published 12 May 2024, 12:05 am", "en", [("2024-05-12T00:05:00", "published", "")]),
        ("12 May 2024 12:05 pm GMT", "en", [("2024-05-12T12:05:00+00:00", "", "")]),
        ("2024 May 12", "en", [("2024-05-12", "", "")]),
        (
            "Published 3 May 2024, last updated: 9 June 2024",
            "en",
            [("2024-05-03", "published", ""), ("2024-06-09", "updated", "")],
        ),
        ("Veröffentlicht am 3. Mai 2024", "de", [("2024-05-03", "published", "")]),
        ("in the year of 3 May 2024", "en", [("2024-05-03", "", "")]),
        ("2024年5月3日", "zh", [("2024-05-03", "", "")]),
        ("28.09.1912:44", "de", [("2019-09-28T12:44:00", "", "")]),
    ],
)
def test_all_of_a_date_in_a_text(text: str, language: str, dates: list[tuple[str, str, str]]) -> None:
    assert [(found.iso, found.label, found.swapped_day) for found in find_dates(text, language)] == dates


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("13/5/2024 and 5/13/2024 and 5/6/2024 and 13.5.2024 and 12/12/2024", ["day-first", "month-first"]),
        ("12/13/2024", ["month-first"]),
        ("13/13/2024", []),
    ],
)
def test_the_orders_that_a_text_shows(text: str, orders: list[str]) -> None:
    assert list(orders_shown(text)) == orders


def test_days_before_and_days_swapped() -> None:
    assert (days_before("2024-03-01", 1), days_before("2024-03-01", 0)) == ("2024-02-29", "2024-03-01")
    assert [swapped_day(day) for day in ("2024-03-05T10:00", "2024-03-03", "2024-03-13")] == ["2024-05-03", "", ""]
    paths = ("2024/5/x", "2024/05", "2024/13/x", "?/2024/5/x")
    assert [month_in_url(f"https://a.example/{path}") for path in paths] == ["2024-05", "", "", ""]


@pytest.mark.parametrize(
    ("text", "language", "day"),
    [
        ("2.6.24", "en", ""), ("2.6.24", "EN-GB", ""), ("2.6.24", "de", "2024-06-02"), ("2.6.24", "", "2024-06-02"),
        ("2.6.2024", "en", "2024-06-02"), ("2.16.24", "en", "2024-02-16"), ("02.6.24", "en", "2024-06-02"),
        ("2/6/24", "en-GB", "2024-06-02"), ("2/6/24", "en-US", "2024-02-06"),
        ("05/03/2024", "fr", "2024-03-05"), ("25/03/2024", "en-US", "2024-03-25"), ("Kernel 2.6.24", "en-GB", ""),
        ("1899-05-03", "", ""), ("1900-05-03", "", "1900-05-03"),
    ],
)  # fmt: skip
def test_a_day_of_single_figures_with_dots_is_a_version_in_english(text: str, language: str, day: str) -> None:
    assert parse_date(text, language) == day
