"""Bounds of where a date is looked for and of which one counts: a pair of values around each, as numbers."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.page.metadata_fields import read_metadata
from broadsheet.cleaners.page.parsed_page import parse

H, X, DAY = "<h1>Rain comes</h1>", "<p>x</p>", "<p>3 May 2020</p>"
URL, FETCHED = "https://paper.example", "2024-05-03T12:00:00+00:00"


def meta(published: str, modified: str = "") -> str:
    names = {"published": published, "modified": modified}
    return "".join(f'<meta property="article:{name}_time" content="{day}">' for name, day in names.items() if day)


def dates(body: str, path: str = "", not_after: str = "") -> tuple[str, str]:
    tree = parse(f"<html lang=en><body>{body}</body></html>")
    assert tree is not None
    found = read_metadata(tree, f"{URL}{path or '/news/rain'}", not_after)
    parts = (found.published, found.sources.get("published", "")), (found.modified, found.sources.get("modified", ""))
    published, modified = (" ".join(part).strip() for part in parts)
    return published, modified


JUNE = meta("2020-06-23", "2020-06-23")


@pytest.mark.parametrize(
    ("body", "path", "published", "modified"),
    [
        (f"{meta('2024-05-04')}<meta name=date content=2024-05-02>", "", "2024-05-04 meta", ""),
        (f"{meta('2024-05-05')}<meta name=date content=2024-05-02>", "", "2024-05-02 meta", ""),
        (meta("2024-05-03", "2024-05-04"), "", "2024-05-03 meta", "2024-05-04 meta"),
        (meta("2024-05-03", "2024-05-05"), "", "2024-05-03 meta", ""),
        (f"{meta('1970-01-01')}<meta name=date content=2024-05-02>", "", "2024-05-02 meta", ""),
        (f"{meta('1970-01-02')}<meta name=date content=2024-05-02>", "", "1970-01-02 meta", ""),
        (meta("2024-05-03"), "/2024/05/06/rain", "2024-05-03 meta", ""),
        (meta("2024-05-03"), "/2024/05/01/rain", "2024-05-01 url", ""),
        (meta("2024-05-03"), "/2024/5/1/rain", "2024-05-01 url", ""),
        (meta("2024-05-03"), "/2024/05/01-rain", "2024-05-03 meta", ""),
        (f"{meta('2024-05-03', '2024-05-03')}{H}<p>6 May 2024</p>{DAY}", "", "2020-05-03 text", "2024-05-03 meta"),
    ],
)
def test_no_date_is_later_than_the_fetch(body: str, path: str, published: str, modified: str) -> None:
    assert dates(body, path, FETCHED) == (published, modified)


@pytest.mark.parametrize(
    ("body", "published"),
    [
        (f"{JUNE}{H}<p>{'x' * 29} 3 May 2020</p>", "2020-05-03 text"),
        (f"{JUNE}{H}<p>{'x' * 30} 3 May 2020</p>", "2020-06-23 meta"),
        (f"{JUNE}{H}{X * 11}{DAY}", "2020-05-03 text"),
        (f"{JUNE}{H}{X * 12}{DAY}", "2020-06-23 meta"),
        (f"{JUNE}{DAY}{X * 2}{H}", "2020-05-03 text"),
        (f"{JUNE}{DAY}{X * 3}{H}", "2020-06-23 meta"),
        (f"{JUNE}{H}<p>Updated 3 May 2020</p>", "2020-06-23 meta"),
        (f"{meta('2020-06-23')}{H}{DAY}", "2020-06-23 meta"),
        (f"{meta('2020-06-23', '2020-06-24')}{H}{DAY}", "2020-06-23 meta"),
        (f"{meta('2020-06-23', '2020-06-22')}{H}{DAY}", "2020-05-03 text"),
        (f"{meta('2020-05-04T13:59:00+00:00', '2020-05-04')}{H}{DAY}", "2020-05-04T13:59:00+00:00 meta"),
        (f"{meta('2020-05-05T13:59:00+00:00', '2020-05-05')}{H}{DAY}", "2020-05-03 text"),
        (f"{meta('2020-05-04T14:00:00+00:00', '2020-05-04')}{H}{DAY}", "2020-05-03 text"),
        (f"{meta('2020-05-03T14:00:00+00:00', '2020-05-03')}{H}{DAY}", "2020-05-03T14:00:00+00:00 meta"),
    ],
)
def test_an_earlier_day_alone_near_the_headline(body: str, published: str) -> None:
    assert dates(body)[0] == published


@pytest.mark.parametrize(
    ("body", "published"),
    [
        (f"{H}<p>{'x' * 69} 3 May 2020</p>", "2020-05-03 text"),
        (f"{H}<p>{'x' * 70} 3 May 2020</p>", ""),
        (f"{H}<p>Published: 3 May 2020 {'x' * 178}</p>", "2020-05-03 text"),
        (f"{H}<p>Published: 3 May 2020 {'x' * 179}</p>", ""),
        (f"{H}{X * 29}{DAY}", "2020-05-03 text"),
        (f"{H}{X * 30}{DAY}", ""),
        (f"{DAY}{X * 7}{H}", "2020-05-03 text"),
        (f"{DAY}{X * 19}{H}", "2020-05-03 text"),
        (f"{DAY}{X * 20}{H}", ""),
        (f"<p>{'x' * 41} 3 May 2020</p>{X * 7}{H}", "2020-05-03 text"),
        (f"<p>{'x' * 41} 3 May 2020</p>{X * 8}{H}", ""),
        (f"{H}<p>31 December 1994</p>", ""),
        (f"{H}<p>1 January 1995</p>", "1995-01-01 text"),
        (f"{H}<p>Published 31 December 1994</p>", "1994-12-31 text"),
        (f"{H}<p>{'x' * 41} 4 May 2020</p>{X * 10}{DAY}", "2020-05-03 text"),
        (f"{H}<p>{'x' * 41} 4 May 2020</p>{X * 11}{DAY}", "2020-05-04 text"),
        (f"{DAY}{X * 2}{H}{X * 4}<p>4 May 2020</p>", "2020-05-04 text"),
        (f"{DAY}{X * 2}{H}{X * 5}<p>4 May 2020</p>", "2020-05-03 text"),
        (f"{H}{X * 30}<p class=date>{'x' * 69} 3 May 2020</p>", "2020-05-03 markup"),
        (f"{H}{X * 30}<p class=date>{'x' * 70} 3 May 2020</p>", ""),
        (f"{H}{'<time>x</time>' * 29}{X * 30}<time class=published datetime=2020-05-03>x</time>", "2020-05-03 markup"),
        (f"{H}{'<time>x</time>' * 30}{X * 30}<time class=published datetime=2020-05-03>x</time>", ""),
        (f"{H}{'<p><time>x</time></p>' * 29}<p><time datetime=2020-05-03>x</time></p>", "2020-05-03 markup"),
        (f"{H}{'<p><time>x</time></p>' * 30}<p><time datetime=2020-05-03>x</time></p>", ""),
    ],
)
def test_where_a_date_in_text_and_markup_is_looked_for(body: str, published: str) -> None:
    assert dates(body)[0] == published


@pytest.mark.parametrize(
    ("month", "day", "published"),
    [
        ("2017/09", "2017-08-30", "2017-09-02"), ("2017/09", "2017-09-03", "2017-09-03"),
        ("2017/09", "2017-10-31", "2017-10-31"), ("2017/09", "2017-11-01", "2017-09-02"),
        ("2017/12", "2018-01-03", "2018-01-03"), ("2017/12", "2018-02-01", "2017-12-02"),
    ],
)  # fmt: skip
def test_a_day_of_the_month_of_the_url_or_the_next_one_goes_first(month: str, day: str, published: str) -> None:
    body = f"{H}<p>{day}</p><p>{month.replace('/', '-')}-02</p>"
    assert dates(body, f"/{month}/rain.html")[0] == f"{published} text"
